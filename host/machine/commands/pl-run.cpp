// SPDX-License-Identifier: BSD-2-Clause
// pl-run on a machine that is not RISC-V: the command of the same name in the embedded machine. A wrong line, or --help, needs none.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "../client/gdb_relay.h"
#include "../client/session.h"
#include "root/build.h"
#include "run/options.h"

namespace {

// The options of a line, which end before the program, with some of them replaced.
class Line {
 public:
  Line(int argc, char** argv, const pl::RunOptions& options) : words_(argv, argv + argc), program_(words_.size() - options.arguments.size() - 1) {}

  // --NAME VALUE and --NAME=VALUE.
  void replace_value(const std::string& name, const std::string& value) {
    for (size_t at = 1; at < program_; ++at) {
      if (words_[at] == name && at + 1 < program_) words_[++at] = value;
      else if (words_[at].starts_with(name + "=")) words_[at] = name + "=" + value;
    }
  }
  // --NAME with or without =VALUE.
  void replace_flag(const std::string& name, const std::string& value) {
    for (size_t at = 1; at < program_; ++at)
      if (words_[at] == name || words_[at].starts_with(name + "=")) words_[at] = name + "=" + value;
  }

  int forward() {
    std::vector<char*> pointers;
    for (std::string& word : words_) pointers.push_back(word.data());
    return pl::machine::forward("pl-run", static_cast<int>(pointers.size()), pointers.data());
  }

 private:
  std::vector<std::string> words_;
  size_t program_;  // its place
};

}  // namespace

int main(int argc, char** argv) {
  const auto options = pl::parse_run_options(argc, argv);
  if (!options) {
    std::fputs(options.error().text.c_str(), options.error().status ? stderr : stdout);
    return options.error().status;
  }
  Line line(argc, argv, *options);
  std::error_code error;
  if (!options->rootfs.empty() && std::filesystem::is_directory(options->rootfs, error)) {
    auto image = pl::image_of_directory(options->rootfs);
    if (!image) return pl::machine::complain("pl-run", "--rootfs " + image.error());
    line.replace_value("--rootfs", image->string());
  }
  if (!options->gdb) return line.forward();
  auto relay = pl::machine::GdbRelay::start(*options->gdb);
  if (!relay) return pl::machine::complain("pl-run", relay.error());
  line.replace_flag("--gdb", std::to_string(relay->port()));
  return line.forward();
}
