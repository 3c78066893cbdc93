// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The module, and /dev/penglai: one file operation each, one line for each ioctl. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "enclave.h"
#include "evicted.h"
#include "idle.h"
#include "limit.h"
#include "monitor.h"
#include "window.h"
#include "run.h"
#include "session.h"
#include "template.h"

static long ioctl_arena(struct pl_session *session, const struct pl_ioc_arena __user *user)
{
	struct pl_ioc_arena request;

	if (copy_from_user(&request, user, sizeof(request)))
		return -EFAULT;
	if (request.reserved[0] || request.reserved[1])
		return -EINVAL;
	return pl_session_set_arena(session, request.size);
}

static long ioctl_stat(struct pl_ioc_stat __user *user)
{
	const struct pl_ioc_stat stat = {
		.pool_base = pl_monitor_query(PL_QUERY_POOL_BASE),
		.pool_size = pl_monitor_query(PL_QUERY_POOL_SIZE),
		.pool_free = pl_monitor_query(PL_QUERY_POOL_FREE),
		.pool_largest = pl_monitor_query(PL_QUERY_POOL_LARGEST),
		.forks = pl_monitor_query(PL_QUERY_FORKS),
		.enclaves = pl_monitor_query(PL_QUERY_ENCLAVES),
		.templates = pl_monitor_query(PL_QUERY_TEMPLATES),
		.switches = pl_monitor_query(PL_QUERY_SWITCHES),
		.monitor_version = pl_monitor_query(PL_QUERY_VERSION),
		.driver_version = PL_IOCTL_VERSION,
	};

	return copy_to_user(user, &stat, sizeof(stat)) ? -EFAULT : 0;
}

static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct pl_session *session = file->private_data;
	void __user *user = (void __user *)argument;

	switch (command) {
	case PL_IOC_SPAWN:
		return pl_ioctl_spawn(session, user);
	case PL_IOC_RUN:
		return pl_ioctl_run(session, user);
	case PL_IOC_ARENA:
		return ioctl_arena(session, user);
	case PL_IOC_CREATE:
		return pl_ioctl_create(session, user);
	case PL_IOC_ADD:
		return pl_ioctl_add(session, user);
	case PL_IOC_SEAL:
		return pl_ioctl_seal(session, user);
	case PL_IOC_DESTROY:
		return pl_ioctl_destroy(session, user);
	case PL_IOC_PUBLISH:
		return pl_ioctl_publish(session, user);
	case PL_IOC_FIND:
		return pl_ioctl_find(session, user);
	case PL_IOC_TEMPLATE_AFTER:
		return pl_ioctl_template_after(session, user);
	case PL_IOC_REMOVE:
		return pl_ioctl_remove(session, user);
	case PL_IOC_NOTE:
		return pl_ioctl_note(session, user);
	case PL_IOC_EVICTED:
		return pl_ioctl_evicted(session, user);
	case PL_IOC_INSPECT:
		return pl_ioctl_inspect(session, user);
	case PL_IOC_RELAY:
		return pl_ioctl_relay(session, user);
	case PL_IOC_WINDOW:
		return pl_ioctl_window(session, user);
	case PL_IOC_STAT:
		return ioctl_stat(user);
	default:
		return -ENOTTY;
	}
}

static int device_open(struct inode *inode, struct file *file)
{
	struct pl_session *session = pl_session_open(file);

	if (IS_ERR(session))
		return PTR_ERR(session);
	file->private_data = session;
	return nonseekable_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	pl_session_close(file->private_data);
	return 0;
}

static int device_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct pl_session *session = file->private_data;

	/* The lock only to see an arena that another thread has just set as a whole; it never changes afterwards. */
	spin_lock(&session->lock);
	spin_unlock(&session->lock);
	return pl_arena_map(&session->arena, vma);
}

static __poll_t device_poll(struct file *file, poll_table *wait)
{
	return pl_idle_poll(file->private_data, file, wait);
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = device_mmap,
	.poll = device_poll,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "penglai",
	.mode = 0660, /* the system gives it to a group */
	.fops = &operations,
};

static int __init penglai_init(void)
{
	int error = pl_monitor_start();

	if (error)
		return error;
	pl_limit_start();
	error = pl_session_start();
	if (error)
		return error;
	error = misc_register(&device);
	if (error) {
		pl_session_stop();
		return error;
	}
	pr_info("pool of %llu MiB\n", pl_monitor_query(PL_QUERY_POOL_SIZE) >> 20);
	return 0;
}

/* Only when no descriptor is open, no template kept and no end outstanding: each of them holds the module. */
static void __exit penglai_exit(void)
{
	misc_deregister(&device);
	pl_session_stop();
	/* Templates are freed after a grace period. */
	rcu_barrier();
}

module_init(penglai_init);
module_exit(penglai_exit);
MODULE_DESCRIPTION("Enclaves of the Penglai monitor");
MODULE_LICENSE("Dual BSD/GPL");
