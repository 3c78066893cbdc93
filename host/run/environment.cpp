// SPDX-License-Identifier: BSD-2-Clause
#include "run/environment.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

namespace pl {
namespace {

constexpr size_t kFileMax = 1 << 20;

class Variables {
 public:
  void set(const std::string& name, std::string_view value) {
    std::string entry = name + "=" + std::string(value);
    auto same = std::ranges::find_if(entries_, [&](const std::string& known) {
      return known.size() > name.size() && known[name.size()] == '=' && known.starts_with(name);
    });
    if (same != entries_.end()) *same = std::move(entry);
    else entries_.push_back(std::move(entry));
  }
  // A name alone takes the caller's value, and nothing if there is none.
  void set(const std::string& name, const std::optional<std::string>& value) {
    if (value) set(name, std::string_view(*value));
    else if (const char* own = std::getenv(name.c_str())) set(name, std::string_view(own));
  }
  std::vector<std::string> take() { return std::move(entries_); }

 private:
  std::vector<std::string> entries_;
};

OrFailure<void> read_variables(const std::string& path, const HostFiles& files, Variables& variables) {
  auto fail = [&](std::string_view why) { return failure(kOwnFailure, "--env-file " + path + ": " + std::string(why)); };
  auto file = files.open(path, O_RDONLY);
  if (!file) return fail(std::strerror(file.error()));
  auto content = read_file(file->get(), kFileMax);
  if (!content) return fail(std::strerror(content.error()));
  std::string_view text(reinterpret_cast<const char*>(content->data()), content->size());
  if (text.find('\0') != text.npos) return fail("not a text file");
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.empty() || line[0] == '#') continue;
    size_t equals = line.find('=');
    if (equals == 0) return fail("a line without a name");
    std::optional<std::string> value;
    if (equals != line.npos) value = line.substr(equals + 1);
    variables.set(std::string(line.substr(0, equals)), value);
  }
  return {};
}

}  // namespace

OrFailure<std::vector<std::string>> build_environment(const RunOptions& options, const HostFiles& files, bool terminal,
                                                      EnvironmentOf whose) {
  Variables variables;
  variables.set("PATH", std::string_view("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
  variables.set("HOME", std::string_view(options.user == 0 ? "/root" : "/"));
  if (terminal && whose == EnvironmentOf::Instance) variables.set("TERM", std::nullopt);
  for (const std::string& path : options.variable_files)
    if (auto read = read_variables(path, files, variables); !read) return std::unexpected(read.error());
  for (const VariableOption& variable : options.variables) variables.set(variable.name, variable.value);
  if (whose == EnvironmentOf::Instance)
    for (const VariableOption& variable : options.instance_variables) variables.set(variable.name, variable.value);
  return variables.take();
}

}  // namespace pl
