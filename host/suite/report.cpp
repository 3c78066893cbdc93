// SPDX-License-Identifier: BSD-2-Clause
#include "suite/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

namespace pl::suite {
namespace {

constexpr size_t kLinesShown = 60;
constexpr double kPause = 0.1;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Passed: return "pass";
    case Verdict::Failed: return "fail";
    case Verdict::Skipped: return "skip";
  }
  return "";
}

// '#' begins a directive, and '\' takes that from it.
std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '#' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

// The last lines, each as a comment.
void print_output(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const size_t first = lines.size() > kLinesShown ? lines.size() - kLinesShown : 0;
  if (first) fmt::print("# ... {} more lines before\n", first);
  for (size_t i = first; i < lines.size(); ++i) {
    std::string line(lines[i]);
    std::ranges::replace_if(line, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; }, '?');
    fmt::print("# {}\n", line);
  }
}

// XML 1.0 has no place for most control characters, not even written as numbers.
std::string for_xml(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n'; }, '?');
  return text;
}

}  // namespace

Report::Report(const SuiteOptions& options, const std::vector<std::string>& tests, const Expectations* expectations)
    : options_(options), tests_(tests), expectations_(expectations), begun_(now()), terminal_(isatty(STDERR_FILENO)) {
  fmt::print("TAP version 14\n1..{}{}\n", tests.size(), tests.empty() ? " # SKIP there is no test" : "");
  std::fflush(stdout);
}

void Report::add(const Outcome& outcome) {
  hide_progress();
  const std::string& name = tests_[outcome.test];
  const Expectations::Entry* entry = expectations_ ? expectations_->find(name) : nullptr;
  const Result& result = results_.emplace_back(outcome, judge(outcome, options_), entry);
  const Verdict verdict = result.judgement.verdict;
  const bool expected = as_expected(verdict, entry);
  std::string directive;
  if (verdict == Verdict::Skipped) directive = " # SKIP " + escaped(entry ? entry->reason : result.judgement.reason);
  else if (verdict == Verdict::Failed && entry && expected) directive = " # TODO " + escaped(entry->reason);
  fmt::print("{} {} - {}{}\n", verdict == Verdict::Failed ? "not ok" : "ok", results_.size(), escaped(name), directive);
  if (verdict == Verdict::Failed) {
    fmt::print("# {}\n", result.judgement.reason);
    if (!expected || !entry) print_output(outcome.output);
    expected_failures_ += expected;
  }
  if (!expected) {
    ++surprises_;
    if (entry && verdict != Verdict::Failed) {
      moved_.push_back(name);
      fmt::print("# expected to {}: {}\n", entry->expected == Expectations::Expected::Skip ? "be skipped" : "fail", entry->reason);
    }
  }
  std::fflush(stdout);
  show_progress();
}

void Report::bail_out(const std::string& why) {
  hide_progress();
  fmt::print("Bail out! {}\n", why);
  std::fflush(stdout);
}

unsigned Report::count(Verdict verdict) const {
  return static_cast<unsigned>(std::ranges::count_if(results_, [&](const Result& r) { return r.judgement.verdict == verdict; }));
}

std::expected<void, std::string> Report::finish() {
  hide_progress();
  for (const std::string& name : moved_) fmt::print("# {} is not as {} says: it must be moved\n", name, options_.expectations);
  if (expected_failures_) fmt::print("# {} failed as expected\n", expected_failures_);
  fmt::print("{} passed, {} failed, {} skipped\n", count(Verdict::Passed), count(Verdict::Failed), count(Verdict::Skipped));
  std::fflush(stdout);
  if (!options_.json.empty())
    if (auto written = write_json(); !written) return written;
  if (!options_.junit.empty()) return write_junit();
  return {};
}

void Report::show_progress() {
  const double time = now();
  if (!terminal_ || results_.size() == tests_.size() || (shown_at_ > 0 && time - shown_at_ < kPause)) return;
  shown_at_ = time;
  shown_ = true;
  fmt::print(stderr, "\r\033[Kpl-suite: {} of {} done, {} failed, {:.0f} s", results_.size(), tests_.size(), count(Verdict::Failed), time - begun_);
}

void Report::hide_progress() {
  if (shown_) fmt::print(stderr, "\r\033[K");
  shown_ = false;
}

std::expected<void, std::string> Report::write_json() const {
  auto tests = nlohmann::json::array();
  for (const Result& result : results_) {
    nlohmann::json test = {{"name", tests_[result.outcome.test]},     {"verdict", name_of(result.judgement.verdict)},
                           {"reason", result.judgement.reason},       {"expected", as_expected(result.judgement.verdict, result.entry)},
                           {"status", result.outcome.status},         {"signal", result.outcome.signal},
                           {"timed_out", result.outcome.timed_out},   {"seconds", result.outcome.seconds},
                           {"output", result.outcome.output}};
    tests.push_back(std::move(test));
  }
  const nlohmann::json all = {{"directory", options_.directory},
                              {"native", options_.native},
                              {"passed", count(Verdict::Passed)},
                              {"failed", count(Verdict::Failed)},
                              {"skipped", count(Verdict::Skipped)},
                              {"not_run", tests_.size() - results_.size()},
                              {"seconds", now() - begun_},
                              {"tests", std::move(tests)}};
  std::ofstream file(options_.json);
  file << all.dump(1) << '\n';
  if (!file.flush()) return std::unexpected(options_.json + ": " + std::strerror(errno));
  return {};
}

std::expected<void, std::string> Report::write_junit() const {
  pugi::xml_document document;
  auto suite = document.append_child("testsuites").append_child("testsuite");
  auto set = [](pugi::xml_node node, const char* name, const std::string& value) { node.append_attribute(name) = for_xml(value).c_str(); };
  set(suite, "name", options_.directory);
  set(suite, "tests", std::to_string(results_.size()));
  set(suite, "failures", std::to_string(count(Verdict::Failed)));
  set(suite, "errors", "0");
  set(suite, "skipped", std::to_string(count(Verdict::Skipped)));
  set(suite, "time", fmt::format("{:.3f}", now() - begun_));
  for (const Result& result : results_) {
    auto test = suite.append_child("testcase");
    const std::string& name = tests_[result.outcome.test];
    const size_t slash = name.rfind('/');
    set(test, "classname", slash == name.npos ? "." : name.substr(0, slash));
    set(test, "name", slash == name.npos ? name : name.substr(slash + 1));
    set(test, "time", fmt::format("{:.3f}", result.outcome.seconds));
    if (result.judgement.verdict == Verdict::Passed) continue;
    auto child = test.append_child(result.judgement.verdict == Verdict::Failed ? "failure" : "skipped");
    set(child, "message", result.judgement.reason);
    if (result.judgement.verdict == Verdict::Failed) child.text() = for_xml(result.outcome.output).c_str();
  }
  if (!document.save_file(options_.junit.c_str(), "  ")) return std::unexpected(options_.junit + ": " + std::strerror(errno));
  return {};
}

}  // namespace pl::suite
