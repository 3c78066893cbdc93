// SPDX-License-Identifier: BSD-2-Clause
// What libbacktrace's configure would find.
#define HAVE_ATOMIC_FUNCTIONS 1
#define HAVE_SYNC_FUNCTIONS 1
#define HAVE_DECL_STRNLEN 1
