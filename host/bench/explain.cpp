// SPDX-License-Identifier: BSD-2-Clause
// Where the instructions of a run went, as its libOS told them.
#include <cstdio>
#include <map>
#include <sstream>

#include "bench/counter.h"
#include "bench/laboratory.h"

namespace pl::bench {
namespace {

// The libOS's names of its steps (libos/shadow/explain.cpp), in their order. Budgets are a fork's, in instructions: 8,500 until the
// program's first one, 31,400 for the whole of bench-hello, 63,800 for bench-hello-glibc. 0: it depends on the program.
struct LibosStep {
  const char* name;
  const char* text;
  uint64_t budget;
};
constexpr LibosStep kSteps[] = {
    {"entered", "fork: ioctl, driver, monitor, to the libOS's first line", 2900},
    {"tables", "libOS: first tables, hot block", 1200},
    {"frames", "libOS: frames, object window", 200},
    {"ready", "libOS: entropy, ring", 300},
    {"parameters", "libOS: what the host gave: identity, clock, arguments", 1200},
    {"places", "libOS: where stack, heap and mappings lie", 1000},
    {"stack", "libOS: the stack, its tables, arguments, auxiliary vector", 1200},
    {"program", "libOS: to the program's first instruction", 500},
    {"ending", "program, its calls and faults, its output", 0},
};
constexpr uint64_t kProgramMusl = 13000, kDestroyMusl = 9900, kProgramGlibc = 40300, kDestroyGlibc = 15000;

}  // namespace

OrFailure<Account> Laboratory::explain(const Subject& subject, Start how) {
  const std::string& program = subject.program;
  auto wanted = plan(subject, how == Start::Forked, true);
  if (!wanted) return std::unexpected(wanted.error());
  uint64_t id = 0;
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
  std::string log;
  Server server(device_, nullptr, [&](Instance&, std::string_view text) { log.append(text).append("\n"); });
  server.keep_ended();

  Account account;
  uint64_t last = instructions();
  auto step = [&](std::string name, uint64_t now, uint64_t budget = 0) {
    account.steps.push_back({std::move(name), now - last, budget});
    last = now;
  };
  if (how == Start::Forked) {
    server.add_fork(stage.instance, id, stage.piece.place(), 0);
    ++forks_asked_;
    last = instructions();
  } else {
    auto image = wanted->image();
    if (!image) return std::unexpected(image.error());
    step("host: read the program, write the configuration", instructions());
    pl_ioc_create create = wanted->create();
    create.window[PL_WINDOW_OCALL] = stage.piece.place();
    auto enclave = Enclave::create(device_, create);
    if (!enclave) return std::unexpected(failed("create", enclave.error()));
    step("create", instructions());
    if (auto added = enclave->add(image->bytes()); !added) return std::unexpected(failed("add", added.error()));
    step(fmt::format("add: copy and hash {} bytes", image->bytes().size()), instructions());
    if (auto sealed = enclave->seal(); !sealed) return std::unexpected(failed("seal", sealed.error()));
    step("seal", instructions());
    server.add_enclave(stage.instance, enclave->release());
  }
  Ending ending = server.next();
  Enclave enclave(device_, ending.handle);
  if (Failure described = describe(ending); !described.message.empty()) return std::unexpected(described);

  std::map<std::string, uint64_t> counters;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    char name[16];
    unsigned long long count;
    if (std::sscanf(line.c_str(), "step: %15s %llu", name, &count) == 2) counters[name] = count;
    else if (!line.empty()) account.pages.push_back(line);
  }
  if (!counters["entered"] || !counters["ending"]) return failure(kOwnFailure, "the libOS told no steps: " + log);
  const bool forked = how == Start::Forked, glibc = program.ends_with("-glibc");
  for (const auto& [name, text, budget] : kSteps) {
    // One that is not told apart is part of the next.
    if (uint64_t at = counters[name]) step(text, at, !forked ? 0 : budget ? budget : glibc ? kProgramGlibc : kProgramMusl);
  }
  const uint64_t before = instructions();
  enclave.destroy();
  account.steps.push_back({"destroy: scrub and give back", instructions() - before, !forked ? 0 : glibc ? kDestroyGlibc : kDestroyMusl});
  return account;
}

}  // namespace pl::bench
