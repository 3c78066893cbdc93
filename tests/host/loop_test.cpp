// SPDX-License-Identifier: BSD-2-Clause
// The loop on a simulated device: enclaves leave for every reason, signals come at every moment.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <random>
#include <thread>

#include "fake_libos.h"
#include "server/server.h"
#include "simulated_device.h"

using namespace pl;
using namespace pl::test;

namespace {

constexpr uint64_t kNever = ~uint64_t{0};
constexpr uint64_t kMillisecond = 1'000'000;

pl_ring& ring_of(std::byte* window) { return *reinterpret_cast<pl_ring*>(window); }

void ask(std::byte* window, const pl_request& request) {
  pl_ring& ring = ring_of(window);
  std::memcpy(window + PL_RING_REQUESTS + ring.request_tail % PL_RING_ENTRIES * sizeof request, &request, sizeof request);
  ring.request_tail++;
}

pl_request relay(uint16_t slot, uint16_t generation) {
  pl_request request{};
  request.operation = PL_OP_RELAY;
  request.slot = slot;
  request.generation = generation;
  return request;
}

// A device, a window, an instance, and what the server said.
struct Bench {
  SimulatedDevice simulated;
  Device device = simulated.open();
  WindowPiece piece = std::move(*WindowPiece::take(device, PL_WINDOW_DEFAULT));
  Instance instance{piece.bytes()};
  std::string said;

  Bench() { prepare_window(instance.window(), Invocation{}); }
  Ending fork(SimulatedDevice::Guest guest, Signals* signals = nullptr, uint64_t timeout = 0) {
    simulated.forks[1] = std::move(guest);
    Server server(device, signals, [&](Instance&, std::string_view line) { said += line; });
    server.add_fork(instance, 1, piece.place(), 0);
    if (timeout) server.set_timeout(monotonic_now() + timeout);
    Ending ending = server.next();
    if (ending.kind == Ending::Kind::Timeout) server.end(instance);
    return ending;
  }
};

}  // namespace

Test(loop, a_fork_that_ends_at_once_costs_one_call) {
  Bench bench;
  Ending ending = bench.fork([](auto, auto) { return Left{PL_LEFT_EXIT, 7 << 8}; });
  cr_assert_eq(ending.kind, Ending::Kind::Exited);
  cr_assert_eq(ending.detail, 7 << 8);
  cr_assert_eq(bench.simulated.spawns, 1);
  cr_assert_eq(bench.simulated.runs + bench.simulated.destroys, 0);
}

Test(loop, an_ocall_is_answered_before_the_enclave_goes_on) {
  Bench bench;
  uint32_t entered = 0;
  Ending ending = bench.fork([&](std::byte* window, uint32_t flags) {
    cr_assert_eq(flags, 0);
    cr_assert_eq(ring_of(window).reply_tail, entered);
    if (entered++ == 1000) return Left{PL_LEFT_EXIT};
    ask(window, pl_request{});
    return Left{PL_LEFT_DOORBELL};
  });
  cr_assert_eq(ending.kind, Ending::Kind::Exited);
  cr_assert_eq(bench.simulated.runs, 1000);
}

Test(loop, an_idle_enclave_is_entered_again_at_its_deadline, .timeout = 10) {
  Bench bench;
  uint64_t deadline = 0;
  Ending ending = bench.fork([&](auto, auto) {
    if (deadline) {
      cr_assert_geq(monotonic_now(), deadline);
      return Left{PL_LEFT_EXIT};
    }
    deadline = monotonic_now() + 30 * kMillisecond;
    return Left{PL_LEFT_IDLE, deadline};
  });
  cr_assert_eq(ending.kind, Ending::Kind::Exited);
  cr_assert_eq(bench.simulated.runs, 1);
}

Test(loop, an_idle_enclave_is_entered_with_an_event_when_its_poll_ends, .timeout = 10) {
  Bench bench;
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  bench.instance.handles().set_stream(0, ends[0]);
  int entered = 0;
  bench.fork([&](std::byte* window, uint32_t flags) {
    switch (entered++) {
      case 0: {
        pl_request request{};
        request.operation = PL_OP_POLL;
        request.extra = POLLIN;
        ask(window, request);
        cr_assert_eq(write(ends[1], "x", 0), 0);
        return Left{PL_LEFT_DOORBELL};
      }
      case 1:
        cr_assert_eq(ring_of(window).reply_tail, 0);
        cr_assert_eq(write(ends[1], "x", 1), 1);
        return Left{PL_LEFT_IDLE, kNever};
      default:
        cr_assert_eq(flags, PL_RUN_EVENT);
        cr_assert_eq(ring_of(window).reply_tail, 1);
        return Left{PL_LEFT_EXIT};
    }
  });
  cr_assert_eq(entered, 3);
}

Test(loop, an_enclave_that_asks_on_its_way_to_sleep_is_woken_by_the_answer, .timeout = 10) {
  Bench bench;
  int entered = 0;
  bench.fork([&](std::byte* window, uint32_t flags) {
    if (entered++ == 0) {
      ask(window, pl_request{});
      return Left{PL_LEFT_IDLE, kNever};
    }
    cr_assert_eq(flags, PL_RUN_EVENT);
    cr_assert_eq(ring_of(window).reply_tail, 1);
    return Left{PL_LEFT_EXIT};
  });
  cr_assert_eq(entered, 2);
}

Test(loop, a_stop_reaches_the_enclave_and_then_stops_this_process_until_it_is_continued, .timeout = 10) {
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    Bench bench;
    Signals signals;
    uint32_t seen = 0;
    bench.fork(
        [&](std::byte* window, uint32_t flags) {
          if (flags & PL_RUN_EVENT) seen |= std::atomic_ref(ring_of(window).signals).exchange(0);
          if (seen & 1u << SIGTSTP && write(ends[1], "t", 1) != 1) _exit(1);
          if (seen & 1u << SIGCONT) _exit(seen == (1u << SIGTSTP | 1u << SIGCONT) ? 0 : 2);
          if (!seen) raise(SIGTSTP);
          return Left{PL_LEFT_IDLE, kNever};
        },
        &signals);
    _exit(3);
  }
  int status;
  cr_assert_eq(waitpid(child, &status, WUNTRACED), child);
  cr_assert(WIFSTOPPED(status));
  cr_assert_eq(WSTOPSIG(status), SIGTSTP);
  char told;
  cr_assert_eq(read(ends[0], &told, 1), 1);
  kill(child, SIGCONT);
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_assert(WIFEXITED(status));
  cr_assert_eq(WEXITSTATUS(status), 0);
}

Test(loop, a_computing_enclave_is_told_of_its_poll_too, .timeout = 10) {
  Bench bench;
  Signals signals;
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  bench.instance.handles().set_stream(0, ends[0]);
  int entered = 0;
  bench.fork(
      [&](std::byte* window, uint32_t flags) {
        if (entered++ == 0) {
          pl_request request{};
          request.operation = PL_OP_POLL;
          request.extra = POLLIN;
          ask(window, request);
          return Left{PL_LEFT_DOORBELL};
        }
        if (flags & PL_RUN_EVENT) {
          cr_assert_eq(ring_of(window).reply_tail, 1);
          return Left{PL_LEFT_EXIT};
        }
        if (entered == 2) cr_assert_eq(write(ends[1], "x", 1), 1);
        pause();  // computes until a signal comes
        return Left{PL_LEFT_INTERRUPT};
      },
      &signals);
  cr_assert_geq(entered, 3);
}

Test(loop, a_signal_reaches_an_idle_enclave, .timeout = 10) {
  Bench bench;
  Signals signals;
  int entered = 0;
  bench.fork(
      [&](std::byte* window, uint32_t flags) {
        if (entered++ == 0) {
          raise(SIGTERM);
          return Left{PL_LEFT_IDLE, kNever};
        }
        cr_assert_eq(flags, PL_RUN_EVENT);
        cr_assert_eq(ring_of(window).signals, 1u << SIGTERM);
        return Left{PL_LEFT_EXIT};
      },
      &signals);
  cr_assert_eq(entered, 2);
}

Test(loop, a_signal_before_the_call_is_seen_by_it, .timeout = 10) {
  Bench bench;
  Signals signals;
  bool told = false;
  bench.fork(
      [&](std::byte* window, uint32_t flags) {
        if (flags & PL_RUN_EVENT) {
          told = true;
          cr_assert_eq(ring_of(window).signals, 1u << SIGINT | 1u << SIGWINCH);
          cr_assert_eq(ring_of(window).window_changed, 1);
          return Left{PL_LEFT_EXIT};
        }
        raise(SIGINT);
        raise(SIGWINCH);
        return Left{PL_LEFT_DOORBELL};
      },
      &signals);
  cr_assert(told);
}

Test(loop, no_signal_is_lost_in_a_storm, .timeout = 60) {
  // A timer fires at every moment of the loop; after each signal the enclave must be told before it idles for ever.
  Bench bench;
  Signals signals;
  timer_t timer;
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGHUP;
  cr_assert_eq(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  uint32_t rounds = 0, seed = 1;
  bench.fork(
      [&](std::byte* window, uint32_t flags) {
        pl_ring& ring = ring_of(window);
        if (flags & PL_RUN_EVENT) {
          if (std::atomic_ref(ring.signals).exchange(0) & 1u << SIGHUP) {
            if (++rounds == 3000) return Left{PL_LEFT_EXIT};
            seed = seed * 1664525 + 1013904223;
            itimerspec when{};
            when.it_value.tv_nsec = 1 + seed % 60000;
            timer_settime(timer, 0, &when, nullptr);
          }
        } else if (rounds == 0) {
          rounds = 1;
          itimerspec when{};
          when.it_value.tv_nsec = 1000;
          timer_settime(timer, 0, &when, nullptr);
        }
        ask(window, pl_request{});
        return seed >> 16 & 1 ? Left{PL_LEFT_DOORBELL} : Left{PL_LEFT_IDLE, kNever};
      },
      &signals);
  cr_assert_eq(rounds, 3000);
  timer_delete(timer);
}

Test(loop, an_interrupted_call_is_made_again) {
  Bench bench;
  bench.simulated.interrupt_next = 3;
  cr_assert_eq(bench.fork([](auto, auto) { return Left{PL_LEFT_EXIT}; }).kind, Ending::Kind::Exited);
  cr_assert_eq(bench.simulated.spawns, 4);
}

Test(loop, faults_tell_their_reason) {
  Bench bench;
  Ending ending = bench.fork([](std::byte* window, auto) {
    std::strcpy(ring_of(window).panic, "no frame for a page table");
    return Left{PL_LEFT_FAULT, PL_FAULT_PANIC};
  });
  cr_assert_eq(ending.kind, Ending::Kind::Fault);
  cr_assert_eq(ending.detail, PL_FAULT_PANIC);
  cr_assert_eq(ending.instance->panic_text(), "no frame for a page table");
}

Test(loop, a_broken_ring_ends_the_enclave) {
  Bench bench;
  Ending ending = bench.fork([](std::byte* window, auto) {
    ring_of(window).request_tail = 1000;
    return Left{PL_LEFT_DOORBELL};
  });
  cr_assert_eq(ending.kind, Ending::Kind::Protocol);
  cr_assert_eq(bench.simulated.alive(), 0);
}

Test(loop, lines_for_the_user_are_said_also_at_the_end) {
  Bench bench;
  int entered = 0;
  bench.fork([&](std::byte* window, auto) {
    std::strcpy(ring_of(window).log, entered ? "two" : "one");
    ring_of(window).log_length = 3;
    return entered++ ? Left{PL_LEFT_EXIT} : Left{PL_LEFT_DOORBELL};
  });
  cr_assert_eq(bench.said, "onetwo");
}

Test(loop, a_starving_enclave_tries_again_and_ends, .timeout = 20) {
  Bench bench;
  int tries = 0;
  cr_assert_eq(bench.fork([&](auto, auto) { return tries++ < 3 ? Left{PL_LEFT_MEMORY, 4096} : Left{PL_LEFT_EXIT}; }).kind,
               Ending::Kind::Exited);
  Ending ending = bench.fork([&](auto, auto) { return Left{PL_LEFT_MEMORY, 65536}; });
  cr_assert_eq(ending.kind, Ending::Kind::Starved);
  cr_assert_eq(ending.detail, 65536);
  cr_assert_eq(bench.simulated.alive(), 0);
}

Test(loop, the_time_runs_out_for_a_computing_enclave_too, .timeout = 10) {
  Bench bench;
  Signals signals;
  Ending ending = bench.fork(
      [&](auto, auto) {
        pause();
        return Left{PL_LEFT_DOORBELL};
      },
      &signals, 50 * kMillisecond);
  cr_assert_eq(ending.kind, Ending::Kind::Timeout);
  cr_assert_eq(bench.simulated.alive(), 0);
}

Test(loop, a_freeze_leaves_the_handle) {
  Bench bench;
  bench.simulated.cold = [](auto, auto) { return Left{PL_LEFT_FROZEN}; };
  auto enclave = Enclave::create(bench.device, {});
  int handle = enclave->release();
  Server server(bench.device, nullptr, {});
  server.add_enclave(bench.instance, handle);
  Ending ending = server.next();
  cr_assert_eq(ending.kind, Ending::Kind::Frozen);
  cr_assert_eq(ending.handle, handle);
  cr_assert_eq(bench.simulated.alive(), 1);
}

Test(loop, one_server_serves_several, .timeout = 10) {
  SimulatedDevice simulated;
  Device device = simulated.open();
  int left[2] = {300, 5};
  for (uint64_t id : {1, 2})
    simulated.forks[id] = [&left, id](std::byte* window, auto) {
      if (left[id - 1]-- == 0) return Left{PL_LEFT_EXIT, id};
      if (id == 2) return Left{PL_LEFT_IDLE, monotonic_now() + kMillisecond};
      ask(window, pl_request{});
      return Left{PL_LEFT_DOORBELL};
    };
  auto one = WindowPiece::take(device, 65536), two = WindowPiece::take(device, 65536);
  Instance first(one->bytes()), second(two->bytes());
  Server server(device, nullptr, {});
  server.add_fork(first, 1, one->place(), 0);
  server.add_fork(second, 2, two->place(), 0);
  cr_assert_eq(server.next().kind, Ending::Kind::Exited);
  cr_assert_eq(server.next().kind, Ending::Kind::Exited);
  cr_assert_eq(simulated.alive(), 0);
}

// Many instances on one server, each with a guest of its own.
namespace {

struct Crowd {
  struct Member {
    WindowPiece piece;
    Instance instance;
    explicit Member(WindowPiece taken) : piece(std::move(taken)), instance(piece.bytes()) { prepare_window(instance.window(), Invocation{}); }
  };
  SimulatedDevice simulated;
  Device device = simulated.open();
  std::vector<std::unique_ptr<Member>> members;
  Server server;

  explicit Crowd(Signals* signals = nullptr) : server(device, signals, {}) {}
  Instance& join(SimulatedDevice::Guest guest, int input = -1) {
    const uint64_t id = members.size() + 1;
    simulated.forks[id] = std::move(guest);
    auto piece = WindowPiece::take(device, 8192);
    cr_assert(piece.has_value());
    members.push_back(std::make_unique<Member>(std::move(*piece)));
    Member& member = *members.back();
    if (input >= 0) member.instance.handles().set_stream(0, input);
    server.add_fork(member.instance, id, member.piece.place(), 0);
    return member.instance;
  }
};

pl_request wait_for_input() {
  pl_request request{};
  request.operation = PL_OP_POLL;
  request.extra = POLLIN;
  return request;
}

}  // namespace

Test(loop, each_of_many_that_wait_is_entered_for_its_own_news_alone, .timeout = 30) {
  Crowd crowd;
  constexpr size_t kMany = SimulatedDevice::kArena / 8192;
  int ends[kMany][2], entered[kMany] = {};
  for (size_t i = 0; i < kMany; ++i) {
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[i]), 0);
    crowd.join(
        [&, i](std::byte* window, uint32_t flags) {
          if (entered[i]++ == 0) {
            ask(window, wait_for_input());
            return Left{PL_LEFT_IDLE, kNever};
          }
          cr_assert_eq(flags, PL_RUN_EVENT);
          cr_assert_eq(ring_of(window).reply_tail, 1);
          return Left{PL_LEFT_EXIT, i};
        },
        ends[i][0]);
  }
  std::vector<size_t> order(kMany);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::shuffle(order, std::mt19937(5));
  crowd.server.set_timeout(monotonic_now() + 20 * kMillisecond);
  cr_assert_eq(crowd.server.next().kind, Ending::Kind::Timeout);
  for (size_t i : order) {
    cr_assert_eq(write(ends[i][1], "x", 1), 1);
    Ending ending = crowd.server.next();
    cr_assert_eq(ending.kind, Ending::Kind::Exited);
    cr_assert_eq(ending.detail, i);
  }
  for (int times : entered) cr_assert_eq(times, 2);
  cr_assert_eq(crowd.simulated.alive(), 0);
}

Test(loop, several_that_wait_for_one_descriptor_are_all_told, .timeout = 10) {
  Crowd crowd;
  int ends[2], told = 0;
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  for (int i = 0; i < 3; ++i)
    crowd.join(
        [&, entered = 0](std::byte* window, uint32_t) mutable {
          if (entered++ == 0) {
            ask(window, wait_for_input());
            return Left{PL_LEFT_IDLE, kNever};
          }
          told += ring_of(window).reply_tail == 1;
          return Left{PL_LEFT_EXIT};
        },
        ends[0]);
  cr_assert_eq(write(ends[1], "x", 1), 1);
  for (int i = 0; i < 3; ++i) cr_assert_eq(crowd.server.next().kind, Ending::Kind::Exited);
  cr_assert_eq(told, 3);
}

Test(loop, one_that_waits_has_its_turn_while_others_come_and_go, .timeout = 10) {
  Crowd crowd;
  int ends[2];
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  crowd.join(
      [&, entered = 0](std::byte* window, uint32_t) mutable {
        if (entered++) return Left{PL_LEFT_EXIT, 77};
        ask(window, wait_for_input());
        cr_assert_eq(write(ends[1], "x", 0), 0);
        return Left{PL_LEFT_IDLE, kNever};
      },
      ends[0]);
  for (int i = 0; i < 20; ++i) {
    Instance& brief = crowd.join([](auto, auto) { return Left{PL_LEFT_EXIT}; });
    Ending ending = crowd.server.next();
    if (ending.detail == 77) return;
    cr_assert_eq(ending.instance, &brief);
    if (i == 3) cr_assert_eq(write(ends[1], "x", 1), 1);
  }
  cr_assert_fail("it was never entered");
}

Test(loop, a_deadline_is_kept_while_another_is_busy, .timeout = 10) {
  Crowd crowd;
  crowd.join([entered = 0](auto, auto) mutable { return entered++ ? Left{PL_LEFT_EXIT, 5} : Left{PL_LEFT_IDLE, monotonic_now() + kMillisecond}; });
  crowd.join([](std::byte* window, auto) {
    ask(window, pl_request{});
    return Left{PL_LEFT_DOORBELL};
  });
  cr_assert_eq(crowd.server.next().detail, 5);
}

Test(loop, one_that_computes_for_ever_leaves_the_others_their_turn, .timeout = 10) {
  Signals signals;
  Crowd crowd(&signals);
  crowd.join([](auto, auto) {
    pause();  // computes until a signal comes
    return Left{PL_LEFT_INTERRUPT};
  });
  for (uint64_t i = 1; i <= 5; ++i) {
    crowd.join([i](auto, auto) { return Left{PL_LEFT_EXIT, i}; });
    cr_assert_eq(crowd.server.next().detail, i);
  }
}

Test(loop, a_signal_goes_to_the_foreground_and_to_no_other, .timeout = 10) {
  Signals signals;
  Crowd crowd(&signals);
  bool told = false;
  crowd.join([&](std::byte* window, uint32_t flags) {
    if (!(flags & PL_RUN_EVENT)) return Left{PL_LEFT_IDLE, kNever};
    told = std::atomic_ref(ring_of(window).signals).load() == 1u << SIGTERM;
    return Left{PL_LEFT_EXIT};
  });
  int entered = 0;
  crowd.join([&](std::byte* window, uint32_t flags) {
    cr_assert_eq(flags, 0);
    if (entered++ == 0) raise(SIGTERM);  // while it is inside
    ask(window, pl_request{});
    return Left{PL_LEFT_DOORBELL};
  });
  cr_assert_eq(crowd.server.next().kind, Ending::Kind::Exited);
  cr_assert(told);
}

Test(loop, an_instance_that_is_ended_by_force_is_waited_for_no_more, .timeout = 10) {
  Crowd crowd;
  int ends[2];
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  auto waits = [](std::byte* window, auto) {
    ask(window, wait_for_input());
    return Left{PL_LEFT_IDLE, kNever};
  };
  Instance& idle = crowd.join(waits, ends[0]);
  crowd.server.set_timeout(monotonic_now() + 5 * kMillisecond);
  cr_assert_eq(crowd.server.next().kind, Ending::Kind::Timeout);
  crowd.server.end(idle);
  Instance& ready = crowd.join(waits, ends[0]);
  crowd.server.end(ready);
  cr_assert_eq(crowd.simulated.alive(), 0);
  cr_assert_eq(write(ends[1], "x", 1), 1);
  crowd.join([](auto, auto) { return Left{PL_LEFT_EXIT, 3}; });
  cr_assert_eq(crowd.server.next().detail, 3);
}

Test(handles, are_few_until_more_are_opened_and_then_no_more_than_the_ABI_has) {
  HandleTable table;
  cr_assert_null(table.find(0));
  cr_assert_null(table.find(PL_HANDLE_FIRST));
  std::vector<uint32_t> numbers;
  for (uint32_t i = PL_HANDLE_FIRST; i < PL_HANDLES; ++i) {
    Handle handle;
    handle.kind = Handle::Kind::File;
    handle.descriptor = dup(0);
    auto number = table.open(std::move(handle));
    cr_assert(number.has_value());
    cr_assert_eq(PL_HANDLE_INDEX(*number), i);
    numbers.push_back(*number);
  }
  cr_assert_eq(table.open(Handle{}).error(), EMFILE);
  cr_assert(table.close(numbers[7]));
  cr_assert_null(table.find(numbers[7]));
  auto again = table.open(Handle{});
  cr_assert_eq(PL_HANDLE_INDEX(*again), PL_HANDLE_INDEX(numbers[7]));
  cr_assert_neq(*again, numbers[7]);
}

Test(windows, of_all_sizes_fill_the_arena_and_come_back) {
  SimulatedDevice simulated;
  Device device = simulated.open();
  std::vector<bool> used(SimulatedDevice::kArena / 4096);
  std::vector<WindowPiece> pieces;
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    const size_t pages = size_t{1} << random() % 7;
    if (auto piece = WindowPiece::take(device, static_cast<uint32_t>(pages * 4096))) {
      const size_t first = piece->place().offset / 4096;
      cr_assert_eq(first % pages, 0);
      cr_assert_leq(first + pages, used.size());
      for (size_t page = first; page < first + pages; ++page) {
        cr_assert(!used[page]);
        used[page] = true;
      }
      pieces.push_back(std::move(*piece));
    } else {
      for (size_t first = 0; first < used.size(); first += pages)  // there was none indeed
        cr_assert(std::find(used.begin() + long(first), used.begin() + long(first + pages), true) != used.begin() + long(first + pages));
      std::ranges::shuffle(pieces, random);
      for (size_t drop = pieces.size() / 2; drop; --drop) {
        const auto place = pieces.back().place();
        for (uint32_t page = 0; page < place.size / 4096; ++page) used[place.offset / 4096 + page] = false;
        pieces.pop_back();
      }
    }
  }
}

Test(windows, are_naturally_aligned_and_run_out) {
  SimulatedDevice simulated;
  Device device = simulated.open();
  auto small = WindowPiece::take(device, 4096);
  auto large = WindowPiece::take(device, 65536);
  cr_assert_eq(large->place().offset % 65536, 0);
  cr_assert_neq(large->place().offset, small->place().offset);
  cr_assert_eq(WindowPiece::take(device, 5000).error(), EINVAL);
  cr_assert_eq(WindowPiece::take(device, 1 << 18).error(), ENOSPC);
  { auto rest = std::move(*small); }
  cr_assert_eq(WindowPiece::take(device, 65536)->place().offset, 0);
}

Test(loop, an_enclave_that_hands_its_relay_page_back_stands_still_until_it_is_resumed) {
  Bench bench;
  unsigned entered = 0;
  bench.simulated.forks[1] = [&](std::byte* window, uint32_t) {
    switch (++entered) {
      case 1:
        ask(window, relay(3, 9));
        return Left{PL_LEFT_DOORBELL};
      case 2: {
        pl_reply reply;
        std::memcpy(&reply, window + PL_RING_REPLIES, sizeof reply);
        cr_assert(ring_of(window).reply_tail == 1 && reply.slot == 3 && reply.generation == 9 && reply.result == 0);
        return Left{PL_LEFT_EXIT};
      }
      default: return Left{PL_LEFT_FAULT};
    }
  };
  bench.instance.allow_relay();
  Server server(bench.device, nullptr, nullptr);
  server.add_fork(bench.instance, 1, {bench.piece.place(), {0x20000, 4096}, {0x21000, 4096}}, 0);
  Ending ending = server.next();
  cr_assert_eq(ending.kind, Ending::Kind::Relay);
  cr_assert(ending.instance == &bench.instance && ending.handle >= 0);
  cr_assert_eq(bench.simulated.last_spawn.window[PL_WINDOW_SHARED].offset, 0x20000u);
  cr_assert_eq(bench.simulated.last_spawn.window[PL_WINDOW_RELAY].offset, 0x21000u);
  cr_assert_eq(ring_of(bench.piece.bytes().data()).reply_tail, 0u);
  cr_assert_eq(entered, 1u);
  server.resume(bench.instance);
  cr_assert_eq(server.next().kind, Ending::Kind::Exited);
}

Test(loop, a_relay_page_that_nobody_takes_is_enosys_and_one_never_resumed_is_ended) {
  for (bool allowed : {false, true}) {
    Bench bench;
    if (allowed) bench.instance.allow_relay();
    unsigned entered = 0;
    Ending ending = bench.fork([&](std::byte* window, uint32_t) {
      if (entered++) {
        pl_reply reply;
        std::memcpy(&reply, window + PL_RING_REPLIES, sizeof reply);
        return Left{PL_LEFT_EXIT, uint64_t(-reply.result)};
      }
      ask(window, relay(0, 0));
      return Left{PL_LEFT_DOORBELL};
    });
    if (allowed) cr_expect_eq(ending.kind, Ending::Kind::Relay);
    else cr_expect_eq(ending.detail, ENOSYS);
    cr_expect_eq(bench.simulated.alive(), 0u);
  }
}

// An enclave that waits, and one that computes until a signal takes its hart away.
Test(loop, another_thread_gets_it_back_from_wherever_it_is, .timeout = 60) {
  for (uint32_t reason : {PL_LEFT_IDLE, PL_LEFT_INTERRUPT}) {
    Bench bench;
    std::atomic<unsigned> entered{0};
    std::atomic<bool> finish{false};
    bench.simulated.forks[1] = [&](std::byte*, uint32_t) {
      if (finish) return Left{PL_LEFT_EXIT};
      ++entered;
      if (entered == 1) return Left{PL_LEFT_DOORBELL};
      if (reason == PL_LEFT_INTERRUPT) ::poll(nullptr, 0, 100'000);
      return Left{reason, kNever};
    };
    Interruption interruption;
    Server server(bench.device, nullptr, nullptr);
    server.set_interruption(&interruption);
    server.add_fork(bench.instance, 1, bench.piece.place(), 0);
    for (int round = 0; round < 50; ++round) {
      std::thread other([&] {
        if (round % 2) std::this_thread::sleep_for(std::chrono::milliseconds(round));
        interruption.ask();
      });
      cr_assert_eq(server.next().kind, Ending::Kind::Interrupted);
      other.join();
      interruption.clear();
    }
    finish = true;
    interruption.ask();  // an idle one is not entered for it
    cr_assert_eq(server.next().kind, Ending::Kind::Interrupted);
    interruption.clear();
    server.end(bench.instance);
    cr_assert_eq(bench.simulated.alive(), 0u);
  }
}
