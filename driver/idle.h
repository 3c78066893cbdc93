/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Idle enclaves: when each wants to run again, and poll() on the descriptor. */
#ifndef PENGLAI_IDLE_H
#define PENGLAI_IDLE_H

#include "session.h"

void pl_idle_open(struct pl_session *session);
void pl_idle_close(struct pl_session *session);

/* PL_LEFT_DETAIL of PL_LEFT_IDLE as CLOCK_MONOTONIC nanoseconds, PL_NO_DEADLINE for none. */
u64 pl_idle_deadline(u64 detail);

/* A context is idle until then. */
void pl_idle_enter(struct pl_enclave *enclave, u32 context, u64 deadline);
/* It runs, or the enclave ends (every context). The caller holds the session's lock and has seen `queued`. */
void pl_idle_leave(struct pl_enclave *enclave, u32 context);
void pl_idle_forget(struct pl_enclave *enclave);

__poll_t pl_idle_poll(struct pl_session *session, struct file *file, poll_table *wait);

#endif
