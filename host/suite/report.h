// SPDX-License-Identifier: BSD-2-Clause
// What the user sees: TAP as the tests end (https://testanything.org/tap-version-14-specification.html), and the files of --junit and
// --json at the end.
#pragma once

#include "suite/verdict.h"

namespace pl::suite {

class Report {
 public:
  // Of so many tests. `expectations` may be null.
  Report(const SuiteOptions& options, const std::vector<std::string>& tests, const Expectations* expectations);

  void add(const Outcome& outcome);
  // Why there are fewer outcomes than tests.
  void bail_out(const std::string& why);
  // The sum, and the files; an error is a line for the user.
  std::expected<void, std::string> finish();
  // Was all as it should be?
  bool good() const { return results_.size() == tests_.size() && !surprises_; }

 private:
  struct Result {
    Outcome outcome;
    Judgement judgement;
    const Expectations::Entry* entry;
  };
  unsigned count(Verdict verdict) const;
  void show_progress();
  void hide_progress();
  std::expected<void, std::string> write_json() const;
  std::expected<void, std::string> write_junit() const;

  const SuiteOptions& options_;
  const std::vector<std::string>& tests_;
  const Expectations* expectations_;
  std::vector<Result> results_;
  unsigned surprises_ = 0, expected_failures_ = 0;
  std::vector<std::string> moved_;
  double begun_, shown_at_ = 0;
  bool terminal_, shown_ = false;
};

}  // namespace pl::suite
