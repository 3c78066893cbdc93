/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shadow point, and what an instance may know of itself: for programs, in plain C, with nothing to link. Any other language reads
 * /dev/shadow and /proc/shadow instead, which is all that this does. What a fork finds is in libos/shadow/CONTRACT.md (installed as
 * share/doc/penglai/SHADOW-POINTS.md).
 *
 *     pl-run --shadow --shadow-at=call ./server      the template warms up, calls pl_shadow_point() and freezes there;
 *                                                    this run and every later one are forks that return from the call
 *
 * Both files are lines of a name, a blank and a value:
 *     frozen 1          /dev/shadow only: this very read froze the template, and this is one of its forks
 *     fork 1            or 0: a cold enclave, or a template that has not frozen yet
 *     point call        none, entry, main, call or boot
 *     program measured  or chosen: the measurement covers the root image that the program is of, and the host chose it (point boot)
 *     id 4294967300     the monitor's name for this enclave
 *     generation ...    another in each fork and in the template: who holds a secret or a cache from before must drop it when this moves
 *     measurement ...   of the template (of the enclave, if it is no fork): 96 hexadecimal digits
 * Outside of an enclave there is neither file: the calls fail with ENOENT.
 */
#ifndef PENGLAI_SHADOW_H
#define PENGLAI_SHADOW_H

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PL_SHADOW_MEASUREMENT_DIGITS 96

struct pl_shadow_info {
	int frozen; /* the read that filled this in froze the template */
	int fork;
	int program_measured; /* 0: the measurement says of which image the program is, and the host which it is */
	uint64_t id;
	uint64_t generation;
	char point[8];
	char measurement[PL_SHADOW_MEASUREMENT_DIGITS + 1];
};

/* The rest of the line that begins with `name`, up to `size` - 1 bytes; 0 when there is none. */
static inline int pl_shadow_line(const char *text, const char *name, char *value, size_t size)
{
	size_t length = strlen(name), n = 0;

	while (strncmp(text, name, length) != 0 || text[length] != ' ') {
		text = strchr(text, '\n');
		if (!text)
			return 0;
		text++;
	}
	for (text += length + 1; text[n] && text[n] != '\n' && n + 1 < size; n++)
		value[n] = text[n];
	value[n] = 0;
	return 1;
}

static inline uint64_t pl_shadow_number(const char *text, const char *name)
{
	char value[24];
	uint64_t number = 0;

	if (pl_shadow_line(text, name, value, sizeof value))
		for (const char *digit = value; *digit >= '0' && *digit <= '9'; digit++)
			number = number * 10 + (uint64_t)(*digit - '0');
	return number;
}

/* Reads the beginning of one of the two files, with a zero behind it. 0, or -1 with errno. */
static inline int pl_shadow_text(const char *path, char *text, size_t size)
{
	ssize_t n;
	int error, descriptor = open(path, O_RDONLY | O_CLOEXEC);

	if (descriptor < 0)
		return -1;
	do
		n = read(descriptor, text, size - 1);
	while (n < 0 && errno == EINTR);
	error = errno;
	close(descriptor);
	errno = error;
	if (n < 0)
		return -1;
	text[n] = 0;
	return 0;
}

/* All of it. 0, or -1 with errno. */
static inline int pl_shadow_read(const char *path, struct pl_shadow_info *info)
{
	char text[512], program[16] = "";

	if (pl_shadow_text(path, text, sizeof text) < 0)
		return -1;
	memset(info, 0, sizeof *info);
	info->frozen = (int)pl_shadow_number(text, "frozen");
	info->fork = (int)pl_shadow_number(text, "fork");
	info->id = pl_shadow_number(text, "id");
	info->generation = pl_shadow_number(text, "generation");
	pl_shadow_line(text, "program", program, sizeof program);
	info->program_measured = strcmp(program, "measured") == 0;
	pl_shadow_line(text, "point", info->point, sizeof info->point);
	pl_shadow_line(text, "measurement", info->measurement, sizeof info->measurement);
	return 0;
}

/*
 * The shadow point. In a template of --shadow-at=call, the first thread freezes everything here, and the call returns 1 in each fork. In
 * any other instance there is nothing to freeze: it returns 0 at once. -1 with errno: no enclave (ENOENT), or no descriptor left.
 * What cannot be carried into forks ends the template here, with a line for each on pl-run's standard error.
 */
static inline int pl_shadow_point(void)
{
	char line[sizeof "frozen 1"]; /* the first; a fork has better things to do than to read the others */

	return pl_shadow_text("/dev/shadow", line, sizeof line) < 0 ? -1 : (int)pl_shadow_number(line, "frozen");
}

/* What this instance is; freezes nothing. 0, or -1 with errno. */
static inline int pl_shadow_info(struct pl_shadow_info *info)
{
	return pl_shadow_read("/proc/shadow", info);
}

/*
 * The arguments of this run: after the point, main's argc and argv are still those that the template was started with. Fills `text` with
 * the strings and argv[0 .. count-1] with pointers to them, then a null; returns the count, or -1 with errno (E2BIG: `size` bytes, or
 * `most` pointers with the null, are too few).
 */
static inline int pl_shadow_arguments(char *text, size_t size, char **argv, int most)
{
	size_t used = 0;
	ssize_t n = 1;
	int count = 0, error, descriptor = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);

	if (descriptor < 0)
		return -1;
	while (n > 0 && used < size) {
		n = read(descriptor, text + used, size - used);
		if (n > 0)
			used += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	error = errno;
	close(descriptor);
	if (n < 0 || used == size) {
		errno = n < 0 ? error : E2BIG;
		return -1;
	}
	for (size_t at = 0; at < used; at += strlen(text + at) + 1) {
		if (count + 1 >= most) {
			errno = E2BIG;
			return -1;
		}
		argv[count++] = text + at;
	}
	if (most > 0)
		argv[count] = NULL;
	return count;
}

/*
 * A word that can be watched without a system call: map one page of /dev/shadow read-only; the 64-bit word at this offset is the
 * generation, before a fork and after it.
 */
#define PL_SHADOW_GENERATION_OFFSET 64

/*
 * Maps that page and points at the word; null with errno without an enclave. Call it once, early, and keep the pointer. What was made under
 * another value than *pointer is shared with other forks: a generator has to be seeded anew, a key or a cached id made anew.
 */
static inline const volatile uint64_t *pl_shadow_generation(void)
{
	int error, descriptor = open("/dev/shadow", O_RDONLY | O_CLOEXEC);
	void *page;

	if (descriptor < 0)
		return NULL;
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, descriptor, 0);
	error = errno;
	close(descriptor);
	errno = error;
	return page == MAP_FAILED ? NULL : (const volatile uint64_t *)((const char *)page + PL_SHADOW_GENERATION_OFFSET);
}

#ifdef __cplusplus
}
#endif

#endif
