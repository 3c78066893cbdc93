/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ocall window: the one piece of memory that an enclave and its host server share, and the only way out.
 *
 * Served by host/ (the ocall server), used by libos/. Plain C, no other project header. Fields are little endian. Neither side
 * trusts the other: each copies a value in once, checks it, then uses it.
 *
 *   0                 struct pl_ring (one page)
 *   PL_RING_REQUESTS  struct pl_request [PL_RING_ENTRIES]
 *   PL_RING_REPLIES   struct pl_reply [PL_RING_ENTRIES]
 *   PL_RING_DATA      buffers, to the end of the window; before the first entry struct pl_instance stands at its start
 *
 * A request names a slot (0..PL_RING_ENTRIES-1) with a generation; at most one request is in flight in a slot, and each ends
 * with exactly one reply, so neither ring can overflow. Indices run freely and are taken modulo PL_RING_ENTRIES.
 * Ringing: the libOS leaves with PL_LEFT_DOORBELL; the host enters with PL_RUN_EVENT. A data operation ends before the host
 * enters again; only PL_OP_POLL stays in flight.
 */
#ifndef PENGLAI_OCALL_H
#define PENGLAI_OCALL_H

#ifndef __KERNEL__
#include <stdint.h>
#endif

#define PL_OCALL_MAGIC 0x31474e52454c5050ull
#define PL_OCALL_VERSION 1
#define PL_WINDOW_MIN 16384u
#define PL_WINDOW_DEFAULT 65536u

#define PL_RING_ENTRIES 32u
#define PL_RING_REQUESTS 1024u
#define PL_RING_REPLIES (PL_RING_REQUESTS + PL_RING_ENTRIES * 64u)
#define PL_RING_DATA 4096u

struct pl_ring {
	/* written by the host before the first entry */
	uint64_t magic;
	uint32_t version;
	uint32_t window_size;
	uint64_t features; /* PL_FEATURE_*: none yet */
	uint64_t epoch;	   /* changes when another server takes over: handles are void then */
	/* request ring */
	uint32_t request_tail; /* libOS writes */
	uint32_t request_head; /* host writes */
	/* reply ring */
	uint32_t reply_tail; /* host writes */
	uint32_t reply_head; /* libOS writes */
	/* wake-up flags: the other side may skip ringing while it is 0 */
	uint32_t libos_sleeps;
	uint32_t host_sleeps;
	/* events from the host; bits are set by the host with an atomic or, taken by the libOS with an atomic swap */
	uint32_t signals;	   /* bit n: signal n, of PL_SIGNALS */
	uint32_t window_changed;   /* terminal size: PL_OP_TERMINAL_GET for the new one */
	uint64_t ready[8];	   /* bit n: handle n of a multi-shot poll has news; look with a one-shot poll or the operation */
	/* a last word: why the libOS gave up (NUL-terminated, no secret) */
	char panic[256];
	/* lines for the user, such as an unknown system call; the libOS appends, the server prints and clears. */
	uint32_t log_length;
	uint32_t pages; /* private pages in use at its end, by the libOS's own account */
	char log[408];
};

/* INT, TERM, HUP, QUIT, TSTP, CONT, WINCH: what a terminal may ask for, of the foreground group. */
#define PL_SIGNALS ((1u << 2) | (1u << 15) | (1u << 1) | (1u << 3) | (1u << 20) | (1u << 18) | (1u << 28))

struct pl_request {
	uint16_t operation; /* PL_OP_* */
	uint16_t flags;	    /* PL_REQUEST_* */
	uint16_t slot;
	uint16_t generation;
	uint32_t handle; /* PL_HANDLE(index, generation) */
	uint32_t buffer; /* offset in the window */
	uint32_t length; /* of the buffer */
	uint32_t extra;	 /* per operation */
	uint64_t offset;
	uint64_t arg[3];
	uint64_t deadline; /* CLOCK_MONOTONIC of the enclave's time CSR, in ticks; 0 none */
};

struct pl_reply {
	uint16_t slot;
	uint16_t generation;
	int32_t result; /* >= 0, or -errno (Linux numbers) */
	uint64_t value; /* per operation */
};

/* Handles: 0, 1, 2 are standard input, output, error; PL_HANDLE_MOUNT + n the root of the n-th mount. All others come from the server. */
#define PL_HANDLE(index, generation) ((uint32_t)(generation) << 16 | (uint32_t)(index))
#define PL_HANDLE_INDEX(handle) ((handle)&0xffffu)
#define PL_HANDLE_MOUNT 16u
#define PL_HANDLE_FIRST 64u
#define PL_HANDLES 512u

/* Bit 0 of `signals`: a debug enclave stops, with PL_STOP_INTERRUPT. No other enclave looks at it. */
#define PL_SIGNAL_DEBUG 1u

/* If the operation would block: reply -EAGAIN and set the handle's ready bit (and enter with PL_RUN_EVENT) once it would not. */
#define PL_REQUEST_NOTIFY 1u

/* name strings: not NUL-terminated, length bytes at buffer; one path component without '/', except where "path" is said. */
#define PL_OP_NOP 0
#define PL_OP_CANCEL 1	      /* arg[0]: slot | generation << 16 of a poll. The poll then replies -ECANCELED, or has replied */
#define PL_OP_POLL 2	      /* handle, extra: POLLIN|POLLOUT. In flight until there are some. result 0, value: revents; files are always ready */
#define PL_OP_READ 3	      /* stream at handle -> result bytes */
#define PL_OP_WRITE 4	      /* stream */
#define PL_OP_PREAD 5	      /* file at offset */
#define PL_OP_PWRITE 6
#define PL_OP_OPEN 7	      /* handle: directory; name; extra: PL_OPEN_*; arg[0] mode for create. value: new handle; the buffer
				 (behind the name, rounded up to 8) receives struct pl_stat */
#define PL_OP_CLOSE 8
#define PL_OP_STAT 9	      /* handle -> struct pl_stat in the buffer */
#define PL_OP_LOOKUP 10	      /* handle: directory; name -> struct pl_stat behind the name as in open, without opening; links not followed */
#define PL_OP_LIST 11	      /* handle: directory; offset: cookie (0 first) -> struct pl_dirent records; result bytes, 0 at the end. Without "." and ".."; 400 bytes hold any record */
#define PL_OP_MKDIR 12	      /* directory, name, arg[0] mode */
#define PL_OP_UNLINK 13	      /* directory, name; extra 1: rmdir */
#define PL_OP_RENAME 14	      /* directory, name in the first half: length bytes; arg[0] new directory, arg[1] buffer, arg[2] length; extra: RENAME_* flags */
#define PL_OP_LINK 15	      /* handle: the file; arg[0] directory; name */
#define PL_OP_SYMLINK 16      /* directory, name; arg[1] buffer, arg[2] length of the target path */
#define PL_OP_READLINK 17     /* directory, name at buffer; target path to arg[1] buffer, arg[2] length -> result bytes */
#define PL_OP_TRUNCATE 18     /* handle, offset: new size */
#define PL_OP_ATTRIBUTES 19   /* handle; extra: PL_SET_*; arg[0] mode, arg[1] uid | gid << 32, buffer: struct pl_times */
#define PL_OP_SYNC 20	      /* handle; extra 1: data only */
#define PL_OP_STATFS 21	      /* handle -> struct pl_statfs */
#define PL_OP_LOCK 22	      /* handle; extra: PL_LOCK_*; offset, arg[0] length (0: to the end); never blocks: -EAGAIN. The lock is of the handle, whoever holds it inside.
				 PL_LOCK_TEST: arg[1]: the lock that is wanted. value 0: it could be had; 1 + PL_LOCK_*: what is in its way, and struct pl_lock in the buffer */
#define PL_OP_TIME 23	      /* value: CLOCK_REALTIME nanoseconds; result 0. Anchored inside against the time CSR */
#define PL_OP_TERMINAL_GET 24 /* handle 0..2 -> struct pl_terminal; -ENOTTY */
#define PL_OP_TERMINAL_SET 25 /* handle 0..2, struct pl_terminal: modes only */
#define PL_OP_ALLOCATE 26     /* handle, offset, arg[0] length, extra: fallocate mode */
#define PL_OP_FORK_READY 27   /* template: about to freeze. result 0 */
#define PL_OP_RELAY 28	      /* the relay window is the host's until the reply; the enclave is not entered before. result 0 */

#define PL_OP_DEBUG 29	      /* a debug enclave stands still: struct pl_debug_stop in the buffer, and behind it what the command before asked for. In flight until
				 the next command is in the buffer: struct pl_debug_command and its data; result bytes of both */

#define PL_OPEN_READ 1u
#define PL_OPEN_WRITE 2u
#define PL_OPEN_CREATE 4u
#define PL_OPEN_EXCLUSIVE 8u
#define PL_OPEN_TRUNCATE 16u
#define PL_OPEN_DIRECTORY 32u
#define PL_OPEN_APPEND 64u

#define PL_SET_MODE 1u
#define PL_SET_OWNER 2u
#define PL_SET_TIMES 4u
#define PL_SET_NAMED 8u /* handle is a directory; the buffer: struct pl_times, then arg[2] bytes of a name in it. A link is not followed */

#define PL_LOCK_SHARED 0u
#define PL_LOCK_EXCLUSIVE 1u
#define PL_LOCK_RELEASE 2u
#define PL_LOCK_TEST 3u
#define PL_LOCK_FLOCK 16u /* with one of the first three: flock(2)'s lock of the whole, which knows nothing of the others */

struct pl_stat { /* one component, links not followed */
	uint64_t inode, size, blocks;
	uint64_t device;
	uint32_t mode, links, uid, gid;
	int64_t atime, mtime, ctime; /* nanoseconds since 1970 */
	uint64_t rdev;
};

struct pl_times {
	int64_t atime, mtime; /* nanoseconds since 1970; PL_TIME_OMIT: leave as is; PL_TIME_NOW */
};
#define PL_TIME_OMIT INT64_MIN
#define PL_TIME_NOW (INT64_MIN + 1)

struct pl_lock { /* a range of a file */
	uint64_t first, length; /* length 0: to the end, wherever that is */
};

struct pl_dirent { /* followed by the name, then padding to 8 bytes */
	uint64_t inode;
	uint64_t cookie; /* continues behind this entry */
	uint16_t record; /* bytes of this record */
	uint8_t type;	 /* DT_* */
	uint8_t name_length;
	uint32_t reserved;
};

struct pl_statfs {
	uint64_t block_size, blocks, free, available, files, files_free;
};

struct pl_terminal { /* Linux riscv64 struct termios fields, and the size */
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line, cc[19];
	uint16_t rows, columns, xpixels, ypixels;
	uint32_t reserved;
};

/*
 * The program of a debug enclave has stopped, and nothing in the enclave runs but this conversation: each request but the first of
 * a stop says what came of the command before. Only a stop whose bit was asked for (PL_DEBUG_CONTINUE) comes; PL_STOP_START always does.
 */
struct pl_debug_stop {
	uint32_t reason; /* PL_STOP_* */
	int32_t signal, code; /* siginfo's */
	uint32_t pid, tid;
	int32_t result; /* of the command before: bytes behind this structure, or -errno */
	uint64_t address; /* siginfo's, of a fault */
	uint64_t value; /* per command */
};
#define PL_STOP_START 0u     /* before the instance's first instruction */
#define PL_STOP_SIGNAL 1u    /* a debugged process is about to take a signal */
#define PL_STOP_FATAL 2u     /* any process is about to end by a signal whose default action is a core dump */
#define PL_STOP_INTERRUPT 3u /* PL_SIGNAL_DEBUG */
#define PL_STOP_EXEC 4u	     /* a debugged process has executed another program */
#define PL_STOP_FORK 5u	     /* a debugged process has made another, which has yet to begin: address: its pid; code: flags of clone(2). It is
				debugged too (PL_DEBUG_RELEASE), and has the same memory or a copy of it as it is */
#define PL_STOP_VFORK_DONE 6u /* what a child had borrowed of a debugged process is its own again; address: the child's pid */
#define PL_STOP_EXIT 7u	     /* a debugged process is at its end; code: its status, as wait4 has it */
#define PL_STOP_ENTRY 8u     /* before a system call; address: its number. Its registers may be changed, and it stands at the instruction */
#define PL_STOP_RETURN 9u    /* behind it */

struct pl_debug_command {
	uint32_t command; /* PL_DEBUG_* */
	uint32_t tid;	  /* whose: a thread, or any of a process; 0: the thread that has stopped */
	uint64_t address;
	uint32_t length;
	uint32_t flags;
};
#define PL_DEBUG_CONTINUE 0u  /* address: the signal that is taken after PL_STOP_SIGNAL, 0 none; tid: of those that are debugged, only this thread runs,
				 or with length 1 only this process; 0 all;
				 flags: bit n: PL_STOP_n is wanted from now on */
#define PL_DEBUG_READ 1u      /* memory of its process, whatever the protection -> bytes, short of what is not mapped */
#define PL_DEBUG_WRITE 2u     /* length bytes of data */
#define PL_DEBUG_REGISTERS 3u /* -> struct pl_debug_registers */
#define PL_DEBUG_SET_REGISTERS 4u /* struct pl_debug_registers; a thread that sleeps in a system call leaves it, and begins it again if it is given the
				     same ones later. EBUSY: it is inside one that cannot be left */
#define PL_DEBUG_THREADS 5u   /* -> struct pl_debug_thread for each of the debugged processes, from the address-th */
#define PL_DEBUG_RELEASE 6u   /* process tid is debugged no more; length 1: and is killed */
#define PL_DEBUG_LINK 7u      /* length bytes of a path -> what the symbolic link there says */
#define PL_DEBUG_FILE 8u      /* length bytes of a path -> at most `flags` bytes of the file from `address` on; value: its size */

struct pl_debug_registers {
	uint64_t x[32]; /* x[0]: pc */
	uint64_t f[32], fcsr;
};

struct pl_debug_thread {
	uint32_t tid, pid;
	char name[16];
};

/*
 * What this instance is asked to do: untrusted, per instance, at PL_RING_DATA before the first entry. Offsets count from the
 * start of this structure; strings are NUL-terminated and follow one another.
 */
struct pl_instance {
	uint32_t size;	     /* of all of it */
	uint32_t arguments;  /* count; argv[0] included */
	uint32_t arguments_offset, environment; /* strings; count */
	uint32_t environment_offset, directory_offset; /* NAME=value strings; working directory inside */
	uint32_t uid, gid;
	uint32_t terminals;  /* bit n: handle n is a terminal */
	uint32_t umask;
	uint32_t program_offset; /* string: what a fork of a template without a program executes; nobody else looks at it */
	uint32_t reserved;
	uint64_t realtime;   /* CLOCK_REALTIME nanoseconds, as near to the entry as the host can */
	struct pl_terminal terminal; /* when terminals != 0 */
};

#endif
