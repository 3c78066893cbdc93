// SPDX-License-Identifier: BSD-2-Clause
// pl-agent: process 1 of the machine. It prepares the system, then runs the commands that the daemon passes on from its clients.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>

#include "boot.h"
#include "command.h"

namespace pl::machine::agent {
namespace {

class Agent {
 public:
  explicit Agent(Descriptor port)
      : port_(loop_, std::move(port),
              {.on_frame = [this](const Frame& frame) { handle(frame); },
               .on_drained = [this] { drained_ = true; },
               .on_lost = [](const char* why) { log(why), power_off(); }}) {}

  [[noreturn]] void run() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    const Descriptor children(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    const Loop::Watch watch(loop_, children.get(), EPOLLIN, [&](uint32_t) {
      signalfd_siginfo info;
      while (::read(children.get(), &info, sizeof(info)) > 0) {
      }
      reap();
    });
    loop_.each_round([this] { after_events(); });
    utsname name{};
    ::uname(&name);
    port_.send(Type::kReady, 0, encode(Hello{kProtocolVersion, "", name.release}));
    loop_.run();
    power_off();
  }

 private:
  void handle(const Frame& frame) {
    switch (frame.type) {
      case Type::kPing: {
        Reader reader(frame.payload);
        const auto now = reader.integer<uint64_t>();
        if (reader.complete()) set_clock(now);
        return port_.send(Type::kPong, 0);
      }
      case Type::kGetPool:
        return port_.send(Type::kPool, 0, encode(read_pool()));
      case Type::kPowerOff:
        log("power off");
        power_off();
      case Type::kOpen: {
        auto identity = decode<Identity>(frame.payload);
        if (!identity) return port_.send(Type::kFailed, frame.session, encode(Failure{EPROTO, "no identity"}));
        commands_[frame.session] = std::make_unique<Command>(loop_, port_, frame.session, std::move(*identity));
        return;
      }
      default:
        break;
    }
    const auto found = commands_.find(frame.session);
    // A command that has just ended: what the client sent meanwhile is for nobody.
    if (found == commands_.end()) return;
    if (frame.type == Type::kHangup) {
      found->second->hang_up();
    } else {
      found->second->handle(frame);
    }
  }

  void reap() {
    int status = 0;
    // Everything whose parent has ended becomes ours, too.
    while (const pid_t process = ::waitpid(-1, &status, WNOHANG | WUNTRACED)) {
      if (process < 0) break;
      for (auto& [session, command] : commands_) {
        if (command->process() == process && !command->over()) command->reaped(status);
      }
    }
  }

  void after_events() {
    if (std::exchange(drained_, false)) {
      for (auto& [session, command] : commands_) command->resume();
    }
    std::erase_if(commands_, [](const auto& entry) { return entry.second->over(); });
  }

  Loop loop_;
  Port port_;
  std::map<uint32_t, std::unique_ptr<Command>> commands_;
  bool drained_ = false;
};

}  // namespace
}  // namespace pl::machine::agent

int main() {
  using namespace pl::machine::agent;
  if (::getpid() != 1) {
    std::fputs("pl-agent is the init process of the embedded machine; it does nothing elsewhere\n", stderr);
    return 125;
  }
  mount_file_systems();
  bring_up_loopback();
  pl::machine::Descriptor port = open_port();
  if (!port) {
    log("there is no port to the daemon");
    power_off();
  }
  load_driver();
  Agent(std::move(port)).run();
}
