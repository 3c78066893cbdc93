// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/uaccess.h>

#include "window.h"

int pl_relay_begin(struct pl_enclave *enclave)
{
	struct pl_session *session = enclave->session;
	int error = pl_arena_take_away(&session->arena, &enclave->windows[PL_WINDOW_RELAY], session->mapping);

	/* No handle leads here, so nobody else looks. */
	if (!error)
		enclave->relay = PL_RELAY_WITH_ENCLAVE;
	return error;
}

static int set_window(struct pl_enclave *enclave, u32 which, u64 base, u64 size)
{
	struct pl_answer answer = pl_monitor(PL_HOST_SET_WINDOW, enclave->id, which, base, size);

	return pl_monitor_errno(answer.error, -EBADF);
}

/* The one who gives cannot reach it any more before the one who takes can. */
static int hand_over(struct pl_enclave *enclave, enum pl_relay_state to)
{
	const struct pl_ioc_window *window = &enclave->windows[PL_WINDOW_RELAY];
	struct pl_session *session = enclave->session;
	int error;

	if (to == PL_RELAY_WITH_HOST) {
		error = set_window(enclave, PL_WINDOW_RELAY, 0, 0);
		if (!error)
			pl_arena_bring_back(&session->arena, window);
		return error;
	}
	error = pl_arena_take_away(&session->arena, window, session->mapping);
	if (error)
		return error;
	error = set_window(enclave, PL_WINDOW_RELAY, pl_arena_address(&session->arena, window->offset), window->size);
	if (error)
		pl_arena_bring_back(&session->arena, window);
	return error;
}

long pl_ioctl_relay(struct pl_session *session, const struct pl_ioc_relay __user *user)
{
	enum pl_relay_state from, to;
	struct pl_ioc_relay request;
	struct pl_enclave *enclave;
	int error = 0;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (request.holder != PL_RELAY_HOST && request.holder != PL_RELAY_ENCLAVE)
		return -EINVAL;
	to = request.holder == PL_RELAY_HOST ? PL_RELAY_WITH_HOST : PL_RELAY_WITH_ENCLAVE;
	enclave = pl_slot_get(session, request.handle);
	if (!enclave)
		return -EBADF;
	/* One hand-over at a time. */
	spin_lock(&session->lock);
	from = enclave->relay;
	if (!enclave->windows[PL_WINDOW_RELAY].size)
		error = -EINVAL;
	else if (from == PL_RELAY_MOVING || enclave->users > 1)
		error = -EBUSY; /* a run that is between two entries is one, too */
	else if (from != to)
		enclave->relay = PL_RELAY_MOVING;
	spin_unlock(&session->lock);
	if (!error && from != to) {
		error = hand_over(enclave, to);
		spin_lock(&session->lock);
		enclave->relay = error ? from : to;
		spin_unlock(&session->lock);
	}
	pl_slot_put(enclave);
	return error;
}

long pl_ioctl_window(struct pl_session *session, const struct pl_ioc_set_window __user *user)
{
	struct pl_ioc_window windows[PL_WINDOWS] = {};
	struct pl_ioc_set_window request;
	struct pl_enclave *enclave;
	int error;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (request.which >= PL_WINDOWS || !request.window.size)
		return -EINVAL;
	enclave = pl_slot_get(session, request.handle);
	if (!enclave)
		return -EBADF;
	windows[request.which] = request.window;
	/* Recorded before the monitor is told, and for good if the monitor has it: the end of the enclave releases it. */
	spin_lock(&session->lock);
	error = enclave->windows[request.which].size || enclave->users > 1 ? -EBUSY : pl_arena_claim(&session->arena, windows);
	if (!error) {
		enclave->windows[request.which] = request.window;
		if (request.which == PL_WINDOW_RELAY)
			enclave->relay = PL_RELAY_MOVING;
	}
	spin_unlock(&session->lock);
	if (error)
		goto put;
	if (request.which == PL_WINDOW_RELAY)
		error = hand_over(enclave, PL_RELAY_WITH_ENCLAVE);
	else
		error = set_window(enclave, request.which, pl_arena_address(&session->arena, request.window.offset), request.window.size);
	spin_lock(&session->lock);
	if (request.which == PL_WINDOW_RELAY)
		enclave->relay = error ? PL_RELAY_WITH_HOST : PL_RELAY_WITH_ENCLAVE;
	if (error) {
		enclave->windows[request.which] = (struct pl_ioc_window){};
		pl_arena_release(&session->arena, windows);
	}
	spin_unlock(&session->lock);
put:
	pl_slot_put(enclave);
	return error;
}
