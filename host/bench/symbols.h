// SPDX-License-Identifier: BSD-2-Clause
// Which variables of the libOS lie in a page of its image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pl::bench {

class Symbols {
 public:
  // As `nm --numeric-sort --print-size` lists them; empty if the file is not there.
  explicit Symbols(const std::string& path);

  // A line about a page at "image+0x..." with the largest variables of that page appended.
  std::string name(const std::string& line) const;

 private:
  struct Symbol {
    uint64_t offset, size;
    std::string name;
  };
  std::vector<Symbol> symbols_;
};

}  // namespace pl::bench
