/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Before every other header: what the kernel's log puts in front of our lines. */
#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
