// SPDX-License-Identifier: BSD-2-Clause
#include "run/launch.h"
#include "run/note.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "server/invocation.h"
#include "server/server.h"

namespace pl {
namespace {

constexpr int kOutOfMemory = kSignalBase + 9;  // as a program that the kernel killed for want of memory

Failure device_failure(const char* step, int error) {
  switch (error) {
    case ENOMEM: return {kOwnFailure, "no room in the enclaves' memory: stop something, or enlarge the pool"};
    case EPROTO: return {kOwnFailure, fmt::format("{}: the monitor refused", step)};
    default: return {kOwnFailure, fmt::format("{}: {}", step, std::strerror(error))};
  }
}

// Whoever sent the program another signal knows why it ended.
const char* fault_name(int signal) {
  switch (signal) {
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGABRT: return "SIGABRT";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGSEGV: return "SIGSEGV";
    case SIGSYS: return "SIGSYS";
    default: return nullptr;
  }
}

constexpr auto kSlowWarmUp = std::chrono::seconds(2);

// Says to whoever watches a terminal that a warm-up goes on, if it does for long. (Not by a signal: those are the user's to send meanwhile.)
class SlowWarmUp {
 public:
  SlowWarmUp(const Plan& plan, const Say& say) {
    if (!plan.runs_program() || !isatty(STDERR_FILENO)) return;
    thread_ = std::thread([this, &plan, &say] {
      std::unique_lock lock(mutex_);
      if (!ended_.wait_for(lock, kSlowWarmUp, [this] { return over_; }))
        say(fmt::format("{} is on its way to its shadow point; Ctrl-C gives up", plan.name()));
    });
  }
  ~SlowWarmUp() {
    if (!thread_.joinable()) return;
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  std::thread thread_;
};

// A template came to its end instead of its shadow point.
Failure unreached(const Plan& plan, const Failure& end) {
  const char* how = plan.shadow_point() == ShadowPoint::Main ? "main" : "a call of pl_shadow_point() or a read of /dev/shadow";
  return {kOwnFailure, fmt::format("{} ended with status {} before it reached its shadow point, {}{}{}", plan.name(), end.status, how,
                                   end.message.empty() ? "" : ": ", end.message)};
}

// Boots the libOS up to the shadow point. The enclave has nothing of the host to read but the clock; what the program says on its way goes
// to standard error.
OrFailure<Enclave> freeze(Device& device, const Plan& plan, const Say& say, DebuggerPort* debugger) {
  auto image = plan.image();
  if (!image) return std::unexpected(image.error());
  auto piece = WindowPiece::take(device, PL_WINDOW_DEFAULT);
  if (!piece) return std::unexpected(device_failure("window", piece.error()));
  auto enclave = make_enclave(device, plan, *image, piece->place());
  if (!enclave) return std::unexpected(enclave.error());
  Instance instance(piece->bytes());
  if (auto given = give_root(plan, instance); !given) return std::unexpected(given.error());
  if (debugger) instance.be_debugged(*debugger);
  prepare_window(instance.window(), Invocation{});
  Server server(device, nullptr, [&](Instance&, std::string_view text) { say(text); });
  if (plan.runs_program())
    for (uint32_t number : {1u, 2u}) instance.handles().set_stream(number, STDERR_FILENO);
  server.add_enclave(instance, enclave->release());
  Ending ending = [&] {
    SlowWarmUp announcement(plan, say);
    return server.next();
  }();
  if (ending.kind == Ending::Kind::Exited && plan.runs_program()) return std::unexpected(unreached(plan, describe(ending)));
  if (ending.kind != Ending::Kind::Frozen) return std::unexpected(describe(ending));
  return Enclave(device, ending.handle);
}

std::expected<uint64_t, int> find(Device& device, const Digest& key) {
  pl_ioc_template found{};
  std::ranges::copy(key, found.key);
  if (int code = pl_template_find(device.get(), &found); code < 0) return std::unexpected(-code);
  return found.template_id;
}

}  // namespace

OrFailure<void> give_root(const Plan& plan, Instance& instance) {
  if (plan.root() < 0) return {};
  int root = fcntl(plan.root(), F_DUPFD_CLOEXEC, 3);
  if (root < 0) return std::unexpected(device_failure("--rootfs", errno));
  instance.handles().set_mount(0, root, true);
  return {};
}

OrFailure<Enclave> make_enclave(Device& device, const Plan& plan, const Pages& image, pl_ioc_window window) {
  pl_ioc_create create = plan.create();
  create.window[PL_WINDOW_OCALL] = window;
  auto enclave = Enclave::create(device, create);
  if (!enclave) return std::unexpected(device_failure("create", enclave.error()));
  if (auto added = enclave->add(image.bytes()); !added) {
    if (added.error() == ENOMEM && create.memory_limit)
      return failure(kOutOfMemory, fmt::format("{} does not fit into --memory", plan.name()));
    return std::unexpected(device_failure("add", added.error()));
  }
  if (auto sealed = enclave->seal(); !sealed) return std::unexpected(device_failure("seal", sealed.error()));
  return std::move(*enclave);
}

OrFailure<uint64_t> find_or_build_template(Device& device, const Plan& plan, const Digest& key, const Say& say, DebuggerPort* debugger) {
  // Twice, because what another process published may have given way to something else before it is found.
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto found = find(device, key);
    if (found) return *found;
    if (found.error() != ENOENT) return std::unexpected(device_failure("template", found.error()));
    auto enclave = freeze(device, plan, say, debugger);
    if (!enclave) return std::unexpected(enclave.error());
    pl_ioc_publish publish{};
    publish.handle = enclave->handle();
    publish.group = -1;
    publish.point = plan.point_number();
    std::ranges::copy(key, publish.key);
    std::ranges::copy(plan.name(), publish.name);
    const std::string note = template_note(plan.prefetch());
    publish.note = reinterpret_cast<uintptr_t>(note.data());
    publish.note_length = static_cast<uint32_t>(note.size());
    int code = pl_template_publish(device.get(), &publish);
    if (code == 0) {
      enclave->release();
      return publish.template_id;
    }
    if (code != -EEXIST) return std::unexpected(device_failure("publish", -code));
  }
  auto found = find(device, key);
  if (!found) return std::unexpected(device_failure("template", found.error()));
  return *found;
}

Failure describe(const Ending& ending, uint64_t memory) {
  auto last_word = [&](const char* otherwise) {
    std::string text = ending.instance ? ending.instance->panic_text() : "";
    return text.empty() ? std::string(otherwise) : "enclave: " + text;
  };
  switch (ending.kind) {
    case Ending::Kind::Exited: {
      // wait(2): the libOS ends with a wait status.
      int signal = static_cast<int>(ending.detail & 0x7f);
      // The libOS has said why it killed a program; what the limit was is for us to add.
      if (signal == 9 && memory) return {kOutOfMemory, fmt::format("the program was killed: --memory allows its enclave {} KiB", memory / 1024)};
      const char* fault = fault_name(signal);
      return {signal ? kSignalBase + signal : static_cast<int>(ending.detail >> 8 & 0xff), fault ? std::string("ended by ") + fault : ""};
    }
    case Ending::Kind::Fault:
      switch (ending.detail) {
        case PL_FAULT_PANIC: return {kOwnFailure, last_word("the enclave gave up without a word")};
        case PL_FAULT_HOST: return {kOwnFailure, last_word("the enclave did not believe an answer of the host")};
        case PL_FAULT_MEMORY:
          return {kOutOfMemory, last_word("the enclave ran out of memory") +
                                    (memory ? fmt::format(" (--memory allows {} KiB)", memory / 1024) : "")};
        case PL_FAULT_ACCESS: return {kOwnFailure, "the enclave was ended: it touched memory that is not its own"};
        default: return {kOwnFailure, "the enclave was ended: an exception that nobody handles"};
      }
    case Ending::Kind::Frozen: return {kOwnFailure, "the enclave became a template of itself"};
    case Ending::Kind::Protocol:
      return {kOwnFailure, "the enclave was ended: " + (ending.instance ? ending.instance->broken() : "")};
    case Ending::Kind::Starved:
      return {kOutOfMemory, fmt::format("the enclave was ended: no {} bytes left in the pool for it", ending.detail)};
    case Ending::Kind::Timeout: return {kTimeUp, ""};
    case Ending::Kind::Relay:
    case Ending::Kind::Interrupted: break;  // no ends, and not asked for
    case Ending::Kind::Killed: return {kSignalBase + 9, ""};
    case Ending::Kind::Failed: return device_failure("run", static_cast<int>(ending.detail));
  }
  return {kOwnFailure, ""};
}

}  // namespace pl
