// SPDX-License-Identifier: BSD-2-Clause
#include "platform.h"

#include <libfdt.h>
#include <sbi/sbi_hart.h>
#include <sbi/sbi_scratch.h>
#include <sbi/sbi_string.h>
#include <sbi_utils/fdt/fdt_helper.h>

static u64 read_cells(const fdt32_t *cell, int count)
{
	u64 value = 0;

	while (count-- > 0)
		value = value << 32 | fdt32_to_cpu(*cell++);
	return value;
}

static void read_memory(const void *fdt, struct pl_machine *machine)
{
	int address_cells = fdt_address_cells(fdt, 0), size_cells = fdt_size_cells(fdt, 0), node;

	fdt_for_each_subnode(node, fdt, 0) {
		int length;
		const char *type = fdt_getprop(fdt, node, "device_type", NULL);
		const fdt32_t *reg = fdt_getprop(fdt, node, "reg", &length);

		if (!type || sbi_strcmp(type, "memory") || !reg || !fdt_node_is_enabled(fdt, node))
			continue;
		for (int entry = (address_cells + size_cells) * 4; length >= entry; length -= entry) {
			if (machine->ram_banks == PL_MACHINE_BANKS)
				return;
			machine->ram[machine->ram_banks].base = read_cells(reg, address_cells);
			machine->ram[machine->ram_banks].size = read_cells(reg + address_cells, size_cells);
			machine->ram_banks++;
			reg += address_cells + size_cells;
		}
	}
}

/* penglai.pool=512M: a number with K, M or G. 1 for what cannot be read, which is then refused as a size. */
static u64 parse_size(const char *text)
{
	u64 value = 0;

	if (*text < '0' || *text > '9')
		return 1;
	while (*text >= '0' && *text <= '9' && value < 1UL << 40)
		value = value * 10 + (*text++ - '0');
	switch (*text) {
	case 'G': case 'g':
		value <<= 10; /* fallthrough */
	case 'M': case 'm':
		value <<= 10; /* fallthrough */
	case 'K': case 'k':
		value <<= 10;
		text++;
	}
	return *text == '\0' || *text == ' ' ? value : 1;
}

static void read_chosen(const void *fdt, struct pl_machine *machine)
{
	static const char option[] = "penglai.pool=";
	const int option_length = sizeof(option) - 1;
	int node = fdt_path_offset(fdt, "/chosen"), length;
	const char *arguments;
	const void *property;
	u64 start = 0, end = 0;

	if (node < 0)
		return;
	arguments = fdt_getprop(fdt, node, "bootargs", &length);
	for (const char *at = arguments; arguments && at + option_length < arguments + length; at++)
		if ((at == arguments || at[-1] == ' ') && !sbi_strncmp(at, option, option_length))
			machine->pool_request = parse_size(at + option_length);

	property = fdt_getprop(fdt, node, "linux,initrd-start", &length);
	if (property)
		start = read_cells(property, length / 4);
	property = fdt_getprop(fdt, node, "linux,initrd-end", &length);
	if (property)
		end = read_cells(property, length / 4);
	if (start < end) {
		machine->initrd.base = start;
		machine->initrd.size = end - start;
	}

	property = fdt_getprop(fdt, node, "rng-seed", &length);
	if (property && length > 0) {
		machine->seed_size = length < PL_SEED_SIZE ? length : PL_SEED_SIZE;
		sbi_memcpy(machine->seed, property, machine->seed_size);
	}
}

static bool isa_names(const char *isa, int length, const char *extension)
{
	int size = sbi_strlen(extension);

	for (int i = 0; i + size < length; i++)
		if (isa[i] == '_' && !sbi_strncmp(isa + i + 1, extension, size) &&
		    (isa[i + 1 + size] == '_' || isa[i + 1 + size] == '\0'))
			return true;
	return false;
}

static void read_harts(const void *fdt, struct pl_machine *machine)
{
	int cpus = fdt_path_offset(fdt, "/cpus"), node, length;
	unsigned long timebase;
	u32 hart_id;

	if (cpus < 0)
		return;
	if (!fdt_parse_timebase_frequency(fdt, &timebase))
		machine->timebase = timebase;
	machine->zbb = 1;
	fdt_for_each_subnode(node, fdt, cpus) {
		const char *isa;

		if (fdt_parse_hart_id(fdt, node, &hart_id) || !fdt_node_is_enabled(fdt, node))
			continue;
		isa = fdt_getprop(fdt, node, "riscv,isa", &length);
		if (!isa || !isa_names(isa, length, "zbb"))
			machine->zbb = 0;
	}
}

void pl_read_device_tree(const void *fdt, struct pl_machine *machine)
{
	struct sbi_scratch *scratch = sbi_scratch_thishart_ptr();
	/* The header of a RISC-V Linux image (Documentation/riscv/boot-image-header.rst): size at 16, "RSC\5" at 56. */
	const u64 *image = (const u64 *)scratch->next_addr;
	const u64 least_kernel = 64UL << 20;

	read_memory(fdt, machine);
	read_chosen(fdt, machine);
	read_harts(fdt, machine);
	machine->firmware.base = scratch->fw_start;
	machine->firmware.size = scratch->fw_size;
	machine->fdt.base = (unsigned long)fdt;
	/* The tree grows by the fix-ups. */
	machine->fdt.size = fdt_totalsize(fdt) + 16384;
	machine->kernel.base = scratch->next_addr;
	machine->kernel.size = least_kernel;
	if ((u32)image[7] == 0x05435352 && image[2] > least_kernel)
		machine->kernel.size = image[2];
}

void pl_replace_seed(void *fdt, struct pl_machine *machine, int with_monitor)
{
	int node = fdt_path_offset(fdt, "/chosen"), length;
	unsigned char *seed;

	if (with_monitor && node >= 0) {
		seed = fdt_getprop_w(fdt, node, "rng-seed", &length);
		if (seed && length > 0)
			pl_host_seed(seed, length);
	}
	sbi_memset(machine->seed, 0, sizeof(machine->seed));
}
