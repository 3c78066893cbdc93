// SPDX-License-Identifier: BSD-2-Clause
#include "bench/explain.h"

#include <fmt/format.h>

#include <functional>

#include "bench/rooted.h"
#include "bench/symbols.h"

namespace pl::bench {
namespace {

// The second of two: the first fills caches.
OrFailure<void> show(const std::string& title, const Symbols& symbols, const std::function<OrFailure<Account>()>& run) {
  if (auto warm = run(); !warm) return std::unexpected(warm.error());
  auto account = run();
  if (!account) return std::unexpected(account.error());
  fmt::print("{}, step by step\n", title);
  uint64_t sum = 0, budget = 0;
  for (auto& step : account->steps) sum += step.count, budget += step.budget;
  auto shown = [](uint64_t number) { return number ? std::to_string(number) : std::string(); };
  fmt::print("  {:>12}  {:>8}\n", "instructions", budget ? "budget" : "");
  for (auto& step : account->steps) fmt::print("  {:>12}  {:>8}  {}\n", step.count, shown(step.budget), step.name);
  fmt::print("  {:>12}  {:>8}  together\n\n", sum, shown(budget));
  for (auto& page : account->pages) fmt::print("  {}\n", symbols.name(page));
  if (!account->pages.empty()) fmt::print("\n");
  return {};
}

}  // namespace

OrFailure<void> explain(Laboratory& laboratory, const std::string& programs) {
  const Symbols symbols("/usr/lib/penglai/libos.symbols");
  for (const Subject& subject : {Subject("bench-hello"), Subject("bench-hello-glibc"), Subject("bench-hello", ShadowPoint::Main),
                                 Subject("bench-call", ShadowPoint::Call)}) {
    const char* point = subject.point == ShadowPoint::Main ? " at main" : subject.point == ShadowPoint::Call ? " at a call" : "";
    for (Start how : {Start::Forked, Start::Cold}) {
      if (how == Start::Cold && subject.point != ShadowPoint::Entry) continue;
      auto shown = show(fmt::format("{} of {}{}", how == Start::Forked ? "A fork" : "A cold run", subject.program, point), symbols,
                        [&] { return laboratory.explain(subject, how); });
      if (!shown) return shown;
    }
  }
  auto root = Rooted::open(laboratory, programs + "/bench-root");
  if (!root) return std::unexpected(root.error());
  for (const Command* command : {&kRootedMusl, &kRootedGlibc})
    if (auto shown = show(fmt::format("A fork of {} at boot", command->at(0)), symbols, [&] { return root->explain(ShadowPoint::Boot, *command); }); !shown)
      return shown;
  return {};
}

}  // namespace pl::bench
