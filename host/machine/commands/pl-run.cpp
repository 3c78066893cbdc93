// SPDX-License-Identifier: BSD-2-Clause
// pl-run on a machine that is not RISC-V: the command of the same name in the embedded machine. A wrong line, or --help, needs none.
#include <cstdio>

#include "../client/session.h"
#include "run/options.h"

int main(int argc, char** argv) {
  if (const auto options = pl::parse_run_options(argc, argv); !options) {
    std::fputs(options.error().text.c_str(), options.error().status ? stderr : stdout);
    return options.error().status;
  }
  return pl::machine::forward("pl-run", argc, argv);
}
