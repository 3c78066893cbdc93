// SPDX-License-Identifier: BSD-2-Clause
// A program that is slow to get ready and quick to answer: it parses a large table of text, sorts it, and looks up its arguments.
//
//     pl-run --shadow --shadow-at=call warm-table 17 4711     the first time warms up, for seconds; from then on the table is there
//
// The table stands for whatever a service reads before it can serve: a dictionary, a rule set, a model. Every fork answers from the
// template's memory, which it shares with all the others as long as it does not write there.
#include <inttypes.h>
#include <penglai/shadow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Rows = 200000, Longest = 48 };

struct row {
	uint64_t key;
	char name[24];
};

static struct row *table;

// The text that is parsed: "key,name" a line, in no order.
static char *make_text(size_t *bytes)
{
	char *text = malloc((size_t)Rows * Longest), *at = text;

	if (!text)
		return NULL;
	for (uint64_t i = 0; i < Rows; i++) {
		uint64_t key = i * 2654435761u % 4294967291u;
		at += snprintf(at, Longest, "%" PRIu64 ",row-%" PRIu64 "\n", key, i);
	}
	*bytes = (size_t)(at - text);
	return text;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = ((const struct row *)a)->key, y = ((const struct row *)b)->key;

	return (x > y) - (x < y);
}

static int warm_up(void)
{
	size_t bytes, n = 0;
	char *text = make_text(&bytes);

	table = calloc(Rows, sizeof *table);
	if (!text || !table)
		return 0;
	for (char *line = strtok(text, "\n"); line && n < Rows; line = strtok(NULL, "\n"))
		if (sscanf(line, "%" SCNu64 ",%23s", &table[n].key, table[n].name) == 2)
			n++;
	free(text);
	qsort(table, n, sizeof *table, by_key);
	return n == Rows;
}

int main(int argc, char **argv)
{
	static char text[4096];
	static char *words[64];
	int at_point;

	if (!warm_up()) {
		fprintf(stderr, "warm-table: the table could not be read\n");
		return 1;
	}
	at_point = pl_shadow_point();
	if (at_point == 1) { // a fork: main's arguments are the template's, these are its own
		argc = pl_shadow_arguments(text, sizeof text, words, 64);
		argv = words;
	}
	for (int i = 1; i < argc; i++) {
		struct row wanted = {.key = strtoull(argv[i], NULL, 10)};
		const struct row *found;

		wanted.key = wanted.key * 2654435761u % 4294967291u;
		found = bsearch(&wanted, table, Rows, sizeof *table, by_key);
		printf("%s %s\n", argv[i], found ? found->name : "-");
	}
	return argc < 0;
}
