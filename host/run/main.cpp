// SPDX-License-Identifier: BSD-2-Clause
// pl-run: a program in an enclave, from its arguments to its exit status.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "device/device.hpp"
#include "run/content_digest.h"
#include "run/environment.h"
#include "run/hint.h"
#include "run/launch.h"
#include "run/options.h"
#include "run/plan.h"
#include "server/invocation.h"
#include "server/server.h"
#include "strace/strace.h"

namespace pl {
namespace {

constexpr const char* kLibos = "/usr/lib/penglai/libos.bin";
constexpr const char* kExamples = "/usr/lib/penglai/apps";
constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kSlowBuild = 1000 * kMillisecond;
constexpr uint64_t kGrace = 2000 * kMillisecond;  // between the request to end and the end

const char* environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

// One write a line, so that lines of several processes do not mix.
void say(std::string_view text, std::string_view whose = "") {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string line = fmt::format("pl-run: {}{}\n", whose, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;
  }
}

// A closed standard stream stays void inside, and its number is not taken by something else here.
std::array<bool, 3> hold_standard_streams() {
  std::array<bool, 3> open_before{};
  for (int number = 0; number < 3; ++number) {
    open_before[static_cast<size_t>(number)] = fcntl(number, F_GETFD) >= 0;
    if (!open_before[static_cast<size_t>(number)]) open("/dev/null", O_RDWR);
  }
  return open_before;
}

OrFailure<Device> open_device(uint32_t window) {
  // One window for the instance, one for building its template.
  size_t arena = std::bit_ceil(size_t{window} + PL_WINDOW_DEFAULT);
  auto device = Device::open(environment("PENGLAI_DEVICE", PL_DEVICE), arena);
  if (device) return std::move(*device);
  switch (device.error()) {
    case ENOENT: return failure(kOwnFailure, "no " PL_DEVICE ": is the penglai module loaded?");
    case EACCES: return failure(kOwnFailure, "no permission for " PL_DEVICE ": it is for the group penglai");
    case ENODEV: return failure(kOwnFailure, "this machine's firmware has no penglai monitor");
    default: return failure(kOwnFailure, fmt::format("{}: {}", PL_DEVICE, std::strerror(device.error())));
  }
}

Invocation invocation_of(const RunOptions& options, std::vector<std::string> variables, mode_t mask) {
  Invocation invocation;
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

// Until the program has ended or its time is up; then it is asked to end, and a little later it is made to.
Ending run_to_the_end(Server& server, Instance& instance, uint64_t timeout_milliseconds) {
  if (timeout_milliseconds) server.set_timeout(monotonic_now() + timeout_milliseconds * kMillisecond);
  Ending ending = server.next();
  if (ending.kind != Ending::Kind::Timeout) return ending;
  raise(SIGTERM);  // goes the way of every signal from outside
  server.set_timeout(monotonic_now() + kGrace);
  server.next();
  server.end(instance);
  return {.kind = Ending::Kind::Timeout};
}

// What an enclave held at its end; it is destroyed here.
void say_statistics(Device& device, Enclave enclave, const Instance& instance) {
  pl_ioc_inspect inspect{};
  inspect.handle = enclave.handle();
  if (int code = pl_enclave_inspect(device.get(), &inspect); code < 0) return say(fmt::format("--stats: {}", std::strerror(-code)));
  // The monitor's word on the bytes; the pages in use are the enclave's own account.
  say(fmt::format("private {} bytes ({} pages in use), shared with its template {} bytes", inspect.private_bytes, instance.pages_in_use(), inspect.shared_bytes));
}

OrFailure<int> run(const RunOptions& options) {
  const auto streams = hold_standard_streams();
  if (options.terminal && !isatty(STDIN_FILENO)) return failure(kOwnFailure, "-t: standard input is not a terminal");
  const mode_t mask = umask(0);  // inside, modes are masked by the program's own
  signal(SIGPIPE, SIG_IGN);

  auto files = HostFiles::from_environment();
  if (!files) return failure(kOwnFailure, fmt::format("PENGLAI_ROOT: {}", std::strerror(files.error())));
  auto program = find_program(*files, options.program, environment("PENGLAI_APPS", kExamples));
  if (!program) return std::unexpected(program.error());
  auto mounts = open_mounts(options.mounts, *files);
  if (!mounts) return std::unexpected(mounts.error());
  auto variables = build_environment(options, *files, isatty(STDIN_FILENO));
  if (!variables) return std::unexpected(variables.error());
  const char* libos_path = environment("PENGLAI_LIBOS", kLibos);
  Descriptor libos(open(libos_path, O_RDONLY | O_CLOEXEC));
  if (libos.get() < 0) return failure(kOwnFailure, fmt::format("{}: {}", libos_path, std::strerror(errno)));

  Invocation invocation = invocation_of(options, std::move(*variables), mask);
  const uint32_t window_size = invocation.window_size();
  if (!window_size) return failure(kCannotRun, options.program + ": argument list too long");
  auto plan = Plan::make(options, *mounts, std::move(*program), std::move(libos));
  if (!plan) return std::unexpected(plan.error());
  std::optional<Digest> key;
  Pages image;
  if (options.shadow) {
    auto digest = plan->key(ContentDigests(ContentDigests::default_directory()));
    if (!digest) return std::unexpected(digest.error());
    key = *digest;
  } else {
    auto built = plan->image();
    if (!built) return std::unexpected(built.error());
    image = std::move(*built);
  }

  auto device = open_device(window_size);
  if (!device) return std::unexpected(device.error());
  auto piece = WindowPiece::take(*device, window_size);
  if (!piece) return failure(kOwnFailure, fmt::format("window: {}", std::strerror(piece.error())));
  Instance instance(piece->bytes());
  for (uint32_t number = 0; number < 3; ++number)
    if (streams[number]) instance.handles().set_stream(number, static_cast<int>(number));
  for (size_t number = 0; number < mounts->size(); ++number)
    instance.handles().set_mount(static_cast<uint16_t>(number), (*mounts)[number].root.release(), (*mounts)[number].read_only);

  std::optional<Strace> strace;
  if (options.strace) {
    say("a debug enclave: the host sees what the program does");
    strace.emplace(*options.strace, [](std::string_view line) {
      const std::string text = std::string(line) + "\n";
      if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
    });
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
  // A template that was found may give way to another before it is forked; then it is made again, once.
  for (bool again = options.shadow;; again = false) {
    std::optional<uint64_t> template_id;
    int handle = -1;
    if (options.shadow) {
      uint64_t start = monotonic_now();
      auto found = find_or_build_template(*device, *plan, *key, enclave_says);
      if (!found) return std::unexpected(found.error());
      template_id = *found;
      uint64_t took = monotonic_now() - start;
      if (took > kSlowBuild && isatty(STDERR_FILENO))
        say(fmt::format("built the template of {} in {:.1f} s", plan->name(), static_cast<double>(took) / 1e9));
    } else {
      auto enclave = make_enclave(*device, *plan, image, piece->place());
      if (!enclave) return std::unexpected(enclave.error());
      handle = enclave->release();
    }
    prepare_window(instance.window(), invocation);
    Signals signals;
    Server server(*device, &signals, [&](Instance&, std::string_view text) { enclave_says(text); });
    if (options.statistics) server.keep_ended();
    if (template_id)
      server.add_fork(instance, *template_id, piece->place(), options.memory);
    else
      server.add_enclave(instance, handle);
    Ending ending = run_to_the_end(server, instance, options.timeout_milliseconds);
    instance.terminal().restore();
    if (again && ending.kind == Ending::Kind::Failed && ending.detail == ENOENT) continue;
    if (ending.handle >= 0) say_statistics(*device, Enclave(*device, ending.handle), instance);
    Failure end = describe(ending);
    if (strace) {
      const bool killed = ending.kind == Ending::Kind::Exited && ending.detail & 0x7f;
      const char* signal = killed ? sigabbrev_np(static_cast<int>(ending.detail & 0x7f)) : nullptr;
      strace->finish(signal ? fmt::format("killed by SIG{}", signal) : fmt::format("exited with {}", end.status));
    }
    if (!end.message.empty()) say(end.message);
    else if (end.status && end.status < kTimeUp)
      if (auto hint = missing_mount(options, *files)) say(*hint);
    return end.status;
  }
}

}  // namespace
}  // namespace pl

int main(int argc, char** argv) {
  auto options = pl::parse_run_options(argc, argv);
  if (!options) {
    std::fputs(options.error().text.c_str(), options.error().status ? stderr : stdout);
    return options.error().status;
  }
  auto status = pl::run(*options);
  if (status) return *status;
  if (!status.error().message.empty()) pl::say(status.error().message);
  return status.error().status;
}
