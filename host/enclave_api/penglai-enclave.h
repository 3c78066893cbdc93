/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host API of the Penglai-TVM shadow enclave tutorial: programs that were written to it compile and run with this header and
 *
 *     pl-cc host.c -o host -lpenglai-enclave-host -lpthread -static
 *
 * Names, layout and constants are that API's. What is behind them is this project's: an enclave is an unmodified POSIX program (a
 * static riscv64 ELF) with a library OS; a shadow is a template; PLenclave_run() of a shadow forks it. apps/fork-host is an example.
 *
 * Functions return 0 or -1 with errno, unless they say otherwise. Any thread may call any of them; one thread at a time runs an
 * instance. A process has one descriptor of the device, however many PLenclave_init() it makes: it is opened with the first, and closed
 * when PLenclave_destruct() or what frees something finds that no shadow, instance or memory of this API is left. So a descriptor
 * closed before PLenclave_destroy() loses nothing, and everything but shadows ends with the process at the latest.
 *
 * An enclave id is a small positive number of this process.
 *
 * Signal: SIGURG, where the program has no use of its own for it, is what PLenclave_stop() and PLenclave_destroy() tell a running thread by.
 */
#ifndef PENGLAI_ENCLAVE_H
#define PENGLAI_ENCLAVE_H

#include <fcntl.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#define PENGLAI_ASSERT(holds) static_assert(holds, #holds)
#else
#define PENGLAI_ASSERT(holds) _Static_assert(holds, #holds)
#endif

#define NAME_LEN 16
#define HASH_SIZE 32
#define PUBLIC_KEY_SIZE 64
#define SIGNATURE_SIZE 64
#define DEFAULT_STACK_SIZE (64 * 1024)

/* What PLenclave_run() returns. */
#define RETURN_USER_EXIT_ENCL 0
#define RETURN_USER_RELAY_PAGE 1

/* An ELF file: open, and mapped (bytes). With fd -1 the bytes at ptr are taken. */
struct elf_args {
	int fd;
	unsigned long size;
	void *ptr;
};

/* SERVER_ENCLAVE is ENOTSUP: enclaves that serve other enclaves do not exist here yet. */
typedef enum { NORMAL_ENCLAVE = 0, SERVER_ENCLAVE = 1, SHADOW_ENCLAVE = 2 } enclave_type_t;

struct enclave_args {
	char name[NAME_LEN];
	enclave_type_t type;
	unsigned long stack_size; /* bytes the program is sure to have; every one has 8 MiB, taken as it is used */
	int shmid;		  /* of PLenclave_shmget(); 0 or less: none */
	unsigned long shm_offset; /* bytes */
	unsigned long shm_size;
};

struct penglai_enclave_user_param {
	unsigned long eid;
	char name[NAME_LEN]; /* the program's argv[0] is its file's name; this is its variable PENGLAI_NAME */
	enclave_type_t type;
	unsigned long elf_ptr;
	long elf_size;
	long stack_size;
	int shmid;
	int isShadow; /* 1: eid is that of an instance that was forked from a shadow */
	unsigned long shm_offset;
	unsigned long shm_size;
	int schrodinger_id; /* the relay page; 0 or less: none */
	int rerun_reason;
	unsigned long schrodinger_offset;
	unsigned long schrodinger_size;
	unsigned long retval; /* out of a run that ended: exit status, 128 + n for signal n */
};

/* Not yet: the monitor has no device identity. Keys and signatures, and the monitor's own hash, are zero: a report proves nothing to others. */
struct sm_report_t {
	unsigned char hash[HASH_SIZE];
	unsigned char signature[SIGNATURE_SIZE];
	unsigned char sm_pub_key[PUBLIC_KEY_SIZE];
};

struct enclave_report_t {
	unsigned char hash[HASH_SIZE]; /* the first 32 bytes of the measurement (SHA-384), as `pl-template` shows it */
	unsigned char signature[SIGNATURE_SIZE];
	uintptr_t nonce; /* the caller's */
};

struct report_t {
	struct sm_report_t sm;
	struct enclave_report_t enclave;
	unsigned char dev_pub_key[PUBLIC_KEY_SIZE];
};

struct penglai_enclave_attest_param {
	int eid;
	int isShadow;
	uintptr_t nonce;
	struct report_t report;
};

struct PLenclave {
	struct elf_args *elffile;
	int eid;
	int fd;
	struct penglai_enclave_user_param user_param;
	struct penglai_enclave_attest_param attest_param;
};

PENGLAI_ASSERT(sizeof(struct elf_args) == 24);
PENGLAI_ASSERT(offsetof(struct elf_args, size) == 8 && offsetof(struct elf_args, ptr) == 16);
PENGLAI_ASSERT(sizeof(enclave_type_t) == 4);
PENGLAI_ASSERT(sizeof(struct enclave_args) == 56);
PENGLAI_ASSERT(offsetof(struct enclave_args, type) == 16 && offsetof(struct enclave_args, stack_size) == 24);
PENGLAI_ASSERT(offsetof(struct enclave_args, shmid) == 32 && offsetof(struct enclave_args, shm_offset) == 40);
PENGLAI_ASSERT(offsetof(struct enclave_args, shm_size) == 48);
PENGLAI_ASSERT(sizeof(struct penglai_enclave_user_param) == 112);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, name) == 8 && offsetof(struct penglai_enclave_user_param, type) == 24);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, elf_ptr) == 32 && offsetof(struct penglai_enclave_user_param, elf_size) == 40);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, stack_size) == 48 && offsetof(struct penglai_enclave_user_param, shmid) == 56);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, isShadow) == 60 && offsetof(struct penglai_enclave_user_param, shm_offset) == 64);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, shm_size) == 72 && offsetof(struct penglai_enclave_user_param, schrodinger_id) == 80);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, rerun_reason) == 84);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, schrodinger_offset) == 88);
PENGLAI_ASSERT(offsetof(struct penglai_enclave_user_param, schrodinger_size) == 96 && offsetof(struct penglai_enclave_user_param, retval) == 104);
PENGLAI_ASSERT(sizeof(struct sm_report_t) == 160 && sizeof(struct enclave_report_t) == 104 && sizeof(struct report_t) == 328);
PENGLAI_ASSERT(offsetof(struct report_t, enclave) == 160 && offsetof(struct report_t, dev_pub_key) == 264);
PENGLAI_ASSERT(offsetof(struct enclave_report_t, nonce) == 96);
PENGLAI_ASSERT(sizeof(struct penglai_enclave_attest_param) == 344 && offsetof(struct penglai_enclave_attest_param, report) == 16);
PENGLAI_ASSERT(sizeof(struct PLenclave) == 472 && offsetof(struct PLenclave, eid) == 8 && offsetof(struct PLenclave, fd) == 12);
PENGLAI_ASSERT(offsetof(struct PLenclave, user_param) == 16 && offsetof(struct PLenclave, attest_param) == 128);
#undef PENGLAI_ASSERT

/* Opens and maps the file. */
int elf_args_init(struct elf_args *elf, char *path);
int elf_args_destroy(struct elf_args *elf);
/* Whether an enclave can run it: a static riscv64 Linux executable. */
bool elf_valid(struct elf_args *elf);

/* NORMAL_ENCLAVE, DEFAULT_STACK_SIZE, no shared memory. */
int enclave_args_init(struct enclave_args *args);

int PLenclave_init(struct PLenclave *enclave);
int PLenclave_destruct(struct PLenclave *enclave);
/* Makes a shadow (measured, booted, frozen before the program's first instruction), or an enclave to run once. Fills in both eids. */
int PLenclave_create(struct PLenclave *enclave, struct elf_args *elf, struct enclave_args *args);
/*
 * Runs what user_param.eid names until the program ends (RETURN_USER_EXIT_ENCL), or hands the relay page back (RETURN_USER_RELAY_PAGE: run again
 * to hand it over and go on); -1 otherwise, the instance gone. Of a shadow it forks an instance first: user_param.eid becomes that one's
 * and isShadow 1. Standard input, output and error are this process's. ECANCELED: it was destroyed meanwhile. EBUSY: it runs or is
 * stopped. EIO: it ended otherwise than by exiting; one line on standard error says how.
 */
int PLenclave_run(struct PLenclave *enclave);
/* Measurement of the shadow or instance that user_param.eid names, and `nonce`. Unsigned, see struct sm_report_t. */
int PLenclave_attest(struct PLenclave *enclave, uintptr_t nonce);
/* Takes an instance off its hart, however busy it is; a PLenclave_run() that is under way stays in that call until the resume. */
int PLenclave_stop(struct PLenclave *enclave);
int PLenclave_resume(struct PLenclave *enclave);
/* Ends an instance, or removes a shadow: what was forked from it lives on. 0 too for what has ended by itself. */
int PLenclave_destroy(struct PLenclave *enclave);

/*
 * Memory that both sides reach, of 1 byte to 2 MiB, zeroed. shmget returns an id or -1, shmat its address or (void *)-1 (`address` is a
 * hint, and not taken), shmctl frees it: when the last instance that has it has ended. Shared memory and relay pages of a process have
 * 16 MiB, from which each instance takes 64 KiB, too.
 *
 * An enclave is given [offset, offset + size), widened to a power of two of at least 4 KiB; EINVAL where that is no naturally aligned part of the
 * memory. Inside it is the file /dev/penglai/shared. Any number of instances may have the same.
 */
int PLenclave_shmget(unsigned long size);
void *PLenclave_shmat(int id, void *address);
int PLenclave_shmdt(int id, void *address);
int PLenclave_shmctl(int id);
int PLenclave_set_shm(struct PLenclave *enclave, int id, unsigned long offset, unsigned long size);

/*
 * A relay page (likewise), which is one side's at a time. Inside it is /dev/penglai/relay, see <penglai/relay.h>. An instance is started with
 * it; while it has it, every access of this process is SIGBUS. When a run has returned, however, it is this process's again.
 */
int PLenclave_schrodinger_get(unsigned long size);
void *PLenclave_schrodinger_at(int id, void *address);
int PLenclave_schrodinger_dt(int id, void *address);
int PLenclave_schrodinger_ctl(int id);
int PLenclave_set_mem_arg(struct PLenclave *enclave, int id, unsigned long offset, unsigned long size);
/* Before running again. */
int PLenclave_set_rerun_arg(struct PLenclave *enclave, int reason);

#ifdef __cplusplus
}
#endif
#endif
