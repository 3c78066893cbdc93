// SPDX-License-Identifier: BSD-2-Clause
// Dies in a function that was inlined.
#include <stdlib.h>

static inline __attribute__((always_inline)) int load(volatile int *from) {
	return *from; /* here */
}

static __attribute__((noinline)) int work(volatile int *from) {
	return load(from) + 1; /* inlined */
}

int main(void) {
	return work(NULL) + 1; /* called */
}
