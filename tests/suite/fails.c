// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>

int main(void) {
	puts("two and two are five");
	fputs("which is # wrong\n", stderr);
	return 3;
}
