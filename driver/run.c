// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "idle.h"
#include "limit.h"
#include "monitor.h"
#include "window.h"
#include "run.h"
#include "session.h"
#include "template.h"

/* What a caller learns: a reason and its detail. */
struct pl_left {
	u32 reason;
	u64 detail;
};

/* A fork is entered by the call that makes it; from then on its slot has an id. */
enum pl_entry { PL_ENTER_FORK, PL_ENTER_RUN };

/* Something of this thread's own comes first. One load, because this is asked before every entry. */
static __always_inline bool wanted_elsewhere(void)
{
	return unlikely(READ_ONCE(current_thread_info()->flags) &
			(_TIF_NEED_RESCHED | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL));
}

/*
 * Runs until there is something for the caller. 0, or -errno.
 *
 * Interrupts are off from the last look at this thread's flags to the entry: one that comes in between is still pending
 * then and takes the enclave off at once, and none can be lost. They come in when the loop turns them on again, maybe
 * on another hart from there. The monitor keeps floating point state apart, and the thread cannot be preempted inside.
 */
static int run(struct pl_enclave *enclave, enum pl_entry entry, u32 context, u32 flags, struct pl_left *left)
{
	for (;;) {
		struct pl_answer answer;

		local_irq_disable();
		if (wanted_elsewhere()) {
			local_irq_enable();
			if (signal_pending(current))
				return -EINTR;
			schedule();
			continue;
		}
		if (entry == PL_ENTER_FORK)
			answer = pl_monitor(PL_HOST_FORK, enclave->template->id, enclave->shown_address, 0, 0);
		else
			answer = pl_monitor(PL_HOST_RUN, enclave->id, context, flags & PL_RUN_EVENT, 0);
		local_irq_enable();

		if (unlikely(answer.error)) {
			if (answer.error == PL_ERR_AGAIN)
				continue;
			if (answer.error == PL_ERR_NO_MEMORY &&
			    pl_template_make_room(enclave->session, enclave->template, PL_FORK_CHARGE))
				continue;
			return pl_monitor_errno(answer.error, entry == PL_ENTER_FORK ? -ENOENT : -EBADF);
		}
		if (entry == PL_ENTER_FORK) {
			entry = PL_ENTER_RUN;
			enclave->id = READ_ONCE(enclave->shown.fork.id);
		}
		flags &= PL_RUN_TURN;
		left->reason = PL_LEFT_REASON(answer.value);
		left->detail = PL_LEFT_DETAIL(answer.value);
		switch (left->reason) {
		case PL_LEFT_INTERRUPT:
			if (likely(pl_limit_look(enclave))) {
				if (flags & PL_RUN_TURN)
					return 0;
				continue;
			}
			pl_monitor_destroy(enclave->id);
			left->reason = PL_LEFT_FAULT;
			left->detail = PL_FAULT_MEMORY;
			return 0;
		case PL_LEFT_MEMORY:
			if (pl_template_make_room(enclave->session, enclave->template, left->detail))
				continue;
			return 0;
		case PL_LEFT_IDLE:
			left->detail = pl_idle_deadline(left->detail);
			pl_idle_enter(enclave, context, left->detail);
			return 0;
		default:
			return 0;
		}
	}
}

/*
 * copy_from_user() goes by bytes below 72 of them, which for a spawn would cost more than all else here. The caller has
 * asked access_ok() for the whole structure, once for both directions.
 */
static __always_inline int fetch(u64 *to, const void __user *from, size_t bytes)
{
	const u64 __user *words = from;
	size_t i;

	for (i = 0; i < bytes / sizeof(*to); i++)
		if (unlikely(__get_user(to[i], words + i)))
			return -EFAULT;
	return 0;
}

static bool has_ended(const struct pl_left *left)
{
	return left->reason == PL_LEFT_EXIT || left->reason == PL_LEFT_FAULT;
}

/* What a call with more than the flags `known` comes to. */
static int return_at_once(u32 flags, u32 known)
{
	return flags & ~(known | PL_RUN_RETURN) ? -EINVAL : -EINTR;
}

long pl_ioctl_run(struct pl_session *session, struct pl_ioc_run __user *user)
{
	union {
		struct pl_ioc_run run;
		u64 words[offsetof(struct pl_ioc_run, detail) / sizeof(u64)];
	} in;
	const struct pl_ioc_run *request = &in.run;
	struct pl_enclave *enclave;
	struct pl_left left;
	int error;

	if (!access_ok(user, sizeof(*user)) || fetch(in.words, user, sizeof(in.words)))
		return -EFAULT;
	if (unlikely(request->flags & ~(PL_RUN_EVENT | PL_RUN_DESTROY | PL_RUN_TURN)))
		return return_at_once(request->flags, PL_RUN_EVENT | PL_RUN_DESTROY | PL_RUN_TURN);
	enclave = pl_slot_get(session, request->handle);
	if (!enclave)
		return -EBADF;
	if (READ_ONCE(enclave->queued)) {
		spin_lock(&session->lock);
		pl_idle_leave(enclave, request->context);
		spin_unlock(&session->lock);
	}
	error = run(enclave, PL_ENTER_RUN, request->context, request->flags & (PL_RUN_EVENT | PL_RUN_TURN), &left);
	if (!error && has_ended(&left) && request->flags & PL_RUN_DESTROY &&
	    !pl_slot_unpublish(enclave, PL_SLOT_LIVE, PL_SLOT_ENDING, false))
		pl_slot_end(enclave);
	else if (!error && left.reason == PL_LEFT_FROZEN)
		pl_slot_freeze(enclave);
	else
		pl_slot_put(enclave);
	if (error)
		return error;
	if (__put_user(left.reason, &user->reason) || __put_user(left.detail, &user->detail))
		return -EFAULT;
	return 0;
}

/* Forks into a claimed slot and runs. On error there is no enclave. */
static int spawn(struct pl_enclave *enclave, u32 flags, struct pl_left *left)
{
	int error;

	enclave->id = 0;
	if (unlikely(pl_limited)) {
		struct pl_fork *fork = &enclave->shown.fork;
		u64 left_over = pl_limit_left(enclave->session);

		if (left_over < PAGE_SIZE || !pl_limit_charge(enclave, PL_FORK_CHARGE))
			return -ENOMEM;
		fork->memory_limit = min_not_zero(fork->memory_limit, enclave->template->memory_limit);
		fork->memory_limit = min_not_zero(fork->memory_limit, left_over & PAGE_MASK);
	}
	error = run(enclave, PL_ENTER_FORK, 0, flags, left);
	if (unlikely(error) && enclave->id) {
		/* A signal after it was made: the caller gets what there is, and runs it again when it likes. */
		if (error == -EINTR) {
			*left = (struct pl_left){ .reason = PL_LEFT_INTERRUPT };
			return 0;
		}
		/* The monitor made it and will not run it: nothing the caller could use. */
		*left = (struct pl_left){ .reason = PL_LEFT_FAULT, .detail = PL_FAULT_CAUSE };
		return 0;
	}
	return error;
}

long pl_ioctl_spawn(struct pl_session *session, struct pl_ioc_spawn __user *user)
{
	union {
		struct pl_ioc_spawn spawn;
		u64 words[sizeof(struct pl_ioc_spawn) / sizeof(u64)];
	} in;
	const struct pl_ioc_spawn *request = &in.spawn;
	struct pl_enclave *enclave;
	struct pl_left left;
	s32 handle;
	int error;

	if (!access_ok(user, sizeof(*user)) || fetch(in.words, user, sizeof(in.words)))
		return -EFAULT;
	if (unlikely(request->flags & ~(PL_SPAWN_KEEP | PL_SPAWN_TURN) || request->reserved))
		return request->reserved ? -EINVAL : return_at_once(request->flags, PL_SPAWN_KEEP | PL_SPAWN_TURN);
	enclave = pl_slot_claim(session, request->window);
	if (IS_ERR(enclave))
		return PTR_ERR(enclave);
	if (unlikely(request->window[PL_WINDOW_RELAY].size)) {
		error = pl_relay_begin(enclave);
		if (error) {
			pl_slot_free(enclave);
			return error;
		}
	}
	enclave->template = pl_template_get_fork(session, request->template_id);
	if (unlikely(!enclave->template)) {
		pl_slot_free(enclave);
		return -ENOENT;
	}
	enclave->contexts = enclave->template->contexts;
	enclave->shown.fork.memory_limit = request->memory_limit;
	enclave->shown.fork.id = 0;
	pl_windows_show(enclave, enclave->shown.fork.window);

	error = spawn(enclave, request->flags & PL_SPAWN_TURN ? PL_RUN_TURN : 0, &left);
	if (unlikely(error)) {
		pl_slot_free(enclave);
		return error;
	}
	pl_template_forked(enclave->template);
	handle = enclave->handle;
	if (has_ended(&left) && !(request->flags & PL_SPAWN_KEEP)) {
		handle = -1;
		pl_slot_end(enclave);
		enclave = NULL;
	}
	if (__put_user(handle, &user->handle) || __put_user(left.reason, &user->reason) ||
	    __put_user(left.detail, &user->detail)) {
		/* Nobody knows its handle: it would stay until the descriptor is closed. */
		if (enclave)
			pl_slot_end(enclave);
		return -EFAULT;
	}
	if (enclave)
		pl_slot_publish(enclave, PL_SLOT_LIVE);
	return 0;
}
