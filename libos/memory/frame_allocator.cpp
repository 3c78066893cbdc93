// SPDX-License-Identifier: BSD-2-Clause
#include "memory/frame_allocator.h"

#include <iterator>

#include "arch/layout.h"
#include "arch/page_copy.h"
#include "base/hot.h"
#include "base/lock.h"
#include "memory/frame.h"

namespace pl {
namespace frames {
namespace {

constexpr unsigned MaxRegions = 12;  // more than PMP has entries for
constexpr uint64_t GrowStep = 128 * 1024;
constexpr uint64_t KeptBack = 2;  // frames that only urgent allocations get
constexpr uint64_t LargestExtent = uint64_t(1) << 30;
// log2 of the bytes of each further extent: PMP has entries for nine. The first are small, as most programs that outgrow what a fork
// begins with do so by a few pages, and every page that is granted is scrubbed at the end; together they reach beyond a gigabyte.
constexpr uint8_t extent_orders[] = {14, 14, 16, 18, 20, 22, 25, 28, 30};
constexpr unsigned ColdFirst = 4, NoExtents = ~0u;  // a cold enclave has its base region before

struct Region {
  uint64_t base = 0;       // of frame 0
  uint64_t frames = 0;     // reachable
  uint64_t next = 0;       // lowest that was never handed out: it is zero
  uint32_t* counts = nullptr;  // in the frame window
};

struct State {
  Region regions[MaxRegions];
  unsigned region_count = 0;
  uint64_t reservation_end = 0;  // of the base region; 0 in a fork
  uint64_t free_list = 0;        // each links to the next in its first word
  uint64_t free_count = 0;
  uint64_t unused = 0;  // never handed out, in all regions
  unsigned next_extent = 0;  // in extent_orders
  unsigned recent = 0;       // the region that the last frame asked about was in
  uint64_t counts_used = 0;          // of fork_counts
};
PL_HOT_FRESH constinit State state{};
PL_HOT constinit PhysicalAddress the_zero_frame{};
PL_HOT_FRESH constinit uint32_t fork_counts[128]{};  // of a fork's first frames; later extents hold their own

[[gnu::noinline]] uint32_t* search_count(uint64_t frame) {
  for (unsigned i = state.region_count; i-- > 0;) {
    const Region& r = state.regions[i];
    uint64_t index = (frame - r.base) >> PageShift;
    if (index >= r.frames) continue;
    state.recent = i;
    return r.counts + index;
  }
  return nullptr;
}

// Frames that are asked about one after the other are mostly neighbours.
inline uint32_t* count_of(uint64_t frame) {
  const Region& r = state.regions[state.recent];
  uint64_t index = (frame - r.base) >> PageShift;
  return index < r.frames ? r.counts + index : search_count(frame);
}

// A region of a cold enclave grows; a fork gets another one. Each is larger than the one before: the number of PMP entries bounds them.
bool extend() {
  if (state.reservation_end) {
    Region& r = state.regions[0];
    uint64_t end = r.base + (r.frames << PageShift);
    for (uint64_t step = GrowStep; step >= PageSize; step /= 2) {
      if (end + step > state.reservation_end) continue;
      if (!monitor::grow(step)) continue;
      r.frames += step >> PageShift;
      state.unused += step >> PageShift;
      return true;
    }
  }
  if (state.region_count == MaxRegions || state.next_extent == NoExtents) return false;
  unsigned step = state.next_extent < sizeof extent_orders ? state.next_extent : unsigned(sizeof extent_orders) - 1;
  uint64_t bytes = uint64_t(1) << extent_orders[step];
  for (; bytes > PageSize; bytes /= 2) {
    auto extent = monitor::extent_get(bytes);
    if (!extent) {
      if (extent.error() == monitor::Status::NoMemory) continue;  // perhaps there is a smaller piece
      return false;
    }
    Region& r = state.regions[state.region_count++];
    r.base = extent->value;
    r.frames = bytes >> PageShift;
    if (!state.reservation_end && r.frames <= std::size(fork_counts) - state.counts_used) {
      r.counts = fork_counts + state.counts_used;
      state.counts_used += r.frames;
      r.next = 0;
    } else {
      r.counts = static_cast<uint32_t*>(frame_pointer(*extent));
      r.next = pages_for(r.frames * sizeof(uint32_t));
    }
    state.next_extent = step + 1;
    state.unused += r.frames - r.next;
    return true;
  }
  return false;
}

enum class Content : bool { Any, Zero };

ErrorOr<PhysicalAddress> take(Urgency urgency, Content content) {
  Locked lock(Rank::Frames, &state);
  uint64_t available = state.free_count + state.unused;
  // A small program is happy with its first extent, to the last frame.
  bool first_extent = state.region_count == 1 && !state.reservation_end;
  uint64_t kept_back = urgency == Urgency::Urgent || first_extent ? 0 : KeptBack;
  if (available <= kept_back && !extend()) return fail(Errno::NoMemory);
  if (uint64_t frame = state.free_list) {
    auto* words = static_cast<uint64_t*>(frame_pointer(PhysicalAddress(frame)));
    state.free_list = words[0];
    state.free_count--;
    *count_of(frame) = 1;
    if (content == Content::Zero) zero_page(words);
    return PhysicalAddress(frame);
  }
  for (unsigned i = state.region_count; i-- > 0;) {
    Region& r = state.regions[i];
    if (r.next == r.frames) continue;
    uint64_t index = r.next++;
    state.unused--;
    r.counts[index] = 1;
    return PhysicalAddress(r.base + (index << PageShift));
  }
  return fail(Errno::NoMemory);
}

}  // namespace

PL_HOT_FRESH constinit Immortals detail::immortals{};

void start_cold(PhysicalAddress base, PhysicalAddress first, uint32_t* counts, PhysicalAddress next, PhysicalAddress end, PhysicalAddress reservation_end) {
  state = {};
  state.next_extent = NoExtents;
  state.regions[0] = {first.value, uint64_t(end - first) >> PageShift, uint64_t(next - first) >> PageShift, counts};
  state.region_count = 1;
  detail::immortals = {base.value, uint64_t(next - base)};
  state.reservation_end = reservation_end.value;
  state.unused = state.regions[0].frames - state.regions[0].next;
}

// The state is zero.
void start_fork(const pl_boot& boot, PhysicalAddress next, PhysicalAddress root) {
  static_assert(PL_MAX_FORK_SIZE / PageSize <= sizeof fork_counts / sizeof *fork_counts);
  uint64_t frames = boot.extent_size >> PageShift, used = (next.value - boot.extent) >> PageShift;
  state.regions[0] = {boot.extent, frames, used, fork_counts};
  state.region_count = 1;
  detail::immortals = {boot.base, boot.base_size};
  state.next_extent = 0;
  state.counts_used = frames;
  state.unused = frames - used;
  fork_counts[(root.value - boot.extent) >> PageShift] = 2;
}

void seal() {
  Locked lock(Rank::Frames, &state);
  while (state.free_list) {
    auto* words = static_cast<uint64_t*>(frame_pointer(PhysicalAddress(state.free_list)));
    state.free_list = words[0];
    zero_page(words);
  }
  state.free_count = 0;
}

ErrorOr<PhysicalAddress> allocate_for_copy(Urgency urgency) { return take(urgency, Content::Any); }
ErrorOr<PhysicalAddress> allocate_zeroed(Urgency urgency) { return take(urgency, Content::Zero); }

void allow_extents() { state.next_extent = ColdFirst; }

uint32_t detail::counted(PhysicalAddress frame) {
  uint32_t* count = count_of(frame.value);
  return count ? *count : ~0u;
}

PhysicalAddress zero_frame() { return the_zero_frame; }
void set_zero_frame(PhysicalAddress frame) { the_zero_frame = frame; }

Totals totals() {
  uint64_t bytes = 0;
  for (unsigned i = 0; i < state.region_count; i++) bytes += state.regions[i].frames << PageShift;
  const pl_boot& boot = boot_parameters();
  uint64_t limit = boot.memory_limit ? boot.memory_limit : LargestExtent;
  return {bytes, (state.free_count + state.unused) << PageShift, limit};
}

void for_each_used(void (*visit)(void*, PhysicalAddress), void* context) {
  for (unsigned i = 0; i < state.region_count; i++)
    for (uint64_t index = 0; index < state.regions[i].next; index++)
      visit(context, PhysicalAddress(state.regions[i].base + (index << PageShift)));
}

}  // namespace frames

ErrorOr<PhysicalAddress> allocate_frame() { return frames::allocate_zeroed(); }

void ref_frame(PhysicalAddress frame) {
  if (frames::immortals().hold(frame)) return;
  Locked lock(Rank::Frames, &frames::state);
  if (uint32_t* count = frames::count_of(frame.value)) ++*count;
}

void unref_frame(PhysicalAddress frame) {
  if (frames::immortals().hold(frame)) return;
  Locked lock(Rank::Frames, &frames::state);
  uint32_t* count = frames::count_of(frame.value);
  if (!count || --*count) return;
  *static_cast<uint64_t*>(frame_pointer(frame)) = frames::state.free_list;
  frames::state.free_list = frame.value;
  frames::state.free_count++;
}

bool frame_is_frozen(PhysicalAddress frame) { return frames::immortals().hold(frame); }

}  // namespace pl
