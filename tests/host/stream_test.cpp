// SPDX-License-Identifier: BSD-2-Clause
// Standard streams and polls: nothing blocks, nothing is read too far, nothing is lost.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>

#include "fake_libos.h"
#include "server/readiness.h"

using namespace pl;
using namespace pl::test;

namespace {

struct Pipe {
  int read_end, write_end;
  Pipe() {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    read_end = ends[0], write_end = ends[1];
  }
  ~Pipe() {
    close(read_end);
    close(write_end);
  }
};

pl_request poll_request(uint32_t handle, uint32_t events, uint16_t slot, uint16_t generation) {
  pl_request request{};
  request.operation = PL_OP_POLL;
  request.handle = handle;
  request.extra = events;
  request.slot = slot;
  request.generation = generation;
  return request;
}

// As the server looks: what the instance waits for is watched until it is told.
bool look(Instance& instance, int milliseconds = 0) {
  static Readiness readiness;
  static Readiness::Waiter waiter;
  std::vector<pollfd> entries;
  instance.watch(entries);
  bool news = false;
  for (const pollfd& entry : entries)
    if (uint32_t now = readiness.watch(waiter, entry.fd, static_cast<uint32_t>(entry.events))) news |= instance.deliver(entry.fd, now);
  readiness.wait(milliseconds * int64_t{1'000'000}, nullptr, [&](Readiness::Waiter&, int descriptor, uint32_t events) { news |= instance.deliver(descriptor, events); });
  return news;
}

}  // namespace

Test(stream, an_empty_pipe_would_block_and_says_when_it_does_not) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(0, pipe.read_end);
  cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10).result, -EAGAIN);
  cr_assert(!libos.instance.waiting());
  cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10, 0, PL_REQUEST_NOTIFY).result, -EAGAIN);
  cr_assert(libos.instance.waiting());
  cr_assert(!look(libos.instance));
  cr_assert_eq(write(pipe.write_end, "abcdef", 6), 6);
  cr_assert(look(libos.instance));
  cr_assert_eq(libos.ring().ready[0], 1);
  cr_assert(!libos.instance.waiting());
  // Never further than asked: the rest is there for whoever reads next.
  cr_assert_eq(libos.transfer(PL_OP_READ, 0, 2).result, 2);
  char rest[8];
  cr_assert_eq(read(pipe.read_end, rest, sizeof rest), 4);
  close(pipe.write_end);
  cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10).result, 0);
}

Test(stream, the_descriptions_flags_are_left_alone) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(0, pipe.read_end);
  libos.instance.handles().set_stream(1, pipe.write_end);
  libos.transfer(PL_OP_READ, 0, 10);
  libos.transfer(PL_OP_WRITE, 1, 10);
  cr_assert_eq(fcntl(pipe.read_end, F_GETFL) & O_NONBLOCK, 0);
  cr_assert_eq(fcntl(pipe.write_end, F_GETFL) & O_NONBLOCK, 0);
}

Test(stream, a_full_pipe_would_block, .timeout = 10) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(1, pipe.write_end);
  int total = 0, result;
  while ((result = libos.transfer(PL_OP_WRITE, 1, 30000).result) > 0) total += result;
  cr_assert_eq(result, -EAGAIN);
  cr_assert_geq(total, 65536 - 4096);
  cr_assert_eq(libos.transfer(PL_OP_WRITE, 1, 30000, 0, PL_REQUEST_NOTIFY).result, -EAGAIN);
  std::string drained(65536, '\0');
  cr_assert_gt(read(pipe.read_end, drained.data(), drained.size()), 0);
  cr_assert(look(libos.instance));
  cr_assert_eq(libos.ring().ready[0], 2);
}

Test(stream, a_broken_pipe_is_an_error_and_no_signal) {
  signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(1, pipe.write_end);
  close(pipe.read_end);
  cr_assert_eq(libos.transfer(PL_OP_WRITE, 1, 10).result, -EPIPE);
  cr_assert(libos.instance.handles().stream(1)->stream->poll(POLLOUT) & POLLERR);
}

Test(stream, sockets_and_files_serve_too, .timeout = 10) {
  int ends[2];
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  FakeLibos libos;
  libos.instance.handles().set_stream(0, ends[0]);
  cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10).result, -EAGAIN);
  cr_assert_eq(write(ends[1], "xy", 2), 2);
  cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10).result, 2);
  int result;
  while ((result = libos.transfer(PL_OP_WRITE, 0, 30000).result) > 0) {}
  cr_assert_eq(result, -EAGAIN);

  Directory directory;
  directory.write("in", "input");
  int file = open(directory.path("in").c_str(), O_RDWR);
  libos.instance.handles().set_stream(1, file);
  cr_assert_eq(libos.transfer(PL_OP_READ, 1, 3).result, 3);
  cr_assert_eq(libos.transfer(PL_OP_READ, 1, 30).result, 2);
  cr_assert_eq(libos.transfer(PL_OP_READ, 1, 30).result, 0);
  int null = open("/dev/null", O_RDWR);
  libos.instance.handles().set_stream(2, null);
  cr_assert_eq(libos.transfer(PL_OP_WRITE, 2, 30000).result, 30000);
}

Test(stream, a_closed_one_is_void) {
  FakeLibos libos;
  libos.instance.handles().set_stream(0, 1000);
  cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10).result, -EBADF);
  libos.queue(poll_request(0, POLLIN, 0, 1));
  cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
  pl_reply reply{};
  cr_assert(libos.reply(reply));
  cr_assert_eq(reply.result, -EBADF);
}

Test(poll, stays_in_flight_until_there_is_news) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(0, pipe.read_end);
  libos.queue(poll_request(0, POLLIN, 5, 77));
  cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
  pl_reply reply{};
  cr_assert(!libos.reply(reply));
  cr_assert(libos.instance.waiting());
  cr_assert(!look(libos.instance));
  cr_assert_eq(write(pipe.write_end, "x", 1), 1);
  cr_assert(look(libos.instance));
  cr_assert(libos.reply(reply));
  cr_assert_eq(reply.slot, 5);
  cr_assert_eq(reply.generation, 77);
  cr_assert_eq(reply.result, 0);
  cr_assert_eq(reply.value, POLLIN);
  cr_assert(!libos.reply(reply));
  cr_assert(!libos.instance.waiting());
}

Test(poll, answers_at_once_when_it_can) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(1, pipe.write_end);
  pl_request request = poll_request(1, POLLIN | POLLOUT, 0, 0);
  cr_assert_eq(libos.call(request).value, POLLOUT);
  close(pipe.read_end);
  request.extra = 0;
  cr_assert_eq(libos.call(request).value, POLLERR);
}

Test(poll, is_cancelled_or_has_replied) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(0, pipe.read_end);
  libos.queue(poll_request(0, POLLIN, 5, 77));
  pl_request cancel{};
  cancel.operation = PL_OP_CANCEL;
  cancel.slot = 6;
  cancel.arg[0] = 5 | 76 << 16;
  libos.queue(cancel);
  cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
  pl_reply reply{};
  cr_assert(libos.reply(reply));
  cr_assert_eq(reply.result, -ENOENT);  // another generation
  cancel.arg[0] = 5 | 77 << 16;
  libos.queue(cancel);
  cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
  cr_assert(libos.reply(reply));
  cr_assert_eq(reply.slot, 5);
  cr_assert_eq(reply.result, -ECANCELED);
  cr_assert(libos.reply(reply));
  cr_assert_eq(reply.slot, 6);
  cr_assert_eq(reply.result, 0);
  cr_assert(!libos.instance.waiting());
  cancel.arg[0] = UINT64_MAX;
  libos.queue(cancel);
  cr_assert_neq(libos.instance.serve(), Instance::Served::Broken);
  cr_assert(libos.reply(reply));
  cr_assert_eq(reply.result, -ENOENT);
}

Test(poll, two_in_one_slot_end_the_instance) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(0, pipe.read_end);
  libos.queue(poll_request(0, POLLIN, 5, 77));
  libos.queue(poll_request(0, POLLIN, 5, 78));
  cr_assert_eq(libos.instance.serve(), Instance::Served::Broken);
}

Test(terminal, modes_and_size_are_told_set_and_given_back) {
  int master, slave;
  winsize size{24, 80, 0, 0};
  cr_assert_eq(openpty(&master, &slave, nullptr, nullptr, &size), 0);
  termios before;
  tcgetattr(slave, &before);
  {
    FakeLibos libos;
    libos.instance.handles().set_stream(0, slave);
    cr_assert_eq(libos.simple(PL_OP_TERMINAL_GET, 0).result, 0);
    auto state = libos.get<pl_terminal>(FakeLibos::kBuffer);
    cr_assert_eq(state.rows, 24);
    cr_assert_eq(state.columns, 80);
    cr_assert_eq(state.lflag, before.c_lflag);
    state.lflag &= ~static_cast<uint32_t>(ICANON | ECHO | ISIG);
    std::memcpy(libos.at(FakeLibos::kBuffer), &state, sizeof state);
    cr_assert_eq(libos.simple(PL_OP_TERMINAL_SET, 0).result, 0);
    termios now;
    tcgetattr(slave, &now);
    cr_assert_eq(now.c_lflag & (ICANON | ECHO | ISIG), 0);
    // Raw: a byte is there without a line.
    cr_assert_eq(write(master, "x", 1), 1);
    cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10).result, 1);
    cr_assert_eq(libos.transfer(PL_OP_READ, 0, 10).result, -EAGAIN);
  }
  termios after;
  tcgetattr(slave, &after);
  cr_assert_eq(after.c_lflag, before.c_lflag);
}

Test(terminal, a_pipe_is_none) {
  Pipe pipe;
  FakeLibos libos;
  libos.instance.handles().set_stream(0, pipe.read_end);
  cr_assert_eq(libos.simple(PL_OP_TERMINAL_GET, 0).result, -ENOTTY);
  cr_assert_eq(libos.simple(PL_OP_TERMINAL_SET, 0).result, -ENOTTY);
}
