// SPDX-License-Identifier: BSD-2-Clause
// pl-bench on a machine that is not RISC-V: the command of the same name in a machine of its own, with one hart that counts
// instructions. The machine that pl-run uses is left alone.
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "bench/options.h"
#include "bench/pictures.h"
#include "machine/client/session.h"

namespace {

namespace fs = std::filesystem;

// Debian's python3 as a root image, which a build tree makes of what is pinned there; empty where there is none. It is not part of the
// build, as nothing else needs it.
std::string python_image() {
  std::error_code error;
  const fs::path build = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
  if (error || !fs::exists(build / "build.ninja", error)) return {};
  const fs::path image = build / "tests/python";
  // One that is there is made again when what is pinned has changed; otherwise this is nothing.
  if (!fs::exists(image.string() + ".img", error)) fmt::print(stderr, "pl-bench: making the image of Debian's python3 (once)\n");
  const std::string make = fmt::format("cmake --build '{}' --target python-image >&2", build.string());
  return std::system(make.c_str()) == 0 ? image.string() : std::string();
}

}  // namespace

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
  if (options.python.empty() && pl::bench::wants_python(options))
    if (const std::string image = python_image(); !image.empty()) request.arguments.insert(request.arguments.end(), {"--python", image});
  return run_in_private_machine(request, overrides);
}
