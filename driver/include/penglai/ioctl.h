/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR BSD-2-Clause */
/*
 * The interface of /dev/penglai: what a process may ask of penglai.ko.
 *
 * Served by driver/, included by host/. A process opens the device once. Enclaves that it makes are handles (small
 * non-negative numbers) of that descriptor and end with it. A template belongs to the user who made it; it is reached by its
 * id from any descriptor of the same user (or group, when one was named), and outlives the descriptor.
 *
 * Errors are errno: EINVAL malformed, EBADF no such handle, ENOENT no such template, EACCES not yours, ENOMEM pool or limit
 * used up, EBUSY context running, EINTR a signal came first (call again), EPROTO the monitor refused (state), ENODEV no monitor.
 * A template of another user is ENOENT too. One that is idle may give way to its own user's needs when the pool is short, so a
 * number found a moment ago can be ENOENT: make the template again.
 *
 * poll(): the descriptor is readable while an idle enclave's deadline has passed, until that one is run again or ended.
 *
 * Every structure is padded to 8 bytes without holes; unknown flags and non-zero reserved fields are EINVAL.
 */
#ifndef PENGLAI_IOCTL_H
#define PENGLAI_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PL_DEVICE "/dev/penglai"
#define PL_IOCTL_VERSION 1
#define PL_KEY_SIZE 32
#define PL_NAME_SIZE 64

/*
 * The arena: host memory for the windows of this descriptor's enclaves, `size` bytes (power of two, 64 KiB..1 GiB) of zeroed
 * pages. Set once (again: EBUSY), then mmap(fd, offset 0, size, MAP_SHARED); the mapping is not inherited by a child. A window is
 * a naturally aligned power-of-two piece [offset, offset + size) of it, 4 KiB..2 MiB; without one, offset is 0 too. A piece is in use until the monitor has confirmed its enclave's end;
 * a second use is EBUSY, but for shared windows: any number of enclaves of the descriptor may have the same piece, or parts of it, as
 * theirs.
 *
 * A relay window is one side's at a time, and an enclave is made or forked holding its own: from then on no mapping of the arena shows
 * those pages (SIGBUS; EFAULT in a system call), until PL_IOC_RELAY gives them back or the enclave's end is confirmed. EBUSY: something
 * of the host holds on to a page by other means (a pipe, a read under way, ...). It is about processes: the host's kernel can
 * reach this memory at any time, as it can the other windows.
 */
struct pl_ioc_arena {
	__u64 size;
	__u32 reserved[2];
};

struct pl_ioc_window {
	__u32 offset; /* within the arena */
	__u32 size;   /* 0: none */
};

struct pl_ioc_create {
	__u64 reserve;	    /* as struct pl_create */
	__u64 memory_limit; /* as struct pl_create */
	__u32 contexts;
	__u32 flags; /* PL_CREATE_* of penglai/sbi.h */
	struct pl_ioc_window window[3];
	__s32 handle; /* out */
	__u32 reserved;
};

/* Adds pages [address, address + pages * 4096) of this process. Interruptible: `pages` and `address` are advanced; on EINTR call again. */
struct pl_ioc_add {
	__s32 handle;
	__u32 reserved;
	__u64 address; /* page-aligned */
	__u64 pages;
};

struct pl_ioc_seal {
	__s32 handle;
	__u32 reserved;
	__u8 measurement[48]; /* out */
};

/*
 * Enters a context until something is left for the caller. A timer tick or a reschedule is not: the driver goes on by itself.
 * With PL_RUN_TURN it is one (reason PL_LEFT_INTERRUPT), so that the caller can let another enclave have its turn.
 * With PL_RUN_DESTROY an enclave that ends (EXIT or FAULT) is destroyed in the same call, and its handle is gone.
 */
struct pl_ioc_run {
	__s32 handle;
	__u32 context;
	__u32 flags;	/* PL_RUN_EVENT of penglai/sbi.h, PL_RUN_DESTROY, PL_RUN_RETURN, PL_RUN_TURN */
	__u32 reason;	/* out: PL_LEFT_DOORBELL, IDLE, EXIT, FAULT, FROZEN, MEMORY */
	__u64 detail;	/* out: as PL_LEFT_DETAIL; IDLE: CLOCK_MONOTONIC nanoseconds of the deadline, ~0 for none */
};

#define PL_RUN_DESTROY 0x100u
/* Returns EINTR at once; in a spawn too. For a signal handler, which so stops a call that is about to be made. */
#define PL_RUN_RETURN 0x200u
#define PL_RUN_TURN 0x400u

/*
 * Forks a template, runs the fork, and destroys it if it ended, all in one call. With reason EXIT or FAULT handle is -1 and
 * nothing is left of the instance but what it wrote into its window; otherwise handle names it for PL_IOC_RUN. EINTR: a signal came
 * before there was a fork. After that, a signal is no error but reason PL_LEFT_INTERRUPT: run the handle to go on.
 */
struct pl_ioc_spawn {
	__u64 template_id;
	__u64 memory_limit;
	struct pl_ioc_window window[3];
	__u32 flags;	/* PL_SPAWN_*, PL_RUN_RETURN */
	__s32 handle;	/* out */
	__u32 reserved;
	__u32 reason;	/* out, as pl_ioc_run */
	__u64 detail;	/* out */
};
#define PL_SPAWN_KEEP 1u /* do not destroy at the end: the caller inspects first */
#define PL_SPAWN_TURN 2u /* as PL_RUN_TURN */

/* Publishes an enclave whose run ended FROZEN as a template of this user; the handle is gone. EEXIST: the key is taken by this user. */
struct pl_ioc_publish {
	__s32 handle;
	__s32 group; /* group that may fork, inspect and remove it too; -1: none */
	__u8 key[PL_KEY_SIZE];
	char name[PL_NAME_SIZE]; /* NUL-terminated, for people */
	__u32 point;		 /* PL_SHADOW_*, for people too: nobody checks it */
	__u32 note_length;	 /* bytes, at most PL_NOTE_MAX */
	__u64 note;		 /* address of what else people want to know of it, for PL_IOC_NOTE: nobody checks it */
	__u64 template_id;	 /* out; never 0, never reused */
};
#define PL_NOTE_MAX 4096u

/* The note of a template, as it was published. Too long for `length`: ERANGE, and nothing is written but the length. */
struct pl_ioc_note {
	__u64 template_id;
	__u64 address;
	__u32 length; /* in: of the buffer; out: of the note, 0 for none */
	__u32 reserved; /* 0 */
};

struct pl_ioc_template {
	__u8 key[PL_KEY_SIZE];	/* in, for PL_IOC_FIND */
	__u64 template_id;	/* in, for PL_IOC_TEMPLATE_AFTER: the first visible one with an id greater than this */
	char name[PL_NAME_SIZE];
	__u8 measurement[48];
	__u64 bytes;		/* pool memory it holds */
	__u64 created;		/* CLOCK_REALTIME seconds */
	__u64 used;		/* CLOCK_REALTIME seconds of the last fork */
	__u64 forks_total;
	__u32 forks_alive;
	__u32 owner;		/* uid */
	__s32 group;
	__u32 flags;		/* PL_CREATE_* */
	__u32 point;		/* as it was published */
	__u32 reserved;
};

/*
 * A template that gave way because an enclave of its own user needed room: the first with a number greater than `number`. ENOENT:
 * no other. The last 64 of all users are remembered.
 */
struct pl_ioc_evicted {
	__u64 number;	   /* in and out; rises */
	__u64 template_id; /* it is gone */
	char name[PL_NAME_SIZE];
	__u64 bytes;	   /* pool memory that it held */
	__u64 when;	   /* CLOCK_REALTIME seconds */
	__u64 idle;	   /* seconds since its last use, then */
	__u32 process;	   /* that needed room */
	__u32 flags;	   /* PL_EVICTED_HERE */
};
#define PL_EVICTED_HERE 1u /* for an enclave of this descriptor */

struct pl_ioc_inspect {
	__s32 handle;
	__u32 state;
	__u64 id;
	__u64 template_id;
	__u64 private_bytes;
	__u64 shared_bytes;
	__u64 memory_limit;
	__u8 measurement[48];
};

/*
 * Says who holds an enclave's relay window from now on; nothing happens if it is so already. EINVAL: it has none. EBUSY: another
 * call on the handle is under way.
 */
struct pl_ioc_relay {
	__s32 handle;
	__u32 holder; /* PL_RELAY_* */
};
#define PL_RELAY_HOST 0u
#define PL_RELAY_ENCLAVE 1u

/*
 * Gives an enclave a window of a kind (PL_WINDOW_*) of which it has none. It is told of its windows when it is first run, so later it
 * could not use it. EBUSY: it has one, or another call on the handle is under way, or the piece is in use.
 */
struct pl_ioc_set_window {
	__s32 handle;
	__u32 which;
	struct pl_ioc_window window;
};

struct pl_ioc_stat {
	__u64 pool_base, pool_size, pool_free, pool_largest;
	__u64 forks;	/* by the monitor's count, since power-on */
	__u64 enclaves, templates, switches;
	__u32 monitor_version, driver_version;
};

#define PL_IOC 'P'
#define PL_IOC_ARENA _IOW(PL_IOC, 0, struct pl_ioc_arena)
#define PL_IOC_CREATE _IOWR(PL_IOC, 1, struct pl_ioc_create)
#define PL_IOC_ADD _IOWR(PL_IOC, 2, struct pl_ioc_add)
#define PL_IOC_SEAL _IOWR(PL_IOC, 3, struct pl_ioc_seal)
#define PL_IOC_RUN _IOWR(PL_IOC, 4, struct pl_ioc_run)
#define PL_IOC_SPAWN _IOWR(PL_IOC, 5, struct pl_ioc_spawn)
#define PL_IOC_DESTROY _IOW(PL_IOC, 6, __s32)
#define PL_IOC_PUBLISH _IOWR(PL_IOC, 7, struct pl_ioc_publish)
#define PL_IOC_FIND _IOWR(PL_IOC, 8, struct pl_ioc_template)
#define PL_IOC_TEMPLATE_AFTER _IOWR(PL_IOC, 9, struct pl_ioc_template)
#define PL_IOC_REMOVE _IOW(PL_IOC, 10, __u64)
#define PL_IOC_INSPECT _IOWR(PL_IOC, 11, struct pl_ioc_inspect)
#define PL_IOC_EVICTED _IOWR(PL_IOC, 20, struct pl_ioc_evicted)
#define PL_IOC_NOTE _IOWR(PL_IOC, 21, struct pl_ioc_note)
#define PL_IOC_STAT _IOR(PL_IOC, 12, struct pl_ioc_stat)
#define PL_IOC_RELAY _IOW(PL_IOC, 13, struct pl_ioc_relay)
#define PL_IOC_WINDOW _IOW(PL_IOC, 14, struct pl_ioc_set_window)

#endif
