// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "idle.h"
#include "limit.h"
#include "session.h"
#include "template.h"

#define PL_SLOTS_FIRST 16
#define PL_REAP_DELAY (HZ / 10)

static struct kmem_cache *slot_cache;
/* Our own queue, so that stopping it waits for a last run that has already given the module back. */
static struct workqueue_struct *reaper;

int pl_session_start(void)
{
	const size_t align = roundup_pow_of_two(sizeof_field(struct pl_enclave, shown));

	slot_cache = kmem_cache_create("penglai_enclave", sizeof(struct pl_enclave), align, SLAB_ACCOUNT, NULL);
	if (!slot_cache)
		return -ENOMEM;
	reaper = alloc_workqueue("penglai", WQ_UNBOUND, 0);
	if (!reaper) {
		kmem_cache_destroy(slot_cache);
		return -ENOMEM;
	}
	return 0;
}

void pl_session_stop(void)
{
	destroy_workqueue(reaper);
	kmem_cache_destroy(slot_cache);
}

/* A slot of which nothing is left. */
static void slot_recycle(struct pl_enclave *enclave)
{
	struct pl_session *session = enclave->session;

	lockdep_assert_held(&session->lock);
	if (enclave->queued)
		pl_idle_forget(enclave);
	if (unlikely(enclave->relay != PL_RELAY_WITH_HOST)) {
		pl_arena_bring_back(&session->arena, &enclave->windows[PL_WINDOW_RELAY]);
		enclave->relay = PL_RELAY_WITH_HOST;
	}
	pl_arena_release(&session->arena, enclave->windows);
	if (pl_limited)
		pl_limit_charge(enclave, 0);
	if (enclave->template) {
		pl_template_put_fork(enclave->template);
		enclave->template = NULL;
	}
	enclave->state = PL_SLOT_FREE;
	enclave->next_free = session->free;
	session->free = enclave;
}

static void slot_drop(struct pl_enclave *enclave)
{
	if (!--enclave->users && enclave->state == PL_SLOT_ENDED)
		slot_recycle(enclave);
}

/* Makes one more slot and puts it on the free list. */
static int slot_make(struct pl_session *session)
{
	struct pl_enclave *enclave, **table = NULL, **old = NULL;
	u32 room, i;

	enclave = kmem_cache_zalloc(slot_cache, GFP_KERNEL);
	if (!enclave)
		return -ENOMEM;
	timerqueue_init(&enclave->idle);
	enclave->session = session;
	enclave->shown_address = virt_to_phys(&enclave->shown);
	for (i = 0; i < PL_MAX_CONTEXTS; i++)
		enclave->deadline[i] = KTIME_MAX;

	spin_lock(&session->lock);
	while (session->slots_made == session->slots_room) {
		room = max(session->slots_room * 2, (u32)PL_SLOTS_FIRST);
		spin_unlock(&session->lock);
		kvfree(table);
		table = kvcalloc(room, sizeof(*table), GFP_KERNEL_ACCOUNT);
		if (!table) {
			kmem_cache_free(slot_cache, enclave);
			return -ENOMEM;
		}
		spin_lock(&session->lock);
		if (room <= session->slots_room)
			continue;
		old = session->slots;
		if (old)
			memcpy(table, old, session->slots_made * sizeof(*table));
		session->slots = table;
		session->slots_room = room;
		table = NULL;
	}
	enclave->handle = session->slots_made;
	session->slots[session->slots_made++] = enclave;
	enclave->state = PL_SLOT_FREE;
	enclave->next_free = session->free;
	session->free = enclave;
	spin_unlock(&session->lock);
	kvfree(old);
	kvfree(table);
	return 0;
}

struct pl_enclave *pl_slot_claim(struct pl_session *session, const struct pl_ioc_window *windows)
{
	struct pl_enclave *enclave;
	unsigned int which;
	int error;

	spin_lock(&session->lock);
	while (unlikely(!session->free)) {
		spin_unlock(&session->lock);
		error = slot_make(session);
		if (error)
			return ERR_PTR(error);
		spin_lock(&session->lock);
	}
	error = pl_arena_claim(&session->arena, windows);
	if (unlikely(error)) {
		spin_unlock(&session->lock);
		return ERR_PTR(error);
	}
	enclave = session->free;
	session->free = enclave->next_free;
	enclave->state = PL_SLOT_CLAIMED;
	enclave->users = 1;
	for (which = 0; which < PL_WINDOWS; which++)
		enclave->windows[which] = windows[which];
	spin_unlock(&session->lock);
	return enclave;
}

void pl_slot_free(struct pl_enclave *enclave)
{
	spin_lock(&enclave->session->lock);
	enclave->users = 0;
	slot_recycle(enclave);
	spin_unlock(&enclave->session->lock);
}

void pl_slot_publish(struct pl_enclave *enclave, enum pl_slot_state state)
{
	spin_lock(&enclave->session->lock);
	enclave->state = state;
	slot_drop(enclave);
	spin_unlock(&enclave->session->lock);
}

struct pl_enclave *pl_slot_get(struct pl_session *session, s32 handle)
{
	struct pl_enclave *enclave = NULL;

	spin_lock(&session->lock);
	if (likely((u32)handle < session->slots_made)) {
		enclave = session->slots[handle];
		if (likely(enclave->state == PL_SLOT_LIVE || enclave->state == PL_SLOT_FROZEN))
			enclave->users++;
		else
			enclave = NULL;
	}
	spin_unlock(&session->lock);
	return enclave;
}

void pl_slot_put(struct pl_enclave *enclave)
{
	spin_lock(&enclave->session->lock);
	slot_drop(enclave);
	spin_unlock(&enclave->session->lock);
}

int pl_slot_unpublish(struct pl_enclave *enclave, enum pl_slot_state from, enum pl_slot_state to, bool alone)
{
	struct pl_session *session = enclave->session;
	int error = 0;

	spin_lock(&session->lock);
	if (enclave->state != PL_SLOT_LIVE && enclave->state != PL_SLOT_FROZEN)
		error = -EBADF;
	else if (from == PL_SLOT_FROZEN && enclave->state != PL_SLOT_FROZEN)
		error = -EPROTO;
	else if (alone && enclave->users > 1)
		error = -EBUSY;
	else
		enclave->state = to;
	/* Nobody waits for one that can no longer be run. */
	if (!error && enclave->queued)
		pl_idle_forget(enclave);
	spin_unlock(&session->lock);
	return error;
}

void pl_slot_freeze(struct pl_enclave *enclave)
{
	spin_lock(&enclave->session->lock);
	if (enclave->state == PL_SLOT_LIVE)
		enclave->state = PL_SLOT_FROZEN;
	slot_drop(enclave);
	spin_unlock(&enclave->session->lock);
}

void pl_slot_end(struct pl_enclave *enclave)
{
	struct pl_session *session = enclave->session;
	bool ended = pl_monitor_destroy(enclave->id);

	spin_lock(&session->lock);
	enclave->state = ended ? PL_SLOT_ENDED : PL_SLOT_STUCK;
	slot_drop(enclave);
	spin_unlock(&session->lock);
	if (unlikely(!ended))
		queue_delayed_work(reaper, &session->reap, PL_REAP_DELAY);
}

/* Tries the slots that are stuck or, with `all`, also those with a handle. */
static void end_slots(struct pl_session *session, bool all)
{
	u32 handle;

	for (handle = 0; handle < READ_ONCE(session->slots_made); handle++) {
		struct pl_enclave *enclave;
		bool take;

		spin_lock(&session->lock);
		enclave = session->slots[handle];
		take = enclave->state == PL_SLOT_STUCK ||
		       (all && (enclave->state == PL_SLOT_LIVE || enclave->state == PL_SLOT_FROZEN));
		if (take) {
			enclave->state = PL_SLOT_ENDING;
			enclave->users++;
		}
		spin_unlock(&session->lock);
		if (take)
			pl_slot_end(enclave);
	}
}

static bool any_stuck(struct pl_session *session)
{
	u32 handle;
	bool stuck = false;

	spin_lock(&session->lock);
	for (handle = 0; handle < session->slots_made; handle++)
		stuck |= session->slots[handle]->state == PL_SLOT_STUCK;
	spin_unlock(&session->lock);
	return stuck;
}

static void session_free(struct pl_session *session)
{
	u32 handle;

	for (handle = 0; handle < session->slots_made; handle++)
		kmem_cache_free(slot_cache, session->slots[handle]);
	kvfree(session->slots);
	pl_arena_free(&session->arena);
	pl_limit_put(session->user);
	put_cred(session->cred);
	kfree(session);
}

static void reap(struct work_struct *work)
{
	struct pl_session *session = container_of(to_delayed_work(work), struct pl_session, reap);

	end_slots(session, false);
	if (any_stuck(session)) {
		queue_delayed_work(reaper, &session->reap, PL_REAP_DELAY);
	} else if (session->closed) {
		session_free(session);
		module_put(THIS_MODULE);
	}
}

struct pl_session *pl_session_open(const struct file *file)
{
	/* The opener's credentials decide for the descriptor's whole life, whoever it is handed to. */
	const struct cred *cred = file->f_cred;
	struct pl_session *session = kzalloc(sizeof(*session), GFP_KERNEL_ACCOUNT);

	if (!session)
		return ERR_PTR(-ENOMEM);
	session->user = pl_limit_get(cred->euid);
	if (IS_ERR(session->user)) {
		int error = PTR_ERR(session->user);

		kfree(session);
		return ERR_PTR(error);
	}
	spin_lock_init(&session->lock);
	session->mapping = file->f_mapping;
	session->cred = get_cred(cred);
	INIT_DELAYED_WORK(&session->reap, reap);
	pl_idle_open(session);
	return session;
}

/* No call is under way any more, and no mapping of the arena is left: both held the file. */
void pl_session_close(struct pl_session *session)
{
	pl_idle_close(session);
	end_slots(session, true);
	/* From here on nobody but us: a slot that got stuck has queued the work, which may have tried it meanwhile. */
	cancel_delayed_work_sync(&session->reap);
	if (!any_stuck(session)) {
		session_free(session);
		return;
	}
	/* The reaper inherits the module reference that this file gives up. */
	__module_get(THIS_MODULE);
	session->closed = true;
	queue_delayed_work(reaper, &session->reap, PL_REAP_DELAY);
}

int pl_session_set_arena(struct pl_session *session, u64 size)
{
	struct pl_arena *arena;
	int error;

	if (READ_ONCE(session->arena.size))
		return -EBUSY;
	arena = kzalloc(sizeof(*arena), GFP_KERNEL_ACCOUNT);
	if (!arena)
		return -ENOMEM;
	error = pl_arena_allocate(arena, size);
	if (!error) {
		spin_lock(&session->lock);
		if (session->arena.size) {
			error = -EBUSY;
		} else {
			session->arena = *arena;
			mutex_init(&session->arena.lock);
		}
		spin_unlock(&session->lock);
		if (error)
			pl_arena_free(arena);
	}
	kfree(arena);
	return error;
}
