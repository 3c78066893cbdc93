// SPDX-License-Identifier: BSD-2-Clause
// The command line of pl-run, for the command inside the machine and for the one in front of it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "strace/filter.h"

namespace CLI {
class App;
}

namespace pl {

struct MountOption {
  std::string host, guest;
  bool read_only = false;
};

struct VariableOption {
  std::string name;
  std::optional<std::string> value;  // none: the caller's own
};

// Where a template freezes (libos/shadow/CONTRACT.md).
enum class ShadowPoint : uint8_t { Entry, Main, Call, Boot };

struct RunOptions {
  bool shadow = false;
  ShadowPoint shadow_point = ShadowPoint::Entry;
  uint32_t template_arguments = 0;  // how many of `arguments` a template that runs its program has too
  bool interactive = false;  // standard input is connected anyway
  bool terminal = false;     // insist on one
  bool statistics = false;   // say at the end what the enclave held
  std::optional<StraceFilter> strace;  // calls of a debug enclave that are shown
  std::string strace_file;             // where they are written; empty: standard error
  bool debug = false;  // a debug enclave
  std::optional<uint16_t> gdb;  // the port to listen on for GDB; 0: any
  bool explain = false;      // PL_CONFIG_EXPLAIN: no option of pl-run, pl-bench asks for it
  std::vector<VariableOption> variables;
  std::vector<VariableOption> instance_variables;  // that no template has, so that they may differ from fork to fork
  std::vector<std::string> variable_files;
  std::vector<MountOption> mounts;
  std::string directory = "/";
  uint32_t user = 0, group = 0;
  uint64_t memory = 0;                // bytes; 0: no limit
  uint64_t timeout_milliseconds = 0;  // 0: none
  std::string name;                   // of the running instance
  uint32_t count = 0;                 // -n; 0: one, as without it
  uint32_t jobs = 0;                  // -j; 0: not given
  bool fail_fast = false;
  std::string output;                 // directory for each instance's output; empty: lines with its index
  bool json = false;                  // the summary of many
  bool detached = false;
  bool remove = false;                // a detached one, once it has ended
  std::string template_name;          // for people; empty: the program's
  std::string rootfs;                 // an image; empty: the small first tree
  std::vector<std::string> prefetch;  // files and directories of it that a template reads before it freezes
  std::string sysroot;                // where the libraries of a dynamic program are; empty: where they are known to be
  std::string program;                // empty: of a template at boot
  std::vector<std::string> arguments;

  bool is_debug() const { return debug || gdb || strace; }
};

// Why there is nothing to run: --help and --version (status 0, for standard output) or a wrong line (125, for standard error).
struct OptionsStop {
  int status;
  std::string text;
};

// Of pl-run, or of `pl-template build` (argv[0] is "build"): the options that decide what a template is.
enum class LineOf : uint8_t { Run, TemplateBuild };
std::expected<RunOptions, OptionsStop> parse_run_options(int argc, const char* const* argv, LineOf line = LineOf::Run);

// Has CLI11 read the line. Else help or the version, which was asked for (status 0), or in a few words what is wrong with it.
std::expected<void, OptionsStop> parse_line(CLI::App& app, int argc, const char* const* argv);

// Bytes of "64M", "1g", "4096", ...; milliseconds of "10", "1.5s", "200ms", "2m", "1h". Nothing: not such a thing.
std::optional<uint64_t> parse_size(const std::string& text);
std::optional<uint64_t> parse_duration(const std::string& text);
// UID or UID:GID as numbers; without GID it is 0.
bool parse_user(const std::string& text, uint32_t& user, uint32_t& group);
// NAME or NAME=VALUE
std::optional<VariableOption> parse_variable(const std::string& text);
// What can be the name of an instance: letters, digits, '_' and, but for the start, '-'; at most 63.
bool valid_instance_name(const std::string& name);
// HOST:GUEST[:ro|:rw]
std::expected<MountOption, std::string> parse_mount(const std::string& text);
// An absolute path without ".", "..", "//" and a slash at the end. Nothing: it is not absolute, or leads above the root.
std::optional<std::string> normalize_path(const std::string& path);

}  // namespace pl
