// SPDX-License-Identifier: BSD-2-Clause
// A host that serves an enclave as if it were to be debugged: asks it to stop all the time, answers every stop, and at its end looks for
// what the program had in its registers. With the line of a pl-run; "stops N, registers BOOL".
#include <sys/eventfd.h>

#include <cstdio>
#include <cstring>
#include <deque>

#include "run/job.h"
#include "run/options.h"
#include "server/debugger_port.h"

using namespace pl;

namespace {

// What "crash registers" has in all that it can (tests/programs/crash.c).
constexpr uint64_t kInRegisters = 0x5ec2e7 * 0x9e3779b97f4a7c15;

class Greedy final : public DebuggerPort {
 public:
  unsigned stops = 0;
  int server_descriptor() const override { return ready_.get(); }
  void ask(std::span<const std::byte> question) override {
    pl_debug_stop stop;
    std::memcpy(&stop, question.data(), sizeof stop);
    if (stop.reason == PL_STOP_FATAL && !asked_for_registers_) {
      asked_for_registers_ = true;
      next_ = {.command = PL_DEBUG_REGISTERS, .tid = 0, .address = 0, .length = 0, .flags = 0};
    } else {
      next_ = {.command = PL_DEBUG_CONTINUE, .tid = 0, .address = static_cast<uint64_t>(stop.signal), .length = 0, .flags = 1u << PL_STOP_FATAL | 1u << PL_STOP_INTERRUPT};
    }
    answer_ = true;
    ++stops;
  }
  std::optional<std::vector<std::byte>> take_answer() override {
    if (!answer_) return std::nullopt;
    answer_ = false;
    const auto bytes = std::as_bytes(std::span(&next_, 1));
    return std::vector<std::byte>(bytes.begin(), bytes.end());
  }
  bool take_interrupt() override { return stops < 100; }

 private:
  Descriptor ready_{eventfd(1, EFD_CLOEXEC)};
  pl_debug_command next_{};
  bool answer_ = false, asked_for_registers_ = false;
};

int fail(const std::string& why) {
  std::fprintf(stderr, "hostile-debugger: %s\n", why.c_str());
  return 99;
}

}  // namespace

int main(int argc, char** argv) {
  auto options = parse_run_options(argc, argv);
  if (!options) return fail(options.error().text);
  auto files = HostFiles::from_environment();
  if (!files) return fail("PENGLAI_ROOT");
  auto recipe = Recipe::make(*options, *files);
  if (!recipe) return fail(recipe.error().message);
  Greedy greedy;
  Job job;
  job.recipe = &*recipe;
  job.invocation.arguments = {options->program};
  for (const std::string& argument : options->arguments) job.invocation.arguments.push_back(argument);
  job.debugger = &greedy;
  const Say say = [](std::string_view text) { std::fprintf(stderr, "%.*s", static_cast<int>(text.size()), text.data()); };
  auto runtime = Runtime::open(job.invocation.window_size(), say);
  if (!runtime) return fail(runtime.error().message);
  if (recipe->forks())
    if (auto found = recipe->find_template((*runtime)->device(), say); !found) return fail(found.error().message);
  if (auto launched = (*runtime)->launch(job); !launched) return fail(launched.error().message);
  const std::span<const std::byte> window = job.piece->bytes();
  (*runtime)->finish(job);
  // The arena stays mapped, and nobody has the piece after it.
  bool found = false;
  for (size_t at = 0; at + sizeof kInRegisters <= window.size(); ++at) found |= !std::memcmp(&window[at], &kInRegisters, sizeof kInRegisters);
  std::printf("stops %u, registers %s, signal %d\n", greedy.stops, found ? "true" : "false", job.signal);
  return 0;
}
