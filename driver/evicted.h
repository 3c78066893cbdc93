/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which templates gave way to the needs of their own user: the last few, so that it can be said. */
#ifndef PENGLAI_EVICTED_H
#define PENGLAI_EVICTED_H

#include <penglai/ioctl.h>

struct pl_session;
struct pl_template;

/* `template` makes room for an enclave of the session. */
void pl_evicted_note(struct pl_session *session, const struct pl_template *template);
long pl_ioctl_evicted(struct pl_session *session, struct pl_ioc_evicted __user *user);

#endif
