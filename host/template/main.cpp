// SPDX-License-Identifier: BSD-2-Clause
// pl-template: the templates of this user, made, shown and removed.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "commands/lines.h"
#include "gdb/debugger.h"
#include "penglai/config.h"
#include "run/job.h"
#include "run/note.h"

namespace pl {
namespace {

using Json = nlohmann::json;

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

std::string printable(const char* text, size_t size) {
  std::string name(text, strnlen(text, size));
  for (char& c : name)
    if (c < ' ' || c > '~') c = '?';
  return name;
}
std::string name_of(const pl_ioc_template& found) { return printable(found.name, sizeof found.name); }

std::string_view point_of(const pl_ioc_template& found) {
  switch (found.point) {
    case PL_SHADOW_ENTRY: return "entry";
    case PL_SHADOW_MAIN: return "main";
    case PL_SHADOW_CALL: return "call";
    case PL_SHADOW_BOOT: return "boot";
    default: return "unknown";
  }
}

// Those that the user may see, in order of their ids, which is that of their making.
Result<std::vector<pl_ioc_template>> all_templates(Device& device) {
  std::vector<pl_ioc_template> all;
  pl_ioc_template next{};
  for (;;) {
    int code = pl_template_after(device.get(), &next);
    if (code == -ENOENT) return all;
    if (code < 0) return std::unexpected(-code);
    all.push_back(next);
  }
}

std::vector<pl_ioc_evicted> all_evicted(Device& device) {
  std::vector<pl_ioc_evicted> all;
  pl_ioc_evicted next{};
  while (pl_template_evicted(device.get(), &next) == 0) all.push_back(next);
  return all;
}

// What of its root image it has read and checked, so that no fork does.
std::vector<std::string> prefetched(Device& device, const pl_ioc_template& found) {
  std::string text(PL_NOTE_MAX, '\0');
  pl_ioc_note note{};
  note.template_id = found.template_id;
  note.address = reinterpret_cast<uintptr_t>(text.data());
  note.length = static_cast<uint32_t>(text.size());
  if (pl_template_note(device.get(), &note) < 0) return {};  // it has just been removed
  return prefetched_paths(std::string_view(text).substr(0, note.length));
}

uint64_t seconds_since(uint64_t then) {
  const auto now = static_cast<uint64_t>(time(nullptr));
  return now > then ? now - then : 0;
}

Json to_json(const pl_ioc_template& found) {
  return {{"id", found.template_id},
          {"name", name_of(found)},
          {"key", hexadecimal(found.key, sizeof found.key)},
          {"measurement", hexadecimal(found.measurement, sizeof found.measurement)},
          {"point", point_of(found)},
          {"program_measured", found.point != PL_SHADOW_BOOT},
          {"bytes", found.bytes},
          {"created", found.created},
          {"age_seconds", seconds_since(found.created)},
          {"used", found.used},
          {"idle_seconds", found.forks_alive ? 0 : seconds_since(found.used)},
          {"forks", found.forks_total},
          {"forks_alive", found.forks_alive},
          {"owner", found.owner},
          {"group", found.group < 0 ? Json() : Json(found.group)},
          {"debug", (found.flags & PL_CREATE_DEBUG) != 0}};
}

std::string span(uint64_t seconds) {
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

int build(const CommandLine& line) {
  auto files = HostFiles::from_environment();
  if (!files) return complain(fmt::format("PENGLAI_ROOT: {}", std::strerror(files.error())));
  const Say enclave_says = [](std::string_view text) { complain(fmt::format("enclave: {}", text)); };
  auto failed = [](const Failure& failure) {
    complain(failure.message);
    return failure.status;
  };
  auto recipe = Recipe::make(line.build, *files);
  if (!recipe) return failed(recipe.error());
  auto runtime = Runtime::open(0, enclave_says);
  if (!runtime) return failed(runtime.error());
  std::optional<Debugger> debugger;
  if (line.build.is_debug()) debugger.emplace(Descriptor(), [](std::string_view text) { complain(text); });
  auto id = recipe->find_template((*runtime)->device(), enclave_says, debugger ? &debugger->link() : nullptr);
  debugger.reset();
  (*runtime)->tell_evicted([](std::string_view text) { complain(text); });
  if (!id) return failed(id.error());
  if (!line.json) {
    fmt::print("{}\n", *id);
    return 0;
  }
  pl_ioc_template found{};
  found.template_id = *id - 1;
  if (pl_template_after((*runtime)->device().get(), &found) < 0 || found.template_id != *id) return complain("it was removed at once");
  fmt::print("{}\n", to_json(found).dump(2));
  return 0;
}

int list(Device& device, const std::vector<pl_ioc_template>& all, bool json) {
  const auto evicted = all_evicted(device);
  if (json) {
    Json templates = Json::array(), gone = Json::array();
    for (const pl_ioc_template& found : all) templates.push_back(to_json(found));
    for (const pl_ioc_evicted& each : evicted)
      gone.push_back({{"id", each.template_id}, {"name", printable(each.name, sizeof each.name)}, {"bytes", each.bytes}, {"when", each.when}, {"idle_seconds", each.idle}, {"process", each.process}});
    fmt::print("{}\n", Json({{"templates", templates}, {"evicted", gone}}).dump(2));
    return 0;
  }
  fmt::print("{:>6}  {:<24} {:>9} {:>9} {:>6} {:>5} {:>5} {:>6}  {}\n", "ID", "NAME", "KIB", "FORKS", "ALIVE", "AGE", "IDLE", "OWNER", "MEASUREMENT");
  for (const pl_ioc_template& found : all) {
    fmt::print("{:>6}  {:<24} {:>9} {:>9} {:>6} {:>5} {:>5} {:>6}  {}\n", found.template_id, name_of(found), found.bytes / 1024, found.forks_total,
               found.forks_alive, span(seconds_since(found.created)), found.forks_alive ? "-" : span(seconds_since(found.used)), found.owner,
               hexadecimal(found.measurement, 8));
  }
  for (const pl_ioc_evicted& each : evicted)
    fmt::print("gave way when memory was short, {} ago: {} ({}), {} KiB, idle for {}, to process {}\n", span(seconds_since(each.when)),
               printable(each.name, sizeof each.name), each.template_id, each.bytes / 1024, span(each.idle), each.process);
  return 0;
}

void print_all(Device& device, const pl_ioc_template& found) {
  fmt::print("id           {}\nname         {}\nowner        {}\nsize         {} KiB\nmeasurement  {}\nkey          {}\n", found.template_id,
             name_of(found), found.owner, found.bytes / 1024, hexadecimal(found.measurement, sizeof found.measurement), hexadecimal(found.key, sizeof found.key));
  fmt::print("point        {}\n", found.point == PL_SHADOW_BOOT ? "boot: each fork is told its program, which is of the measured image" : point_of(found));
  for (const std::string& path : prefetched(device, found)) fmt::print("prefetched   {}\n", path);
  fmt::print("made         {:%Y-%m-%d %H:%M:%S} UTC, {} ago\n", fmt::gmtime(static_cast<std::time_t>(found.created)), span(seconds_since(found.created)));
  fmt::print("last fork    {}\n", found.forks_total ? span(seconds_since(found.used)) + " ago" : "none yet");
  fmt::print("forks        {}, {} alive\n", found.forks_total, found.forks_alive);
  if (found.group >= 0) fmt::print("group        {}\n", found.group);
  if (found.flags & PL_CREATE_DEBUG) fmt::print("debug        yes\n");
}

// Those that a word means: an id, or the name of one or more.
std::vector<pl_ioc_template> meant(const std::vector<pl_ioc_template>& all, const std::string& text) {
  uint64_t id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool is_id = error == std::errc{} && end == text.data() + text.size();
  std::vector<pl_ioc_template> found;
  for (const pl_ioc_template& each : all)
    if (is_id ? each.template_id == id : name_of(each) == text) found.push_back(each);
  return found;
}

// Of those that line.names mean; the rest is said.
std::vector<pl_ioc_template> chosen(const std::vector<pl_ioc_template>& all, const CommandLine& line, int& status) {
  std::vector<pl_ioc_template> some;
  for (const std::string& text : line.names) {
    auto found = meant(all, text);
    if (found.empty()) status = complain(fmt::format("{}: no such template; pl-template ls shows them", text));
    some.insert(some.end(), found.begin(), found.end());
  }
  return some;
}

int inspect(Device& device, const std::vector<pl_ioc_template>& all, const CommandLine& line) {
  int status = 0;
  Json array = Json::array();
  bool first = true;
  for (const pl_ioc_template& found : chosen(all, line, status)) {
    if (line.json) {
      Json json = to_json(found);
      json["prefetched"] = prefetched(device, found);
      array.push_back(std::move(json));
      continue;
    }
    if (!std::exchange(first, false)) fmt::print("\n");
    print_all(device, found);
  }
  if (line.json) fmt::print("{}\n", array.dump(2));
  return status;
}

int remove(Device& device, const std::vector<pl_ioc_template>& some, bool json, int status) {
  Json removed = Json::array();
  for (const pl_ioc_template& found : some) {
    int code = pl_template_remove(device.get(), found.template_id);
    if (code == -ENOENT) continue;  // somebody was faster
    if (code < 0) status = complain(fmt::format("{}: {}", name_of(found), std::strerror(-code)));
    else removed.push_back(to_json(found));
  }
  if (json) fmt::print("{}\n", removed.dump(2));
  return status;
}

int run(const CommandLine& line) {
  if (line.action == "build") return build(line);
  const char* path = environment("PENGLAI_DEVICE", PL_DEVICE);
  auto device = Device::open(path, kArena);
  if (!device) return complain(fmt::format("{}: {}", path, std::strerror(device.error())));
  auto all = all_templates(*device);
  if (!all) return complain(std::strerror(all.error()));
  if (line.action == "ls") return list(*device, *all, line.json);
  if (line.action == "inspect") return inspect(*device, *all, line);
  int status = 0;
  std::vector<pl_ioc_template> some;
  if (line.action == "rm") {
    some = line.all ? *all : chosen(*all, line, status);
    return remove(*device, some, line.json, status);
  }
  // prune: a group's are not this user's to tidy up.
  for (const pl_ioc_template& found : *all)
    if (found.owner == geteuid() && !found.forks_alive && (line.all || seconds_since(found.used) * 1000 >= line.milliseconds)) some.push_back(found);
  status = remove(*device, some, line.json, status);
  uint64_t bytes = 0;
  for (const pl_ioc_template& found : some) bytes += found.bytes;
  if (!line.json) fmt::print("removed {} of {} templates, {} KiB\n", some.size(), all->size(), bytes / 1024);
  return status;
}

}  // namespace
}  // namespace pl

int main(int argc, char** argv) {
  auto line = pl::parse_command_line("pl-template", argc, argv);
  if (!line) {
    std::fputs(line.error().text.c_str(), line.error().status ? stderr : stdout);
    return line.error().status;
  }
  return pl::run(*line);
}
