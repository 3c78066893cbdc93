// SPDX-License-Identifier: BSD-2-Clause
// Between the thread that serves an instance and the one that debugs it. The enclave asks what to do (PL_OP_DEBUG) and stands still; the
// debugger answers with commands, one for each question, and the server carries both.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "debug/debuggee.h"
#include "device/descriptor.h"
#include "server/debugger_port.h"

namespace pl {

class DebugLink final : public Debuggee, public DebuggerPort {
 public:
  // In the thread that will serve.
  DebugLink();

  // ---- for the server ----
  int server_descriptor() const override { return to_server_.get(); }
  void ask(std::span<const std::byte> question) override;
  std::optional<std::vector<std::byte>> take_answer() override;
  bool take_interrupt() override;
  bool take_kill();
  // A person asks it to end while it stands still.
  void give_up();
  // No more questions come.
  void end(int status, int signal);

  // ---- for the debugger ----
  int debugger_descriptor() const { return to_debugger_.get(); }
  // The stop that it is in, if it is in one that is not known yet, or the end. Does not wait.
  std::optional<pl_debug_stop> take_stop();
  struct End {
    int status, signal;
  };
  bool take_give_up();
  std::optional<End> ended();
  void resume(const Resumption& resumption);
  void interrupt();  // PL_STOP_INTERRUPT comes, unless another stop does first
  void kill();
  // It stands still and nobody is there: the server looks whether it was asked to end before.
  void look_for_signals();

  std::expected<size_t, int> read(uint32_t thread, uint64_t address, std::span<std::byte> to) override;
  std::expected<void, int> write(uint32_t thread, uint64_t address, std::span<const std::byte> from) override;
  std::expected<pl_debug_registers, int> registers(uint32_t thread) override;
  std::expected<void, int> set_registers(uint32_t thread, const pl_debug_registers& registers) override;
  std::vector<pl_debug_thread> threads() override;
  std::expected<void, int> release(uint32_t process, bool kill) override;
  std::expected<Piece, int> file(std::string_view path, uint64_t offset, size_t most) override;
  std::expected<std::string, int> link(std::string_view path) override;

 private:
  struct Answer {
    std::vector<std::byte> bytes;
    uint64_t value = 0;
  };
  void send(const pl_debug_command& command, std::span<const std::byte> data);
  // One command and what came of it.
  std::expected<Answer, int> call(pl_debug_command command, std::span<const std::byte> data = {});
  bool wait_for_question(std::vector<std::byte>& question);
  void wake_server();

  Descriptor to_server_, to_debugger_;
  pthread_t server_;
  std::mutex lock_;
  std::optional<std::vector<std::byte>> question_, answer_;
  std::optional<End> end_;
  bool interrupt_ = false, kill_ = false, give_up_ = false;
};

}  // namespace pl
