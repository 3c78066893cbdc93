// SPDX-License-Identifier: BSD-2-Clause
#include "debug/link.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pl {
namespace {

// What fits into one command: the libOS keeps one page for all of it.
constexpr size_t kPiece = 4096 - sizeof(pl_debug_stop) - sizeof(pl_debug_command);

void ring(int descriptor) {
  const uint64_t one = 1;
  if (::write(descriptor, &one, sizeof one) < 0) return;  // it is as full as can be: it will be read
}

void drain(int descriptor) {
  uint64_t count;
  if (::read(descriptor, &count, sizeof count) < 0) return;  // nothing there
}

Descriptor event() { return Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

}  // namespace

DebugLink::DebugLink() : to_server_(event()), to_debugger_(event()), server_(pthread_self()) {}

void DebugLink::ask(std::span<const std::byte> question) {
  std::lock_guard lock(lock_);
  question_.emplace(question.begin(), question.end());
  ring(to_debugger_.get());
}

std::optional<std::vector<std::byte>> DebugLink::take_answer() {
  std::lock_guard lock(lock_);
  drain(to_server_.get());
  return std::exchange(answer_, std::nullopt);
}

bool DebugLink::take_interrupt() {
  std::lock_guard lock(lock_);
  return std::exchange(interrupt_, false);
}

bool DebugLink::take_kill() {
  std::lock_guard lock(lock_);
  return std::exchange(kill_, false);
}

void DebugLink::give_up() {
  std::lock_guard lock(lock_);
  give_up_ = true;
  ring(to_debugger_.get());
}

bool DebugLink::take_give_up() {
  std::lock_guard lock(lock_);
  return std::exchange(give_up_, false);
}

void DebugLink::end(int status, int signal) {
  std::lock_guard lock(lock_);
  end_ = {status, signal};
  ring(to_debugger_.get());
}

std::optional<pl_debug_stop> DebugLink::take_stop() {
  std::lock_guard lock(lock_);
  drain(to_debugger_.get());
  auto question = std::exchange(question_, std::nullopt);
  if (!question || question->size() < sizeof(pl_debug_stop)) return std::nullopt;
  pl_debug_stop stop;
  std::memcpy(&stop, question->data(), sizeof stop);
  return stop;
}

std::optional<DebugLink::End> DebugLink::ended() {
  std::lock_guard lock(lock_);
  return end_;
}

// The server may be inside the enclave, or wait: SIGIO gets it out of either (server/signals.h).
void DebugLink::wake_server() {
  ring(to_server_.get());
  pthread_kill(server_, SIGIO);
}

void DebugLink::interrupt() {
  std::lock_guard lock(lock_);
  interrupt_ = true;
  wake_server();
}

void DebugLink::look_for_signals() { wake_server(); }

void DebugLink::kill() {
  std::lock_guard lock(lock_);
  kill_ = true;
  wake_server();
}

void DebugLink::send(const pl_debug_command& command, std::span<const std::byte> data) {
  std::vector<std::byte> bytes(sizeof command + data.size());
  std::memcpy(bytes.data(), &command, sizeof command);
  std::ranges::copy(data, bytes.begin() + sizeof command);
  std::lock_guard lock(lock_);
  answer_ = std::move(bytes);
  ring(to_server_.get());
}

bool DebugLink::wait_for_question(std::vector<std::byte>& question) {
  for (;;) {
    {
      std::lock_guard lock(lock_);
      drain(to_debugger_.get());
      if (question_) {
        question = *std::exchange(question_, std::nullopt);
        return question.size() >= sizeof(pl_debug_stop);
      }
      if (end_) {
        ring(to_debugger_.get());  // for who looks next
        return false;
      }
    }
    pollfd entry{to_debugger_.get(), POLLIN, 0};
    poll(&entry, 1, -1);
  }
}

void DebugLink::resume(const Resumption& resumption) {
  send({.command = PL_DEBUG_CONTINUE, .tid = resumption.only, .address = static_cast<uint64_t>(resumption.signal), .length = resumption.only_process, .flags = resumption.wanted}, {});
}

std::expected<DebugLink::Answer, int> DebugLink::call(pl_debug_command command, std::span<const std::byte> data) {
  send(command, data);
  std::vector<std::byte> question;
  if (!wait_for_question(question)) return std::unexpected(ESRCH);
  pl_debug_stop stop;
  std::memcpy(&stop, question.data(), sizeof stop);
  if (stop.result < 0) return std::unexpected(-stop.result);
  const auto size = static_cast<size_t>(stop.result);
  if (size > question.size() - sizeof stop) return std::unexpected(EIO);
  return Answer{{question.begin() + sizeof stop, question.begin() + static_cast<ptrdiff_t>(sizeof stop + size)}, stop.value};
}

std::expected<size_t, int> DebugLink::read(uint32_t thread, uint64_t address, std::span<std::byte> to) {
  size_t done = 0;
  while (done < to.size()) {
    const auto wanted = static_cast<uint32_t>(std::min(kPiece, to.size() - done));
    auto answer = call({PL_DEBUG_READ, thread, address + done, wanted, 0});
    if (!answer) {
      if (done) break;
      return std::unexpected(answer.error());
    }
    const size_t got = std::min<size_t>(answer->bytes.size(), wanted);
    std::copy_n(answer->bytes.begin(), got, to.begin() + static_cast<ptrdiff_t>(done));
    done += got;
    if (got < wanted) break;
  }
  return done;
}

std::expected<void, int> DebugLink::write(uint32_t thread, uint64_t address, std::span<const std::byte> from) {
  while (!from.empty()) {
    const auto now = from.first(std::min(kPiece, from.size()));
    if (auto done = call({PL_DEBUG_WRITE, thread, address, static_cast<uint32_t>(now.size()), 0}, now); !done) return std::unexpected(done.error());
    from = from.subspan(now.size());
    address += now.size();
  }
  return {};
}

std::expected<pl_debug_registers, int> DebugLink::registers(uint32_t thread) {
  auto answer = call({PL_DEBUG_REGISTERS, thread, 0, 0, 0});
  if (!answer) return std::unexpected(answer.error());
  pl_debug_registers registers;
  if (answer->bytes.size() < sizeof registers) return std::unexpected(EIO);
  std::memcpy(&registers, answer->bytes.data(), sizeof registers);
  return registers;
}

std::expected<void, int> DebugLink::set_registers(uint32_t thread, const pl_debug_registers& registers) {
  if (auto done = call({PL_DEBUG_SET_REGISTERS, thread, 0, 0, 0}, std::as_bytes(std::span(&registers, 1))); !done) return std::unexpected(done.error());
  return {};
}

std::vector<pl_debug_thread> DebugLink::threads() {
  constexpr size_t kMost = 10000;  // an enclave that has more is lying
  std::vector<pl_debug_thread> threads;
  while (threads.size() < kMost) {
    auto answer = call({PL_DEBUG_THREADS, 0, threads.size(), 0, 0});
    const size_t count = answer ? answer->bytes.size() / sizeof(pl_debug_thread) : 0;
    if (!count) break;
    const size_t before = threads.size();
    threads.resize(before + count);
    std::memcpy(&threads[before], answer->bytes.data(), count * sizeof(pl_debug_thread));
  }
  return threads;
}

std::expected<void, int> DebugLink::release(uint32_t process, bool kill) {
  if (auto done = call({PL_DEBUG_RELEASE, process, 0, kill, 0}); !done) return std::unexpected(done.error());
  return {};
}

std::expected<std::string, int> DebugLink::link(std::string_view path) {
  auto answer = call({PL_DEBUG_LINK, 0, 0, static_cast<uint32_t>(path.size()), 0}, std::as_bytes(std::span(path)));
  if (!answer) return std::unexpected(answer.error());
  return std::string(reinterpret_cast<const char*>(answer->bytes.data()), answer->bytes.size());
}

std::expected<Debuggee::Piece, int> DebugLink::file(std::string_view path, uint64_t offset, size_t most) {
  const auto length = static_cast<uint32_t>(path.size());
  auto answer = call({PL_DEBUG_FILE, 0, offset, length, static_cast<uint32_t>(std::min(kPiece, most))}, std::as_bytes(std::span(path)));
  if (!answer) return std::unexpected(answer.error());
  return Piece{std::move(answer->bytes), answer->value};
}

}  // namespace pl
