// SPDX-License-Identifier: BSD-2-Clause
#include "strace/strace.h"

#include <fmt/format.h>

#include <charconv>

#include "strace/argument.h"
#include "strace/call.h"
#include "strace/signal.h"

namespace pl {
namespace {

constexpr uint64_t kExecve = 221;

std::optional<uint64_t> take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

// `"INDEX:text"` or `"INDEX:text"...`, as strace would write it.
std::optional<std::pair<unsigned, std::string>> take_text(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.size() < 4 || text[0] != '"' || text[2] != ':' || text[1] < '0' || text[1] > '5') return std::nullopt;
  const unsigned index = static_cast<unsigned>(text[1] - '0');
  text.remove_prefix(3);
  const size_t end = text.find('"');
  if (end == text.npos) return std::nullopt;
  std::string bytes;
  for (size_t at = 0; at < end;) {
    unsigned byte = static_cast<unsigned char>(text[at]);
    const bool escaped = text.substr(at, 2) == "\\x" && at + 4 <= end;
    if (escaped) std::from_chars(text.data() + at + 2, text.data() + at + 4, byte, 16);
    bytes += static_cast<char>(byte);
    at += escaped ? 4 : 1;
  }
  std::string shown = quoted(bytes);
  text.remove_prefix(end + 1);
  if (text.starts_with("...")) {
    shown += "...";
    text.remove_prefix(3);
  }
  return std::pair(index, shown);
}

std::string take_bytes(std::string_view& text) {
  std::string bytes;
  for (unsigned byte = 0; text.size() >= 2; text.remove_prefix(2)) {
    if (std::from_chars(text.data(), text.data() + 2, byte, 16).ptr != text.data() + 2) break;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

// `KEY=BYTES`, in hexadecimal digits.
std::optional<std::pair<uint64_t, std::string>> take_memory(std::string_view& text) {
  std::string_view rest = text;
  const auto key = take_number(rest);
  if (!key || !rest.starts_with('=')) return std::nullopt;
  rest.remove_prefix(1);
  text = rest;
  return std::pair(*key, take_bytes(text));
}

// `INDEX#COUNT`.
std::optional<std::pair<uint64_t, uint64_t>> take_count(std::string_view& text) {
  const auto index = take_number(text);
  if (!index || !text.starts_with('#')) return std::nullopt;
  text.remove_prefix(1);
  const auto count = take_number(text);
  return count ? std::optional(std::pair(*index, *count)) : std::nullopt;
}

std::string name_of(uint64_t number) {
  const TracedCall call = traced_call(number);
  return call.name.empty() ? fmt::format("syscall_{:#x}", number) : std::string(call.name);
}

// Where strace puts what comes after the call.
std::string padded(std::string text) {
  constexpr size_t kColumn = 39;
  if (text.size() < kColumn) text.resize(kColumn, ' ');
  return text;
}

}  // namespace

bool Strace::take(std::string_view line) {
  constexpr std::string_view kMark = "strace";
  if (!line.starts_with(kMark) || line.size() < kMark.size() + 2 || line[kMark.size() + 1] != ' ') return false;
  const char kind = line[kMark.size()];
  line.remove_prefix(kMark.size() + 1);
  const auto thread = take_number(line);
  if (!thread) return false;
  if (!first_) first_ = *thread;
  several_ = several_ || *thread != first_;
  const auto number = take_number(line);
  if (!number) return false;
  if (kind == '>' || kind == '<') {
    Call call;
    call.number = *number;
    const bool ends = kind == '<';
    uint64_t result = 0;
    if (ends) result = take_number(line).value_or(0);
    else for (uint64_t& value : call.values) value = take_number(line).value_or(0);
    while (auto text = take_text(line)) call.texts[text->first] = text->second;
    while (auto bytes = take_memory(line))
      if (bytes->first < 6) (ends ? call.structures[bytes->first].filled : call.structures[bytes->first].read) = bytes->second;
    if (auto count = take_count(line); count && count->first < 6) call.structures[count->first].count = count->second;
    if (auto ahead = ahead_.extract(*thread)) call.memory = std::move(ahead.mapped());
    if (ends) leave(*thread, result, std::move(call));
    else enter(*thread, std::move(call));
  } else if (kind == '@' && line.starts_with('=')) {
    line.remove_prefix(1);
    ahead_[*thread].add(*number, take_bytes(line));
  } else if (kind == '!' && line.starts_with('=')) {
    line.remove_prefix(1);
    signal(*thread, *number, take_bytes(line));
  } else {
    return false;
  }
  return true;
}

void Strace::print(uint64_t thread, const std::string& text) {
  sink_(several_ ? fmt::format("[pid {:5}] {}", thread, text) : text);
}

std::string Strace::arguments(const Call& call, Part part) const {
  const TracedCall traced = traced_call(call.number);
  std::string text;
  bool rest = false;
  for (const auto& [i, label, parameter] : places_of(traced, call.values.data())) {
    const bool filled = call.was_filled(i) || (!call.texts[i] && parameter.name == "buffer") || is_filled(traced.name, parameter);
    if (part == Part::Rest && !(rest = rest || filled)) continue;
    if (!text.empty()) text += ", ";
    if (part == Part::First && filled) break;
    auto shown = call.texts[i] ? call.texts[i] : structure_text(traced.name, parameter, i, call);
    text += fmt::format("{}{}", label, argument_text(traced.name, parameter, call.values[i], shown));
  }
  return text;
}

// The call that was begun last is not over yet, and another line comes: its first half is printed now.
void Strace::give_way(uint64_t to) {
  if (!last_ || *last_ == to) return;
  const auto found = under_way_.find(*last_);
  if (found != under_way_.end() && !found->second.interrupted && filter_.shows(name_of(found->second.number))) {
    print(*last_, fmt::format("{}({} <unfinished ...>", name_of(found->second.number), arguments(found->second, Part::First)));
    found->second.interrupted = true;
  }
  last_.reset();
}

void Strace::enter(uint64_t thread, Call call) {
  give_way(thread);
  // Structures too long for the line were told ahead of it.
  for (unsigned i = 0; i < 6; ++i)
    if (call.structures[i].read.empty() && call.values[i]) call.structures[i].read = call.memory.from(call.values[i]);
  under_way_[thread] = std::move(call);
  last_ = thread;
}

void Strace::leave(uint64_t thread, uint64_t result, Call filled) {
  const uint64_t number = filled.number;
  auto found = under_way_.find(thread);
  Call call;
  // A new thread's first line is the end of a call that its parent began; so is that of an execve that made it the leader.
  if (found != under_way_.end() && found->second.number == number) {
    call = std::move(found->second);
    under_way_.erase(found);
  } else {
    call.number = number;
    call.interrupted = true;
  }
  const std::string name = name_of(number);
  if (!filter_.shows(name)) return;
  give_way(thread);
  last_.reset();
  for (unsigned i = 0; i < 6; ++i) {
    if (filled.texts[i]) call.texts[i] = filled.texts[i], call.filled_text = int(i);
    Structure& later = filled.structures[i];
    call.structures[i].filled = later.filled.empty() && call.values[i] ? std::string(filled.memory.from(call.values[i])) : std::move(later.filled);
    if (later.count) call.structures[i].count = later.count;
  }
  call.memory.add(std::move(filled.memory));
  call.result = result;
  const std::string text = call.interrupted ? fmt::format("<... {} resumed>{})", name, arguments(call, Part::Rest)) : fmt::format("{}({})", name, arguments(call, Part::All));
  print(thread, fmt::format("{} = {}{}", padded(text), result_text(name, result), outcome_text(name, call)));
}

void Strace::signal(uint64_t thread, uint64_t number, std::string_view information) {
  give_way(0);
  print(thread, fmt::format("--- {} {} ---", signal_name(number), signal_information(information)));
}

void Strace::finish(std::string_view how) {
  for (const auto& [thread, call] : under_way_) {
    const std::string name = name_of(call.number);
    if (!filter_.shows(name) || call.number == kExecve) continue;
    const std::string text = call.interrupted ? fmt::format("<... {} resumed>{})", name, arguments(call, Part::Rest)) : fmt::format("{}({})", name, arguments(call, Part::All));
    print(thread, padded(text) + " = ?");
  }
  under_way_.clear();
  sink_(fmt::format("+++ {} +++", how));
}

}  // namespace pl
