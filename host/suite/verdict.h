// SPDX-License-Identifier: BSD-2-Clause
// What the end of a test means, and whether that was expected.
#pragma once

#include <expected>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "suite/options.h"
#include "suite/plan.h"

namespace pl::suite {

enum class Verdict : uint8_t { Passed, Failed, Skipped };

struct Judgement {
  Verdict verdict = Verdict::Failed;
  std::string reason;  // unless it passed with status 0
};
Judgement judge(const Outcome& outcome, const SuiteOptions& options);

// The file of --expect: tables [fail], [skip] and [unstable] (which may pass or not), and [alone] (which may be in another, too: when it
// runs, no other does), each NAME = "REASON".
class Expectations {
 public:
  enum class Expected : uint8_t { Fail, Skip, Unstable };
  struct Entry {
    Expected expected;
    std::string reason;
  };
  static std::expected<Expectations, std::string> read(const std::string& path);

  const Entry* find(const std::string& test) const;
  bool alone(const std::string& test) const { return alone_.contains(test); }
  // Names in it that are no test.
  std::vector<std::string> strangers(const std::vector<std::string>& tests) const;

 private:
  std::map<std::string, Entry> entries_;
  std::set<std::string> alone_;
};

// Is this what such an entry (null: none) says? Without one a test has to pass, or may say by itself that it is skipped.
bool as_expected(Verdict verdict, const Expectations::Entry* entry);

}  // namespace pl::suite
