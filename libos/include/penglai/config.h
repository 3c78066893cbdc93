/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host adds to an enclave behind the libOS image: the measured configuration and the files of the first tree.
 *
 * Served by libos/ (which reads it), written by host/. Plain C. The pages added are, in order:
 *   the libOS image (libos.bin, whole pages; its header tells its length),
 *   the configuration: struct pl_config, then its records, padded to whole pages,
 *   the contents of each file record, each padded to whole pages.
 * All of it is measured. None of it is secret.
 */
#ifndef PENGLAI_CONFIG_H
#define PENGLAI_CONFIG_H

#include <stdint.h>

/* First bytes of libos.bin: a jump over this header, then the header. */
#define PL_LIBOS_MAGIC 0x534f62694c4c50ull /* "PLLibOS" */
struct pl_libos_header {
	uint32_t jump[2];
	uint64_t magic;
	uint64_t image_size;  /* bytes to add: text, read-only and initialized data; a multiple of 4096 */
	uint64_t memory_size; /* image and zero-initialized data, a multiple of 4096 */
};

#define PL_CONFIG_MAGIC 0x6769666e6f434c50ull /* "PLConfig" */
#define PL_CONFIG_VERSION 1

struct pl_config {
	uint64_t magic;
	uint32_t version;
	uint32_t size;	  /* bytes, of this structure and all records */
	uint32_t records; /* count */
	uint32_t flags;	  /* PL_CONFIG_* */
	uint64_t shadow_point; /* PL_SHADOW_* */
};
#define PL_CONFIG_TRACE 1u /* of an enclave with PL_CREATE_DEBUG: every system call is told in the log (libos/syscall/trace.cpp) */
#define PL_CONFIG_DEBUG 4u /* likewise: its stops are told, and the host may look at it then (PL_OP_DEBUG, libos/process/debug.cpp) */
#define PL_CONFIG_EXPLAIN 2u /* at its exit an instance says in the log what each of its private pages is: "private page: ..." */
#define PL_SHADOW_NONE 0
#define PL_SHADOW_ENTRY 1 /* at the program's first instruction */
#define PL_SHADOW_MAIN 2  /* where main begins */
#define PL_SHADOW_CALL 3  /* where the program reads /dev/shadow */
#define PL_SHADOW_BOOT 4  /* with no program yet: each instance names one of the tree (struct pl_instance) */

/* Every record starts with this and is padded to 8 bytes. Unknown kinds end the boot. */
struct pl_record {
	uint32_t kind; /* PL_RECORD_* */
	uint32_t size; /* bytes, with this header and the padding */
};
#define PL_RECORD_FILE 1
#define PL_RECORD_MOUNT 2
#define PL_RECORD_ENVIRONMENT 3
#define PL_RECORD_PROGRAM 4
#define PL_RECORD_START 5
#define PL_RECORD_ROOT 6
#define PL_RECORD_PREFETCH 7

/* A file (or directory, link) of the first tree. Missing parent directories are made with mode 0755. */
struct pl_record_file {
	struct pl_record record;
	uint64_t size;	/* bytes; content pages follow the configuration in record order (regular files only) */
	uint32_t mode;	/* S_IFREG, S_IFDIR or S_IFLNK and permissions */
	uint16_t path_length;	/* absolute, normalized; not NUL-terminated */
	uint16_t target_length; /* of a symbolic link */
	char text[];	/* path, then target */
};

/*
 * What is below the first tree: an EROFS image in a file of the host, with a dm-verity hash tree (format 1, SHA-256, blocks of 4,096
 * bytes) in the same file. Each block is checked against the tree when it is read; names that are made, and what is written, stay in
 * memory above it. At most one, and before every other record; it is host handle PL_HANDLE_MOUNT, and mounts follow behind.
 */
struct pl_record_root {
	struct pl_record record;
	uint64_t data_blocks; /* of the image: what the tree covers, from the start of the file */
	uint64_t hash_block;  /* number, in the file, of the tree's first block (its top) */
	uint8_t root_hash[32];
	uint32_t salt_length; /* at most PL_SALT_MAX; hashed before each block */
	uint8_t salt[];
};
#define PL_SALT_MAX 256u

/* The n-th mount record is host handle PL_HANDLE_MOUNT + n (one more below a root record): an untrusted host directory (or file) at a path inside. */
struct pl_record_mount {
	struct pl_record record;
	uint32_t flags;	 /* PL_MOUNT_* */
	uint16_t path_length;
	uint16_t reserved;
	char path[];
};
#define PL_MOUNT_READ_ONLY 1u
#define PL_MOUNT_FILE 2u /* one file and not a directory */

/* A name of an environment variable that the host may set, or a prefix ending in '*'. Without any: every name but the loader's. */
struct pl_record_environment {
	struct pl_record record;
	uint32_t length;
	char name[];
};

/* Which file of the tree is executed. Without a slash it is looked for in /usr/local/sbin, /usr/local/bin, /usr/sbin, /usr/bin, /sbin, /bin. */
struct pl_record_program {
	struct pl_record record;
	uint32_t path_length;
	char path[];
};

/*
 * A file or directory of the image below the root that a template reads, and so checks, before it freezes, all of it: its forks share
 * the pages. Of an executable, what it is loaded with too. One that is not there ends the boot.
 */
struct pl_record_prefetch {
	struct pl_record record;
	uint32_t path_length;
	char path[];
};

/*
 * How a template that runs its program before it freezes (PL_SHADOW_MAIN, PL_SHADOW_CALL) starts it: with these arguments, variables and
 * ids, which are measured, instead of what the host asks of an instance.
 */
struct pl_record_start {
	struct pl_record record;
	uint32_t arguments;   /* count; argv[0] included */
	uint32_t environment; /* count */
	uint32_t uid, gid;
	uint32_t length; /* of text */
	char text[];	 /* NUL-terminated: the arguments, then NAME=value */
};

#endif
