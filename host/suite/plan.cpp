// SPDX-License-Identifier: BSD-2-Clause
#include "suite/plan.h"

#include <nlohmann/json.hpp>

namespace pl::suite {
namespace {

using nlohmann::json;

// What tests write need not be UTF-8.
std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

template <class T, class Read>
std::expected<T, std::string> read(std::string_view text, Read read) {
  try {
    return read(json::parse(text));
  } catch (const json::exception& error) {
    return std::unexpected(std::string(error.what()));
  }
}

}  // namespace

std::string to_text(const Plan& plan) {
  return text_of({{"native", plan.native},
                  {"root", plan.root},
                  {"tests", plan.tests},
                  {"together", plan.together},
                  {"environment", plan.environment},
                  {"directory", plan.directory},
                  {"user", plan.user},
                  {"group", plan.group},
                  {"jobs", plan.jobs},
                  {"memory", plan.memory},
                  {"timeout", plan.timeout_milliseconds}});
}

std::expected<Plan, std::string> plan_from(std::string_view text) {
  return read<Plan>(text, [](const json& value) {
    return Plan{value.at("native"), value.at("root"),  value.at("tests"), value.at("together"), value.at("environment"), value.at("directory"),
                value.at("user"),   value.at("group"), value.at("jobs"),  value.at("memory"),   value.at("timeout")};
  });
}

std::string to_line(const Outcome& outcome) {
  return text_of({{"test", outcome.test},
                  {"status", outcome.status},
                  {"signal", outcome.signal},
                  {"timed_out", outcome.timed_out},
                  {"seconds", outcome.seconds},
                  {"output", outcome.output},
                  {"message", outcome.message}}) +
         "\n";
}

std::expected<Outcome, std::string> outcome_from(std::string_view line) {
  return read<Outcome>(line, [](const json& value) {
    return Outcome{value.at("test"),    value.at("status"), value.at("signal"), value.at("timed_out"),
                   value.at("seconds"), value.at("output"), value.at("message")};
  });
}

bool may_start(const Plan& plan, size_t next, size_t running) { return running < plan.jobs && (next < plan.together || running == 0); }

std::string directory_of(const Plan& plan, const std::string& test) {
  if (!plan.directory.empty()) return plan.directory;
  const size_t slash = test.rfind('/');
  return slash == 0 ? "/" : test.substr(0, slash);
}

}  // namespace pl::suite
