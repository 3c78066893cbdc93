// SPDX-License-Identifier: BSD-2-Clause
// pl-bench --plot: what a fork costs, in machines of several sizes, as a picture.
#pragma once

#include <string>

#include "machine/client/session.h"

namespace pl::bench {

// Measures in machines of its own and writes an SVG to `path`. `request` is pl-bench without options; an exit status.
int draw_fork_costs(const machine::Request& request, const machine::Overrides& overrides, const std::string& path);

}  // namespace pl::bench
