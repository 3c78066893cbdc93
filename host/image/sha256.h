// SPDX-License-Identifier: BSD-2-Clause
// SHA-256 names templates for their owner, and root images. What code a template holds is proved by the monitor's own measurement and
// never by this. The hash itself is the libOS's, which checks the images' blocks with it.
#pragma once

#include "../../libos/base/sha256.h"

namespace pl {

using Digest = Sha256Digest;

Digest sha256(std::span<const std::byte> data);

}  // namespace pl
