// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>

#include "evicted.h"
#include "limit.h"
#include "monitor.h"
#include "session.h"
#include "template.h"

/* By number, so in the order of their making. Forks look up under RCU; whoever adds or takes away holds the lock. */
static DEFINE_XARRAY(templates);
static DEFINE_MUTEX(templates_lock);
static u64 last_number;
/* A clock of uses: seconds would not tell which of two was used last. */
static atomic64_t turns;

/* in_egroup_p() of whoever opened the descriptor, and not of whoever calls. */
static bool in_group(const struct cred *cred, kgid_t group)
{
	int i;

	if (gid_eq(group, cred->egid))
		return true;
	for (i = 0; i < cred->group_info->ngroups; i++)
		if (gid_eq(group, cred->group_info->gid[i]))
			return true;
	return false;
}

static bool may_use(const struct pl_template *template, const struct cred *cred)
{
	return uid_eq(template->owner, cred->euid) || (gid_valid(template->group) && in_group(cred, template->group));
}

struct pl_template *pl_template_get_fork(struct pl_session *session, u64 number)
{
	struct pl_template *template;

	rcu_read_lock();
	template = xa_load(&templates, number);
	if (template && (!may_use(template, session->cred) || !refcount_inc_not_zero(&template->references)))
		template = NULL;
	rcu_read_unlock();
	if (!template)
		return NULL;
	atomic_inc(&template->forks_alive);
	return template;
}

void pl_template_forked(struct pl_template *template)
{
	atomic64_inc(&template->forks_total);
	WRITE_ONCE(template->turn, atomic64_inc_return(&turns));
	WRITE_ONCE(template->used, ktime_get_real_seconds());
}

static void put(struct pl_template *template)
{
	if (!refcount_dec_and_test(&template->references))
		return;
	/* Only who holds a reference reads it. */
	kfree(template->note);
	kfree_rcu(template, rcu);
}

void pl_template_put_fork(struct pl_template *template)
{
	atomic_dec(&template->forks_alive);
	put(template);
}

/* The first that the session may use with a number of at least `from`. Under RCU or the lock. */
static struct pl_template *next_visible(struct pl_session *session, unsigned long from)
{
	struct pl_template *template;
	unsigned long number;

	xa_for_each_start(&templates, number, template, from)
		if (may_use(template, session->cred))
			return template;
	return NULL;
}

static struct pl_template *find_key(kuid_t owner, const u8 *key)
{
	struct pl_template *template;
	unsigned long number;

	xa_for_each(&templates, number, template)
		if (uid_eq(template->owner, owner) && !memcmp(template->key, key, PL_KEY_SIZE))
			return template;
	return NULL;
}

/* Ends one that has been taken out of the table. Forks alive keep its memory in the monitor, and the structure here. */
static void end(struct pl_template *template)
{
	if (!pl_monitor_destroy(template->id))
		pr_warn("the memory of template %llu is lost until the next reset\n", template->number);
	pl_limit_charge_template(template->user, -(s64)template->bytes);
	pl_limit_put(template->user);
	template->user = NULL;
	put(template);
	/* Not the last one: the caller's file holds the module too. */
	module_put(THIS_MODULE);
}

bool pl_template_make_room(struct pl_session *session, const struct pl_template *keep, u64 bytes)
{
	u64 room = pl_monitor_query(PL_QUERY_POOL_FREE);
	struct pl_template *template, *oldest = NULL;
	unsigned long number;

	if (pl_monitor_query(PL_QUERY_POOL_LARGEST) >= bytes)
		return false;
	mutex_lock(&templates_lock);
	xa_for_each(&templates, number, template) {
		if (template == keep || !uid_eq(template->owner, session->cred->euid) || atomic_read(&template->forks_alive))
			continue;
		room += template->bytes;
		if (!oldest || READ_ONCE(template->turn) < oldest->turn)
			oldest = template;
	}
	if (room < bytes)
		oldest = NULL;
	if (oldest)
		xa_erase(&templates, oldest->number);
	mutex_unlock(&templates_lock);
	if (!oldest)
		return false;
	pl_evicted_note(session, oldest);
	end(oldest);
	return true;
}

static int describe(struct pl_template *template, u64 id)
{
	struct pl_enclave_info *info = kmalloc(roundup_pow_of_two(sizeof(*info)), GFP_KERNEL);
	int error;

	if (!info)
		return -ENOMEM;
	error = pl_monitor_inspect(id, info);
	if (!error && info->state != PL_STATE_TEMPLATE)
		error = -EPROTO;
	if (!error) {
		template->id = id;
		template->bytes = info->private_bytes;
		template->memory_limit = info->memory_limit;
		template->flags = info->flags;
		template->contexts = info->contexts;
		memcpy(template->measurement, info->measurement, sizeof(template->measurement));
	}
	kfree(info);
	return error;
}

/* From here on another process of this user may remove it: only its number is the caller's to use. */
static int add(struct pl_template *template, u64 *number)
{
	int error;

	mutex_lock(&templates_lock);
	if (find_key(template->owner, template->key)) {
		error = -EEXIST;
	} else {
		template->number = last_number + 1;
		error = xa_insert(&templates, template->number, template, GFP_KERNEL);
		if (!error)
			*number = ++last_number;
	}
	mutex_unlock(&templates_lock);
	return error;
}

static int take_note(struct pl_template *template, const struct pl_ioc_publish *publish)
{
	if (!publish->note_length)
		return 0;
	template->note = kmalloc(publish->note_length, GFP_KERNEL_ACCOUNT);
	if (!template->note)
		return -ENOMEM;
	template->note_length = publish->note_length;
	return copy_from_user(template->note, u64_to_user_ptr(publish->note), publish->note_length) ? -EFAULT : 0;
}

long pl_ioctl_publish(struct pl_session *session, struct pl_ioc_publish __user *user)
{
	struct pl_template *template;
	struct pl_enclave *enclave;
	struct pl_ioc_publish publish;
	kgid_t group = INVALID_GID;
	u64 number;
	int error;

	if (copy_from_user(&publish, user, sizeof(publish)))
		return -EFAULT;
	if (strnlen(publish.name, PL_NAME_SIZE) == PL_NAME_SIZE || publish.group < -1 || publish.note_length > PL_NOTE_MAX)
		return -EINVAL;
	if (publish.group != -1) {
		group = make_kgid(current_user_ns(), publish.group);
		if (!gid_valid(group))
			return -EINVAL;
		if (!in_group(session->cred, group))
			return -EACCES;
	}
	template = kzalloc(sizeof(*template), GFP_KERNEL_ACCOUNT);
	if (!template)
		return -ENOMEM;
	refcount_set(&template->references, 1);
	template->owner = session->cred->euid;
	template->group = group;
	template->created = ktime_get_real_seconds();
	template->used = template->created;
	template->turn = atomic64_inc_return(&turns);
	template->point = publish.point;
	memcpy(template->key, publish.key, PL_KEY_SIZE);
	strscpy_pad(template->name, publish.name, PL_NAME_SIZE);
	error = take_note(template, &publish);
	if (error)
		goto free;

	error = -EBADF;
	enclave = pl_slot_get(session, publish.handle);
	if (!enclave)
		goto free;
	error = pl_slot_unpublish(enclave, PL_SLOT_FROZEN, PL_SLOT_CLAIMED, true);
	if (error) {
		pl_slot_put(enclave);
		goto free;
	}
	error = describe(template, enclave->id);
	if (error)
		goto restore;
	template->user = pl_limit_share(session->user);
	pl_limit_charge_template(template->user, template->bytes);
	/* The file holds the module, so it cannot be on its way out. */
	__module_get(THIS_MODULE);
	error = add(template, &number);
	if (error)
		goto uncharge;
	/* A template is never entered, so nothing reaches its windows any more. */
	pl_slot_free(enclave);
	if (put_user(number, &user->template_id))
		return -EFAULT;
	return 0;
uncharge:
	module_put(THIS_MODULE);
	pl_limit_charge_template(template->user, -(s64)template->bytes);
	pl_limit_put(template->user);
restore:
	pl_slot_publish(enclave, PL_SLOT_FROZEN);
free:
	kfree(template->note);
	kfree(template);
	return error;
}

/* Copies out what there is to know, a reference held; `template` may have been removed meanwhile. */
static long tell(struct pl_template *template, struct pl_ioc_template __user *user)
{
	struct pl_ioc_template told;

	memset(&told, 0, sizeof(told));
	memcpy(told.key, template->key, sizeof(told.key));
	told.template_id = template->number;
	memcpy(told.name, template->name, sizeof(told.name));
	memcpy(told.measurement, template->measurement, sizeof(told.measurement));
	told.bytes = template->bytes;
	told.created = template->created;
	told.used = READ_ONCE(template->used);
	told.forks_total = atomic64_read(&template->forks_total);
	told.forks_alive = atomic_read(&template->forks_alive);
	told.owner = from_kuid_munged(current_user_ns(), template->owner);
	told.group = gid_valid(template->group) ? (s32)from_kgid_munged(current_user_ns(), template->group) : -1;
	told.flags = template->flags;
	told.point = template->point;
	put(template);
	return copy_to_user(user, &told, sizeof(told)) ? -EFAULT : 0;
}

long pl_ioctl_find(struct pl_session *session, struct pl_ioc_template __user *user)
{
	struct pl_template *template;
	u8 key[PL_KEY_SIZE];

	if (copy_from_user(key, user->key, sizeof(key)))
		return -EFAULT;
	mutex_lock(&templates_lock);
	template = find_key(session->cred->euid, key);
	if (template)
		refcount_inc(&template->references);
	mutex_unlock(&templates_lock);
	return template ? tell(template, user) : -ENOENT;
}

long pl_ioctl_template_after(struct pl_session *session, struct pl_ioc_template __user *user)
{
	struct pl_template *template = NULL;
	u64 after;

	if (get_user(after, &user->template_id))
		return -EFAULT;
	mutex_lock(&templates_lock);
	if (after < last_number)
		template = next_visible(session, after + 1);
	if (template)
		refcount_inc(&template->references);
	mutex_unlock(&templates_lock);
	return template ? tell(template, user) : -ENOENT;
}

long pl_ioctl_note(struct pl_session *session, struct pl_ioc_note __user *user)
{
	struct pl_template *template;
	struct pl_ioc_note note;
	long error = 0;

	if (copy_from_user(&note, user, sizeof(note)))
		return -EFAULT;
	if (note.reserved)
		return -EINVAL;
	mutex_lock(&templates_lock);
	template = xa_load(&templates, note.template_id);
	if (template && !may_use(template, session->cred))
		template = NULL;
	if (template)
		refcount_inc(&template->references);
	mutex_unlock(&templates_lock);
	if (!template)
		return -ENOENT;
	if (template->note_length > note.length)
		error = -ERANGE;
	else if (copy_to_user(u64_to_user_ptr(note.address), template->note, template->note_length))
		error = -EFAULT;
	if (put_user(template->note_length, &user->length))
		error = -EFAULT;
	put(template);
	return error;
}

long pl_ioctl_remove(struct pl_session *session, const u64 __user *user)
{
	struct pl_template *template;
	u64 number;

	if (get_user(number, user))
		return -EFAULT;
	mutex_lock(&templates_lock);
	template = xa_load(&templates, number);
	/* Someone else's is not told apart from none: nobody learns what others have. */
	if (template && !may_use(template, session->cred))
		template = NULL;
	if (template)
		xa_erase(&templates, number);
	mutex_unlock(&templates_lock);
	if (!template)
		return -ENOENT;
	end(template);
	return 0;
}
