// SPDX-License-Identifier: BSD-2-Clause
// pl-template: the templates of this user, shown and removed.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "device/device.hpp"

namespace {

constexpr int kFailed = 1;
constexpr size_t kArena = 65536;  // the smallest: no window is used here

int complain(std::string_view text) {
  fmt::print(stderr, "pl-template: {}\n", text);
  return kFailed;
}

std::string hexadecimal(const __u8* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

std::string name_of(const pl_ioc_template& found) {
  std::string name(found.name, strnlen(found.name, sizeof found.name));
  for (char& c : name)
    if (c < ' ' || c > '~') c = '?';
  return name;
}

// In order of their ids, which is that of their making.
pl::Result<std::vector<pl_ioc_template>> all_templates(pl::Device& device) {
  std::vector<pl_ioc_template> all;
  pl_ioc_template next{};
  for (;;) {
    int code = pl_template_after(device.get(), &next);
    if (code == -ENOENT) return all;
    if (code < 0) return std::unexpected(-code);
    all.push_back(next);
  }
}

int list(pl::Device& device, bool json) {
  auto all = all_templates(device);
  if (!all) return complain(std::strerror(all.error()));
  if (json) {
    auto array = nlohmann::json::array();
    for (const pl_ioc_template& found : *all) {
      array.push_back({{"id", found.template_id},
                       {"name", name_of(found)},
                       {"key", hexadecimal(found.key, sizeof found.key)},
                       {"measurement", hexadecimal(found.measurement, sizeof found.measurement)},
                       {"bytes", found.bytes},
                       {"created", found.created},
                       {"used", found.used},
                       {"forks", found.forks_total},
                       {"forks_alive", found.forks_alive},
                       {"owner", found.owner},
                       {"group", found.group < 0 ? nlohmann::json() : nlohmann::json(found.group)},
                       {"debug", (found.flags & PL_CREATE_DEBUG) != 0}});
    }
    fmt::print("{}\n", array.dump(2));
    return 0;
  }
  fmt::print("{:>6}  {:<24} {:>9} {:>9} {:>6}  {:<19}  {}\n", "ID", "NAME", "KIB", "FORKS", "ALIVE", "MADE", "MEASUREMENT");
  for (const pl_ioc_template& found : *all) {
    fmt::print("{:>6}  {:<24} {:>9} {:>9} {:>6}  {:%Y-%m-%d %H:%M:%S}  {}\n", found.template_id, name_of(found),
               found.bytes / 1024, found.forks_total, found.forks_alive,
               fmt::gmtime(static_cast<std::time_t>(found.created)), hexadecimal(found.measurement, 8));
  }
  return 0;
}

// Each of `which` is an id, or the name of one or more.
int remove(pl::Device& device, const std::vector<std::string>& which, bool everything) {
  auto all = all_templates(device);
  if (!all) return complain(std::strerror(all.error()));
  int status = 0;
  auto drop = [&](const pl_ioc_template& found) {
    int code = pl_template_remove(device.get(), found.template_id);
    if (code < 0 && code != -ENOENT) status = complain(fmt::format("{}: {}", name_of(found), std::strerror(-code)));
  };
  if (everything)
    for (const pl_ioc_template& found : *all) drop(found);
  for (const std::string& text : which) {
    uint64_t id = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    bool is_id = error == std::errc{} && end == text.data() + text.size(), any = false;
    for (const pl_ioc_template& found : *all) {
      if (is_id ? found.template_id != id : name_of(found) != text) continue;
      drop(found);
      any = true;
    }
    if (!any) status = complain(fmt::format("{}: no such template", text));
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("The templates that pl-run --shadow made.", "pl-template");
  app.require_subcommand(1);
  bool json = false, everything = false;
  std::vector<std::string> which;
  auto* ls = app.add_subcommand("ls", "Show them");
  ls->add_flag("--json", json, "As JSON");
  auto* rm = app.add_subcommand("rm", "Remove some; one with running forks is freed when the last of them ends");
  rm->add_option("ID|NAME", which);
  rm->add_flag("--all", everything, "Remove all");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) ? 2 : 0;
  }
  if (rm->parsed() && which.empty() && !everything) return complain("rm: name a template, or --all");

  const char* path = std::getenv("PENGLAI_DEVICE");
  auto device = pl::Device::open(path && *path ? path : nullptr, kArena);
  if (!device) return complain(fmt::format("{}: {}", path && *path ? path : PL_DEVICE, std::strerror(device.error())));
  return ls->parsed() ? list(*device, json) : remove(*device, which, everything);
}
