// SPDX-License-Identifier: BSD-2-Clause
int main(void) {
	*(volatile int *)8 = 1;
	return 0;
}
