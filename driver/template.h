/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Templates: frozen enclaves that belong to a user and not to a descriptor. Each holds a reference to the module. A
 * fork counts itself in its template, so that what is known about it outlives its removal; the monitor keeps the memory
 * as long.
 */
#ifndef PENGLAI_TEMPLATE_H
#define PENGLAI_TEMPLATE_H

#include <linux/cred.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <penglai/ioctl.h>
#include <penglai/sbi.h>

struct pl_enclave;
struct pl_session;
struct pl_user;

struct pl_template {
	u64 number; /* ours, what processes call it */
	u64 id;	    /* the monitor's */
	refcount_t references; /* the table's and one for each fork alive */
	u64 memory_limit;
	kuid_t owner;
	kgid_t group; /* INVALID_GID: none */
	u32 flags;
	u32 contexts;
	u32 point;
	u64 bytes;
	time64_t created;
	time64_t used;
	u64 turn; /* greater than that of every template used before */
	atomic64_t forks_total;
	atomic_t forks_alive;
	struct pl_user *user;
	struct rcu_head rcu;
	void *note; /* NULL: none */
	u32 note_length;
	u8 key[PL_KEY_SIZE];
	char name[PL_NAME_SIZE];
	u8 measurement[PL_MEASUREMENT_SIZE];
};

/* For a fork, counted as one; NULL if there is none that this user may use. */
struct pl_template *pl_template_get_fork(struct pl_session *session, u64 number);
/* The fork was made. */
void pl_template_forked(struct pl_template *template);
void pl_template_put_fork(struct pl_template *template);

/*
 * After the pool could not give `bytes`: ends the least recently used template of this user that has no fork alive,
 * `keep` excepted. false if there is none, if all of them would not be enough, or if the pool is not what was short.
 */
bool pl_template_make_room(struct pl_session *session, const struct pl_template *keep, u64 bytes);

long pl_ioctl_publish(struct pl_session *session, struct pl_ioc_publish __user *user);
long pl_ioctl_find(struct pl_session *session, struct pl_ioc_template __user *user);
long pl_ioctl_template_after(struct pl_session *session, struct pl_ioc_template __user *user);
long pl_ioctl_note(struct pl_session *session, struct pl_ioc_note __user *user);
long pl_ioctl_remove(struct pl_session *session, const u64 __user *user);

#endif
