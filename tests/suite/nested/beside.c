// SPDX-License-Identifier: BSD-2-Clause
int beside(void) { return 2; }
