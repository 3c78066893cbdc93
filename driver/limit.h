/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much of the pool a user, and a descriptor, may hold. The memory controller cannot see the pool, so this does it,
 * when the module was loaded with limits; without, nothing here costs anything.
 *
 * An enclave is charged what it holds when it is made (a fork: its first extent), and again each time the host's timer
 * took it off. One that is over then is ended, as by a lack of memory; so a limit can be passed for the length of one
 * tick.
 */
#ifndef PENGLAI_LIMIT_H
#define PENGLAI_LIMIT_H

#include <linux/uidgid.h>

#include "session.h"

/* What a fork is charged before it has been looked at: the monitor's first extent. */
#define PL_FORK_CHARGE SZ_64K

extern bool pl_limited;

void pl_limit_start(void);

/* The account of a user, counted; NULL without limits; ERR_PTR(-ENOMEM). */
struct pl_user *pl_limit_get(kuid_t uid);
struct pl_user *pl_limit_share(struct pl_user *user);
void pl_limit_put(struct pl_user *user);

/* Sets what an enclave is charged, in any case. false if that is more than before and over a limit: it should end. */
bool pl_limit_charge(struct pl_enclave *enclave, u64 bytes);
/* What is left below both limits, ~0 without. */
u64 pl_limit_left(struct pl_session *session);
/* Looks at what the enclave holds now and charges that; false if it is over. */
bool pl_limit_look(struct pl_enclave *enclave);

/* Templates outlive their session: they are charged to the user alone, whatever the limit. */
void pl_limit_charge_template(struct pl_user *user, s64 bytes);

#endif
