/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A session: what stands behind one open descriptor of /dev/penglai. It holds slots for enclaves (their numbers are the
 * handles), the arena, and what poll() waits for.
 *
 * A slot is made once and used again and again, so that a fork allocates nothing. It is free, or claimed by one call,
 * or has a handle. Calls on a handle count themselves in `users`; a slot is free again only when its enclave is
 * confirmed ended and no call is left. One spin lock protects it all and is never held over a call to the monitor.
 *
 * The session outlives its descriptor while the monitor has not yet confirmed an end: the pages of a window must not go
 * back to the kernel before.
 */
#ifndef PENGLAI_SESSION_H
#define PENGLAI_SESSION_H

#include <linux/cache.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/io.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/timerqueue.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "arena.h"
#include "monitor.h"

struct pl_session;
struct pl_template;
struct pl_user;

enum pl_slot_state {
	PL_SLOT_FREE,
	PL_SLOT_CLAIMED, /* belongs to the call that claimed it; no handle leads here */
	PL_SLOT_LIVE,	 /* reachable by its handle */
	PL_SLOT_FROZEN,	 /* likewise; has become a template that nobody has published yet */
	PL_SLOT_ENDING,	 /* not reachable any more; a call is ending it in the monitor */
	PL_SLOT_STUCK,	 /* likewise, but the monitor did not confirm the end: tried again later */
	PL_SLOT_ENDED,	 /* confirmed; calls that were under way when it ended are leaving */
};

/* Who holds the relay window, if there is one. */
enum pl_relay_state {
	PL_RELAY_WITH_HOST,
	PL_RELAY_WITH_ENCLAVE,
	PL_RELAY_MOVING, /* a call is handing it over */
};

struct pl_enclave {
	/*
	 * What the monitor is shown, by physical address: first, and the slot is aligned, so that it crosses no page.
	 */
	union {
		struct pl_create create;
		struct pl_fork fork;
		pl_u8 measurement[PL_MEASUREMENT_SIZE];
	} shown;
	u64 shown_address;
	u64 id; /* the monitor's */
	struct pl_session *session;
	struct pl_template *template; /* of a fork: counted in its forks */
	struct pl_enclave *next_free;
	s32 handle;
	u32 users; /* calls under way */
	u32 contexts;
	u32 create_flags;
	enum pl_slot_state state;
	enum pl_relay_state relay;
	struct pl_ioc_window windows[PL_WINDOWS];
	atomic64_t charged; /* bytes of the pool counted against the user, if there are limits */
	/* For poll(): in the session's queue while a context is idle with a deadline. */
	struct timerqueue_node idle;
	bool queued;
	ktime_t deadline[PL_MAX_CONTEXTS];
};

struct pl_session {
	spinlock_t lock;
	struct pl_enclave *free;
	struct pl_enclave **slots;
	u32 slots_made;
	u32 slots_room;
	struct pl_arena arena;
	struct address_space *mapping; /* the device's, while the descriptor is open */
	const struct cred *cred; /* who opened it: whose templates it may reach, whoever calls */
	struct pl_user *user;	 /* NULL without limits */
	atomic64_t charged;

	wait_queue_head_t wait;
	struct timerqueue_head idle;
	struct hrtimer timer;

	struct delayed_work reap;
	bool closed;
};

int pl_session_start(void);
void pl_session_stop(void);

struct pl_session *pl_session_open(const struct file *file);
void pl_session_close(struct pl_session *session);
int pl_session_set_arena(struct pl_session *session, u64 size);

/* A free slot with these windows claimed, or an ERR_PTR: -EINVAL, -EBUSY, -ENOMEM. */
struct pl_enclave *pl_slot_claim(struct pl_session *session, const struct pl_ioc_window *windows);
/* Of a claimed slot: its enclave never was or is confirmed ended. */
void pl_slot_free(struct pl_enclave *enclave);
/* Of a claimed slot: its handle works from now on, in this state. */
void pl_slot_publish(struct pl_enclave *enclave, enum pl_slot_state state);

/* The enclave of a handle, this call counted; NULL if there is none. */
struct pl_enclave *pl_slot_get(struct pl_session *session, s32 handle);
void pl_slot_put(struct pl_enclave *enclave);
/* Puts it, and notes that it has become a template. */
void pl_slot_freeze(struct pl_enclave *enclave);
/*
 * Takes the handle away. The caller has got it, and keeps its count: -EBADF if another call was first, -EBUSY if
 * `alone` and other calls are under way, -EPROTO if it is not in `from` (PL_SLOT_LIVE stands for both states with a
 * handle).
 */
int pl_slot_unpublish(struct pl_enclave *enclave, enum pl_slot_state from, enum pl_slot_state to, bool alone);

/* Ends the enclave in the monitor and puts the slot; its handle has been taken away (PL_SLOT_ENDING), or never was. */
void pl_slot_end(struct pl_enclave *enclave);

static inline void pl_windows_show(const struct pl_enclave *enclave, struct pl_window *shown)
{
	unsigned int i;

	for (i = 0; i < PL_WINDOWS; i++) {
		u32 size = enclave->windows[i].size;

		shown[i].size = size;
		shown[i].base = size ? pl_arena_address(&enclave->session->arena, enclave->windows[i].offset) : 0;
	}
}

#endif
