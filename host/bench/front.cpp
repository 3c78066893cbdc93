// SPDX-License-Identifier: BSD-2-Clause
// pl-bench on a machine that is not RISC-V: the command of the same name in a machine of its own, with one hart that counts
// instructions. The machine that pl-run uses is left alone.
#include <cstdlib>

#include "bench/options.h"
#include "bench/pictures.h"
#include "machine/client/session.h"

int main(int argc, char** argv) {
  using namespace pl::machine;
  pl::bench::Options options;
  if (auto status = pl::bench::parse(argc, argv, options)) return *status;
  Request request{"pl-bench", {"/usr/bin/pl-bench"}, forwarded_environment()};
  Overrides overrides;
  overrides.harts = "1";
  if (!options.time) overrides.icount = "shift=0,sleep=off";
  // Room for ten thousand instances, if the user does not say otherwise.
  if (!std::getenv("PENGLAI_MEMORY")) overrides.memory = "4G";
  if (!options.plot.empty()) return pl::bench::draw_fork_costs(request, overrides, options.plot);
  request.arguments.insert(request.arguments.end(), argv + 1, argv + argc);
  return run_in_private_machine(request, overrides);
}
