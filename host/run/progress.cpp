// SPDX-License-Identifier: BSD-2-Clause
#include "run/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "server/signals.h"

namespace pl {
namespace {

constexpr uint64_t kFirst = 500'000'000, kPause = 100'000'000;
constexpr std::string_view kClear = "\r\033[K";

void put(std::string_view text) { [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size()); }

}  // namespace

Progress::Progress() : terminal_(isatty(STDERR_FILENO)), begun_(monotonic_now()), next_(begun_ + kFirst) {}

void Progress::show(uint32_t done, uint32_t count, size_t running, uint32_t failed) {
  if (!terminal_) return;
  const uint64_t now = monotonic_now();
  if (now < next_) return;
  next_ = now + kPause;
  shown_ = true;
  put(fmt::format("{}pl-run: {} of {} done, {} running, {} failed, {:.1f} s", kClear, done, count, running, failed, static_cast<double>(now - begun_) / 1e9));
}

void Progress::hide() {
  if (shown_) put(kClear);
  shown_ = false;
  next_ = std::max(next_, begun_ + kFirst);
}

}  // namespace pl
