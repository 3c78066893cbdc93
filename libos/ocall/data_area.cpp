// SPDX-License-Identifier: BSD-2-Clause
#include "ocall/data_area.h"

#include <cstring>

#include "base/address.h"
#include "base/hot.h"
#include "penglai/ocall.h"
#include "process/wait.h"

namespace pl::ocall {

namespace {

constexpr uint32_t UnitSize = 4096;

struct Area {
  std::byte* window;
  uint64_t used;  // one bit a unit
  uint32_t units, reserved;
  uint32_t kept;  // keep_start()
  WaitQueue unit_free;
};
PL_HOT_FRESH constinit Area area{};

uint32_t longest_run(uint32_t first, uint32_t wanted, uint32_t& start) {
  uint32_t best = 0, run = 0;
  for (uint32_t i = first; i < area.units; i++) {
    run = area.used >> i & 1 ? 0 : run + 1;
    if (run > best) {
      best = run;
      start = i + 1 - run;
      if (best == wanted) break;
    }
  }
  return best;
}

}  // namespace

void attach_data_area(std::byte* window, size_t bytes) {
  const size_t units = (bytes - PL_RING_DATA) / UnitSize;
  area.window = window;
  area.units = units < 64 ? uint32_t(units) : 64;
  area.reserved = area.units > 4 ? 2 : 1;
}

void keep_start(size_t bytes) {
  constexpr uint32_t Left = 4;  // whatever the host says, so that there is a way out
  uint64_t most = area.units > Left ? area.units - Left : 0, units = pages_for(bytes);
  area.kept = uint32_t(units < most ? units : most);
}

void release_start() { area.kept = 0; }

bool data_area_unused() { return area.used == 0; }
bool data_area_awaited() { return !area.unit_free.empty(); }

ErrorOr<WindowBuffer> WindowBuffer::allocate(size_t wanted, Use use) {
  uint32_t first = area.kept + (use == Use::Fault ? 0 : area.reserved);
  size_t needed = pages_for(wanted ? wanted : 1);
  uint32_t units = needed < area.units ? uint32_t(needed) : area.units;
  uint32_t start = 0, run = longest_run(first, units, start);
  if (run == 0)
    TRY(wait_for(area.unit_free, NoDeadline, Sleep::Uninterruptible, [&] { return (run = longest_run(first, units, start)) != 0; }));
  uint64_t mask = (run == 64 ? ~uint64_t(0) : (uint64_t(1) << run) - 1) << start;
  area.used |= mask;
  uint32_t bytes = run * UnitSize;
  return WindowBuffer(PL_RING_DATA + start * UnitSize, bytes < wanted ? bytes : uint32_t(wanted));
}

WindowBuffer::WindowBuffer(WindowBuffer&& o) noexcept : offset_(o.offset_), size_(o.size_) { o.offset_ = 0; }

WindowBuffer::~WindowBuffer() {
  if (!offset_) return;
  uint32_t start = (offset_ - PL_RING_DATA) / UnitSize, run = (size_ + UnitSize - 1) / UnitSize;
  if (run == 0) run = 1;
  area.used &= ~((run == 64 ? ~uint64_t(0) : (uint64_t(1) << run) - 1) << start);
  if (!area.unit_free.empty()) area.unit_free.wake_all();
}

std::byte* WindowBuffer::bytes() const { return area.window + offset_; }

void WindowBuffer::write(uint32_t at, const void* from, size_t bytes) { std::memcpy(this->bytes() + at, from, bytes); }

void WindowBuffer::read(uint32_t at, void* to, size_t bytes) const {
  std::memcpy(to, this->bytes() + at, bytes);
  // Later looks at the copy must not become looks at the window.
  asm volatile("" ::: "memory");
}

}  // namespace pl::ocall
