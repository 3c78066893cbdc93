// SPDX-License-Identifier: BSD-2-Clause
// Which calls are shown: a comma-separated list of names and classes (%file, %desc, %memory, %process, %signal, %network, %time),
// all but these behind a '!', "all" or "none", as strace's -e trace= takes it.
#pragma once

#include <expected>
#include <set>
#include <string>
#include <string_view>

namespace pl {

class StraceFilter {
 public:
  // All calls.
  StraceFilter() = default;
  // The error names what it does not know.
  static std::expected<StraceFilter, std::string> parse(std::string_view text);

  bool shows(std::string_view call) const { return names_.contains(call) != inverted_; }

 private:
  std::set<std::string, std::less<>> names_;
  bool inverted_ = true;  // all but names_
};

}  // namespace pl
