// SPDX-License-Identifier: BSD-2-Clause
#include "registry/query.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "registry/control.h"
#include "run/options.h"

namespace pl {
namespace {

using Json = nlohmann::json;

constexpr int kServerKilled = 137;

std::string why(int error) {
  switch (error) {
    case ETIMEDOUT: return "its server does not answer; is it stopped?";
    case ECONNRESET: return "its server has just ended";
    case ENOENT: return "no such instance; pl-ps -a shows them";
    case EBUSY: return "it runs: pl-kill it first, or pl-rm -f";
    default: return std::strerror(error);
  }
}

InstanceRow row_of(const Found& found) {
  InstanceRow row;
  row.name = found.name;
  if (!found.description) return row;
  row.detached = true;
  row.program = found.description->program;
  row.process = found.description->process;
  return row;
}

// What its server says; more questions where one answer does not hold all.
void ask_server(const Found& found, std::vector<InstanceRow>& rows) {
  for (uint64_t from = 0;;) {
    auto answer = ask(found.connection.get(), Json({{"do", "list"}, {"from", from}}).dump());
    const Json json = answer ? Json::parse(*answer, nullptr, false) : Json();
    if (!json.is_object() || !json.contains("instances")) {
      // It has ended in between, and the next look will say so; or it is stopped.
      if (!answer && answer.error() == ECONNRESET) return;
      InstanceRow row = row_of(found);
      row.state = "busy";
      rows.push_back(row);
      return;
    }
    const bool many = json.value("count", 1) > 1;
    for (const Json& each : json["instances"]) {
      InstanceRow row;
      const auto index = each.value("index", 0u);
      row.name = many ? fmt::format("{}.{}", found.name, index) : found.name;
      row.program = json.value("program", "");
      row.process = json.value("process", 0);
      row.detached = json.value("detached", false);
      row.state = each.value("state", "running");
      row.id = each.value("id", uint64_t{0});
      row.private_bytes = each.value("private", uint64_t{0});
      row.shared_bytes = each.value("shared", uint64_t{0});
      row.ocalls = each.value("ocalls", uint64_t{0});
      row.age = each.value("age", 0.0);
      rows.push_back(std::move(row));
    }
    if (!json.contains("next")) return;
    from = json["next"].get<uint64_t>();
  }
}

}  // namespace

std::expected<std::vector<InstanceRow>, std::string> all_instances(Which which) {
  auto entries = list_entries();
  if (!entries) return std::unexpected(fmt::format("the folder for running instances: {}", std::strerror(entries.error())));
  std::vector<InstanceRow> rows;
  for (const Found& found : *entries) {
    if (found.alive()) {
      ask_server(found, rows);
      continue;
    }
    if (which == Which::Running) continue;
    InstanceRow row = row_of(found);
    const Description& description = *found.description;
    row.state = description.ended ? "exited" : "killed";
    row.status = description.ended ? description.status : kServerKilled;
    row.message = description.message;
    row.age = description.ended ? std::difftime(time(nullptr), static_cast<time_t>(description.ended)) : 0;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::optional<InstanceName> parse_instance_name(const std::string& text) {
  const size_t dot = text.find('.');
  InstanceName name{text.substr(0, dot), {}};
  if (!valid_instance_name(name.name)) return std::nullopt;
  if (dot == text.npos) return name;
  uint32_t index = 0;
  auto [end, error] = std::from_chars(text.data() + dot + 1, text.data() + text.size(), index);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  name.index = index;
  return name;
}

std::expected<void, std::string> signal_instance(const std::string& text, int number) {
  const auto name = parse_instance_name(text);
  if (!name) return std::unexpected(why(ENOENT));
  auto found = find_entry(name->name);
  if (!found) return std::unexpected(why(found.error()));
  if (!found->alive()) return std::unexpected("it has ended");
  Json request = {{"do", "signal"}, {"signal", number}};
  if (name->index) request["index"] = *name->index;
  auto answer = ask(found->connection.get(), request.dump());
  if (!answer) return std::unexpected(why(answer.error()));
  const Json json = Json::parse(*answer, nullptr, false);
  if (!json.is_object()) return std::unexpected("its server's answer cannot be read");
  if (json.contains("error")) return std::unexpected(json.value("error", ""));
  if (json.value("done", 0) == 0) return std::unexpected(name->index ? "no instance of this index runs" : "none of its instances runs");
  return {};
}

std::expected<InstanceEnd, std::string> await_instance(const std::string& name) {
  auto found = find_entry(name);
  if (!found) return std::unexpected(why(found.error()));
  if (found->alive()) {
    auto answer = ask(found->connection.get(), Json({{"do", "wait"}}).dump(), Patience::Endless);
    const Json json = answer ? Json::parse(*answer, nullptr, false) : Json();
    if (json.is_object()) return InstanceEnd{json.value("status", kServerKilled), json.value("message", "")};
    // It ended before it had heard of us, or it was killed; its entry knows.
    found = find_entry(name);
  }
  if (found && found->description && found->description->ended) return InstanceEnd{found->description->status, found->description->message};
  return InstanceEnd{kServerKilled, "its server was killed"};
}

std::expected<void, std::string> forget_instance(const std::string& name, Force force) {
  auto found = find_entry(name);
  if (!found) return std::unexpected(why(found.error()));
  if (found->alive()) {
    if (force == Force::No) return std::unexpected(why(EBUSY));
    if (auto killed = signal_instance(name, SIGKILL); !killed && find_entry(name)) return killed;
    // Our connection is closed by its end.
    receive(found->connection.get(), Patience::Seconds);
  }
  auto removed = remove_entry(name);
  if (removed || (removed.error() == ENOENT && force == Force::Yes)) return {};
  return std::unexpected(why(removed.error()));
}

}  // namespace pl
