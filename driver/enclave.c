// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "enclave.h"
#include "limit.h"
#include "monitor.h"
#include "window.h"
#include "session.h"
#include "template.h"

/* Creates; when the pool is short, idle templates of the same user give way. */
static struct pl_answer create(struct pl_enclave *enclave)
{
	bool looked_again = false;

	for (;;) {
		struct pl_answer answer = pl_monitor(PL_HOST_CREATE, enclave->shown_address, 0, 0, 0);

		if (answer.error == PL_ERR_AGAIN) {
			cond_resched();
			continue;
		}
		if (answer.error != PL_ERR_NO_MEMORY)
			return answer;
		if (pl_template_make_room(enclave->session, NULL, enclave->shown.create.reserve))
			continue;
		/* Nothing gave way: also if there is room now, as somebody's enclave has ended since the monitor said no. */
		if (looked_again)
			return answer;
		looked_again = true;
	}
}

static int set_windows(struct pl_enclave *enclave)
{
	struct pl_window windows[PL_WINDOWS];
	unsigned int which;

	pl_windows_show(enclave, windows);
	for (which = 0; which < PL_WINDOWS; which++) {
		struct pl_answer answer;

		if (!windows[which].size)
			continue;
		answer = pl_monitor(PL_HOST_SET_WINDOW, enclave->id, which, windows[which].base, windows[which].size);
		if (answer.error)
			return pl_monitor_errno(answer.error, -EPROTO);
	}
	return 0;
}

long pl_ioctl_create(struct pl_session *session, struct pl_ioc_create __user *user)
{
	struct pl_ioc_create request;
	struct pl_enclave *enclave;
	struct pl_answer answer;
	int error;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (request.reserved || request.contexts < 1 || request.contexts > PL_MAX_CONTEXTS ||
	    request.flags & ~(PL_CREATE_FREEZABLE | PL_CREATE_DEBUG))
		return -EINVAL;
	if (request.reserve > pl_limit_left(session))
		return -ENOMEM;
	enclave = pl_slot_claim(session, request.window);
	if (IS_ERR(enclave))
		return PTR_ERR(enclave);
	if (request.window[PL_WINDOW_RELAY].size) {
		error = pl_relay_begin(enclave);
		if (error) {
			pl_slot_free(enclave);
			return error;
		}
	}
	enclave->contexts = request.contexts;
	enclave->shown.create = (struct pl_create){
		.reserve = request.reserve,
		.memory_limit = request.memory_limit,
		.contexts = request.contexts,
		.flags = request.flags,
	};
	answer = create(enclave);
	if (answer.error) {
		pl_slot_free(enclave);
		return pl_monitor_errno(answer.error, -EPROTO);
	}
	enclave->id = answer.value;
	error = pl_limit_look(enclave) ? set_windows(enclave) : -ENOMEM;
	if (!error && put_user(enclave->handle, &user->handle))
		error = -EFAULT;
	if (error)
		pl_slot_end(enclave);
	else
		pl_slot_publish(enclave, PL_SLOT_LIVE);
	return error;
}

#define PL_ADD_BATCH 16

/* Adds up to a batch of pages. Returns how many were added, or an errno if none was. */
static long add_some(struct pl_enclave *enclave, unsigned long address, unsigned long count)
{
	struct page *pages[PL_ADD_BATCH];
	long pinned, added = 0;
	int error = 0;

	/*
	 * Read only: the monitor copies a page in before it hashes it, so what happens to the original later is of no
	 * matter.
	 */
	pinned = pin_user_pages_fast(address, min_t(unsigned long, count, PL_ADD_BATCH), 0, pages);
	if (pinned <= 0)
		return pinned ? pinned : -EFAULT;
	while (added < pinned) {
		struct pl_answer answer;

		if (signal_pending(current)) {
			error = -EINTR;
			break;
		}
		answer = pl_monitor(PL_HOST_ADD_PAGE, enclave->id, page_to_phys(pages[added]), 0, 0);
		cond_resched();
		if (answer.error == PL_ERR_AGAIN)
			continue;
		error = pl_monitor_errno(answer.error, -EBADF);
		if (error)
			break;
		added++;
	}
	unpin_user_pages(pages, pinned);
	return added ? added : error;
}

long pl_ioctl_add(struct pl_session *session, struct pl_ioc_add __user *user)
{
	struct pl_ioc_add request;
	struct pl_enclave *enclave;
	long result = 0;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (request.reserved || request.address % PAGE_SIZE || request.pages > (~0ull - request.address) / PAGE_SIZE)
		return -EINVAL;
	enclave = pl_slot_get(session, request.handle);
	if (!enclave)
		return -EBADF;
	while (request.pages) {
		result = add_some(enclave, request.address, request.pages);
		if (result < 0)
			break;
		request.address += result * PAGE_SIZE;
		request.pages -= result;
		result = 0;
	}
	pl_slot_put(enclave);
	/* However it ended: what is left to do, so that a call that was interrupted can be made again. */
	if (put_user(request.address, &user->address) || put_user(request.pages, &user->pages))
		return -EFAULT;
	return result;
}

long pl_ioctl_seal(struct pl_session *session, struct pl_ioc_seal __user *user)
{
	struct pl_ioc_seal request;
	struct pl_enclave *enclave;
	struct pl_answer answer;
	u8 *measurement;
	long result;

	if (copy_from_user(&request, user, offsetof(struct pl_ioc_seal, measurement)))
		return -EFAULT;
	if (request.reserved)
		return -EINVAL;
	measurement = kzalloc(roundup_pow_of_two(PL_MEASUREMENT_SIZE), GFP_KERNEL);
	if (!measurement)
		return -ENOMEM;
	result = -EBADF;
	enclave = pl_slot_get(session, request.handle);
	if (!enclave)
		goto free;
	do {
		answer = pl_monitor(PL_HOST_SEAL, enclave->id, virt_to_phys(measurement), 0, 0);
		cond_resched();
	} while (answer.error == PL_ERR_AGAIN);
	pl_slot_put(enclave);
	result = pl_monitor_errno(answer.error, -EBADF);
	if (!result && copy_to_user(user->measurement, measurement, PL_MEASUREMENT_SIZE))
		result = -EFAULT;
free:
	kfree(measurement);
	return result;
}

long pl_ioctl_destroy(struct pl_session *session, const s32 __user *user)
{
	struct pl_enclave *enclave;
	s32 handle;
	int error;

	if (get_user(handle, user))
		return -EFAULT;
	enclave = pl_slot_get(session, handle);
	if (!enclave)
		return -EBADF;
	error = pl_slot_unpublish(enclave, PL_SLOT_LIVE, PL_SLOT_ENDING, false);
	if (error)
		pl_slot_put(enclave);
	else
		pl_slot_end(enclave);
	return error;
}

long pl_ioctl_inspect(struct pl_session *session, struct pl_ioc_inspect __user *user)
{
	struct pl_ioc_inspect told;
	struct pl_enclave_info *info;
	struct pl_enclave *enclave;
	long result;
	s32 handle;

	if (get_user(handle, &user->handle))
		return -EFAULT;
	info = kzalloc(roundup_pow_of_two(sizeof(*info)), GFP_KERNEL);
	if (!info)
		return -ENOMEM;
	result = -EBADF;
	enclave = pl_slot_get(session, handle);
	if (!enclave)
		goto free;
	memset(&told, 0, sizeof(told));
	result = pl_monitor_inspect(enclave->id, info);
	told.handle = handle;
	told.template_id = enclave->template ? enclave->template->number : 0;
	pl_slot_put(enclave);
	if (result)
		goto free;
	told.state = info->state;
	told.id = info->id;
	told.private_bytes = info->private_bytes;
	told.shared_bytes = info->shared_bytes;
	told.memory_limit = info->memory_limit;
	memcpy(told.measurement, info->measurement, sizeof(told.measurement));
	if (copy_to_user(user, &told, sizeof(told)))
		result = -EFAULT;
free:
	kfree(info);
	return result;
}
