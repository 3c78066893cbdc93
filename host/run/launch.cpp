// SPDX-License-Identifier: BSD-2-Clause
#include "run/launch.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

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

// Boots the libOS up to the program's first instruction. The enclave has nothing of the host to read but the clock.
OrFailure<Enclave> freeze(Device& device, const Plan& plan, const Say& say) {
  auto image = plan.image();
  if (!image) return std::unexpected(image.error());
  auto piece = WindowPiece::take(device, PL_WINDOW_DEFAULT);
  if (!piece) return std::unexpected(device_failure("window", piece.error()));
  auto enclave = make_enclave(device, plan, *image, piece->place());
  if (!enclave) return std::unexpected(enclave.error());
  Instance instance(piece->bytes());
  if (auto given = give_root(plan, instance); !given) return std::unexpected(given.error());
  prepare_window(instance.window(), Invocation{});
  Server server(device, nullptr, [&](Instance&, std::string_view text) { say(text); });
  server.add_enclave(instance, enclave->release());
  Ending ending = server.next();
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

OrFailure<uint64_t> find_or_build_template(Device& device, const Plan& plan, const Digest& key, const Say& say) {
  // Twice, because what another process published may have given way to something else before it is found.
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto found = find(device, key);
    if (found) return *found;
    if (found.error() != ENOENT) return std::unexpected(device_failure("template", found.error()));
    auto enclave = freeze(device, plan, say);
    if (!enclave) return std::unexpected(enclave.error());
    pl_ioc_publish publish{};
    publish.handle = enclave->handle();
    publish.group = -1;
    std::ranges::copy(key, publish.key);
    std::ranges::copy(plan.name(), publish.name);
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
      return {signal ? kSignalBase + signal : static_cast<int>(ending.detail >> 8 & 0xff), ""};
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
