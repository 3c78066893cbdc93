// SPDX-License-Identifier: BSD-2-Clause
// Ends at once; what it has started would go on, with children of its own, and holds its output open.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
	for (int i = 0; i < 5; ++i) {
		if (fork() != 0) continue;
		setsid();
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		fork();
		fork();
		for (;;) pause();
	}
	return 0;
}
