// SPDX-License-Identifier: BSD-2-Clause
// The machine's console: kept as a log, and watched for the last words of a kernel or of the firmware.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "../system/descriptor.h"

namespace pl::machine {

class Console {
 public:
  explicit Console(Descriptor log) : log_(std::move(log)) {}

  // Text as it comes. Looks at whole lines.
  void print(std::string_view text);
  // A line of the daemon's own.
  void note(const std::string& line) { print("pl-machined: " + line + "\n"); }
  // The line that says that the system inside is done for, if there was one.
  const std::optional<std::string>& last_words() const { return last_words_; }
  // The last line of all, for an end that nothing announced.
  const std::string& last_line() const { return last_line_; }

 private:
  void look_at(const std::string& line);

  Descriptor log_;
  std::string line_;
  std::string last_line_;
  std::optional<std::string> last_words_;
  size_t written_ = 0;
};

}  // namespace pl::machine
