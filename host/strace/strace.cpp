// SPDX-License-Identifier: BSD-2-Clause
#include "strace/strace.h"

#include <cstring>
#include <fmt/format.h>

#include <charconv>

#include "strace/argument.h"
#include "strace/call.h"

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
  std::string shown = "\"";
  for (size_t at = 0; at < end;) {
    if (text.substr(at, 2) != "\\x" || at + 4 > end) {
      shown += text[at++];
      continue;
    }
    unsigned byte = 0;
    std::from_chars(text.data() + at + 2, text.data() + at + 4, byte, 16);
    at += 4;
    switch (byte) {
      case '\n': shown += "\\n"; break;
      case '\t': shown += "\\t"; break;
      case '\r': shown += "\\r"; break;
      case '"': shown += "\\\""; break;
      case '\\': shown += "\\\\"; break;
      default: {
        const bool digit_follows = at < end && text[at] >= '0' && text[at] <= '7';
        shown += digit_follows ? fmt::format("\\{:03o}", byte) : fmt::format("\\{:o}", byte);
      }
    }
  }
  shown += '"';
  text.remove_prefix(end + 1);
  if (text.starts_with("...")) {
    shown += "...";
    text.remove_prefix(3);
  }
  return std::pair(index, shown);
}

// `INDEX=BYTES`, in hexadecimal digits.
std::optional<std::pair<unsigned, std::string>> take_structure(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  if (text.size() < 2 || text[0] < '0' || text[0] > '5' || text[1] != '=') return std::nullopt;
  const unsigned index = static_cast<unsigned>(text[0] - '0');
  text.remove_prefix(2);
  std::string bytes;
  for (unsigned byte = 0; text.size() >= 2; text.remove_prefix(2)) {
    if (std::from_chars(text.data(), text.data() + 2, byte, 16).ptr != text.data() + 2) break;
    bytes += static_cast<char>(byte);
  }
  return std::pair(index, bytes);
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
  if (kind == '>') {
    Call call{.number = *number, .values = {}, .texts = {}, .structures = {}};
    for (uint64_t& value : call.values) value = take_number(line).value_or(0);
    while (auto text = take_text(line)) call.texts[text->first] = text->second;
    while (auto bytes = take_structure(line)) call.structures[bytes->first].read = bytes->second;
    enter(*thread, std::move(call));
  } else if (kind == '<') {
    const auto result = take_number(line);
    Call filled{.number = *number, .values = {}, .texts = {}, .structures = {}};
    while (auto text = take_text(line)) filled.texts[text->first] = text->second;
    while (auto bytes = take_structure(line)) filled.structures[bytes->first].filled = bytes->second;
    leave(*thread, result.value_or(0), filled);
  } else if (kind == '!') {
    const auto code = take_number(line), address = take_number(line);
    signal(*thread, *number, code.value_or(0), address.value_or(0));
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
  std::string_view parameters = traced.parameters;
  std::string text;
  bool rest = false;
  for (unsigned i = 0; !parameters.empty() && i < 6; ++i) {
    const Parameter parameter = next_parameter(parameters);
    if (parameter.type == "void" || parameter.type.empty()) break;
    if (is_meaningless(traced.name, parameter, call.values.data())) continue;
    const bool filled = call.was_filled(i) || (!call.texts[i] && parameter.name == "buffer") || parameter.type.starts_with("UserOut<");
    if (part == Part::Rest && !(rest = rest || filled)) continue;
    if (i && !(part == Part::Rest && text.empty())) text += ", ";
    if (part == Part::First && filled) break;
    auto shown = call.texts[i] ? call.texts[i] : structure_text(traced.name, parameter, call.structures[i], call.values.data());
    text += argument_text(traced.name, parameter, call.values[i], shown);
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
  under_way_[thread] = std::move(call);
  last_ = thread;
}

void Strace::leave(uint64_t thread, uint64_t result, const Call& filled) {
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
    call.structures[i].filled = filled.structures[i].filled;
  }
  const std::string text = call.interrupted ? fmt::format("<... {} resumed>{})", name, arguments(call, Part::Rest)) : fmt::format("{}({})", name, arguments(call, Part::All));
  print(thread, fmt::format("{} = {}{}", padded(text), result_text(name, result), outcome_text(name, call.structures[0], result)));
}

void Strace::signal(uint64_t thread, uint64_t number, uint64_t code, uint64_t address) {
  give_way(0);
  const char* name = number < 32 ? sigabbrev_np(static_cast<int>(number)) : nullptr;
  const std::string text = name ? std::string("SIG") + name : fmt::format("SIGRT_{}", number - 32);
  const int signed_code = static_cast<int32_t>(code);
  // Only of an instruction's own: what the enclave sends for others is 0.
  const bool fault = signed_code > 0 && (number == 4 || number == 5 || number == 7 || number == 8 || number == 11);
  print(thread, fault ? fmt::format("--- {} {{si_signo={}, si_code={}, si_addr={:#x}}} ---", text, text, signed_code, address)
                                           : fmt::format("--- {} {{si_signo={}, si_code={}}} ---", text, text, signed_code));
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
