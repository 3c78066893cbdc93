// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/err.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "limit.h"

static unsigned long long user_limit;
module_param(user_limit, ullong, 0444);
MODULE_PARM_DESC(user_limit, "most bytes of the pool for the enclaves and templates of one user, 0: no limit");

static unsigned long long descriptor_limit;
module_param(descriptor_limit, ullong, 0444);
MODULE_PARM_DESC(descriptor_limit, "most bytes of the pool for the enclaves of one open descriptor, 0: no limit");

struct pl_user {
	struct list_head list;
	kuid_t uid;
	unsigned int references;
	atomic64_t charged;
};

bool pl_limited __read_mostly;
static LIST_HEAD(users);
static DEFINE_MUTEX(users_lock);

void pl_limit_start(void)
{
	pl_limited = user_limit || descriptor_limit;
}

struct pl_user *pl_limit_get(kuid_t uid)
{
	struct pl_user *user, *fresh;

	if (!pl_limited)
		return NULL;
	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&users_lock);
	list_for_each_entry(user, &users, list)
		if (uid_eq(user->uid, uid)) {
			user->references++;
			mutex_unlock(&users_lock);
			kfree(fresh);
			return user;
		}
	fresh->uid = uid;
	fresh->references = 1;
	list_add(&fresh->list, &users);
	mutex_unlock(&users_lock);
	return fresh;
}

struct pl_user *pl_limit_share(struct pl_user *user)
{
	if (user) {
		mutex_lock(&users_lock);
		user->references++;
		mutex_unlock(&users_lock);
	}
	return user;
}

void pl_limit_put(struct pl_user *user)
{
	bool last;

	if (!user)
		return;
	mutex_lock(&users_lock);
	last = !--user->references;
	if (last)
		list_del(&user->list);
	mutex_unlock(&users_lock);
	if (last)
		kfree(user);
}

bool pl_limit_charge(struct pl_enclave *enclave, u64 bytes)
{
	struct pl_session *session = enclave->session;
	u64 descriptor, user;
	s64 more;

	if (!pl_limited)
		return true;
	more = bytes - atomic64_xchg(&enclave->charged, bytes);
	descriptor = atomic64_add_return(more, &session->charged);
	user = atomic64_add_return(more, &session->user->charged);
	return more <= 0 ||
	       ((!descriptor_limit || descriptor <= descriptor_limit) && (!user_limit || user <= user_limit));
}

static u64 left_of(u64 limit, const atomic64_t *charged)
{
	u64 used = atomic64_read(charged);

	if (!limit)
		return ~0ull;
	return used < limit ? limit - used : 0;
}

u64 pl_limit_left(struct pl_session *session)
{
	if (!pl_limited)
		return ~0ull;
	return min(left_of(descriptor_limit, &session->charged), left_of(user_limit, &session->user->charged));
}

bool pl_limit_look(struct pl_enclave *enclave)
{
	struct pl_enclave_info *info;
	bool fits = true;

	if (!pl_limited)
		return true;
	info = kmalloc(roundup_pow_of_two(sizeof(*info)), GFP_KERNEL);
	if (!info)
		return true;
	if (!pl_monitor_inspect(enclave->id, info))
		fits = pl_limit_charge(enclave, info->private_bytes);
	kfree(info);
	return fits;
}

void pl_limit_charge_template(struct pl_user *user, s64 bytes)
{
	if (user)
		atomic64_add(bytes, &user->charged);
}
