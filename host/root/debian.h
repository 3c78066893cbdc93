// SPDX-License-Identifier: BSD-2-Clause
// Debian packages for riscv64, with what they depend on, as a directory that is a root file system.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace pl {

// What to do when the mirror's list of packages is not the one that its signed release names.
enum class UnsignedList : uint8_t { Refuse, Accept };

struct DebianRequest {
  std::vector<std::string> packages;
  std::vector<std::filesystem::path> files;  // .deb files that are unpacked as they are, without a look at what they depend on
  UnsignedList unsigned_list = UnsignedList::Refuse;
};

// Fills `root`, an empty directory. `say` learns what is going on, a line at a time.
std::expected<void, std::string> unpack_debian(const DebianRequest& request, const std::filesystem::path& root,
                                               const std::function<void(const std::string&)>& say);

}  // namespace pl
