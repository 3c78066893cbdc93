// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * attack.ko: a hostile kernel. From every hart it loads from, stores to and fetches from every page of the pool and of
 * the firmware, calls the monitor with random and with forbidden arguments from all harts at once, and has them race
 * into one context; then it probes once more.
 *
 * Loading it always fails: with ECANCELED if it did not get through, with EIO if it did (the kernel's log says how),
 * with EINVAL if it could not try. A probe that must succeed shows before that its probes can.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>
#include <asm/csr.h>
#include <asm/sbi.h>

#include <penglai/sbi.h>

#undef pr_fmt
#define pr_fmt(fmt) "attack: " fmt

static ulong calls = 100000;
module_param(calls, ulong, 0);
static ulong seed = 1;
module_param(seed, ulong, 0);
static ulong victim; /* the monitor's id of an enclave that is sealed */
module_param(victim, ulong, 0);
static ulong template; /* and of a template */
module_param(template, ulong, 0);
static ulong stride = 1; /* probe every n-th page */
module_param(stride, ulong, 0);

static bool hole; /* only to show that it notices: takes a page that is open for one of the pool */
module_param(hole, bool, 0);

static u64 pool_base, pool_size;
static unsigned int breaches;

enum probe { PROBE_LOAD, PROBE_STORE, PROBE_FETCH };
static const char *const probe_name[] = { "load", "store", "fetch" };

/*
 * One access with a trap vector of our own, so that a fetch, which leaves no address to fix up, can be survived too.
 * Returns scause of the trap, or -1 if the access went through. Interrupts are off.
 */
static noinline long probe(enum probe kind, void *address)
{
	long cause;

	asm volatile("	la	t0, 9f\n"
		     "	csrrw	t1, stvec, t0\n"
		     "	li	%0, -1\n"
		     "	li	t2, 1\n"
		     "	beq	%1, t2, 1f\n"
		     "	li	t2, 2\n"
		     "	beq	%1, t2, 2f\n"
		     "	lbu	t2, 0(%2)\n"
		     "	j	8f\n"
		     "1:	sb	zero, 0(%2)\n"
		     "	j	8f\n"
		     "2:	jalr	ra, 0(%2)\n"
		     "	j	8f\n"
		     "	.balign 4\n"
		     "9:	csrr	%0, scause\n"
		     "	la	t2, 8f\n"
		     "	csrw	sepc, t2\n"
		     "	sret\n"
		     "8:	csrw	stvec, t1\n"
		     : "=&r"(cause)
		     : "r"(kind), "r"(address)
		     : "t0", "t1", "t2", "ra", "memory");
	return cause;
}

struct stretch {
	u64 base, size;
	const char *name;
	char *mapped;
	u64 mapped_base;
	u64 mapped_size;
	u64 tried;
};

/*
 * Physical memory as the probes want it: readable, writable, executable, accessed and dirty, so that nothing but the
 * access itself can trap. Later kernels never map it as code, so that bit is set in the page tables by hand.
 */
static char *map_for_probes(u64 base, u64 size)
{
	char *mapped = (char __force *)ioremap_prot(base, size, pgprot_val(PAGE_KERNEL));
	u64 satp = csr_read(CSR_SATP), offset;

	for (offset = 0; mapped && offset < size; offset += PAGE_SIZE) {
		u64 physical = (satp & SATP_PPN) << PAGE_SHIFT, *entry;
		int level = (satp >> 60) - 6; /* the mode of Sv39 is 8, and its root is level 2 */

		do {
			entry = (u64 *)phys_to_virt(physical) + ((u64)(mapped + offset) >> (PAGE_SHIFT + 9 * level) & 511);
			physical = (*entry & _PAGE_PFN_MASK) >> _PAGE_PFN_SHIFT << PAGE_SHIFT;
		} while (*entry & _PAGE_PRESENT && !(*entry & _PAGE_LEAF) && level-- > 0);
		if (!(*entry & _PAGE_PRESENT) || !(*entry & _PAGE_LEAF)) {
			iounmap((void __iomem __force *)mapped);
			return NULL;
		}
		*entry |= _PAGE_EXEC;
	}
	return mapped;
}

/* Runs on a hart of its choice, with interrupts off. */
static void probe_range(void *argument)
{
	struct stretch *range = argument;
	u64 offset;

	asm volatile("sfence.vma" ::: "memory");
	for (offset = 0; offset < range->mapped_size; offset += stride * PAGE_SIZE) {
		enum probe kind;

		for (kind = PROBE_LOAD; kind <= PROBE_FETCH; kind++) {
			/* Not always the same byte; a fetch needs an even one. */
			u64 within = (offset >> PAGE_SHIFT) * 72 % (PAGE_SIZE - 8) & ~7ull;
			long cause = probe(kind, range->mapped + offset + within);

			range->tried++;
			if (cause == EXC_INST_ACCESS || cause == EXC_LOAD_ACCESS || cause == EXC_STORE_ACCESS)
				continue;
			if (breaches++ < 20)
				pr_err("hart %d: %s of %#llx in %s: %s %ld\n", smp_processor_id(), probe_name[kind],
				       range->mapped_base + offset + within, range->name,
				       cause == -1 ? "went through," : "another trap,", cause);
		}
	}
}

/* Every page of it from every hart, mapped a few megabytes at a time. */
static int probe_everywhere(u64 base, u64 size, const char *name)
{
	const u64 step = 8 << 20;
	struct stretch range = { .base = base, .size = size, .name = name };
	u64 offset;
	int cpu;

	for (offset = 0; offset < size; offset += step) {
		range.mapped_base = base + offset;
		range.mapped_size = min(step, size - offset);
		range.mapped = map_for_probes(range.mapped_base, range.mapped_size);
		if (!range.mapped) {
			pr_err("cannot map %s\n", name);
			return -EINVAL;
		}
		for_each_online_cpu(cpu) {
			smp_call_function_single(cpu, probe_range, &range, 1);
			cond_resched();
		}
		iounmap((void __iomem __force *)range.mapped);
	}
	pr_info("%llu accesses to %s, %llu MiB at %#llx\n", range.tried, name, size >> 20, base);
	return 0;
}

/* The probes find a page that is there. */
static int check_probes(void)
{
	u32 *page = __vmalloc(PAGE_SIZE, GFP_KERNEL);
	char *mapped;
	long cause[3];
	int kind;

	if (!page)
		return -ENOMEM;
	mapped = map_for_probes(page_to_phys(vmalloc_to_page(page)), PAGE_SIZE);
	if (!mapped) {
		vfree(page);
		return -ENOMEM;
	}
	page[0] = 0x00008067; /* ret */
	page[2] = 0;
	for (kind = 0; kind < 3; kind++) {
		local_irq_disable();
		asm volatile("sfence.vma; fence.i" ::: "memory");
		cause[kind] = probe(kind, kind == PROBE_FETCH ? mapped : mapped + 8);
		local_irq_enable();
	}
	iounmap((void __iomem __force *)mapped);
	vfree(page);
	if (cause[0] != -1 || cause[1] != -1 || cause[2] != -1) {
		pr_err("the probes do not work: %ld %ld %ld\n", cause[0], cause[1], cause[2]);
		return -EINVAL;
	}
	return 0;
}

/* What the device tree keeps Linux out of without it being the pool is the firmware. */
static int probe_reserved(void)
{
	struct device_node *reserved = of_find_node_by_path("/reserved-memory"), *child;
	int error = 0;

	for_each_available_child_of_node(reserved, child) {
		struct resource where;

		if (!of_property_read_bool(child, "no-map") || of_address_to_resource(child, 0, &where))
			continue;
		if (where.start == pool_base)
			continue;
		error = probe_everywhere(where.start, resource_size(&where), "firmware");
		if (error)
			break;
	}
	of_node_put(reserved);
	return error;
}

/* ---- Calls ---- */

/* One on each hart, all at once. */
struct attacker {
	struct rnd_state random;
	void *own; /* two pages that we may be answered into */
	u64 target; /* an enclave of ours that is not sealed yet, so that a bad pointer is the only thing wrong */
	struct task_struct *task;
	ulong done;
};
static struct attacker attackers[NR_CPUS];

static u64 rnd(struct attacker *us)
{
	return (u64)prandom_u32_state(&us->random) << 32 | prandom_u32_state(&us->random);
}

/* Not host RAM, or not a proper place in it: every call that is given one has to refuse. */
static u64 forbidden_pointer(struct attacker *us)
{
	u64 mine = virt_to_phys(us->own);

	switch (rnd(us) % 10) {
	case 0:
		return pool_base + rnd(us) % (pool_size / PAGE_SIZE) * PAGE_SIZE;
	case 1:
		return pool_base - 8; /* across its edge */
	case 2:
		return 0x80000000 + rnd(us) % 0x40000 / 8 * 8; /* firmware */
	case 3:
		return 0x10000000; /* console */
	case 4:
		return 0x02000000 + rnd(us) % 0x10000 / 8 * 8; /* timer and software interrupts */
	case 5:
		return 0x0c000000 + rnd(us) % 0x200000 / 8 * 8; /* interrupt controller */
	case 6:
		return mine + PAGE_SIZE - 8; /* crosses a page */
	case 7:
		return mine + 1 + rnd(us) % 7; /* not aligned */
	case 8:
		return ~0ull - rnd(us) % 4096;
	default:
		return (1ull << (40 + rnd(us) % 23)) + rnd(us) % 4096 * 8;
	}
}

static u64 forbidden_page(struct attacker *us)
{
	switch (rnd(us) % 6) {
	case 0:
	case 1:
		return pool_base + rnd(us) % (pool_size / PAGE_SIZE) * PAGE_SIZE;
	case 2:
		return 0x80000000 + rnd(us) % 0x40 * PAGE_SIZE;
	case 3:
		return 0x10000000 + rnd(us) % 8 * PAGE_SIZE;
	case 4:
		return 0x02000000 + rnd(us) % 16 * PAGE_SIZE;
	default:
		return (1ull << (40 + rnd(us) % 23)) + rnd(us) % 4096 * PAGE_SIZE;
	}
}

static u64 some_id(struct attacker *us)
{
	switch (rnd(us) % 7) {
	case 0:
		return 0;
	case 1:
		return victim ^ 1ull << rnd(us) % 64;
	case 2:
		return rnd(us);
	case 3:
		return victim + (1ull << 32);
	case 4:
		return rnd(us) % 64;
	case 5:
		return template;
	default:
		return victim;
	}
}

static bool lives(u64 id)
{
	int cpu;

	for (cpu = 0; cpu < NR_CPUS; cpu++)
		if (attackers[cpu].target == id)
			return true;
	return id == victim || id == template;
}

static struct sbiret monitor(ulong function, ulong a, ulong b, ulong c, ulong d)
{
	return sbi_ecall(PL_SBI_EXTENSION, function, a, b, c, d, 0, 0);
}

static void must_refuse(const char *what, struct sbiret answer)
{
	if (answer.error < 0)
		return;
	if (breaches++ < 20)
		pr_err("%s was not refused: %ld, %#lx\n", what, answer.error, answer.value);
}

static void one_call(struct attacker *us)
{
	struct pl_create *create = us->own;
	struct pl_fork *fork = us->own;
	u64 id = some_id(us);
	struct sbiret answer;

	memset(us->own, 0, PAGE_SIZE);
	switch (rnd(us) % 16) {
	case 0:
		must_refuse("create from a forbidden place", monitor(PL_HOST_CREATE, forbidden_pointer(us), rnd(us), rnd(us), rnd(us)));
		break;
	case 1:
		must_refuse("a page from a forbidden place", monitor(PL_HOST_ADD_PAGE, us->target, forbidden_page(us), 0, 0));
		break;
	case 2:
		must_refuse("a measurement to a forbidden place", monitor(PL_HOST_SEAL, us->target, forbidden_pointer(us), 0, 0));
		break;
	case 3:
		must_refuse("a window in a forbidden place",
			    monitor(PL_HOST_SET_WINDOW, rnd(us) % 2 ? us->target : victim, rnd(us) % 4, forbidden_page(us), 4096ull << rnd(us) % 10));
		break;
	case 4:
		must_refuse("a window that wraps", monitor(PL_HOST_SET_WINDOW, us->target, rnd(us) % 3, ~0ull << 21, 4ull << 20));
		break;
	case 5:
		must_refuse("a fork from a forbidden place", monitor(PL_HOST_FORK, template, forbidden_pointer(us), 0, 0));
		break;
	case 6:
		fork->window[rnd(us) % 3] = (struct pl_window){ forbidden_page(us), 4096 };
		must_refuse("a fork with a window in a forbidden place", monitor(PL_HOST_FORK, template, virt_to_phys(us->own), 0, 0));
		break;
	case 7:
		must_refuse("inspect into a forbidden place", monitor(PL_HOST_INSPECT, victim, forbidden_pointer(us), 0, 0));
		break;
	case 8:
		must_refuse("an enclave's call", monitor(0x100 + rnd(us) % 16, rnd(us), rnd(us), rnd(us), rnd(us)));
		break;
	case 9:
		must_refuse("an unknown call", monitor(10 + rnd(us) % 0xf0, rnd(us), rnd(us), rnd(us), rnd(us)));
		break;
	case 10:
		must_refuse("an unknown call", monitor(rnd(us) | 1ull << 40, id, rnd(us), rnd(us), rnd(us)));
		break;
	case 11:
		must_refuse("an unknown query", monitor(PL_HOST_QUERY, 64 + rnd(us) % (1ull << 60), rnd(us), rnd(us), rnd(us)));
		break;
	case 12: /* a run of what is not to be run: another context, an id from nowhere */
		must_refuse("a run of a context that was not started", monitor(PL_HOST_RUN, victim, 1 + rnd(us) % (1ull << 33), rnd(us) % 2, 0));
		break;
	case 13:
		id = rnd(us) | 1ull << 63;
		if (!lives(id))
			must_refuse("destroy of an invented id", monitor(PL_HOST_DESTROY, id, rnd(us), rnd(us), rnd(us)));
		break;
	case 14: /* enclaves of our own, in and out of the states */
		create->reserve = rnd(us) % 2 ? 1 << 20 : rnd(us);
		create->contexts = rnd(us) % 10;
		create->flags = rnd(us) % 8;
		create->memory_limit = rnd(us) % 2 ? 0 : rnd(us);
		answer = monitor(PL_HOST_CREATE, virt_to_phys(us->own), 0, 0, 0);
		if (answer.error < 0)
			break;
		id = answer.value;
		if (rnd(us) % 2)
			monitor(PL_HOST_ADD_PAGE, id, virt_to_phys(us->own), 0, 0);
		if (rnd(us) % 2)
			monitor(PL_HOST_SEAL, id, virt_to_phys(us->own), 0, 0);
		if (rnd(us) % 2)
			monitor(PL_HOST_RUN, id, rnd(us) % 3, rnd(us) % 4, 0);
		memset(us->own, 0, PAGE_SIZE);
		must_refuse("a fork of no template", monitor(PL_HOST_FORK, id, virt_to_phys(us->own), 0, 0));
		while (monitor(PL_HOST_DESTROY, id, 0, 0, 0).error == PL_ERR_AGAIN)
			;
		must_refuse("a run of the dead", monitor(PL_HOST_RUN, id, 0, 0, 0));
		must_refuse("a page for the dead", monitor(PL_HOST_ADD_PAGE, id, virt_to_phys(us->own), 0, 0));
		must_refuse("destroy of the dead", monitor(PL_HOST_DESTROY, id, 0, 0, 0));
		break;
	default:
		monitor(PL_HOST_INSPECT, victim, virt_to_phys(us->own), 0, 0);
		break;
	}
}

static int attacker_start(struct attacker *us, int cpu)
{
	struct sbiret answer;

	prandom_seed_state(&us->random, seed + cpu);
	us->own = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
	if (!us->own)
		return -ENOMEM;
	*(struct pl_create *)us->own = (struct pl_create){ .reserve = 1 << 20, .contexts = 1 };
	answer = monitor(PL_HOST_CREATE, virt_to_phys(us->own), 0, 0, 0);
	if (answer.error)
		return -EINVAL;
	us->target = answer.value;
	return 0;
}

static void attacker_stop(struct attacker *us)
{
	if (us->target)
		while (monitor(PL_HOST_DESTROY, us->target, 0, 0, 0).error == PL_ERR_AGAIN)
			cond_resched();
	if (us->own)
		free_pages((ulong)us->own, 1);
}

static int many_calls(void *argument)
{
	struct attacker *us = argument;

	for (us->done = 0; us->done < calls; us->done++) {
		one_call(us);
		cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/*
 * An enclave of one context that counts itself in and out: two harts inside at once would see each other, and then it
 * ends.
 */
extern const char race_page[];
asm("	.pushsection .rodata\n"
    "	.option push\n"
    "	.option norvc\n"
    "	.option norelax\n"
    "	.balign 4096\n"
    "race_page:\n"
    "	lla	s1, 4f\n"
    "1:	li	t0, 1\n"
    "	amoadd.w t1, t0, (s1)\n"
    "	bnez	t1, 3f\n"
    "	li	t2, 300\n"
    "2:	addi	t2, t2, -1\n"
    "	bnez	t2, 2b\n"
    "	li	t0, -1\n"
    "	amoadd.w zero, t0, (s1)\n"
    "	li	a7, 0x08504C47\n"
    "	li	a6, 0x102\n" /* leave: doorbell */
    "	li	a0, 2\n"
    "	li	a1, 0\n"
    "	ecall\n"
    "	j	1b\n"
    "3:	li	a7, 0x08504C47\n"
    "	li	a6, 0x100\n" /* exit */
    "	li	a0, 99\n"
    "	ecall\n"
    "4:	.word	0\n"
    "	.balign 4096\n"
    "	.option pop\n"
    "	.popsection");
static u64 racer;
static atomic_t entered, refused;

static int race(void *argument)
{
	struct attacker *us = argument;

	for (us->done = 0; us->done < calls / 10; us->done++) {
		struct sbiret answer = monitor(PL_HOST_RUN, racer, 0, us->done % 2, 0);

		cond_resched();
		if (answer.error == PL_ERR_BUSY)
			atomic_inc(&refused);
		else if (!answer.error && (PL_LEFT_REASON(answer.value) == PL_LEFT_DOORBELL ||
					   PL_LEFT_REASON(answer.value) == PL_LEFT_INTERRUPT))
			atomic_inc(&entered);
		else if (breaches++ < 20)
			pr_err("the race ended with %ld, %#lx\n", answer.error, answer.value);
	}
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int on_every_hart(int (*body)(void *))
{
	int cpu, error = 0;

	for_each_online_cpu(cpu) {
		struct task_struct *task = kthread_create(body, &attackers[cpu], "attack/%d", cpu);

		if (IS_ERR(task)) {
			error = PTR_ERR(task);
			continue;
		}
		kthread_bind(task, cpu);
		attackers[cpu].task = task;
		attackers[cpu].done = 0;
		wake_up_process(task);
	}
	for_each_online_cpu(cpu)
		if (attackers[cpu].task) {
			ulong wanted = body == race ? calls / 10 : calls;

			while (READ_ONCE(attackers[cpu].done) < wanted)
				msleep(10);
			kthread_stop(attackers[cpu].task);
			attackers[cpu].task = NULL;
		}
	return error;
}

static int run_race(void)
{
	void *own = attackers[raw_smp_processor_id()].own;
	struct sbiret answer;
	int error = -EINVAL;

	*(struct pl_create *)own = (struct pl_create){ .reserve = 1 << 20, .contexts = 1 };
	answer = monitor(PL_HOST_CREATE, virt_to_phys(own), 0, 0, 0);
	if (answer.error)
		return error;
	racer = answer.value;
	memcpy(own, race_page, PAGE_SIZE);
	if (!monitor(PL_HOST_ADD_PAGE, racer, virt_to_phys(own), 0, 0).error &&
	    !monitor(PL_HOST_SEAL, racer, virt_to_phys(own), 0, 0).error)
		error = on_every_hart(race);
	while (monitor(PL_HOST_DESTROY, racer, 0, 0, 0).error == PL_ERR_AGAIN)
		cond_resched();
	pr_info("a race of all harts into one context: %d entries, %d refused\n", atomic_read(&entered), atomic_read(&refused));
	return error;
}

static int run_calls(void)
{
	u64 free_bytes = monitor(PL_HOST_QUERY, PL_QUERY_POOL_FREE, 0, 0, 0).value;
	int cpu, error = 0;

	for_each_online_cpu(cpu)
		error = error ?: attacker_start(&attackers[cpu], cpu);
	error = error ?: on_every_hart(many_calls);
	error = error ?: run_race();
	for_each_online_cpu(cpu)
		attacker_stop(&attackers[cpu]);
	pr_info("%lu calls from every hart\n", calls);
	if (!error && monitor(PL_HOST_QUERY, PL_QUERY_POOL_FREE, 0, 0, 0).value != free_bytes) {
		pr_err("the calls lost memory of the pool\n");
		breaches++;
	}
	return error;
}

/* What a hole would look like: an ordinary page, taken for one of the pool. */
static int probe_open_page(void)
{
	ulong page = get_zeroed_page(GFP_KERNEL);
	int error = page ? probe_everywhere(virt_to_phys((void *)page), PAGE_SIZE, "a page that is open") : -ENOMEM;

	free_page(page);
	return error;
}

static int __init attack_init(void)
{
	struct sbiret answer = monitor(PL_HOST_QUERY, PL_QUERY_POOL_BASE, 0, 0, 0);
	int error;

	if (answer.error || !stride)
		return -EINVAL;
	pool_base = answer.value;
	pool_size = monitor(PL_HOST_QUERY, PL_QUERY_POOL_SIZE, 0, 0, 0).value;
	error = check_probes();
	if (!error && hole) {
		error = probe_open_page();
	} else if (!error) {
		error = probe_everywhere(pool_base, pool_size, "the pool");
		error = error ?: probe_reserved();
		error = error ?: run_calls();
		/* Nothing has come open meanwhile. */
		stride *= 7;
		error = error ?: probe_everywhere(pool_base, pool_size, "the pool");
	}
	if (error)
		return error;
	return breaches ? -EIO : -ECANCELED;
}

module_init(attack_init);
MODULE_DESCRIPTION("A hostile kernel, to test the Penglai monitor");
MODULE_LICENSE("Dual BSD/GPL");
