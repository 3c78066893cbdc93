// SPDX-License-Identifier: BSD-2-Clause
#include "run/serving.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pl {
namespace {

using Json = nlohmann::json;

constexpr size_t kInstancesInAnswer = 256;
constexpr double kSecond = 1e9;

std::string text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

OrFailure<std::unique_ptr<Serving>> Serving::begin(const RunOptions& options, Runtime& runtime) {
  auto serving = std::make_unique<Serving>(runtime, options);
  serving->created_ = static_cast<uint64_t>(time(nullptr));
  Description description;
  description.program = options.program;
  description.arguments = options.arguments;
  description.count = std::max(options.count, 1u);
  description.created = serving->created_;
  description.process = getpid();
  auto entry = Entry::make(options.name, description, options.detached ? Kept::AfterTheEnd : Kept::No);
  if (!entry) {
    if (options.detached || !options.name.empty()) return failure(kOwnFailure, entry.error());
    return serving;
  }
  serving->entry_.emplace(std::move(*entry));
  if (options.remove) serving->entry_->discard();
  serving->control_.emplace(serving->entry_->listener(), [self = serving.get()](const std::string& request) { return self->answer(request); });
  return serving;
}

Serving::~Serving() = default;

void Serving::ended(int status, const std::string& message) {
  if (!entry_) return;
  entry_->ended(status, message);
  control_->tell(text({{"status", status}, {"message", message}}));
}

std::string Serving::answer(const std::string& request) {
  const Json asked = Json::parse(request, nullptr, false);
  auto wrong = [](const char* why) { return text({{"error", why}}); };
  if (!asked.is_object() || !asked.contains("do") || !asked["do"].is_string()) return wrong("not understood");
  const std::string what = asked["do"];
  auto number = [&](const char* name) -> std::optional<uint64_t> {
    if (!asked.contains(name) || !asked[name].is_number_unsigned()) return std::nullopt;
    return asked[name].get<uint64_t>();
  };
  if (what == "wait") return {};
  if (what == "list") {
    Json list = {{"process", getpid()},       {"program", options_.program},
                 {"created", created_},       {"count", std::max(options_.count, 1u)},
                 {"detached", options_.detached}};
    Json instances = Json::array();
    const uint64_t from = number("from").value_or(0);
    std::vector<Job*> jobs = runtime_.running();
    std::ranges::sort(jobs, {}, &Job::index);
    for (const Job* job : jobs) {
      if (job->index < from) continue;
      if (instances.size() == kInstancesInAnswer) {
        list["next"] = job->index;
        break;
      }
      const Figures figures = runtime_.inspect(*job);
      instances.push_back({{"index", job->index},
                           {"id", figures.id},
                           {"state", figures.waiting ? "waiting" : "running"},
                           {"private", figures.private_bytes},
                           {"shared", figures.shared_bytes},
                           {"ocalls", figures.ocalls},
                           {"age", static_cast<double>(figures.age) / kSecond}});
    }
    list["instances"] = std::move(instances);
    return text(list);
  }
  if (what == "signal") {
    const auto signal = number("signal");
    const bool one = asked.contains("index") && asked["index"].is_number_unsigned();
    if (!signal || *signal >= 32 || (*signal != SIGKILL && !(PL_SIGNALS >> *signal & 1))) return wrong("not a signal that an enclave takes");
    int done = 0;
    const std::vector<Job*> jobs = runtime_.running();  // a copy: it changes
    for (Job* job : jobs) {
      if (one && job->index != *number("index")) continue;
      if (*signal == SIGKILL) runtime_.kill(*job);
      else runtime_.signal(*job, static_cast<int>(*signal));
      ++done;
    }
    if (!one && *signal != SIGCONT && *signal != SIGTSTP && *signal != SIGWINCH) stopped_ = static_cast<int>(*signal);
    return text({{"done", done}});
  }
  return wrong("not understood");
}

}  // namespace pl
