// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/delay.h> /* riscv_timebase */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <asm/timex.h>

#include "idle.h"

#define PL_DETAIL_NEVER (PL_NO_DEADLINE >> 8)

static enum hrtimer_restart timer_fired(struct hrtimer *timer)
{
	struct pl_session *session = container_of(timer, struct pl_session, timer);

	wake_up_poll(&session->wait, EPOLLIN | EPOLLRDNORM);
	return HRTIMER_NORESTART;
}

void pl_idle_open(struct pl_session *session)
{
	init_waitqueue_head(&session->wait);
	timerqueue_init_head(&session->idle);
	hrtimer_init(&session->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	session->timer.function = timer_fired;
}

void pl_idle_close(struct pl_session *session)
{
	hrtimer_cancel(&session->timer);
}

u64 pl_idle_deadline(u64 detail)
{
	u64 now, ticks, ns;

	if (detail >= PL_DETAIL_NEVER)
		return PL_NO_DEADLINE;
	now = ktime_get_ns();
	ticks = get_cycles64();
	if (detail <= ticks)
		return now;
	/* 2^56 ticks of 10 MHz are two centuries: what does not fit in 63 bits of nanoseconds is never. */
	ns = mul_u64_u64_div_u64(detail - ticks, NSEC_PER_SEC, riscv_timebase);
	return ns < (u64)KTIME_MAX - now ? now + ns : PL_NO_DEADLINE;
}

/*
 * Makes the timer fire at the earliest deadline. Only while somebody waits: setting a timer is dear, and a server knows
 * its deadlines.
 */
static void arm(struct pl_session *session)
{
	struct timerqueue_node *first = timerqueue_getnext(&session->idle);

	lockdep_assert_held(&session->lock);
	if (first && !(hrtimer_is_queued(&session->timer) && hrtimer_get_expires(&session->timer) == first->expires))
		hrtimer_start(&session->timer, first->expires, HRTIMER_MODE_ABS);
}

static void requeue(struct pl_enclave *enclave)
{
	struct pl_session *session = enclave->session;
	ktime_t first = KTIME_MAX;
	u32 i;

	if (enclave->queued)
		timerqueue_del(&session->idle, &enclave->idle);
	enclave->queued = false;
	for (i = 0; i < enclave->contexts; i++)
		first = min(first, enclave->deadline[i]);
	if (first == KTIME_MAX)
		return;
	enclave->idle.expires = first;
	enclave->queued = true;
	if (timerqueue_add(&session->idle, &enclave->idle) && wq_has_sleeper(&session->wait))
		arm(session);
}

void pl_idle_enter(struct pl_enclave *enclave, u32 context, u64 deadline)
{
	if (deadline == PL_NO_DEADLINE || context >= enclave->contexts)
		return;
	spin_lock(&enclave->session->lock);
	if (enclave->state == PL_SLOT_LIVE || enclave->state == PL_SLOT_CLAIMED) {
		enclave->deadline[context] = deadline;
		requeue(enclave);
	}
	spin_unlock(&enclave->session->lock);
}

void pl_idle_leave(struct pl_enclave *enclave, u32 context)
{
	if (context < enclave->contexts) {
		enclave->deadline[context] = KTIME_MAX;
		requeue(enclave);
	}
}

void pl_idle_forget(struct pl_enclave *enclave)
{
	u32 i;

	for (i = 0; i < PL_MAX_CONTEXTS; i++)
		enclave->deadline[i] = KTIME_MAX;
	requeue(enclave);
}

__poll_t pl_idle_poll(struct pl_session *session, struct file *file, poll_table *wait)
{
	struct timerqueue_node *first;
	__poll_t ready = 0;

	poll_wait(file, &session->wait, wait);
	spin_lock(&session->lock);
	first = timerqueue_getnext(&session->idle);
	if (first) {
		if (first->expires <= ktime_get())
			ready = EPOLLIN | EPOLLRDNORM;
		else
			arm(session);
	}
	spin_unlock(&session->lock);
	return ready;
}
