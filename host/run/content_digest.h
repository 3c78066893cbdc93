// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 of a file's content, remembered for the caller's later runs as long as the file looks untouched: a fork costs
// microseconds, and reading and hashing its program each time would not.
#pragma once

#include <string>

#include "image/sha256.h"
#include "run/failure.h"
#include "run/host_files.h"

namespace pl {

class ContentDigests {
 public:
  // `directory` is made, for this user alone; without one that is safe, nothing is remembered.
  explicit ContentDigests(const std::string& directory);
  // Where a user's digests are by default.
  static std::string default_directory();

  std::expected<Digest, int> of(int descriptor, const struct stat& status) const;

 private:
  Descriptor directory_;
};

}  // namespace pl
