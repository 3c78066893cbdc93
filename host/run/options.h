// SPDX-License-Identifier: BSD-2-Clause
// The command line of pl-run, for the command inside the machine and for the one in front of it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "strace/filter.h"

namespace pl {

struct MountOption {
  std::string host, guest;
  bool read_only = false;
};

struct VariableOption {
  std::string name;
  std::optional<std::string> value;  // none: the caller's own
};

struct RunOptions {
  bool shadow = false;
  bool interactive = false;  // standard input is connected anyway
  bool terminal = false;     // insist on one
  bool statistics = false;   // say at the end what the enclave held
  std::optional<StraceFilter> strace;  // calls of a debug enclave that are shown
  bool explain = false;      // PL_CONFIG_EXPLAIN: no option of pl-run, pl-bench asks for it
  std::vector<VariableOption> variables;
  std::vector<std::string> variable_files;
  std::vector<MountOption> mounts;
  std::string directory = "/";
  uint32_t user = 0, group = 0;
  uint64_t memory = 0;                // bytes; 0: no limit
  uint64_t timeout_milliseconds = 0;  // 0: none
  std::string name;
  std::string program;
  std::vector<std::string> arguments;
};

// Why there is nothing to run: --help and --version (status 0, for standard output) or a wrong line (125, for standard error).
struct OptionsStop {
  int status;
  std::string text;
};

std::expected<RunOptions, OptionsStop> parse_run_options(int argc, const char* const* argv);

// Bytes of "64M", "1g", "4096", ...; milliseconds of "10", "1.5s", "200ms", "2m", "1h". Nothing: not such a thing.
std::optional<uint64_t> parse_size(const std::string& text);
std::optional<uint64_t> parse_duration(const std::string& text);
// HOST:GUEST[:ro|:rw]
std::expected<MountOption, std::string> parse_mount(const std::string& text);
// An absolute path without ".", "..", "//" and a slash at the end. Nothing: it is not absolute, or leads above the root.
std::optional<std::string> normalize_path(const std::string& path);

}  // namespace pl
