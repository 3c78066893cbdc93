// SPDX-License-Identifier: BSD-2-Clause
#include "strace/strace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "strace/argument.h"
#include "strace/call.h"
#include "strace/signal.h"

namespace pl {
namespace {

constexpr uint64_t kClone = 220, kExecve = 221, kExecveat = 281, kClone3 = 435;
constexpr uint32_t kKilled = 9;

bool executes(uint64_t call) { return call == kExecve || call == kExecveat; }

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

}  // namespace

bool Strace::take(std::string_view line) {
  constexpr std::string_view kMark = "strace";
  if (!line.starts_with(kMark) || line.size() < kMark.size() + 2 || line[kMark.size() + 1] != ' ') return false;
  const char kind = line[kMark.size()];
  if (!std::string_view("><@!.").contains(kind)) return false;
  line.remove_prefix(kMark.size() + 1);
  const auto thread = take_number(line);
  if (!thread) return false;
  const auto number = take_number(line);
  if (!number) return false;
  const bool is_new = !living_.contains(*thread);
  meet(*thread);
  if (kind == '.') {
    const auto status = take_number(line), last = take_number(line);
    end(*thread, *number, static_cast<uint32_t>(status.value_or(0)), last.value_or(0));
  } else if (kind == '<' && is_new && (*number == kClone || *number == kClone3)) {
    // It begins where its parent's call ends, which is told of the parent.
  } else if (kind == '>' || kind == '<') {
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

void Strace::meet(uint64_t thread) {
  if (!living_.insert(thread).second) return;
  if (!first_) first_ = thread;
  else if (whose_ == Whose::IfSeveral) sink_(fmt::format("strace: Process {} attached", thread));
}

void Strace::print(uint64_t thread, std::string_view text, std::string_view value) {
  constexpr size_t kColumn = 39;  // where strace puts what comes after the call
  std::string line = whose_ == Whose::Always ? fmt::format("{:<5} ", thread) : living_.size() > 1 ? fmt::format("[pid {:5}] ", thread) : "";
  line += text;
  if (!value.empty()) line.resize(std::max(line.size(), kColumn), ' ');
  sink_(line.append(value));
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
  if (executes(number) && !result && (found == under_way_.end() || found->second.number != number)) {
    take_place_of_leader(thread);
    found = under_way_.find(thread);
  }
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
  print(thread, text, fmt::format(" = {}{}", result_text(name, result), outcome_text(name, call)));
}

void Strace::signal(uint64_t thread, uint64_t number, std::string_view information) {
  if (number == kKilled) return;  // of which only the end is seen
  give_way(0);
  const std::string name = signal_name(number);
  print(thread, information.empty() ? fmt::format("--- stopped by {} ---", name) : fmt::format("--- {} {} ---", name, signal_information(information)));
}

// execve(2) by another thread than the leader: from then on it has the leader's number.
void Strace::take_place_of_leader(uint64_t leader) {
  const auto other = std::ranges::find_if(under_way_, [](const auto& each) { return executes(each.second.number); });
  if (other == under_way_.end()) return;
  give_way(leader);
  print(leader, fmt::format("+++ superseded by execve in pid {} +++", other->first));
  living_.erase(other->first);
  other->second.interrupted = true;
  auto call = under_way_.extract(other);
  call.key() = leader;
  under_way_.erase(leader);
  under_way_.insert(std::move(call));
}

// A call that never comes back: what it would have filled is not to be seen.
void Strace::end_call(uint64_t thread) {
  const auto found = under_way_.find(thread);
  if (found == under_way_.end()) return;
  const Call call = std::move(found->second);
  under_way_.erase(found);
  const std::string name = name_of(call.number);
  if (!filter_.shows(name)) return;
  give_way(thread);
  last_.reset();
  const std::string rest = arguments(call, Part::Rest).empty() ? ")" : " <unfinished ...>)";
  const std::string text = call.interrupted ? fmt::format("<... {} resumed>{}", name, rest) : fmt::format("{}({}{}", name, arguments(call, Part::First), rest);
  print(thread, text, " = ?");
}

void Strace::say_end(uint64_t thread, uint32_t status) {
  give_way(thread);
  const uint32_t signal = status & 0x7f;
  print(thread, signal ? fmt::format("+++ killed by {} {}+++", signal_name(signal), status & 0x80 ? "(core dumped) " : "")
                       : fmt::format("+++ exited with {} +++", status >> 8 & 0xff));
  living_.erase(thread);
}

void Strace::end(uint64_t thread, uint64_t process, uint32_t status, bool last) {
  end_call(thread);
  if (thread != process) say_end(thread, status);
  if (last) say_end(process, status);
}

void Strace::finish(uint32_t status) {
  // What outlives the first process goes with it.
  for (const uint64_t thread : std::set(living_)) {
    if (thread == first_) continue;
    end_call(thread);
    say_end(thread, kKilled);
  }
  if (first_ && !living_.contains(first_)) return;
  end_call(first_);
  say_end(first_, status);
}

}  // namespace pl
