// SPDX-License-Identifier: BSD-2-Clause
// Does not end, not even when it is asked to.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
	signal(SIGTERM, SIG_IGN);
	puts("on and on");
	fflush(stdout);
	for (;;) pause();
}
