// SPDX-License-Identifier: BSD-2-Clause
#include "suite/verdict.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <optional>
#include <toml++/toml.h>

namespace pl::suite {

Judgement judge(const Outcome& outcome, const SuiteOptions& options) {
  if (outcome.timed_out) return {Verdict::Failed, fmt::format("not done in {} s", static_cast<double>(options.run.timeout_milliseconds) / 1e3)};
  if (outcome.signal) {
    const char* name = sigabbrev_np(outcome.signal);
    return {Verdict::Failed, name ? fmt::format("ended by SIG{}", name) : fmt::format("ended by signal {}", outcome.signal)};
  }
  if (!outcome.message.empty()) return {Verdict::Failed, outcome.message};
  const std::string reason = outcome.status ? fmt::format("exit status {}", outcome.status) : "";
  if (options.passing.contains(outcome.status)) return {Verdict::Passed, reason};
  return {options.skipping.contains(outcome.status) ? Verdict::Skipped : Verdict::Failed, fmt::format("exit status {}", outcome.status)};
}

std::expected<Expectations, std::string> Expectations::read(const std::string& path) {
  auto fail = [&](const std::string& why) { return std::unexpected("--expect " + path + ": " + why); };
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    const auto line = error.source().begin.line;
    return fail(line ? fmt::format("line {}: {}", line, error.description()) : std::string(error.description()));
  }
  Expectations expectations;
  for (const auto& [name, value] : file) {
    std::optional<Expected> expected;
    if (name == "fail") expected = Expected::Fail;
    else if (name == "skip") expected = Expected::Skip;
    else if (name == "unstable") expected = Expected::Unstable;
    else if (name != "alone") return fail(fmt::format("{}: expected the tables [fail], [skip], [unstable] and [alone]", name.str()));
    if (!value.is_table()) return fail(fmt::format("{} is no table", name.str()));
    for (const auto& [test, reason] : *value.as_table()) {
      const auto text = reason.value<std::string>();
      if (!text || text->empty()) return fail(fmt::format("line {}: {} has no reason", reason.source().begin.line, test.str()));
      const bool first = expected ? expectations.entries_.emplace(test.str(), Entry{*expected, *text}).second
                                  : expectations.alone_.emplace(test.str()).second;
      if (!first) return fail(fmt::format("{} is in it twice", test.str()));
    }
  }
  return expectations;
}

const Expectations::Entry* Expectations::find(const std::string& test) const {
  auto found = entries_.find(test);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::string> Expectations::strangers(const std::vector<std::string>& tests) const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_)
    if (!std::ranges::binary_search(tests, name)) names.push_back(name);
  for (const std::string& name : alone_)
    if (!std::ranges::binary_search(tests, name)) names.push_back(name);
  return names;
}

bool as_expected(Verdict verdict, const Expectations::Entry* entry) {
  if (!entry) return verdict != Verdict::Failed;
  switch (entry->expected) {
    case Expectations::Expected::Fail: return verdict == Verdict::Failed;
    case Expectations::Expected::Skip: return verdict == Verdict::Skipped;
    case Expectations::Expected::Unstable: return true;
  }
  return false;
}

}  // namespace pl::suite
