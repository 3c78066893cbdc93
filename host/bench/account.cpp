// SPDX-License-Identifier: BSD-2-Clause
// Where the instructions of a run went, as its libOS told them.
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>

#include "bench/counter.h"
#include "bench/laboratory.h"

namespace pl::bench {
namespace {

// The libOS's names of its steps (libos/shadow/explain.cpp), in their order. Budgets are a fork's, in instructions: 8,500 until the
// program's first one, 31,400 for the whole of bench-hello, 63,800 for bench-hello-glibc. 0: it depends on the program.
constexpr std::string_view kProgramStep = "ending";
struct LibosStep {
  std::string_view name;
  const char* text;
  uint64_t budget;
};
constexpr LibosStep kSteps[] = {
    {"entered", "fork: ioctl, driver, monitor, to the libOS's first line", 2900},
    {"tables", "libOS: first tables, hot block", 1200},
    {"frames", "libOS: frames, object window", 200},
    {"ready", "libOS: entropy, ring", 300},
    {"loaded", "libOS: finding, checking and mapping the program and its loader", 0},
    {"parameters", "libOS: what the host gave: identity, clock, arguments", 1200},
    {"places", "libOS: where stack, heap and mappings lie", 1000},
    {"stack", "libOS: the stack, its tables, arguments, auxiliary vector", 1200},
    {"program", "libOS: to the program's first instruction", 500},
    {kProgramStep, "program, its calls and faults, its output", 0},
};
constexpr uint64_t kProgramMusl = 13000, kDestroyMusl = 9900, kProgramGlibc = 40300, kDestroyGlibc = 15000;

// An enclave that says where it is, from when it is entered until it is gone.
class Watch {
 public:
  explicit Watch(Device& device)
      : device_(device), server_(device, nullptr, [this](Instance&, std::string_view text) { log_.append(text).append("\n"); }), last_(instructions()) {
    server_.keep_ended();
  }
  Server& server() { return server_; }

  // Counts from here on.
  void start() { last_ = instructions(); }
  void step(std::string name, uint64_t now = instructions(), uint64_t budget = 0) {
    account_.steps.push_back({std::move(name), now - last_, budget});
    last_ = now;
  }
  // `program` and `destroy` are budgets, 0: none; `budgets`: the steps between have theirs.
  OrFailure<Account> run(bool budgets, uint64_t program, uint64_t destroy) {
    Ending ending = server_.next();
    Enclave enclave(device_, ending.handle);
    if (Failure described = describe(ending); !described.message.empty()) return std::unexpected(described);
    std::map<std::string, uint64_t> counters;
    std::istringstream lines(log_);
    for (std::string line; std::getline(lines, line);) {
      char name[16];
      unsigned long long count;
      if (std::sscanf(line.c_str(), "step: %15s %llu", name, &count) == 2) counters[name] = count;
      else if (!line.empty()) account_.pages.push_back(line);
    }
    if (!counters["entered"] || !counters["ending"]) return failure(kOwnFailure, "the libOS told no steps: " + log_);
    for (const auto& [name, text, budget] : kSteps) {
      // One that is not told apart is part of the next.
      if (uint64_t at = counters[std::string(name)]) step(text, at, !budgets ? 0 : name == kProgramStep ? program : budget);
    }
    last_ = instructions();
    enclave.destroy();
    step("destroy: scrub and give back", instructions(), destroy);
    return std::move(account_);
  }

 private:
  Device& device_;
  std::string log_;
  Server server_;
  uint64_t last_;
  Account account_;
};

}  // namespace

OrFailure<Account> Laboratory::explain(const Subject& subject, Start how) {
  const std::string& program = subject.program;
  auto wanted = plan(subject, how == Start::Forked, true);
  if (!wanted) return std::unexpected(wanted.error());
  std::optional<uint64_t> id;
  if (how == Start::Forked) {
    auto key = wanted->key(ContentDigests(programs_));
    if (!key) return std::unexpected(key.error());
    auto found = find_or_build_template(device_, *wanted, *key, [](std::string_view) {});
    if (!found) return std::unexpected(found.error());
    id = *found;
  }
  auto made = Stage::make(device_, program, {});
  if (!made) return std::unexpected(made.error());
  Stage& stage = **made;
  if (id) {
    const bool glibc = program.ends_with("-glibc");
    Watch watch(device_);
    watch.server().add_fork(stage.instance, *id, stage.piece.place(), 0);
    ++forks_asked_;
    watch.start();
    return watch.run(true, glibc ? kProgramGlibc : kProgramMusl, glibc ? kDestroyGlibc : kDestroyMusl);
  }
  Watch watch(device_);
  auto image = wanted->image();
  if (!image) return std::unexpected(image.error());
  watch.step("host: read the program, write the configuration");
  pl_ioc_create create = wanted->create();
  create.window[PL_WINDOW_OCALL] = stage.piece.place();
  auto enclave = Enclave::create(device_, create);
  if (!enclave) return std::unexpected(failed("create", enclave.error()));
  watch.step("create");
  if (auto added = enclave->add(image->bytes()); !added) return std::unexpected(failed("add", added.error()));
  watch.step(fmt::format("add: copy and hash {} bytes", image->bytes().size()));
  if (auto sealed = enclave->seal(); !sealed) return std::unexpected(failed("seal", sealed.error()));
  watch.step("seal");
  watch.server().add_enclave(stage.instance, enclave->release());
  return watch.run(false, 0, 0);
}

OrFailure<Account> Laboratory::explain(uint64_t template_id, Stage& stage) {
  Watch watch(device_);
  watch.server().add_fork(stage.instance, template_id, stage.piece.place(), 0);
  ++forks_asked_;
  watch.start();
  return watch.run(false, 0, 0);
}

}  // namespace pl::bench
