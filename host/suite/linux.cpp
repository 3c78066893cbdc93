// SPDX-License-Identifier: BSD-2-Clause
// Tests on the machine's Linux: each below a keeper, a process that gives it its root, waits for it, and ends what it leaves behind.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "device/descriptor.h"
#include "server/signals.h"
#include "suite/kept_output.h"
#include "suite/linux_root.h"
#include "suite/runner.h"

namespace pl::suite {
namespace {

constexpr uint64_t kMillisecond = 1'000'000;
constexpr uint64_t kGrace = 2000 * kMillisecond;  // between the request to end and the end, as for enclaves

// What a keeper says at its end.
struct Word {
  int status;  // of wait(2)
  bool timed_out;
  char failure[256];  // why there was no test
};

// Everything that still has this process as its parent, which as their reaper it is for all that were left.
void end_children() {
  for (;;) {
    if (DIR* processes = opendir("/proc")) {
      while (dirent* entry = readdir(processes)) {
        const int pid = std::atoi(entry->d_name);
        char text[512];
        const int file = pid > 0 ? open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC) : -1;
        if (file < 0) continue;
        const ssize_t got = read(file, text, sizeof text - 1);
        close(file);
        text[std::max<ssize_t>(got, 0)] = 0;
        // pid (name) state parent; the name may hold anything.
        const char* end = std::strrchr(text, ')');
        int parent = 0;
        if (end && std::sscanf(end, ") %*c %d", &parent) == 1 && parent == getpid()) kill(pid, SIGKILL);
      }
      closedir(processes);
    }
    while (waitpid(-1, nullptr, WNOHANG) > 0) {}
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) < 0 && errno == ECHILD) return;
    usleep(1000);
  }
}

[[noreturn]] void become_test(const Plan& plan, const std::string& test) {
  std::vector<char*> environment;
  for (const std::string& variable : plan.environment) environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(nullptr);
  char* arguments[] = {const_cast<char*>(test.c_str()), nullptr};
  execve(test.c_str(), arguments, environment.data());
  dprintf(STDERR_FILENO, "%s: %s\n", test.c_str(), std::strerror(errno));
  _exit(errno == ENOENT ? kNotFound : kCannotRun);
}

Word keep(const Plan& plan, const std::string& test) {
  Word word{};
  auto fail = [&](const std::string& why) {
    why.copy(word.failure, sizeof word.failure - 1);
    return word;
  };
  sigset_t watched, before;
  sigemptyset(&watched);
  for (int number : {SIGCHLD, SIGTERM}) sigaddset(&watched, number);
  sigprocmask(SIG_BLOCK, &watched, &before);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // A pipe that closes when the test has begun, or brings why it has not.
  int begin[2];
  if (pipe2(begin, O_CLOEXEC) < 0) return fail(std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) return fail(std::strerror(errno));
  if (child == 0) {
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < 32; ++number) signal(number, SIG_DFL);
    setsid();
    if (auto entered = enter_root(plan.root, directory_of(plan, test), plan.user, plan.group); !entered) {
      [[maybe_unused]] const ssize_t told = write(begin[1], entered.error().data(), entered.error().size());
      _exit(kOwnFailure);
    }
    sigprocmask(SIG_SETMASK, &none, nullptr);
    become_test(plan, test);
  }
  close(begin[1]);
  char why[256];
  const ssize_t length = read(begin[0], why, sizeof why);
  close(begin[0]);
  uint64_t deadline = monotonic_now() + plan.timeout_milliseconds * kMillisecond;
  bool ended = false;
  while (!ended) {
    const uint64_t now = monotonic_now(), left = deadline > now ? deadline - now : 0;
    const timespec wait{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    const int came = sigtimedwait(&watched, nullptr, &wait);
    if (came == SIGTERM) break;
    siginfo_t info{};
    ended = waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid == child;
    if (ended || monotonic_now() < deadline) continue;
    kill(child, word.timed_out ? SIGKILL : SIGTERM);
    word.timed_out = true;
    deadline = monotonic_now() + kGrace;
  }
  if (ended) waitpid(child, &word.status, 0);
  end_children();
  return length > 0 ? fail(std::string(why, static_cast<size_t>(length))) : word;
}

struct Kept {
  size_t test = 0;
  pid_t keeper = -1;
  Descriptor output, word;
  KeptOutput text;
  uint64_t started = monotonic_now();
};

OrFailure<std::unique_ptr<Kept>> start(const Plan& plan, size_t index) {
  int output[2], word[2];
  if (pipe2(output, O_CLOEXEC) < 0) return failure(kOwnFailure, std::string("pipe: ") + std::strerror(errno));
  auto kept = std::make_unique<Kept>();
  kept->test = index;
  kept->output = Descriptor(output[0]);
  Descriptor write_end(output[1]);
  if (pipe2(word, O_CLOEXEC) < 0) return failure(kOwnFailure, std::string("pipe: ") + std::strerror(errno));
  kept->word = Descriptor(word[0]);
  Descriptor word_end(word[1]);
  kept->keeper = fork();
  if (kept->keeper < 0) return failure(kOwnFailure, std::string("fork: ") + std::strerror(errno));
  if (kept->keeper == 0) {
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, STDIN_FILENO);
    close(null);
    dup2(output[1], STDOUT_FILENO);
    dup2(output[1], STDERR_FILENO);
    const Word last = keep(plan, plan.tests[index]);
    [[maybe_unused]] const ssize_t told = write(word[1], &last, sizeof last);
    _exit(0);
  }
  return kept;
}

volatile sig_atomic_t stopped_by = 0;

Outcome finish(Kept& kept) {
  Outcome outcome;
  outcome.test = kept.test;
  Word word{};
  const ssize_t got = read(kept.word.get(), &word, sizeof word);
  while (waitpid(kept.keeper, nullptr, 0) < 0 && errno == EINTR) {}
  outcome.seconds = static_cast<double>(monotonic_now() - kept.started) / 1e9;
  outcome.output = kept.text.text();
  if (got != sizeof word) {
    outcome.message = "its keeper was ended";
    return outcome;
  }
  outcome.message = word.failure;
  outcome.timed_out = word.timed_out;
  if (WIFSIGNALED(word.status)) outcome.signal = WTERMSIG(word.status);
  else outcome.status = WEXITSTATUS(word.status);
  return outcome;
}

}  // namespace

OrFailure<int> run_on_linux(const Plan& plan, const Tell& tell) {
  if (auto prepared = prepare_roots(); !prepared) return failure(kOwnFailure, "--native: " + prepared.error());
  const char* host = std::getenv("PENGLAI_ROOT");
  Plan own = plan;
  own.root = (host ? host : "") + plan.root;
  // They come while we wait and at no other moment: one that came just before would be slept on, and a keeper's that came before it is
  // ready would be taken by this handler.
  struct sigaction action{};
  action.sa_handler = [](int number) { stopped_by = number; };
  sigset_t ending, waiting;
  sigemptyset(&ending);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    sigaction(number, &action, nullptr);
    sigaddset(&ending, number);
  }
  sigprocmask(SIG_BLOCK, &ending, &waiting);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigdelset(&waiting, number);
  std::vector<std::unique_ptr<Kept>> running;
  for (size_t next = 0; (!stopped_by && next < plan.tests.size()) || !running.empty();) {
    while (!stopped_by && next < plan.tests.size() && may_start(plan, next, running.size())) {
      auto kept = start(own, next);
      if (!kept) return std::unexpected(kept.error());
      running.push_back(std::move(*kept));
      ++next;
    }
    std::vector<pollfd> polls;
    for (auto& kept : running) polls.push_back({kept->output.get(), POLLIN, 0});
    if (ppoll(polls.data(), polls.size(), nullptr, &waiting) < 0) {
      for (auto& kept : running) kill(kept->keeper, SIGTERM);
      continue;
    }
    for (size_t i = polls.size(); i-- > 0;) {
      if (!polls[i].revents) continue;
      char piece[16384];
      const ssize_t got = read(running[i]->output.get(), piece, sizeof piece);
      if (got > 0) running[i]->text.add({piece, static_cast<size_t>(got)});
      if (got > 0 || (got < 0 && errno == EINTR)) continue;
      // Nobody has it open any more: the keeper was the last.
      const Outcome outcome = finish(*running[i]);
      if (!stopped_by) tell(outcome);
      running.erase(running.begin() + static_cast<ptrdiff_t>(i));
    }
  }
  return stopped_by ? kSignalBase + stopped_by : 0;
}

}  // namespace pl::suite
