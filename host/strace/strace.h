// SPDX-License-Identifier: BSD-2-Clause
// From the lines of a debug enclave's account (libos/syscall/trace.cpp) to those that strace(1) prints.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "strace/filter.h"
#include "strace/structure.h"

namespace pl {

class Strace {
 public:
  using Sink = std::function<void(std::string_view line)>;

  Strace(StraceFilter filter, Sink sink) : filter_(std::move(filter)), sink_(std::move(sink)) {}

  // False: the line is something else that the enclave has to say.
  bool take(std::string_view line);
  // Calls that never came back, and how it all ended ("exited with 0", "killed by SIGKILL").
  void finish(std::string_view how);

 private:
  struct Call : TracedValues {
    uint64_t number = 0;
    std::array<std::optional<std::string>, 6> texts;
    int filled_text = -1;      // which of the texts the call filled
    bool was_filled(unsigned i) const { return filled_text == static_cast<int>(i); }
    bool interrupted = false;  // its first half was printed when another thread came between
  };
  void enter(uint64_t thread, Call call);
  void leave(uint64_t thread, uint64_t result, Call filled);
  void signal(uint64_t thread, uint64_t number, std::string_view information);
  void give_way(uint64_t to);
  void print(uint64_t thread, const std::string& text);
  // All arguments, or those up to the first that only the result can show, or that and what is behind it.
  enum class Part : uint8_t { All, First, Rest };
  std::string arguments(const Call& call, Part part) const;

  StraceFilter filter_;
  Sink sink_;
  std::map<uint64_t, Call> under_way_;  // by thread
  std::map<uint64_t, Memory> ahead_;    // by thread: what was told ahead of its next line
  std::optional<uint64_t> last_;        // whose call was begun last and may still be whole
  uint64_t first_ = 0;                  // the first thread
  bool several_ = false;
};

}  // namespace pl
