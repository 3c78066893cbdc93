// SPDX-License-Identifier: BSD-2-Clause
// From the lines of a debug enclave's account (libos/syscall/trace.cpp) to those that strace(1) prints.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "strace/filter.h"
#include "strace/structure.h"

namespace pl {

class Strace {
 public:
  using Sink = std::function<void(std::string_view line)>;
  // Where a line says whose it is: if there are several to tell apart, as on a terminal, or always, as in a file (strace -f -o).
  enum class Whose : uint8_t { IfSeveral, Always };

  Strace(StraceFilter filter, Sink sink, Whose whose = Whose::IfSeveral) : filter_(std::move(filter)), sink_(std::move(sink)), whose_(whose) {}

  // False: the line is something else that the enclave has to say.
  bool take(std::string_view line);
  // Nothing more comes: the first process ended so, as wait(2) would tell, and with it what was still there.
  void finish(uint32_t status);

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
  // A thread ends, and with it a call that never comes back; `last`: it was the last of its process.
  void end(uint64_t thread, uint64_t process, uint32_t status, bool last);
  void end_call(uint64_t thread);
  void say_end(uint64_t thread, uint32_t status);
  void take_place_of_leader(uint64_t leader);
  void meet(uint64_t thread);
  void give_way(uint64_t to);
  // `value`: of a call, what stands in a column of its own.
  void print(uint64_t thread, std::string_view text, std::string_view value = {});
  // All arguments, or those up to the first that only the result can show, or that and what is behind it.
  enum class Part : uint8_t { All, First, Rest };
  std::string arguments(const Call& call, Part part) const;

  StraceFilter filter_;
  Sink sink_;
  std::map<uint64_t, Call> under_way_;  // by thread
  std::map<uint64_t, Memory> ahead_;    // by thread: what was told ahead of its next line
  std::optional<uint64_t> last_;        // whose call was begun last and may still be whole
  std::set<uint64_t> living_;           // threads
  uint64_t first_ = 0;                  // the first of them
  Whose whose_;
};

}  // namespace pl
