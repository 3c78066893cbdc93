/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Windows of an enclave that is there already. Relay windows are memory that the host and an enclave hand to one another:
 * while the enclave holds it, no process of the host can reach it through the arena; while the host does, the monitor shows
 * the enclave no such window.
 */
#ifndef PENGLAI_WINDOW_H
#define PENGLAI_WINDOW_H

#include "session.h"

/* Of a claimed slot that the monitor is to be shown the windows of: the enclave begins with it. -EBUSY. */
int pl_relay_begin(struct pl_enclave *enclave);

long pl_ioctl_relay(struct pl_session *session, const struct pl_ioc_relay __user *user);
long pl_ioctl_window(struct pl_session *session, const struct pl_ioc_set_window __user *user);

#endif
