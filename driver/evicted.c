// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "evicted.h"
#include "session.h"
#include "template.h"

#define REMEMBERED 64

struct evicted {
	struct pl_ioc_evicted told; /* but for PL_EVICTED_HERE */
	kuid_t owner;
	const struct pl_session *session; /* compared, never followed: it may be gone, and another at its place */
};

/* The oldest is overwritten. In order of their numbers, from `next` on. */
static struct evicted evicted[REMEMBERED];
static unsigned int next;
static u64 last_number;
static DEFINE_MUTEX(evicted_lock);

void pl_evicted_note(struct pl_session *session, const struct pl_template *template)
{
	time64_t now = ktime_get_real_seconds();
	struct evicted *entry;

	mutex_lock(&evicted_lock);
	/* A time and not a count: a count would tell a user what others do. */
	last_number = max(last_number + 1, ktime_get_ns());
	entry = &evicted[next++ % REMEMBERED];
	memset(entry, 0, sizeof(*entry));
	entry->owner = template->owner;
	entry->session = session;
	entry->told.number = last_number;
	entry->told.template_id = template->number;
	memcpy(entry->told.name, template->name, sizeof(entry->told.name));
	entry->told.bytes = template->bytes;
	entry->told.when = now;
	entry->told.idle = max_t(time64_t, now - READ_ONCE(template->used), 0);
	entry->told.process = task_tgid_vnr(current);
	mutex_unlock(&evicted_lock);
}

long pl_ioctl_evicted(struct pl_session *session, struct pl_ioc_evicted __user *user)
{
	struct pl_ioc_evicted told;
	unsigned int i;
	u64 after;

	if (get_user(after, &user->number))
		return -EFAULT;
	told.number = 0;
	mutex_lock(&evicted_lock);
	for (i = 0; i < REMEMBERED && !told.number; i++) {
		const struct evicted *entry = &evicted[(next + i) % REMEMBERED];

		if (entry->told.number <= after || !uid_eq(entry->owner, session->cred->euid))
			continue;
		told = entry->told;
		told.flags = entry->session == session && entry->told.process == task_tgid_vnr(current) ? PL_EVICTED_HERE : 0;
	}
	mutex_unlock(&evicted_lock);
	if (!told.number)
		return -ENOENT;
	return copy_to_user(user, &told, sizeof(told)) ? -EFAULT : 0;
}
