/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of an enclave but for its running: made, filled, sealed, looked at, ended. One function an ioctl. */
#ifndef PENGLAI_ENCLAVE_H
#define PENGLAI_ENCLAVE_H

#include <penglai/ioctl.h>

struct pl_session;

long pl_ioctl_create(struct pl_session *session, struct pl_ioc_create __user *user);
long pl_ioctl_add(struct pl_session *session, struct pl_ioc_add __user *user);
long pl_ioctl_seal(struct pl_session *session, struct pl_ioc_seal __user *user);
long pl_ioctl_destroy(struct pl_session *session, const s32 __user *user);
long pl_ioctl_inspect(struct pl_session *session, struct pl_ioc_inspect __user *user);

#endif
