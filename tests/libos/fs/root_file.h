// SPDX-License-Identifier: BSD-2-Clause
// A root image made by the tools that users have (mkfs.erofs, veritysetup), served through the ring.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "penglai/config.h"

namespace hosted {

class RootFile {
 public:
  // `recipe` is a shell script that fills the current directory; `salt` as veritysetup wants it.
  explicit RootFile(const std::string& recipe, const std::string& salt = "-");

  // A configuration that names it, for make_tree().
  std::vector<std::byte> configuration() const;
  // Makes this the host's answer to every read; `reads` counts blocks from then on.
  void serve();
  void mount();  // both; once in a process

  std::vector<std::byte> bytes;  // a test may change them
  std::set<uint64_t> reads;
  uint64_t data_blocks = 0;

 private:
  std::vector<std::byte> record_;
};

// Runs `check` in a process of its own, with nothing mounted yet if nothing is here; "" or what it has to complain about.
std::string in_a_child(const std::function<std::string()>& check);

}  // namespace hosted
