// SPDX-License-Identifier: BSD-2-Clause
// Where frames come from: regions of physical memory with one reference count a frame. A cold enclave has one, its base region,
// used from the bottom up so that a freeze gives back the rest; a fork has extents, whose counts are in the hot block as long as
// there is room, then at the head of each.
#pragma once

#include <cstdint>

#include "arch/monitor.h"
#include "base/address.h"
#include "base/error.h"

namespace pl::frames {

// The base region of a cold enclave. `counts` has one entry for each frame from `first` to the end of the reservation; frames
// below `next` are in use for ever.
void start_cold(PhysicalAddress base, PhysicalAddress first, uint32_t* counts, PhysicalAddress next, PhysicalAddress end, PhysicalAddress reservation_end);
// It will not freeze: when its reservation is used up, it may take extents as a fork does.
void allow_extents();
// A fork's own memory; frames below `next` are in use for ever. `root`, one of them, counts twice: it stays the libOS's when the first
// address space is gone.
void start_fork(const pl_boot& boot, PhysicalAddress next, PhysicalAddress root);

// Before a freeze: the free frames are zeroed, as every fork can read them, and forgotten, so that none writes one.
void seal();

// Not zeroed: for a copy. Urgent: may take what is kept back for faults of the libOS itself, which have no way to fail.
enum class Urgency : uint8_t { Normal, Urgent };
ErrorOr<PhysicalAddress> allocate_for_copy(Urgency urgency = Urgency::Normal);
ErrorOr<PhysicalAddress> allocate_zeroed(Urgency urgency = Urgency::Normal);

// Frames that are never counted: what was added, and in a fork all of the template. For loops over many.
struct Immortals {
  uint64_t base = 0, size = 0;
  bool hold(PhysicalAddress frame) const { return frame.value - base < size; }
};
namespace detail {
extern Immortals immortals;
uint32_t counted(PhysicalAddress frame);
}
inline Immortals immortals() { return detail::immortals; }

inline uint32_t references(PhysicalAddress frame) { return immortals().hold(frame) ? ~0u : detail::counted(frame); }
// Used by nobody else and not a template's: may be written in place.
inline bool is_exclusive(PhysicalAddress frame) { return references(frame) == 1; }

// A frame of zeroes that is mapped read-only wherever nothing was written yet.
PhysicalAddress zero_frame();
void set_zero_frame(PhysicalAddress frame);

// Of this instance's own memory: held, of that unused, and most that it may come to hold.
struct Totals {
  uint64_t bytes, free_bytes, limit_bytes;
  // What may still be had counts as free: the instance grows on demand.
  uint64_t all() const { return limit_bytes > bytes ? limit_bytes : bytes; }
  uint64_t available() const { return all() - (bytes - free_bytes); }
};
Totals totals();

// Calls visit for each frame of this instance's own that was ever handed out.
void for_each_used(void (*visit)(void*, PhysicalAddress), void* context);

}  // namespace pl::frames
