// SPDX-License-Identifier: BSD-2-Clause
/*
 * The monitor's place in OpenSBI: a platform override of the generic platform, which is compiled here as released. Boot order:
 * early_init places the pool while the root domain is still open; final_init starts the monitor and registers its SBI extension
 * ahead of all others; each hart announces itself whenever it starts.
 */
#include "platform.h"

#include <sbi/riscv_asm.h>
#include <sbi/sbi_console.h>
#include <sbi/sbi_domain.h>
#include <sbi/sbi_ecall.h>
#include <sbi/sbi_hart.h>
#include <sbi/sbi_ipi.h>
#include <sbi/sbi_scratch.h>
#include <sbi/sbi_timer.h>

/* The released file by its path in the source tree. */
#include <platform/generic/platform.c>

static struct pl_machine machine;
static const char *missing;
static u32 request_event;
pl_word pl_hart_scratch_offset;

void pl_firmware_arm_timer(pl_word deadline)
{
	const struct sbi_timer_device *device = sbi_timer_get_device();

	if (device && device->timer_event_start)
		device->timer_event_start(deadline);
}

static void answer(struct sbi_scratch *scratch)
{
	pl_answer_request();
}

static const struct sbi_ipi_event_ops request_ops = {
	.name = "PENGLAI",
	.process = answer,
};

void pl_firmware_interrupt_hart(pl_half hart_id)
{
	sbi_ipi_send_many(1, hart_id, request_event, NULL);
}

/* The monitor writes a0, a1 and mepc itself: its errors lie outside of SBI's own range, which the caller would complain about. */
int pl_serve_host(unsigned long extid, unsigned long funcid, struct sbi_trap_regs *regs, struct sbi_ecall_return *out);
_Static_assert(offsetof(struct sbi_trap_regs, a0) == 8 * PL_REGISTER_A0 && offsetof(struct sbi_trap_regs, mepc) == 8 * PL_REGISTER_MEPC &&
	       offsetof(struct sbi_ecall_return, skip_regs_update) == 0, "boot/start.cpp knows these");

static struct sbi_ecall_extension penglai_extension = {
	.name = "penglai",
	.extid_start = PL_FIRMWARE_EXTENSION,
	.extid_end = PL_FIRMWARE_EXTENSION,
	.experimental = true,
	.handle = pl_serve_host,
};

static int serve_time(unsigned long extid, unsigned long funcid, struct sbi_trap_regs *regs, struct sbi_ecall_return *out)
{
	if (funcid != SBI_EXT_TIME_SET_TIMER)
		return SBI_ENOTSUPP;
	if (missing)
		sbi_timer_event_start(regs->a0);
	else
		pl_host_set_timer(regs->a0);
	return 0;
}

static struct sbi_ecall_extension time_extension = {
	.name = "time",
	.extid_start = SBI_EXT_TIME,
	.extid_end = SBI_EXT_TIME,
	.handle = serve_time,
};

/*
 * The debug console (SBI 2.0, chapter 12), served here because OpenSBI 1.6's own check of a buffer misses a region that begins
 * behind the buffer's start: its region for all of memory has order 64, and 1 << 64 is not larger than anything.
 */
static int serve_console(unsigned long extid, unsigned long funcid, struct sbi_trap_regs *regs, struct sbi_ecall_return *out)
{
	const u64 most = 1 << 20; /* bounded, as every call */
	u64 count = regs->a0 < most ? regs->a0 : most, address = regs->a1;

	switch (funcid) {
	case SBI_EXT_DBCN_CONSOLE_WRITE:
	case SBI_EXT_DBCN_CONSOLE_READ:
		if (!count)
			return 0;
		if (regs->a2 || !pl_host_owns(address, count))
			return SBI_ERR_INVALID_PARAM;
		if (funcid == SBI_EXT_DBCN_CONSOLE_WRITE)
			out->value = sbi_nputs((const char *)address, count);
		else
			out->value = sbi_ngets((char *)address, count);
		return 0;
	case SBI_EXT_DBCN_CONSOLE_WRITE_BYTE:
		sbi_putc(regs->a0);
		return 0;
	}
	return SBI_ENOTSUPP;
}

static struct sbi_ecall_extension console_extension = {
	.name = "dbcn",
	.extid_start = SBI_EXT_DBCN,
	.extid_end = SBI_EXT_DBCN,
	.handle = serve_console,
};

/* State that S-mode can reach and that the monitor does not swap: a hart that has it is not used. */
static bool has_foreign_state(struct sbi_scratch *scratch)
{
	static const enum sbi_hart_extensions foreign[] = {
		SBI_HART_EXT_SMAIA,  SBI_HART_EXT_SMEPMP,   SBI_HART_EXT_SMCSRIND, SBI_HART_EXT_SMCDELEG, SBI_HART_EXT_SSCSRIND,
		SBI_HART_EXT_SSCCFG, SBI_HART_EXT_ZICFILP, SBI_HART_EXT_ZICFISS,  SBI_HART_EXT_SSDBLTRP, SBI_HART_EXT_SMNPM,
	};

	for (u32 i = 0; i < array_size(foreign); i++)
		if (sbi_hart_has_extension(scratch, foreign[i]))
			return true;
	return misa_extension('V') || misa_extension('N');
}

static struct pl_hart_features features(void)
{
	struct sbi_scratch *scratch = sbi_scratch_thishart_ptr();
	struct pl_hart_features f = {
		.index = current_hartindex(),
		.id = current_hartid(),
		.usable = !has_foreign_state(scratch) && misa_extension('S') && misa_extension('A') &&
			  sbi_hart_priv_version(scratch) >= SBI_HART_PRIV_VER_1_12 &&
			  sbi_hart_pmp_count(scratch) >= 16 && sbi_hart_pmp_log2gran(scratch) <= 12,
		.sstc = sbi_hart_has_extension(scratch, SBI_HART_EXT_SSTC),
		.hypervisor = misa_extension('H'),
		.floating = misa_extension('D'),
		.zicboz = sbi_hart_has_extension(scratch, SBI_HART_EXT_ZICBOZ),
		.state_enable = sbi_hart_has_extension(scratch, SBI_HART_EXT_SMSTATEEN),
		.seed = sbi_hart_has_extension(scratch, SBI_HART_EXT_ZKR),
	};

	return f;
}

static int penglai_early_init(bool cold_boot, const void *fdt, const struct fdt_match *match)
{
	if (!cold_boot)
		return 0;
	pl_read_device_tree(fdt, &machine);
	machine.harts = sbi_scratch_last_hartindex() + 1;
	missing = pl_place_pool(&machine);
	pl_learn_memory(&machine);
	if (missing)
		return 0;
	return sbi_domain_root_add_memrange(machine.pool.base, machine.pool.size, machine.pool.size,
					    SBI_DOMAIN_MEMREGION_M_READABLE | SBI_DOMAIN_MEMREGION_M_WRITABLE);
}

static void start_hart(void)
{
	struct sbi_scratch *scratch = sbi_scratch_thishart_ptr();
	void *hart = pl_hart_start(features());

	sbi_scratch_write_type(scratch, void *, pl_hart_scratch_offset, hart);
}

static int serve_standard(void)
{
	int rc = sbi_ecall_register_extension(&time_extension);

	return rc ? rc : sbi_ecall_register_extension(&console_extension);
}

static int penglai_final_init(bool cold_boot, void *fdt, const struct fdt_match *match)
{
	int rc;

	if (!cold_boot) {
		if (!missing)
			start_hart();
		return 0;
	}
	if (!missing)
		missing = pl_monitor_start(&machine, features());
	pl_replace_seed(fdt, &machine, !missing);
	if (missing) {
		sbi_printf("penglai: enclaves are not available: %s\n", missing);
		return serve_standard();
	}
	pl_hart_scratch_offset = sbi_scratch_alloc_type_offset(void *);
	if (!pl_hart_scratch_offset)
		return SBI_ENOMEM;
	start_hart();
	rc = sbi_ipi_event_create(&request_ops);
	if (rc < 0)
		return rc;
	request_event = rc;
	sbi_printf("penglai: pool 0x%lx-0x%lx\n", machine.pool.base, machine.pool.base + machine.pool.size - 1);
	/* Registered before OpenSBI's own, so found first: the list is searched for every call. */
	rc = sbi_ecall_register_extension(&penglai_extension);
	return rc ? rc : serve_standard();
}

/* Boards known to give each hart sixteen PMP entries and to keep DMA out of RAM that is not the host's, or to have none. */
static const struct fdt_match boards[] = {
	{ .compatible = "riscv-virtio" },
	{ },
};

static const struct platform_override penglai = {
	.match_table = boards,
	.early_init = penglai_early_init,
	.final_init = penglai_final_init,
};

const struct platform_override *const platform_override_modules[] = { &penglai, NULL };
