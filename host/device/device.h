/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enclaves and templates of one open device. A thin layer over penglai/ioctl.h that hands out windows,
 * finishes interrupted calls where that is safe, and can stand on another backend than the kernel.
 *
 * Every function returns 0 or a positive count, or -errno as penglai/ioctl.h lists them. Any thread
 * may call; what several do to one enclave at once the kernel sorts out (EBUSY, EBADF).
 */
#ifndef PENGLAI_DEVICE_H
#define PENGLAI_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "penglai/ioctl.h"
#include "penglai/sbi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pl_device pl_device;

/* Answers a request of penglai/ioctl.h: 0 or -errno. */
typedef int (*pl_backend)(void *context, unsigned long request, void *argument);

/* Opens `path` (NULL: PL_DEVICE) with an arena of `arena_size` bytes (power of two, 64 KiB..1 GiB) for windows. */
int pl_device_open(const char *path, size_t arena_size, pl_device **device);
/* A device that `backend` simulates; the caller keeps the arena, which is aligned to a page. */
int pl_device_simulate(pl_backend backend, void *context, void *arena, size_t arena_size, pl_device **device);
/* Ends every enclave of the device. */
void pl_device_close(pl_device *device);
/* The kernel's number for it; -1: it is simulated. */
int pl_device_descriptor(const pl_device *device);
int pl_device_stat(pl_device *device, struct pl_ioc_stat *stat);

/* A naturally aligned piece of the arena: `size` is a power of two, 4 KiB or more. -ENOSPC: none is free. */
int pl_window_take(pl_device *device, uint32_t size, struct pl_ioc_window *window);
void pl_window_give(pl_device *device, struct pl_ioc_window window);
void *pl_window_address(pl_device *device, struct pl_ioc_window window);

/* An enclave, made and measured page by page. `create->handle` names it from then on. */
int pl_enclave_create(pl_device *device, struct pl_ioc_create *create);
/* Adds `count` pages of 4 KiB at the page-aligned `pages`, through interruptions. */
int pl_enclave_add(pl_device *device, int handle, const void *pages, size_t count);
int pl_enclave_seal(pl_device *device, int handle, uint8_t measurement[PL_MEASUREMENT_SIZE]);
/* Enters a context until it leaves for a reason; -EINTR: a signal came first. */
int pl_enclave_run(pl_device *device, struct pl_ioc_run *run);
int pl_enclave_inspect(pl_device *device, struct pl_ioc_inspect *inspect);
/* Who holds the relay window, PL_RELAY_*; and a window for an enclave that has none of this kind yet and has not run. */
int pl_enclave_relay(pl_device *device, int handle, uint32_t holder);
int pl_enclave_window(pl_device *device, int handle, uint32_t which, struct pl_ioc_window window);
int pl_enclave_destroy(pl_device *device, int handle);

/* Templates of this user: made of an enclave whose run ended PL_LEFT_FROZEN; found by key, id or name order. */
int pl_template_publish(pl_device *device, struct pl_ioc_publish *publish);
int pl_template_find(pl_device *device, struct pl_ioc_template *found);
int pl_template_after(pl_device *device, struct pl_ioc_template *found);
/* The next one that gave way to a need for room. */
int pl_template_note(pl_device *device, struct pl_ioc_note *note);
int pl_template_evicted(pl_device *device, struct pl_ioc_evicted *evicted);
int pl_template_remove(pl_device *device, uint64_t template_id);
/* Forks, runs and, if it ended, destroys. -EINTR with spawn->handle >= 0: go on with pl_enclave_run. */
int pl_template_spawn(pl_device *device, struct pl_ioc_spawn *spawn);

#ifdef __cplusplus
}
#endif
#endif
