/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the monitor and OpenSBI know of each other. Included by both sides: plain C. The functions named sbi_ are OpenSBI's own.
 */
#ifndef PL_ARCH_FIRMWARE_H
#define PL_ARCH_FIRMWARE_H

#ifndef __cplusplus
#include <sbi/sbi_types.h>
typedef u64 pl_word;
typedef u32 pl_half;
#else
#include <stdint.h>
typedef uint64_t pl_word;
typedef uint32_t pl_half;
extern "C" {
#endif

/* PL_SBI_EXTENSION of penglai/sbi.h, which needs a stdint.h that OpenSBI has not. */
#define PL_FIRMWARE_EXTENSION 0x08504C47
#define PL_MACHINE_BANKS 8
#define PL_SEED_SIZE 64

struct pl_range {
	pl_word base, size;
};

/* What the boot learned of the machine, from the device tree and the hart that booted it. */
struct pl_machine {
	struct pl_range ram[PL_MACHINE_BANKS];
	pl_half ram_banks;
	pl_half harts;		   /* possible hart indexes */
	struct pl_range firmware;
	struct pl_range kernel;	   /* what runs next; its size as far as its header tells */
	struct pl_range initrd;
	struct pl_range fdt;
	struct pl_range pool;	   /* placed by pl_place_pool; size 0: none */
	pl_word pool_request;	   /* penglai.pool= of the boot arguments; 0: not given */
	pl_word timebase;
	unsigned char seed[PL_SEED_SIZE];
	pl_half seed_size;
	pl_half zbb;		   /* on every hart */
};

struct pl_hart_features {
	pl_half index, id;
	pl_half usable;
	pl_half sstc, hypervisor, floating, zicboz, state_enable, seed;
};

/* ---- served by the monitor ---- */

/* Whether all of [start, start + size) is the host's RAM. Known from pl_learn_memory() on. */
int pl_host_owns(pl_word start, pl_word size);
/* What the host may name in a call: RAM, less the firmware and the pool, if there is one. */
void pl_learn_memory(const struct pl_machine *machine);
/* Chooses the pool's place, or says why there is none. */
const char *pl_place_pool(struct pl_machine *machine);
/* Once, with the pool reserved. 0, or why the extension is not offered. */
const char *pl_monitor_start(const struct pl_machine *machine, struct pl_hart_features boot_hart);
/* On each hart, at every start. */
void *pl_hart_start(struct pl_hart_features features); /* -> its struct Hart */
/* Words of OpenSBI's trap registers that the SBI extension's handler, pl_serve_host(), reads and writes. */
#define PL_REGISTER_A0 10
#define PL_REGISTER_MEPC 32
/* SBI TIME of the host. */
void pl_host_set_timer(pl_word deadline);
/* Another hart asked this one to look. */
void pl_answer_request(void);
/* Random bytes for the host, unrelated to any that an enclave gets. */
void pl_host_seed(unsigned char *bytes, pl_half size);

/* ---- served by the platform directory ---- */

extern pl_word pl_hart_scratch_offset; /* of this hart's struct Hart * in OpenSBI's scratch space */
void pl_firmware_arm_timer(pl_word deadline);
void pl_firmware_interrupt_hart(pl_half hart_id);

/* ---- OpenSBI ---- */

#ifdef __cplusplus
void sbi_ipi_process(void);
void sbi_timer_event_start(uint64_t next_event);
}
#endif

#endif
