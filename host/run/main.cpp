// SPDX-License-Identifier: BSD-2-Clause
// pl-run: a program in an enclave, from its arguments to its exit status.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "gdb/debugger.h"
#include "run/detach.h"
#include "run/environment.h"
#include "run/hint.h"
#include "run/many.h"
#include "run/options.h"
#include "run/serving.h"
#include "strace/strace.h"

namespace pl {
namespace {

constexpr uint64_t kSlowBuild = 1'000'000'000;  // nanoseconds

// A closed standard stream stays void inside, and its number is not taken by something else here.
std::array<bool, 3> hold_standard_streams() {
  std::array<bool, 3> open_before{};
  for (int number = 0; number < 3; ++number) {
    open_before[static_cast<size_t>(number)] = fcntl(number, F_GETFD) >= 0;
    if (!open_before[static_cast<size_t>(number)]) open("/dev/null", O_RDWR);
  }
  return open_before;
}

Invocation make_invocation(const RunOptions& options, std::vector<std::string> variables, mode_t mask) {
  Invocation invocation;
  invocation.program = options.program;
  invocation.arguments.push_back(options.program);
  invocation.arguments.insert(invocation.arguments.end(), options.arguments.begin(), options.arguments.end());
  invocation.environment = std::move(variables);
  invocation.directory = options.directory;
  invocation.user = options.user;
  invocation.group = options.group;
  invocation.umask = mask;
  for (int number = 0; number < 3; ++number) {
    auto terminal = Terminal::get(number);
    if (!terminal) continue;
    if (!invocation.terminals) invocation.terminal = *terminal;
    invocation.terminals |= 1u << number;
  }
  return invocation;
}

// What the debugger cannot do itself, in the thread that serves.
void attend_debugger(DebugLink& link, Runtime& runtime, Job& job) {
  if (link.take_kill()) return runtime.kill(job);
  constexpr uint32_t kEnds = 1u << SIGINT | 1u << SIGTERM | 1u << SIGHUP | 1u << SIGQUIT;
  if (job.instance && job.instance->is_held() && Window::load(job.instance->window().ring().signals) & kEnds) link.give_up();
}

// As a word that is typed.
std::string for_shell(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:=@%";
  if (word.find_first_not_of(kPlain) == word.npos) return word;
  std::string quoted = "'";
  for (char c : word) c == '\'' ? quoted += "'\\''" : quoted += c;
  return quoted + "'";
}

// The socket where GDB finds us, and the line that is to be typed; -1 where nobody asked.
OrFailure<Descriptor> wait_for_gdb(const RunOptions& options, const Recipe& recipe) {
  if (!options.gdb) return Descriptor();
  uint16_t port = *options.gdb;
  auto listener = listen_for_gdb(port);
  if (!listener) return failure(kOwnFailure, "--gdb: " + listener.error());
  const std::string& path = recipe.plan().path_outside();
  say(fmt::format("waits for gdb: gdb-multiarch -ex 'target remote 127.0.0.1:{}' -ex 'set can-use-hw-watchpoints 0'{}", port, path.empty() ? "" : " " + for_shell(path)));
  return std::move(*listener);
}

// One instance, with the caller's streams.
int run_one(const RunOptions& options, const HostFiles& files, Recipe& recipe, Runtime& runtime, Serving& serving, Invocation invocation,
            const std::array<bool, 3>& streams, std::optional<Strace>& strace, Descriptor gdb, OrFailure<void>& launched) {
  if (options.statistics) runtime.keep_figures();
  Job job;
  job.recipe = &recipe;
  job.invocation = std::move(invocation);
  for (size_t number = 0; number < 3; ++number)
    if (streams[number]) job.streams[number].descriptor = static_cast<int>(number);
  job.memory = options.memory;
  job.timeout_milliseconds = options.timeout_milliseconds;
  std::optional<Debugger> debugger;
  if (options.is_debug()) {
    debugger.emplace(std::move(gdb), [](std::string_view line) { say(line); });
    job.debugger = &debugger->link();
  }
  runtime.server().on_attention([&] {
    serving.attend();
    if (debugger) attend_debugger(debugger->link(), runtime, job);
  });
  launched = runtime.launch(job);
  if (!launched) return kOwnFailure;
  runtime.finish(job);
  if (debugger) debugger->finish(job.result.status, job.signal);
  runtime.tell_evicted([](std::string_view line) { say(line); });
  // The monitor's word on the bytes; the pages in use are the enclave's own account.
  if (options.statistics)
    say(fmt::format("private {} bytes ({} pages in use), shared with its template {} bytes", job.last.private_bytes, job.last.pages_in_use, job.last.shared_bytes));
  const Failure& end = job.result;
  if (strace) strace->finish(static_cast<uint32_t>(job.signal ? job.signal : end.status << 8));
  if (!end.message.empty()) say(end.message);
  else if (end.status && end.status < kTimeUp)
    if (auto hint = missing_mount(options, files)) say(*hint);
  serving.ended(end.status, end.message);
  return end.status;
}

OrFailure<int> run(const RunOptions& options, Starter& starter) {
  const auto streams = hold_standard_streams();
  if (options.terminal && !isatty(STDIN_FILENO)) return failure(kOwnFailure, "-t: standard input is not a terminal");
  const mode_t mask = umask(0);  // inside, modes are masked by the program's own
  signal(SIGPIPE, SIG_IGN);

  auto files = HostFiles::from_environment();
  if (!files) return failure(kOwnFailure, fmt::format("PENGLAI_ROOT: {}", std::strerror(files.error())));
  if (!options.name.empty() && find_entry(options.name))
    return failure(kOwnFailure, fmt::format("the name {} is taken; pl-ps -a shows by what", options.name));
  auto variables = build_environment(options, *files, !options.detached && isatty(STDIN_FILENO));
  if (!variables) return std::unexpected(variables.error());
  auto recipe = Recipe::make(options, *files);
  if (!recipe) return std::unexpected(recipe.error());

  Invocation invocation = make_invocation(options, std::move(*variables), mask);
  if (options.detached) invocation.terminals = 0;
  // The last has the longest environment.
  const uint64_t window = options.count ? invocation_of(invocation, options.count - 1, options.count).window_size() : invocation.window_size();
  if (!window) return failure(kCannotRun, options.program + ": argument list too long");
  std::optional<Strace> strace;
  if (options.is_debug()) say("a debug enclave: the host sees what the program does");
  if (options.strace) {
    Descriptor file;
    if (!options.strace_file.empty()) {
      auto opened = files->open(options.strace_file, O_WRONLY | O_CREAT | O_TRUNC, 0666 & ~mask);
      if (!opened) return failure(kOwnFailure, fmt::format("-o {}: {}", options.strace_file, std::strerror(opened.error())));
      file = std::move(*opened);
    }
    const auto whose = file.get() < 0 ? Strace::Whose::IfSeveral : Strace::Whose::Always;
    strace.emplace(*options.strace, [file = std::make_shared<Descriptor>(std::move(file))](std::string_view line) {
      const std::string text = std::string(line) + "\n";
      if (write(file->get() < 0 ? STDERR_FILENO : file->get(), text.data(), text.size()) < 0) return;
    }, whose);
  }
  const Say enclave_says = [&](std::string_view text) {
    // A trace of several lines' worth comes in one piece.
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!line.empty() && !(strace && strace->take(line))) say(line, "enclave: ");
    }
  };
  std::optional<Signals> signals;  // outlives the alarms of the runtime
  auto opened = Runtime::open(window * std::max(jobs_of(options), 1u), enclave_says);
  if (!opened) return std::unexpected(opened.error());
  Runtime& runtime = **opened;
  if (recipe->forks()) {
    const uint64_t start = monotonic_now();
    std::optional<Debugger> debugger;
    if (options.is_debug()) debugger.emplace(Descriptor(), [](std::string_view line) { say(line); });
    auto found = recipe->find_template(runtime.device(), enclave_says, debugger ? &debugger->link() : nullptr);
    debugger.reset();
    runtime.tell_evicted([](std::string_view line) { say(line); });
    if (!found) return std::unexpected(found.error());
    const uint64_t took = monotonic_now() - start;
    if (took > kSlowBuild && isatty(STDERR_FILENO))
      say(fmt::format("built the template of {} in {:.1f} s", recipe->plan().name(), static_cast<double>(took) / 1e9));
  }

  signals.emplace();
  runtime.hear(*signals);
  auto serving = Serving::begin(options, runtime);
  if (!serving) return std::unexpected(serving.error());
  if (options.detached && !starter.started(*(*serving)->entry())) {
    (*serving)->discard();
    return kOwnFailure;
  }
  OrFailure<int> status = kOwnFailure;
  if (options.count) {
    status = run_many(options, *files, *recipe, runtime, *signals, **serving, invocation, mask);
    if (status) (*serving)->ended(*status, "");
  } else {
    OrFailure<void> launched;
    if (auto gdb = wait_for_gdb(options, *recipe))
      status = run_one(options, *files, *recipe, runtime, **serving, std::move(invocation), options.detached ? std::array{true, true, true} : streams,
                       strace, std::move(*gdb), launched);
    else
      launched = std::unexpected(gdb.error());
    if (!launched) status = std::unexpected(launched.error());
  }
  if (!status) (*serving)->ended(status.error().status, status.error().message);
  return status;
}

}  // namespace
}  // namespace pl

int main(int argc, char** argv) {
  // For the command of this name in front of the machine.
  if (argc == 3 && std::string_view(argv[1]) == "--gdb-connect") return pl::carry_to_gdb_socket(argv[2]);
  auto options = pl::parse_run_options(argc, argv);
  if (!options) {
    std::fputs(options.error().text.c_str(), options.error().status ? stderr : stdout);
    return options.error().status;
  }
  pl::Starter starter;
  if (options->detached) {
    auto detached = pl::detach();
    if (!detached) return detached.error();
    starter = std::move(*detached);
  }
  auto status = pl::run(*options, starter);
  if (status) return *status;
  if (options->detached) starter.failed(status.error());
  else if (!status.error().message.empty()) pl::say(status.error().message);
  return status.error().status;
}
