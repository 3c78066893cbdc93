// SPDX-License-Identifier: BSD-2-Clause
// The command line of pl-bench, for the command inside the machine and for the one in front of it.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace pl::bench {

struct Options {
  std::string json;      // file for the rows; empty: none
  std::string programs;  // directory of the measured programs; empty: the caller's default
  std::string plot;      // file for the picture; empty: none
  std::string python;    // a root image with python3, for a row of its own, without ".img"; empty: none
  std::vector<std::string> rows;  // only these; empty: all
  bool explain = false;
  bool time = false;
};

// What --python is for.
inline constexpr const char *kPythonRow = "python_start_call", *kPythonRunRow = "python_run_call";
inline bool wants_python(const Options& options) {
  if (options.explain || options.time || !options.plot.empty()) return false;
  return options.rows.empty() || std::ranges::any_of(options.rows, [](const std::string& row) { return row == kPythonRow || row == kPythonRunRow; });
}

// Fills `options`; otherwise the exit status to end with, the message having been printed.
inline std::optional<int> parse(int argc, char** argv, Options& options) {
  CLI::App app("Measures enclaves beside Linux processes, in instructions of one hart.", "pl-bench");
  app.add_option("--json", options.json, "Write the rows to FILE as well")->type_name("FILE");
  app.add_option("--programs", options.programs, "Where the measured programs are")->type_name("DIR");
  auto* time = app.add_flag("--time", options.time, "Measure many instances by the clock, in a machine that counts no instructions and is faster for it");
  app.add_option("--rows", options.rows, "Measure only the rows of these names")->type_name("NAME,...")->delimiter(',');
  app.add_option("--python", options.python, "Measure the python3 of the root image NAME.img, frozen after its imports, beside Linux's with NAME.tar as its root (in a build tree: made if it is not named)")
      ->type_name("NAME");
  app.add_option("--plot", options.plot, "Draw what a fork costs against template size, instances alive and machine memory, beside Linux, to FILE (SVG)")
      ->type_name("FILE.svg");
  app.add_flag("--explain", options.explain, "Say where the instructions of a fork and of a cold run went, and what every private page is")->excludes(time);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 125;
  }
  return std::nullopt;
}

}  // namespace pl::bench
