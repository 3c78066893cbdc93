// SPDX-License-Identifier: BSD-2-Clause
#include "fs/terminal/host_terminal.h"

#include <cstring>

#include "base/hot.h"
#include "fs/abi.h"
#include "ocall/operations.h"

namespace pl {

namespace {

PL_HOT constinit uint32_t terminals = 0;

class HostTerminal final : public Terminal {
 public:
  constexpr HostTerminal() = default;
  uint64_t device() const override { return make_device(5, 1); }  // /dev/console
  ErrorOr<TerminalModes> modes() override {
    const pl_terminal t = TRY(ocall::terminal(handle()));
    TerminalModes m{t.iflag, t.oflag, t.cflag, t.lflag, t.line, {}};
    std::memcpy(m.characters, t.cc, sizeof m.characters);
    return m;
  }
  ErrorOr<void> set_modes(const TerminalModes& m, Apply) override {
    pl_terminal t{};
    t.iflag = m.input;
    t.oflag = m.output;
    t.cflag = m.control;
    t.lflag = m.local;
    t.line = m.line;
    std::memcpy(t.cc, m.characters, sizeof t.cc);
    return ocall::set_terminal(handle(), t);
  }
  ErrorOr<TerminalSize> size() override {
    const pl_terminal t = TRY(ocall::terminal(handle()));
    return TerminalSize{t.rows, t.columns, t.xpixels, t.ypixels};
  }
  ErrorOr<void> set_size(TerminalSize) override { return fail(Errno::Perm); }  // whose window it is decides
  ErrorOr<uint32_t> readable_bytes() override {
    auto ready = ocall::poll(handle(), 1);
    return ready && *ready & 1 ? 1 : 0;
  }

 private:
  static uint32_t handle() { return uint32_t(host_terminal_handle()); }
};

PL_HOT constinit HostTerminal the_terminal;

}  // namespace

Terminal& host_terminal() { return the_terminal; }
void set_host_terminals(uint32_t bits) { terminals = bits & 7; }
bool is_host_terminal(uint32_t handle) { return terminals >> handle & 1; }

int host_terminal_handle() {
  for (int i = 0; i < 3; i++)
    if (terminals >> i & 1) return i;
  return -1;
}

}  // namespace pl
