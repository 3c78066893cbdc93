// SPDX-License-Identifier: BSD-2-Clause
// The ring against a host that lies: each rule of "Out to the host", at its boundary values.
#include <criterion/criterion.h>

#include <atomic>
#include <climits>
#include <thread>

#include "hosted.h"
#include "ocall/operations.h"
#include "ocall/ring.h"

using namespace pl;
using namespace hosted;

static void setup() { make_window(); }
TestSuite(ring, .init = setup);

template <class F>
static bool ends(F f) {
  try {
    f();
  } catch (InstanceEnded&) {
    return true;
  }
  return false;
}

Test(ring, a_request_reaches_the_host_and_its_reply_comes_back) {
  serve([](const pl_request& r) {
    cr_assert_eq(r.operation, PL_OP_TIME);
    reply(r, 0, 1234567);
  });
  auto t = ocall::realtime(1000);
  cr_assert(t && *t == 1234567);
}

Test(ring, time_never_runs_backwards_and_is_no_negative_number) {
  uint64_t say = 0;
  serve([&](const pl_request& r) { reply(r, 0, say); });
  say = 999;
  cr_assert_eq(error_of(ocall::realtime(1000)), EIO);
  say = 1000;
  cr_assert_eq(error_of(ocall::realtime(1000)), 0);
  say = uint64_t(INT64_MAX) + 1;
  cr_assert_eq(error_of(ocall::realtime(1000)), EIO);
}

Test(ring, a_length_is_at_most_what_was_asked) {
  int32_t say = 0;
  serve([&](const pl_request& r) { reply(r, say); });
  std::string text(100, 'x');
  for (auto [result, error] : std::initializer_list<std::pair<int32_t, int>>{
           {0, 0}, {99, 0}, {100, 0}, {101, EIO}, {INT_MAX, EIO}, {INT_MIN, EIO}, {INT_MIN + 1, EIO}, {-4096, EIO}, {-4095, EIO}, {-134, EIO},
           {-int32_t(ECHILD), EIO}, {-int32_t(512), EIO}, {-int32_t(EINTR), EIO}, {-int32_t(ENOENT), EIO}, {-int32_t(EAGAIN), EAGAIN},
           {-int32_t(EPIPE), EPIPE}, {-int32_t(EIO), EIO}, {-1, EPERM}}) {
    say = result;
    auto got = ocall::call({.operation = PL_OP_READ, .handle = 0, .buffer = PL_RING_DATA, .length = 100});
    cr_assert_eq(error_of(got), error, "result %d gave %d", result, error_of(got));
  }
}

Test(ring, an_operation_without_a_count_answers_zero_and_nothing_else) {
  int32_t say = 1;
  serve([&](const pl_request& r) { reply(r, say); });
  cr_assert_eq(error_of(ocall::truncate(70, 0)), EIO);
  say = 0;
  cr_assert_eq(error_of(ocall::truncate(70, 0)), 0);
}

Test(ring, a_reply_for_a_slot_that_is_not_in_flight_ends_the_instance) {
  for (uint32_t slot : {1u, 31u, 32u, 65535u}) {
    make_window();
    serve([&](const pl_request& r) { push_reply({uint16_t(slot), r.generation, 0, 0}); });
    cr_assert(ends([] { (void)ocall::realtime(0); }));
  }
}

Test(ring, a_reply_of_another_generation_ends_the_instance) {
  for (int off : {-1, 1, 32768}) {
    make_window();
    serve([&](const pl_request& r) { push_reply({r.slot, uint16_t(r.generation + off), 0, 0}); });
    cr_assert(ends([] { (void)ocall::realtime(0); }));
  }
}

Test(ring, a_second_reply_to_one_request_ends_the_instance) {
  serve([](const pl_request& r) {
    reply(r, 0);
    reply(r, 0);
  });
  cr_assert(ends([] { (void)ocall::realtime(0); }));
}

Test(ring, bad_reply_indices_end_the_instance) {
  for (uint32_t tail : {2u, 33u, 0x80000000u, 0xffffffffu}) {
    make_window();
    serve([&](const pl_request& r) {
      reply(r, 0);
      ring().reply_tail = tail;
    });
    cr_assert(ends([] { (void)ocall::realtime(0); }), "tail %u", tail);
  }
}

Test(ring, indices_run_freely_past_their_end) {
  ring().request_tail = ring().request_head = ring().reply_tail = ring().reply_head = 0xfffffff0;
  ocall::attach(window, PL_WINDOW_DEFAULT);
  serve([](const pl_request& r) { reply(r, 0, 5); });
  for (int i = 0; i < 100; i++) cr_assert(ocall::realtime(0));
}

Test(ring, a_window_of_another_version_or_too_small_is_refused) {
  ring().version = 2;
  cr_assert(ends([] { ocall::attach(window, PL_WINDOW_DEFAULT); }));
  ring().version = PL_OCALL_VERSION;
  ring().magic ^= 1;
  cr_assert(ends([] { ocall::attach(window, PL_WINDOW_DEFAULT); }));
  ring().magic ^= 1;
  cr_assert(ends([] { ocall::attach(window, PL_WINDOW_MIN - 4096); }));
}

Test(ring, a_handle_is_in_range_and_new) {
  uint64_t say = 0;
  pl_stat good{};
  good.mode = 0100644;
  serve([&](const pl_request& r) {
    if (r.operation == PL_OP_OPEN) std::memcpy(window + r.buffer + (r.length + 7) / 8 * 8, &good, sizeof good);
    reply(r, 0, r.operation == PL_OP_OPEN ? say : 0);
  });
  auto open = [&](uint64_t handle) {
    say = handle;
    return error_of(ocall::open(PL_HANDLE_MOUNT, "name", PL_OPEN_READ, 0));
  };
  for (uint64_t bad : {uint64_t(0), uint64_t(2), uint64_t(16), uint64_t(63), uint64_t(512), uint64_t(0xffff), uint64_t(1) << 32 | 64, ~uint64_t(0)})
    cr_assert_eq(open(bad), EIO, "handle %lx", bad);
  cr_assert_eq(open(64), 0);
  cr_assert_eq(open(64), EIO);
  cr_assert_eq(open(PL_HANDLE(64, 7)), EIO);
  ocall::close(64);
  cr_assert_eq(open(PL_HANDLE(64, 8)), 0);
  cr_assert_eq(open(511), 0);
}

Test(ring, attributes_have_a_type_and_a_size_that_exist) {
  pl_stat say{};
  serve([&](const pl_request& r) {
    std::memcpy(window + r.buffer, &say, sizeof say);
    reply(r, 0);
  });
  for (uint32_t mode : {0u, 0170000u, 0200644u, 0xffffffffu, 0110000u}) {
    say.mode = mode;
    cr_assert_eq(error_of(ocall::stat(70)), EIO);
  }
  say.mode = 0100644;
  say.size = INT64_MAX;
  cr_assert_eq(error_of(ocall::stat(70)), 0);
  say.size = uint64_t(INT64_MAX) + 1;
  cr_assert_eq(error_of(ocall::stat(70)), EIO);
}

Test(ring, poll_answers_only_what_was_asked_for) {
  uint64_t say = 0;
  serve([&](const pl_request& r) { reply(r, 0, say); });
  say = 1;
  auto got = ocall::poll(0, 1);
  cr_assert(got && *got == 1);
  say = 1 | 16;
  cr_assert(ocall::poll(0, 1));
  for (uint64_t bad : {uint64_t(4), uint64_t(1 << 20), uint64_t(1) << 40, ~uint64_t(0)}) {
    say = bad;
    cr_assert_eq(error_of(ocall::poll(0, 1)), EIO);
  }
}

Test(ring, a_poll_in_flight_is_not_sent_twice_and_wakes_whoever_waits) {
  std::vector<pl_request> waiting;
  serve([&](const pl_request& r) { waiting.push_back(r); });
  cr_assert_eq(*ocall::poll(0, 1), 0);
  cr_assert_eq(*ocall::poll(0, 1), 0);
  cr_assert_eq(waiting.size(), 1);
  cr_assert_not(ocall::quiescent());
  uint32_t before = ocall::readiness(0);
  reply(waiting[0], 0, 1);
  ocall::take_events();
  cr_assert_neq(ocall::readiness(0), before);
  cr_assert(ocall::quiescent());
}

Test(ring, a_poll_that_ended_during_another_call_wakes_too) {
  std::vector<pl_request> waiting;
  serve([&](const pl_request& r) {
    if (r.operation == PL_OP_POLL) waiting.push_back(r);
    else {
      for (auto& w : waiting) reply(w, 0, 1);
      waiting.clear();
      reply(r, 0, 1);
    }
  });
  cr_assert_eq(*ocall::poll(0, 1), 0);
  uint32_t before = ocall::readiness(0);
  cr_assert(ocall::realtime(0));
  cr_assert_neq(ocall::readiness(0), before);
}

Test(ring, the_host_may_ask_for_the_signals_of_a_terminal_only) {
  ring().signals = ~0u;
  ocall::take_events();
  cr_assert_eq(ocall::take_signals(), PL_SIGNALS);
  cr_assert_eq(ocall::take_signals(), 0);
  cr_assert_eq(ring().signals, 0);
}

Test(ring, a_debug_enclave_alone_may_be_stopped_besides) {
  ocall::accept_interrupts();
  ring().signals = ~0u;
  ocall::take_events();
  cr_assert_eq(ocall::take_signals(), PL_SIGNALS | PL_SIGNAL_DEBUG);
}

Test(ring, ready_bits_of_handles_that_are_not_open_wake_nobody) {
  uint32_t before = ocall::readiness(100);
  for (auto& word : ring().ready) word = ~uint64_t(0);
  ring().ready[0] &= ~uint64_t(7);
  ocall::take_events();
  cr_assert_eq(ocall::readiness(100), before);
}

Test(ring, a_log_length_of_the_hosts_invention_writes_nowhere_else) {
  for (uint32_t length : {0u, 400u, 408u, 409u, 0xffffffffu}) {
    ring().log_length = length;
    ocall::log("a line");
    cr_assert(ring().log_length <= sizeof ring().log || ring().log_length == length);
  }
}

// ---- directory entries ----

static std::string pack(std::initializer_list<std::pair<std::string, pl_dirent>> entries) {
  std::string out;
  for (auto& [name, e] : entries) {
    pl_dirent copy = e;
    std::string record(reinterpret_cast<char*>(&copy), sizeof copy);
    record += name;
    record.resize((record.size() + 7) / 8 * 8);
    out += record;
  }
  return out;
}

static pl_dirent entry(const std::string& name, uint64_t cookie) {
  pl_dirent e{};
  e.inode = cookie;
  e.cookie = cookie;
  e.record = uint16_t((sizeof e + name.size() + 7) / 8 * 8);
  e.type = 8;
  e.name_length = uint8_t(name.size());
  return e;
}

static int list(const std::string& bytes, std::string* names = nullptr, int32_t result = -1) {
  serve([&](const pl_request& r) {
    std::memcpy(window + r.buffer, bytes.data(), bytes.size());
    reply(r, result >= 0 ? result : int32_t(bytes.size()));
  });
  std::string seen;
  uint64_t cookie = 0;
  auto got = ocall::list(64, cookie, 4096, [](void* s, const DirectoryEntry& e) {
    static_cast<std::string*>(s)->append(e.name).append(",");
    return true;
  }, &seen);
  if (names) *names = seen;
  return error_of(got);
}

Test(ring, directory_entries_are_checked_against_their_length) {
  std::string names;
  cr_assert_eq(list(pack({{".", entry(".", 1)}, {"a", entry("a", 2)}, {"long name", entry("long name", 3)}}), &names), 0);
  cr_assert(names == std::string("a,long name,"));
  auto with = [](auto change) {
    pl_dirent e = entry("name", 1);
    change(e);
    return list(pack({{"name", e}}));
  };
  cr_assert_eq(with([](pl_dirent& e) { e.record = 0; }), EIO);
  cr_assert_eq(with([](pl_dirent& e) { e.record = 8; }), EIO);
  cr_assert_eq(with([](pl_dirent& e) { e.record = 33; }), EIO);
  cr_assert_eq(with([](pl_dirent& e) { e.record = 0xfff8; }), EIO);
  cr_assert_eq(with([](pl_dirent& e) { e.name_length = 0; }), EIO);
  cr_assert_eq(with([](pl_dirent& e) { e.name_length = 255; }), EIO);
  cr_assert_eq(with([](pl_dirent& e) { e.cookie = 0; }), EIO);
  cr_assert_eq(list(pack({{"a/b", entry("a/b", 1)}})), EIO);
  cr_assert_eq(list(pack({{std::string("a\0b", 3), entry("abc", 1)}})), EIO);
  cr_assert_eq(list(pack({{"..", entry("..", 1)}}), &names), 0);
  cr_assert(names.empty());
  cr_assert_eq(list(std::string(8, 0)), EIO);
  cr_assert_eq(list("", nullptr, 4097), EIO);
}

Test(ring, a_window_that_changes_while_it_is_read_reaches_no_other_memory) {
  std::string good = pack({{"first", entry("first", 1)}, {"second", entry("second", 2)}, {"third", entry("third", 3)}});
  std::atomic<bool> stop = false;
  std::thread attacker([&] {
    uint32_t x = 1;
    while (!stop) {
      x = x * 1664525 + 1013904223;
      reinterpret_cast<volatile uint8_t*>(window + PL_RING_DATA)[x >> 8 & 0xfff] = uint8_t(x >> 24);
    }
  });
  for (int i = 0; i < 20000; i++) (void)list(good);
  stop = true;
  attacker.join();
}

Test(ring, a_link_target_holds_no_NUL_and_fits) {
  int32_t say = 0;
  std::string target = "else/where";
  serve([&](const pl_request& r) {
    std::memcpy(window + r.arg[1], target.data(), target.size());
    reply(r, say);
  });
  char out[64];
  say = int32_t(target.size());
  auto n = ocall::read_link(64, "link", out, sizeof out);
  cr_assert(n && std::string(out, *n) == target);
  say = 65;
  cr_assert_eq(error_of(ocall::read_link(64, "link", out, sizeof out)), EIO);
  target[3] = 0;
  say = int32_t(target.size());
  cr_assert_eq(error_of(ocall::read_link(64, "link", out, sizeof out)), EIO);
}

Test(ring, buffers_do_not_overlap_and_a_fault_finds_one_while_the_window_is_full) {
  auto whole = ocall::WindowBuffer::allocate(1 << 20);
  cr_assert(whole && whole->size() == PL_WINDOW_DEFAULT - PL_RING_DATA - 8192);
  auto fault = ocall::WindowBuffer::allocate(4096, ocall::WindowBuffer::Use::Fault);
  cr_assert(fault && fault->size() == 4096);
  cr_assert(fault->offset() + fault->size() <= whole->offset() || whole->offset() + whole->size() <= fault->offset());
}

Test(ring, the_smallest_window_serves_one_page_and_a_fault) {
  make_window(PL_WINDOW_MIN);
  auto a = ocall::WindowBuffer::allocate(100000);
  cr_assert(a && a->size() == 8192);
  auto b = ocall::WindowBuffer::allocate(4096, ocall::WindowBuffer::Use::Fault);
  cr_assert(b && b->size() == 4096);
}

Test(ring, a_template_that_is_closed_to_the_host_says_things_and_asks_nothing) {
  int asked = 0;
  serve([&](const pl_request& r) {
    asked++;
    cr_assert_eq(r.operation, PL_OP_WRITE);
    reply(r, int32_t(r.length));
  });
  ocall::close_to_host();
  cr_expect_eq(error_of(ocall::call({.operation = PL_OP_READ, .handle = 0, .buffer = PL_RING_DATA, .length = 1})), EPERM);
  cr_expect_eq(error_of(ocall::stat(PL_HANDLE_MOUNT)), EPERM);
  cr_expect_eq(error_of(ocall::realtime(0)), EPERM);
  cr_expect_eq(error_of(ocall::call({.operation = PL_OP_WRITE, .handle = 5, .buffer = PL_RING_DATA, .length = 1})), EPERM);
  cr_expect_eq(error_of(ocall::poll(0, 1)), EPERM);
  auto writable = ocall::poll(1, 4);
  cr_expect(writable && *writable == 4);
  ocall::post({.operation = PL_OP_CLOSE, .handle = 70});
  ocall::flush();
  cr_expect_eq(asked, 0);
  for (uint32_t stream : {1u, 2u}) cr_expect_eq(error_of(ocall::call({.operation = PL_OP_WRITE, .handle = stream, .buffer = PL_RING_DATA, .length = 1})), 0);
  cr_expect_eq(asked, 2);
  cr_expect(ocall::quiescent());
}
