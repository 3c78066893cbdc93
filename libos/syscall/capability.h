// SPDX-License-Identifier: BSD-2-Clause
// What prctl(2) has about capabilities.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace pl {

ErrorOr<uint64_t> read_bounding(uint64_t number);
ErrorOr<uint64_t> drop_bounding(uint64_t number);
ErrorOr<uint64_t> set_keep_capabilities(uint64_t keep);
ErrorOr<uint64_t> set_secure_bits(uint64_t bits);
ErrorOr<uint64_t> change_ambient(uint64_t what, uint64_t number, uint64_t rest);  // PR_CAP_AMBIENT; `rest`: its other arguments, or-ed

}  // namespace pl
