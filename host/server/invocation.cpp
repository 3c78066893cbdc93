// SPDX-License-Identifier: BSD-2-Clause
#include "server/invocation.h"

#include <time.h>

#include <cstring>

namespace pl {
namespace {

constexpr uint64_t kBuffers = 32768;
constexpr uint32_t kWindowMax = 1u << 20;

uint64_t text_size(const std::vector<std::string>& texts) {
  uint64_t size = 0;
  for (const std::string& text : texts) size += text.size() + 1;
  return size;
}

}  // namespace

uint64_t Invocation::encoded_size() const {
  return sizeof(pl_instance) + text_size(arguments) + text_size(environment) + directory.size() + 1 + program.size() + 1;
}

uint32_t Invocation::window_size() const {
  uint64_t needed = PL_RING_DATA + encoded_size() + kBuffers;
  for (uint32_t size = PL_WINDOW_DEFAULT; size <= kWindowMax; size *= 2)
    if (needed <= size) return size;
  return 0;
}

void prepare_window(Window& window, const Invocation& invocation) {
  // The rings themselves are written before they are read.
  std::memset(window.at(0), 0, PL_RING_REQUESTS);
  pl_ring& ring = window.ring();
  ring.magic = PL_OCALL_MAGIC;
  ring.version = PL_OCALL_VERSION;
  ring.window_size = window.size();
  ring.epoch = 1;

  std::byte* start = window.at(PL_RING_DATA);
  uint32_t used = sizeof(pl_instance);
  auto append = [&](const std::string& text) {
    std::memcpy(start + used, text.c_str(), text.size() + 1);
    used += static_cast<uint32_t>(text.size() + 1);
  };
  pl_instance instance{};
  instance.arguments = static_cast<uint32_t>(invocation.arguments.size());
  instance.arguments_offset = used;
  for (const std::string& argument : invocation.arguments) append(argument);
  instance.environment = static_cast<uint32_t>(invocation.environment.size());
  instance.environment_offset = used;
  for (const std::string& variable : invocation.environment) append(variable);
  instance.directory_offset = used;
  append(invocation.directory);
  instance.program_offset = used;
  append(invocation.program);
  instance.size = used;
  instance.uid = invocation.user;
  instance.gid = invocation.group;
  instance.terminals = invocation.terminals;
  instance.umask = invocation.umask;
  instance.terminal = invocation.terminal;
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  instance.realtime = static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  std::memcpy(start, &instance, sizeof instance);
}

}  // namespace pl
