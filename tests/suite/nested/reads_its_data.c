// SPDX-License-Identifier: BSD-2-Clause
// A file beside it is there, in the working directory and at the path of the program.
#include <stdio.h>
#include <string.h>

static int reads(const char *path) {
	char text[64] = "";
	FILE *file = fopen(path, "r");
	if (!file || !fgets(text, sizeof text, file)) return 0;
	fclose(file);
	return strcmp(text, "what it reads\n") == 0;
}

int main(int argc, char **argv) {
	char beside[4096];
	snprintf(beside, sizeof beside, "%s", argv[0]);
	strcpy(strrchr(beside, '/') + 1, "data.txt");
	return argc == 1 && reads("data.txt") && reads(beside) ? 0 : 1;
}
