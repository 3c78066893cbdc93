// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cerrno>

#include "fs/event_poll.h"
#include "fs/locks.h"
#include "fs/path.h"
#include "fs/open_file.h"
#include "fs/pipe.h"
#include "fs/stream.h"
#include "fs/terminal/host_terminal.h"
#include "fs/tmpfs/tmpfs.h"
#include "hosted.h"
#include "ocall/ring.h"

using namespace pl;
using namespace hosted;

static void setup() {
  make_window();
  make_tree();
}
TestSuite(pipe, .init = setup);

static ErrorOr<size_t> put(File& f, std::string text) {
  Buffer from = buffer(text);
  return f.write(from);
}
static std::string get(File& f, size_t bytes) {
  std::string text(bytes, 0);
  Buffer to = buffer(text);
  auto n = f.read(to);
  if (!n) return "error " + std::to_string(int(n.error()));
  return text.substr(0, *n);
}

Test(pipe, bytes_come_out_in_the_order_they_went_in) {
  auto p = must(create_pipe(open_flag::NonBlock));
  std::string in, out;
  uint32_t x = 3;
  for (int i = 0; i < 2000; i++) {
    x = x * 1664525 + 1013904223;
    std::string text(x >> 8 & 0x3fff, char('a' + i % 26));
    if (auto n = put(*p.write, text)) in += text.substr(0, *n);
    if (const std::string piece = get(*p.read, x >> 10 & 0x3fff); !piece.starts_with("error")) out += piece;
  }
  while (in.size() > out.size()) out += get(*p.read, 65536);
  cr_assert(in == out);
}

Test(pipe, a_full_one_takes_nothing_and_a_small_write_goes_whole_or_not_at_all) {
  auto p = must(create_pipe(open_flag::NonBlock));
  cr_assert_eq(*put(*p.write, std::string(100000, 'x')), 65536);
  cr_assert_eq(error_of(put(*p.write, "y")), EAGAIN);
  get(*p.read, 4095);
  cr_assert_eq(error_of(put(*p.write, std::string(4096, 'y'))), EAGAIN);
  cr_assert_eq(*put(*p.write, std::string(4097, 'y')), 4095);
  cr_assert_eq((*p.write).poll(nullptr) & poll_event::Out, 0);
}

Test(pipe, a_reader_waits_and_ends_with_the_last_writer) {
  auto p = must(create_pipe(0));
  int turn = 0;
  while_asleep = [&] {
    if (turn++ == 0) cr_assert(put(*p.write, "late"));
    else p.write = nullptr;
    return turn < 3;
  };
  cr_assert(get(*p.read, 10) == std::string("late"));
  cr_assert(get(*p.read, 10) == std::string(""));
  cr_assert(p.read->poll(nullptr) & poll_event::HangUp);
}

Test(pipe, a_writer_waits_for_room_and_writes_all) {
  auto p = must(create_pipe(0));
  std::string out;
  while_asleep = [&] {
    out += get(*p.read, 30000);
    return true;
  };
  cr_assert_eq(*put(*p.write, std::string(200000, 'x')), 200000);
  while (out.size() < 200000) out += get(*p.read, 65536);
  cr_assert_eq(out, std::string(200000, 'x'));
}

Test(pipe, without_a_reader_a_write_is_EPIPE) {
  auto p = must(create_pipe(0));
  p.read = nullptr;
  cr_assert_eq(error_of(put(*p.write, "x")), EPIPE);
  cr_assert(p.write->poll(nullptr) & poll_event::Error);
}

Test(pipe, a_signal_interrupts_a_wait) {
  auto p = must(create_pipe(0));
  interrupted = true;
  std::string text(1, 0);
  Buffer to = buffer(text);
  cr_assert_eq(error_of(p.read->read(to)), EINTR);
}

Test(pipe, a_bad_buffer_is_EFAULT_and_loses_nothing) {
  auto p = must(create_pipe(open_flag::NonBlock));
  cr_assert(put(*p.write, "kept"));
  Buffer to = Buffer::user(UserAddress(16), 4);
  cr_assert_eq(error_of(p.read->read(to)), EFAULT);
  Buffer from = Buffer::user(UserAddress(16), 4);
  cr_assert_eq(error_of(p.write->write(from)), EFAULT);
  cr_assert(get(*p.read, 10) == std::string("kept"));
}

Test(pipe, its_size_can_change_while_it_holds_bytes) {
  auto p = must(create_pipe(open_flag::NonBlock));
  Pipe& pipe = p.read->as_pipe()->pipe();
  cr_assert(put(*p.write, std::string(65536, 'a')));
  get(*p.read, 100);
  cr_assert(put(*p.write, std::string(100, 'b')));
  cr_assert_eq(error_of(pipe.set_capacity(4096)), EBUSY);
  cr_assert_eq(*pipe.set_capacity(1 << 20), 1 << 20);
  cr_assert_eq(error_of(pipe.set_capacity((1 << 20) + 1)), EPERM);
  cr_assert_eq(*put(*p.write, std::string(1 << 20, 'c')), (1 << 20) - 65536);
  std::string out;
  while (out.size() < (1 << 20)) out += get(*p.read, 10000);
  cr_assert_eq(out, std::string(65436, 'a') + std::string(100, 'b') + std::string((1 << 20) - 65536, 'c'));
}

Test(pipe, a_FIFO_waits_for_its_other_end) {
  cr_assert(make_node(cwd(), "/tmp/fifo", file_mode::Fifo | 0644, 0));
  cr_assert_eq(error_of(open_path(cwd(), "/tmp/fifo", open_flag::WriteOnly | open_flag::NonBlock, 0)), ENXIO);
  Ref<File> writer;
  while_asleep = [&] {
    writer = must(open_path(cwd(), "/tmp/fifo", open_flag::WriteOnly, 0));
    return true;
  };
  auto reader = must(open_path(cwd(), "/tmp/fifo", open_flag::ReadOnly, 0));
  cr_assert(put(*writer, "through"));
  cr_assert(get(*reader, 100) == std::string("through"));
}

// ---- epoll ----

Test(pipe, epoll_reports_levels_edges_and_one_shots) {
  auto level = must(create_pipe(open_flag::NonBlock)), edge = must(create_pipe(open_flag::NonBlock)), once = must(create_pipe(open_flag::NonBlock));
  auto set = must(make<EventPoll>());
  cr_assert(set->add(10, *level.read, poll_event::In, 1));
  cr_assert(set->add(11, *edge.read, poll_event::In | EventPoll::EdgeTriggered, 2));
  cr_assert(set->add(12, *once.read, poll_event::In | EventPoll::OneShot, 4));
  cr_assert_eq(error_of(set->add(10, *level.read, 1, 1)), EEXIST);
  auto look = [&] {
    EpollEvent events[8];
    uint64_t seen = 0;
    for (size_t n = set->collect(events, 8, nullptr); n; n--) seen |= events[n - 1].data;
    return seen;
  };
  cr_assert_eq(look(), 0);
  for (auto* p : {&level, &edge, &once}) cr_assert(put(*p->write, "x"));
  cr_assert_eq(look(), 7);
  cr_assert_eq(look(), 1);
  for (auto* p : {&level, &edge, &once}) cr_assert(put(*p->write, "x"));
  cr_assert_eq(look(), 3);
  cr_assert(set->modify(12, *once.read, poll_event::In | EventPoll::OneShot, 4));
  cr_assert_eq(look(), 5);
  level.read = nullptr;  // closed: its interest is gone
  cr_assert_eq(look(), 0);
  cr_assert_eq(error_of(set->remove(12, *edge.read)), ENOENT);
}

Test(pipe, epolls_do_not_watch_themselves_in_circles) {
  auto a = must(make<EventPoll>()), b = must(make<EventPoll>());
  cr_assert(a->add(3, *b, poll_event::In, 0));
  cr_assert_eq(error_of(b->add(4, *a, poll_event::In, 0)), ELOOP);
  cr_assert_eq(error_of(a->add(5, *a, poll_event::In, 0)), EINVAL);
}

// ---- descriptors ----

Test(pipe, the_lowest_free_descriptor_is_given) {
  Descriptors t;
  auto p = must(create_pipe(0));
  for (int i = 0; i < 200; i++) cr_assert_eq(*t.install(p.read, OnExec::Keep), i);
  cr_assert(t.close(70));
  cr_assert(t.close(3));
  cr_assert_eq(*t.install(p.read, OnExec::Close, 4), 70);
  cr_assert_eq(*t.install(p.read, OnExec::Keep), 3);
  t.set_limit(200);
  cr_assert_eq(error_of(t.install(p.read, OnExec::Keep)), EMFILE);
  cr_assert_eq(error_of(t.replace(200, p.read, OnExec::Keep)), EBADF);
  cr_assert_eq(error_of(t.get(-1)), EBADF);
  cr_assert_eq(error_of(t.get(200)), EBADF);
  cr_assert_eq(error_of(t.get(1 << 30)), EBADF);
  t.close_for_exec();
  cr_assert_eq(error_of(t.get(70)), EBADF);
  auto copy = must(t.clone());
  t.close_range(10, 4000);
  cr_assert_eq(t.next(10), -1);
  cr_assert_eq(copy->next(10), 10);
}

// ---- locks ----

Test(pipe, record_locks_split_join_and_block_others) {
  auto f = Ref<Inode>(must(make<TmpRegular>(0100644u, 0u, 0u)));
  auto file = must(make<RegularFile>(f, uint32_t(open_flag::ReadWrite)));
  int a, b;
  using locks::Type;
  auto set = [&](int& owner, Type type, uint64_t first, uint64_t last) {
    return error_of(locks::set(*file, {locks::Kind::Record, type, &owner, 1, first, last}, locks::Blocking::No));
  };
  cr_assert_eq(set(a, Type::Write, 0, 99), 0);
  cr_assert_eq(set(b, Type::Read, 50, 50), EAGAIN);
  cr_assert_eq(set(a, Type::Unlock, 40, 59), 0);
  cr_assert_eq(set(b, Type::Write, 40, 59), 0);
  cr_assert_eq(set(a, Type::Read, 39, 40), EAGAIN);
  cr_assert_eq(set(a, Type::Read, 0, 39), 0);
  cr_assert_eq(set(b, Type::Read, 0, 10), 0);
  locks::Lock blocker;
  cr_assert(must(locks::test(*file, {locks::Kind::Record, Type::Write, &b, 1, 60, 200}, blocker)));
  cr_assert_eq(blocker.first, 60);
  cr_assert_eq(blocker.last, 99);
  locks::release_records(*f, &a);
  cr_assert_eq(set(b, Type::Write, 0, ~uint64_t(0)), 0);
  locks::release_records(*f, &b);
  cr_assert_not(locks::any());
}

// ---- standard streams ----

Test(pipe, a_stream_that_would_block_is_waited_for_and_nothing_is_lost) {
  StreamFile in(0, open_flag::ReadWrite);
  int calls = 0;
  serve([&](const pl_request& r) {
    if (calls++ == 0) {
      cr_assert(r.flags & PL_REQUEST_NOTIFY);
      return reply(r, -EAGAIN);
    }
    std::memcpy(window + r.buffer, "input", 5);
    reply(r, 5);
  });
  while_asleep = [] {
    ring().ready[0] |= 1;
    ocall::take_events();
    return true;
  };
  cr_assert(get(in, 100) == std::string("input"));
}

Test(pipe, a_stream_takes_a_long_write_in_whatever_pieces_the_host_likes) {
  StreamFile out(1, open_flag::ReadWrite);
  std::string seen, text(300000, 0);
  for (size_t i = 0; i < text.size(); i++) text[i] = char(i * 7 + i / 251);
  serve([&](const pl_request& r) {
    size_t n = std::min<size_t>(r.length, 10007);
    seen.append(reinterpret_cast<char*>(window + r.buffer), n);
    reply(r, int32_t(n));
  });
  cr_assert_eq(*put(out, text), text.size());
  cr_assert(seen == text);
}

Test(pipe, a_stream_that_is_closed_is_EPIPE_and_one_that_takes_nothing_is_EIO) {
  StreamFile out(1, open_flag::ReadWrite);
  serve([](const pl_request& r) { reply(r, -EPIPE); });
  cr_assert_eq(error_of(put(out, "x")), EPIPE);
  serve([](const pl_request& r) { reply(r, 0); });
  cr_assert_eq(error_of(put(out, "x")), EIO);
}

Test(pipe, what_is_no_terminal_says_so_without_asking) {
  StreamFile out(1, open_flag::ReadWrite);
  serve([](const pl_request&) { cr_assert_fail("asked"); });
  set_host_terminals(1);
  cr_assert_eq(error_of(out.ioctl(0x5401, {})), ENOTTY);
}
