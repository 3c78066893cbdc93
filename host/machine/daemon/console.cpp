// SPDX-License-Identifier: BSD-2-Clause
#include "console.h"

#include <unistd.h>

namespace pl::machine {
namespace {

// A system that prints without end must not fill the user's disk, or the memory below /run.
constexpr size_t kMaxLog = 16u << 20;
constexpr size_t kMaxLine = 512;
constexpr std::string_view kLastWords[] = {"Kernel panic", "sbi_trap_error", "penglai: panic"};

}  // namespace

void Console::print(std::string_view text) {
  if (written_ < kMaxLog) {
    // A full disk costs the log, not the machine.
    [[maybe_unused]] const ssize_t size = ::write(log_.get(), text.data(), text.size());
    written_ += text.size();
  }
  for (char c : text) {
    if (c == '\n') {
      look_at(line_);
      line_.clear();
    } else if (c != '\r' && line_.size() < kMaxLine) {
      line_ += c;
    }
  }
}

void Console::look_at(const std::string& line) {
  if (line.empty() || line.starts_with("pl-machined: ")) return;
  last_line_ = line;
  if (last_words_) return;
  for (std::string_view words : kLastWords) {
    if (const size_t at = line.find(words); at != std::string::npos) last_words_ = line.substr(at);
  }
}

}  // namespace pl::machine
