// SPDX-License-Identifier: BSD-2-Clause
#include "image/sha256.h"

namespace pl {

Digest sha256(std::span<const std::byte> data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

}  // namespace pl
