// SPDX-License-Identifier: BSD-2-Clause
// What an enclave told of its program's memory around one call, by address: structures, and what pointers within them point to.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

namespace pl {

class Memory {
 public:
  // What was told last stands. An enclave that tells without end is not listened to.
  void add(uint64_t address, std::string bytes);
  void add(Memory&& later);
  // All that is known from there on; empty: nothing is.
  std::string_view from(uint64_t address) const;

 private:
  std::map<uint64_t, std::string> pieces_;
};

// A field of a structure; zero beyond what was told.
template <class T>
T at(std::string_view bytes, size_t offset) {
  T value{};
  if (offset <= bytes.size() && sizeof value <= bytes.size() - offset) std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// As strace prints bytes: in quotes, with its escapes.
std::string quoted(std::string_view bytes);

}  // namespace pl
