// SPDX-License-Identifier: BSD-2-Clause
// pl-run on a machine that is not RISC-V: the command of the same name in the embedded machine. A wrong line, or --help, needs none.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "../client/session.h"
#include "root/build.h"
#include "run/options.h"

namespace {

// The same line with another --rootfs.
std::vector<char*> with_image(int argc, char** argv, const pl::RunOptions& options, std::string& image) {
  std::vector<char*> words(argv, argv + argc);
  const size_t program = words.size() - options.arguments.size() - 1;
  static std::string joined;
  for (size_t at = 1; at < program; ++at) {
    const std::string_view word = words[at];
    if (word == "--rootfs" && at + 1 < program) {
      words[++at] = image.data();
    } else if (word.starts_with("--rootfs=")) {
      joined = "--rootfs=" + image;
      words[at] = joined.data();
    }
  }
  return words;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = pl::parse_run_options(argc, argv);
  if (!options) {
    std::fputs(options.error().text.c_str(), options.error().status ? stderr : stdout);
    return options.error().status;
  }
  std::error_code error;
  if (options->rootfs.empty() || !std::filesystem::is_directory(options->rootfs, error)) return pl::machine::forward("pl-run", argc, argv);
  auto image = pl::image_of_directory(options->rootfs);
  if (!image) return pl::machine::complain("pl-run", "--rootfs " + image.error());
  std::string path = image->string();
  auto words = with_image(argc, argv, *options, path);
  return pl::machine::forward("pl-run", argc, words.data());
}
