/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that a program in an enclave has in common with the process that runs it.
 *
 * PENGLAI_SHARED and PENGLAI_RELAY are files: open(2) (ENXIO: this instance was given none), fstat(2) for the size in bytes, mmap(2) with
 * MAP_SHARED, read(2), write(2). Both are memory of the untrusted host: never put a secret there, and copy a value out before
 * checking it.
 *
 * The shared memory both sides reach at all times, and so do other instances that were given the same piece. The relay page is one
 * side's at a time: the program starts with it, and penglai_relay_return() hands it to the host.
 */
#ifndef PENGLAI_ENCLAVE_RELAY_H
#define PENGLAI_ENCLAVE_RELAY_H

#define PENGLAI_SHARED "/dev/penglai/shared"
#define PENGLAI_RELAY "/dev/penglai/relay"

/* ioctl(2) of the relay file, open for writing; no argument. */
#define PENGLAI_RELAY_RETURN 0x5040

#if __STDC_HOSTED__
#include <sys/ioctl.h>

/*
 * Hands the relay page to the host, and returns when the host has handed it back: 0, or -1 with errno (EBADF: not open for writing; ENOTTY:
 * not the relay file; ENOSYS: this host does not take it). The whole instance stands still meanwhile.
 */
static inline int penglai_relay_return(int file) { return ioctl(file, PENGLAI_RELAY_RETURN); }
#endif

#endif
