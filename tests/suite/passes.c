// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>

int main(void) {
	puts("nobody is shown this");
	return 0;
}
