// SPDX-License-Identifier: BSD-2-Clause
// Who runs a plan's tests: forked enclaves, or Linux.
#pragma once

#include <functional>

#include "run/failure.h"
#include "suite/plan.h"

namespace pl::suite {

using Tell = std::function<void(const Outcome&)>;

// 0, or 128+n when signal n ended it before all were done.
OrFailure<int> run_in_enclaves(const Plan& plan, const Tell& tell);
OrFailure<int> run_on_linux(const Plan& plan, const Tell& tell);

}  // namespace pl::suite
