// SPDX-License-Identifier: BSD-2-Clause
#include "strace/signal.h"

#include <cstring>
#include <fmt/format.h>

#include "strace/memory.h"
#include "strace/names.h"

namespace pl {
namespace {

// uapi asm-generic/siginfo.h
constexpr int kKernel = 0x80, kTimer = -2, kQueue = -1, kUser = 0, kThread = -6;
constexpr int kIll = 4, kTrap = 5, kBus = 7, kFpe = 8, kSegv = 11, kChild = 17, kPoll = 29;

struct Code {
  int signal;  // 0: of any
  int code;
  std::string_view name;
};
constexpr Code kCodes[] = {{0, kUser, "SI_USER"}, {0, kKernel, "SI_KERNEL"}, {0, kQueue, "SI_QUEUE"}, {0, kTimer, "SI_TIMER"}, {0, -3, "SI_MESGQ"}, {0, -4, "SI_ASYNCIO"},
                           {0, -5, "SI_SIGIO"}, {0, kThread, "SI_TKILL"}, {kIll, 1, "ILL_ILLOPC"}, {kIll, 2, "ILL_ILLOPN"}, {kIll, 3, "ILL_ILLADR"}, {kIll, 4, "ILL_ILLTRP"},
                           {kTrap, 1, "TRAP_BRKPT"}, {kTrap, 2, "TRAP_TRACE"}, {kBus, 1, "BUS_ADRALN"}, {kBus, 2, "BUS_ADRERR"}, {kBus, 3, "BUS_OBJERR"},
                           {kFpe, 1, "FPE_INTDIV"}, {kFpe, 2, "FPE_INTOVF"}, {kFpe, 3, "FPE_FLTDIV"}, {kFpe, 14, "FPE_FLTUNK"}, {kSegv, 1, "SEGV_MAPERR"}, {kSegv, 2, "SEGV_ACCERR"},
                           {kChild, 1, "CLD_EXITED"}, {kChild, 2, "CLD_KILLED"}, {kChild, 3, "CLD_DUMPED"}, {kChild, 4, "CLD_TRAPPED"}, {kChild, 5, "CLD_STOPPED"},
                           {kChild, 6, "CLD_CONTINUED"}, {kPoll, 1, "POLL_IN"}, {kPoll, 2, "POLL_OUT"}, {kPoll, 4, "POLL_ERR"}, {kPoll, 6, "POLL_HUP"}};
constexpr int kExited = 1;

std::string code_name(int signal, int code) {
  for (const Code& each : kCodes)
    if (each.code == code && (!each.signal || each.signal == signal)) return std::string(each.name);
  return fmt::format("{}", code);
}

bool is_fault(int number) { return number == kIll || number == kTrap || number == kBus || number == kFpe || number == kSegv; }

std::string pointer(uint64_t value) { return value ? fmt::format("{:#x}", value) : "NULL"; }

}  // namespace

std::string signal_name(uint64_t number) {
  const char* name = number < 32 ? sigabbrev_np(static_cast<int>(number)) : nullptr;
  if (name) return std::string("SIG") + name;
  return number >= 32 && number <= 64 ? fmt::format("SIGRT_{}", number - 32) : fmt::format("{}", number);
}

std::string signal_information(std::string_view b) {
  const auto number = at<int32_t>(b, 0), error = at<int32_t>(b, 4), code = at<int32_t>(b, 8);
  const auto value = at<uint64_t>(b, 24);
  if (!number) return "{}";
  std::string text = fmt::format("{{si_signo={}, si_code={}", signal_name(static_cast<uint32_t>(number)), code_name(number, code));
  if (error) text += fmt::format(", si_errno={}", error);
  const std::string sender = fmt::format(", si_pid={}, si_uid={}", at<int32_t>(b, 16), at<uint32_t>(b, 20));
  const std::string passed = fmt::format(", si_int={}, si_ptr={}", static_cast<int32_t>(value), pointer(value));
  if (code == kUser || code == kThread) return text + sender + "}";
  if (code == kTimer) return text + fmt::format(", si_timerid={:#x}, si_overrun={}", at<int32_t>(b, 16), at<int32_t>(b, 20)) + passed + "}";
  if (code < 0) return text + sender + passed + "}";
  if (is_fault(number)) return text + fmt::format(", si_addr={}}}", pointer(at<uint64_t>(b, 16)));
  if (number == kChild && code <= 6) {
    const auto status = at<int32_t>(b, 24);
    return text + sender + fmt::format(", si_status={}, si_utime={}, si_stime={}}}", code == kExited ? fmt::format("{}", status) : signal_name(static_cast<uint32_t>(status)),
                                       at<int64_t>(b, 32), at<int64_t>(b, 40));
  }
  return text + "}";
}

}  // namespace pl
