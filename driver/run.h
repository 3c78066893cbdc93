/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Running: the loop that enters an enclave until it leaves something for the caller, and the one call that forks, runs
 * and ends.
 */
#ifndef PENGLAI_RUN_H
#define PENGLAI_RUN_H

#include <penglai/ioctl.h>

struct pl_session;

long pl_ioctl_run(struct pl_session *session, struct pl_ioc_run __user *user);
long pl_ioctl_spawn(struct pl_session *session, struct pl_ioc_spawn __user *user);

#endif
