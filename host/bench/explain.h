// SPDX-License-Identifier: BSD-2-Clause
// --explain: where the instructions of forks and cold runs went, printed.
#pragma once

#include <string>

#include "bench/laboratory.h"

namespace pl::bench {

// `programs`: where bench-root is.
OrFailure<void> explain(Laboratory& laboratory, const std::string& programs);

}  // namespace pl::bench
