/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor's SBI extension: what the host kernel and an enclave's libOS may ask of M-mode.
 *
 * Served by monitor/, included by driver/ and libos/. Plain C, no other project header.
 * Calling convention: RISC-V SBI specification 2.0, chapter 3 (a7 extension, a6 function, a0..a5 arguments; a0 error,
 * a1 value; every other register is preserved).
 *
 * Addresses are physical. Sizes are bytes unless a name says pages. A structure is passed by the physical address of
 * host memory that holds it; it must lie wholly in RAM listed in the device tree's /memory, outside the pool, be 8-byte
 * aligned and not cross a 4 KiB page. The monitor reads each word once.
 */
#ifndef PENGLAI_SBI_H
#define PENGLAI_SBI_H

#ifdef __KERNEL__
#include <linux/types.h>
typedef __u8 pl_u8;
typedef __u32 pl_u32;
typedef __s32 pl_s32;
typedef __u64 pl_u64;
#else
#include <stdint.h>
typedef uint8_t pl_u8;
typedef uint32_t pl_u32;
typedef int32_t pl_s32;
typedef uint64_t pl_u64;
#endif

/* Experimental extension space (SBI 2.0, 3.2): 0x08000000 + "PLG". */
#define PL_SBI_EXTENSION 0x08504C47
#define PL_SBI_VERSION 1

#define PL_PAGE_SIZE 4096
#define PL_MEASUREMENT_SIZE 48 /* SHA-384 */
#define PL_ENTROPY_SIZE 64
#define PL_MAX_CONTEXTS 8
#define PL_NO_DEADLINE (~(pl_u64)0)

/* Errors in a0. The first group are SBI's own (SBI 2.0, table 1). */
#define PL_OK 0
#define PL_ERR_FAILED (-1)
#define PL_ERR_NOT_SUPPORTED (-2)
#define PL_ERR_INVALID (-3)	    /* an argument is malformed */
#define PL_ERR_DENIED (-4)	    /* this world may not make this call */
#define PL_ERR_ADDRESS (-5)	    /* not host RAM, or not the caller's */
#define PL_ERR_NO_MEMORY (-100)	    /* the pool, or the enclave's limit, is used up */
#define PL_ERR_NO_ENTRY (-101)	    /* no PMP entry left for another extent: merge extents first */
#define PL_ERR_STALE (-102)	    /* no enclave has this id (any more) */
#define PL_ERR_STATE (-103)	    /* not in this state of the enclave */
#define PL_ERR_BUSY (-104)	    /* a context is running, or forks are alive */
#define PL_ERR_AGAIN (-105)	    /* progress was made, work is left: make the same call again */
#define PL_ERR_LIMIT (-106)	    /* out of enclave ids or another fixed table */

/*
 * ---- Calls of the host (S-mode, not in an enclave) ----
 *
 * An enclave id is opaque: it carries a generation, so that an id outlived by its enclave is PL_ERR_STALE for ever.
 * States: created -> sealed -> (run ...) -> exited, or sealed -> (run ...) -> template. destroy from any of them.
 */

/* query(item) -> value. PL_ERR_INVALID for an unknown item. */
#define PL_HOST_QUERY 0
#define PL_QUERY_VERSION 0	/* PL_SBI_VERSION */
#define PL_QUERY_POOL_BASE 1
#define PL_QUERY_POOL_SIZE 2
#define PL_QUERY_POOL_FREE 3	/* bytes not in use by an enclave or by the monitor's metadata */
#define PL_QUERY_FORKS 4	/* forks made since power-on, never reset */
#define PL_QUERY_ENCLAVES 5	/* enclaves alive, templates included */
#define PL_QUERY_TEMPLATES 6
#define PL_QUERY_MAX_ENCLAVES 7
#define PL_QUERY_SWITCHES 8	/* entries into enclaves since power-on */
#define PL_QUERY_POOL_LARGEST 9	/* largest free naturally aligned block */

/* reset(): ends and frees every enclave, for a kernel that finds what an earlier one left. PL_ERR_AGAIN until done. */
#define PL_HOST_RESET 1

/* create(struct pl_create *) -> id, state created. */
#define PL_HOST_CREATE 2

struct pl_create {
	pl_u64 reserve;	     /* bytes of contiguous pool to reserve for the base region; power of two, >= 1 MiB */
	pl_u64 memory_limit; /* most bytes the enclave and, if a template, each of its forks may hold; 0: no limit */
	pl_u32 contexts;     /* most harts at once, 1..PL_MAX_CONTEXTS */
	pl_u32 flags;	     /* PL_CREATE_* */
};
#define PL_CREATE_FREEZABLE 1u /* may become a template */
#define PL_CREATE_DEBUG 2u     /* a debug enclave: another measurement */

/*
 * add_page(id, source): copies one page of host memory to the next page of the base region and extends the measurement
 * with its index and content -> page index. Pages are added from index 0 upwards; page 0 holds the entry point.
 * Only in state created.
 */
#define PL_HOST_ADD_PAGE 3

/*
 * seal(id, pl_u8 measurement[48]): fixes the measurement and writes it out. The measurement is SHA-384 over
 * struct pl_create, then for each page its index (8 bytes, little endian) and its 4,096 bytes.
 */
#define PL_HOST_SEAL 4

/*
 * set_window(id, which, base, size): gives the enclave a naturally aligned power of two (4 KiB..2 MiB) of host memory to
 * read and write, or takes it away (size 0). States created and sealed, no context running.
 */
#define PL_HOST_SET_WINDOW 5
#define PL_WINDOW_OCALL 0
#define PL_WINDOW_SHARED 1
#define PL_WINDOW_RELAY 2
#define PL_WINDOWS 3

/*
 * run(id, context, flags): enters the enclave on this hart until it leaves. -> struct packed in one word:
 * bits 0..7 the reason PL_LEFT_*, bits 8..63 its detail. PL_ERR_STALE: it was destroyed meanwhile.
 */
#define PL_HOST_RUN 6
#define PL_RUN_EVENT 1u /* raise a supervisor software interrupt inside: the host has something in the window */

#define PL_LEFT_REASON(word) ((pl_u32)((word) & 0xff))
#define PL_LEFT_DETAIL(word) ((pl_u64)(word) >> 8)
#define PL_LEFT_INTERRUPT 1 /* the host has an interrupt to take; run again afterwards */
#define PL_LEFT_DOORBELL 2  /* the libOS put requests into the ring */
#define PL_LEFT_IDLE 3	    /* nothing to run inside. detail: absolute deadline in time CSR ticks, ~0 >> 8 for none */
#define PL_LEFT_EXIT 4	    /* ended by itself. detail: 32-bit status of its own choosing */
#define PL_LEFT_FAULT 5	    /* ended by a fault it could not handle. detail: PL_FAULT_* */
#define PL_LEFT_FROZEN 6    /* it has become a template */
#define PL_LEFT_MEMORY 7    /* a request for memory could not be met now: detail: bytes. Run again to let it try again */

#define PL_FAULT_ACCESS 1  /* fetch, load or store outside its memory (scause 1, 5, 7) */
#define PL_FAULT_CAUSE 2   /* an exception that is not delegated */
#define PL_FAULT_PANIC 3   /* the libOS gave up; its message is in the ocall window */
#define PL_FAULT_MEMORY 4  /* no memory for a copy-on-write */
#define PL_FAULT_HOST 5	   /* the host broke the ocall protocol */

/*
 * fork(template id, struct pl_fork *): makes an enclave from a template, and enters its context 0 on this hart.
 * Value as of run; the new id is written to pl_fork.id before the enclave is entered.
 */
#define PL_HOST_FORK 7

struct pl_window {
	pl_u64 base;
	pl_u64 size; /* 0: none */
};

struct pl_fork {
	struct pl_window window[PL_WINDOWS];
	pl_u64 memory_limit; /* 0 or at most the template's: its own */
	pl_u64 id;	     /* out */
};

/*
 * destroy(id): ends the enclave, scrubs and frees its memory. PL_ERR_AGAIN while work is left (also while a context still
 * runs on another hart, which is told to leave). A template with forks alive: becomes hidden (no further fork), PL_OK;
 * its memory is freed with the last fork.
 */
#define PL_HOST_DESTROY 8

/* inspect(id, struct pl_enclave_info *) */
#define PL_HOST_INSPECT 9

struct pl_enclave_info {
	pl_u64 id;
	pl_u64 template_id;   /* of a fork; else 0 */
	pl_u64 private_bytes; /* pool memory that belongs to this enclave alone, all slack included */
	pl_u64 shared_bytes;  /* the template's, for a fork */
	pl_u64 memory_limit;
	pl_u32 state;	      /* PL_STATE_* */
	pl_u32 flags;	      /* PL_CREATE_* */
	pl_u32 contexts;
	pl_u32 forks;	      /* alive, of a template */
	pl_u8 measurement[PL_MEASUREMENT_SIZE];
};
#define PL_STATE_CREATED 1
#define PL_STATE_SEALED 2
#define PL_STATE_TEMPLATE 3
#define PL_STATE_EXITED 4
#define PL_STATE_DYING 5

/*
 * ---- Calls of an enclave (its S-mode) ----
 *
 * Besides these: SBI Base (spec version, probing) and Time (set_timer), which works with and without Sstc. A deadline that never
 * comes is PL_NO_DEADLINE there; written to stimecmp itself, all ones fire at once on QEMU 7.2.
 * General and floating-point registers, supervisor CSRs and the timer are kept while the context is outside, whatever sstatus.FS
 * says. cycle, time and instret are readable in U-mode. VS-mode ends the enclave.
 */

/* exit(status): ends the enclave with PL_LEFT_EXIT. Does not return. */
#define PL_ENCLAVE_EXIT 0x100
/* fault(PL_FAULT_PANIC or PL_FAULT_MEMORY or PL_FAULT_HOST): ends it with PL_LEFT_FAULT. Does not return. */
#define PL_ENCLAVE_FAULT 0x101
/* leave(PL_LEFT_DOORBELL or PL_LEFT_IDLE, deadline): gives the hart back; returns when the host runs it again. */
#define PL_ENCLAVE_LEAVE 0x102
/*
 * grow(bytes): extends the base region upwards by a multiple of 4 KiB of zeroed memory, within its reservation
 * -> the region's new size. Not in a fork (its base region is the template).
 */
#define PL_ENCLAVE_GROW 0x103
/*
 * extent_get(size) -> base of a zeroed, naturally aligned power of two (>= 4 KiB) of private memory.
 * extent_put(base): gives a whole extent back.
 */
#define PL_ENCLAVE_EXTENT_GET 0x104
#define PL_ENCLAVE_EXTENT_PUT 0x105
/*
 * freeze(entry, cookie, fork_size): the enclave becomes a template: its base region becomes read and execute for its forks, the rest
 * of the reservation is given back. Needs PL_CREATE_FREEZABLE, one context, no extents. Does not return. A fork starts at
 * physical address `entry` as described at struct pl_boot, with a2 = cookie, and with `fork_size` bytes (whole pages, at most
 * PL_MAX_FORK_SIZE) of zeroed memory in one run.
 */
#define PL_ENCLAVE_FREEZE 0x106
#define PL_MAX_FORK_SIZE (256u << 10)
/* context_start(context, entry, opaque): starts another context at physical `entry`, a0 = boot block, a1 = context, a2 = opaque. */
#define PL_ENCLAVE_CONTEXT_START 0x107
/* context_kick(context mask): supervisor software interrupt in each. */
#define PL_ENCLAVE_CONTEXT_KICK 0x108
/* remote_fence(context mask): returns once each has executed sfence.vma (at once for those not on a hart). */
#define PL_ENCLAVE_REMOTE_FENCE 0x109

/*
 * How a context starts: S-mode, satp 0, interrupts off, floating point off, pc = base region + 0 (cold) or the freeze's
 * entry (fork), a0 = physical address of struct pl_boot, a1 = context, a2 = cookie or opaque, every other register 0.
 *
 * The boot block is the first page of the memory a fork begins with, or the page behind the last added page (cold; the base region
 * then covers it). Everything in it is written by the monitor and true; what the host chose is marked (host).
 */
struct pl_boot {
	pl_u64 version;	     /* PL_SBI_VERSION */
	pl_u64 id;	     /* this enclave's id */
	pl_u64 flags;	     /* PL_CREATE_*, PL_BOOT_* */
	pl_u64 base;	     /* base region: the template's in a fork */
	pl_u64 base_size;    /* reachable now */
	pl_u64 base_reserve; /* reachable after grow */
	pl_u64 added_pages;  /* measured pages at the base region's start */
	pl_u64 extent;	     /* fork: the memory it begins with, whole pages; cold: 0 */
	pl_u64 extent_size;
	pl_u64 memory_limit;
	pl_u64 contexts;
	pl_u64 ram_end;	     /* first address behind the machine's RAM */
	pl_u64 timebase;     /* ticks of the time CSR a second */
	pl_u64 isa;	     /* PL_ISA_* */
	pl_u64 frozen_at;    /* fork: time CSR at the template's freeze */
	struct pl_window window[PL_WINDOWS]; /* (host) */
	pl_u8 entropy[PL_ENTROPY_SIZE];	     /* fresh for each enclave */
	pl_u8 measurement[PL_MEASUREMENT_SIZE];
};
#define PL_BOOT_FORKED 0x100u
#define PL_ISA_SSTC 1u
#define PL_ISA_ZBB 2u
#define PL_ISA_VECTOR 4u
#define PL_ISA_ZICBOZ 8u

#endif
