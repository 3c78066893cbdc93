// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "fs/event_poll.h"
#include "fs/path.h"
#include "sockets.h"

using namespace pl;
using namespace hosted;
namespace mf = message_flag;

static void setup() {
  make_window();
  make_tree();
}
TestSuite(unix_sockets, .init = setup);

Test(unix_sockets, bytes_come_out_in_the_order_they_went_in) {
  auto p = pair_of(socket_type::Stream);
  std::string in, out;
  uint32_t x = 7;
  for (int i = 0; i < 3000; i++) {
    x = x * 1664525 + 1013904223;
    std::string text(x >> 8 & (i % 2 ? 0x3fff : 0x3f), char('a' + i % 26));
    if (auto n = put(*p.first, text)) in += text.substr(0, *n);
    std::string got = get(*p.second, x >> 10 & 0x3fff);
    if (!got.starts_with("error")) out += got;
  }
  while (out.size() < in.size()) out += get(*p.second, 10000);
  cr_assert(in == out);
  cr_assert_eq(p.first->endpoint().charged, 0);
}

Test(unix_sockets, a_full_one_takes_nothing_and_is_not_writable_until_a_good_deal_was_read) {
  auto p = pair_of(socket_type::Stream);
  size_t taken = 0;
  while (auto n = put(*p.first, std::string(5000, 'x'))) taken += *n;
  cr_assert(taken > 100000 && taken < 300000);
  cr_assert_eq(p.first->poll(nullptr) & poll_event::Out, 0);
  get(*p.second, 2000);
  cr_assert_eq(p.first->poll(nullptr) & poll_event::Out, 0);
  get(*p.second, taken - 4000);
  cr_assert_neq(p.first->poll(nullptr) & poll_event::Out, 0);
}

Test(unix_sockets, a_writer_waits_for_room_and_a_reader_for_bytes) {
  auto p = pair_of(socket_type::Stream, 0);
  std::string out;
  while_asleep = [&] {
    out += get(*p.second, 30000);
    return true;
  };
  cr_assert_eq(*put(*p.first, std::string(500000, 'x')), 500000);
  while (out.size() < 500000) out += get(*p.second, 65536);
  while_asleep = [&] { return bool(put(*p.first, "late")); };
  cr_assert_eq(get(*p.second, 10), std::string("late"));
  while_asleep = [&] {
    p.first = nullptr;
    return true;
  };
  cr_assert_eq(get(*p.second, 10), std::string());
}

Test(unix_sockets, many_small_writes_do_not_each_cost_a_block) {
  auto p = pair_of(socket_type::Stream);
  unsigned n = 0;
  while (put(*p.first, "x")) ++n;
  cr_assert(n > 50000, "%u", n);
}

Test(unix_sockets, the_end_is_an_end_and_unread_bytes_are_a_reset) {
  auto p = pair_of(socket_type::Stream);
  cr_assert(put(*p.first, "last"));
  p.first = nullptr;
  cr_assert_eq(p.second->poll(nullptr) & (poll_event::HangUp | poll_event::ReadHangUp | poll_event::In), poll_event::HangUp | poll_event::ReadHangUp | poll_event::In);
  cr_assert_eq(get(*p.second, 10), std::string("last"));
  cr_assert_eq(get(*p.second, 10), std::string());
  cr_assert_eq(error_of(put(*p.second, "x")), EPIPE);
  auto q = pair_of(socket_type::Stream);
  cr_assert(put(*q.first, "unread"));
  q.second = nullptr;
  cr_assert_eq(get(*q.first, 10), "error " + std::to_string(ECONNRESET));
  cr_assert_eq(get(*q.first, 10), std::string());
}

Test(unix_sockets, half_a_connection_can_be_shut) {
  auto p = pair_of(socket_type::Stream);
  cr_assert(put(*p.first, "x"));
  cr_assert(p.first->shut_down(1));
  cr_assert_eq(error_of(put(*p.first, "y")), EPIPE);
  cr_assert_eq(get(*p.second, 10), std::string("x"));
  cr_assert_eq(get(*p.second, 10), std::string());
  cr_assert(put(*p.second, "back"));
  cr_assert_eq(get(*p.first, 10), std::string("back"));
  cr_assert(p.first->shut_down(0));
  cr_assert_eq(error_of(put(*p.second, "z")), EPIPE);
  cr_assert_eq(error_of(p.first->shut_down(3)), EINVAL);
}

Test(unix_sockets, a_look_leaves_the_bytes_and_wait_all_waits_for_all) {
  auto p = pair_of(socket_type::Stream, 0);
  for (const char* s : {"one", "two"}) cr_assert(put(*p.first, s));
  cr_assert_eq(get(*p.second, 10, mf::Peek), std::string("onetwo"));
  cr_assert_eq(get(*p.second, 2, mf::Peek), std::string("on"));
  while_asleep = [&] { return bool(put(*p.first, "four")); };
  cr_assert_eq(get(*p.second, 10, mf::WaitAll), std::string("onetwofour"));
  cr_assert_eq(get(*p.second, 1, mf::DontWait), "error " + std::to_string(EAGAIN));
}

Test(unix_sockets, a_bad_buffer_is_EFAULT_and_loses_nothing) {
  auto p = pair_of(socket_type::Stream);
  cr_assert(put(*p.first, "kept"));
  Buffer to = Buffer::user(UserAddress(16), 4), from = to;
  Received r;
  SendRequest s;
  cr_assert_eq(error_of(p.second->receive(to, r)), EFAULT);
  cr_assert_eq(error_of(p.first->send(from, s)), EFAULT);
  cr_assert_eq(get(*p.second, 10), std::string("kept"));
}

Test(unix_sockets, running_out_of_memory_is_an_error_at_every_allocation) {
  for (int64_t n = 0; n < 12; n++) {
    allocations_left = n;
    auto pair = create_socket_pair(family::Unix, socket_type::Stream, 0, open_flag::NonBlock);
    if (pair) {
      auto sent = put(*pair->first, std::string(9000, 'x'));
      if (!sent) cr_assert_eq(error_of(sent), ENOMEM);
    } else {
      cr_assert_eq(error_of(pair), ENOMEM);
    }
    allocations_left = -1;
  }
}

Test(unix_sockets, what_a_template_opened_closes_in_a_fork_with_its_last_descriptor) {
  auto p = pair_of(socket_type::Stream);
  Descriptors& table = current_descriptors();
  int a = *table.install(Ref<File>(p.first), OnExec::Keep), b = *table.install(Ref<File>(p.first), OnExec::Keep);
  auto set = must(make<EventPoll>());
  cr_assert(set->add(a, *p.first, poll_event::In, 1));
  frozen_objects = {static_cast<RefCounted*>(p.first.get()), &p.first->endpoint()};
  auto copy = must(table.clone());
  cr_assert(table.close(a));
  cr_assert(table.close(b));
  cr_assert_eq(p.second->poll(nullptr) & poll_event::HangUp, 0);
  copy = nullptr;
  cr_assert_neq(p.second->poll(nullptr) & poll_event::HangUp, 0);
  cr_assert_eq(get(*p.second, 1), std::string());
  EpollEvent e[1];
  cr_assert_eq(set->collect(e, 1, nullptr), 0, "an epoll forgets it too");
  frozen_objects.clear();
  for (int i = 0; i < 2; i++) Ref<Socket>::adopt(p.first.get());  // the descriptors' own, which were not counted back
}

// ---- names ----

Test(unix_sockets, a_path_is_bound_once_and_connects_who_may_write_it) {
  auto server = socket_of(family::Unix, socket_type::Stream), client = socket_of(family::Unix, socket_type::Stream);
  cr_assert_eq(error_of(server->listen(5)), EINVAL);
  cr_assert(server->bind(path("/tmp/s")));
  cr_assert_eq(error_of(client->bind(path("/tmp/s"))), EADDRINUSE);
  cr_assert_eq(error_of(client->connect(path("/tmp/s"))), ECONNREFUSED);
  cr_assert(server->listen(5));
  cr_assert_eq(error_of(client->connect(path("/tmp/none"))), ENOENT);
  cr_assert_eq(error_of(server->accept(0, nullptr)), EAGAIN);
  cr_assert(client->connect(path("/tmp/s")));
  cr_assert_eq(error_of(client->connect(path("/tmp/s"))), EISCONN);
  cr_assert_neq(server->poll(nullptr) & poll_event::In, 0);
  auto accepted = must(server->accept(open_flag::NonBlock, nullptr));
  cr_assert(put(*client, "hello"));
  cr_assert_eq(get(*accepted, 10), std::string("hello"));
  cr_assert(put(*accepted, "back"));
  cr_assert_eq(get(*client, 10), std::string("back"));
  cr_assert_eq(must(client->peer_name()).name.view(), std::string_view("/tmp/s"));
  cr_assert_eq(accepted->local_name().name.view(), std::string_view("/tmp/s"));
  cr_assert_eq(must(accepted->peer_name()).name.length, 0);
  auto other = socket_of(family::Unix, socket_type::Stream);
  credentials = {.uid = 5, .gid = 5};
  cr_assert_eq(error_of(other->connect(path("/tmp/s"))), EACCES);
  credentials = {};
  cr_assert_eq(error_of(socket_of(family::Unix, socket_type::Datagram)->connect(path("/tmp/s"))), EPROTOTYPE);
  server = nullptr;
  cr_assert_eq(error_of(other->connect(path("/tmp/s"))), ECONNREFUSED);
  cr_assert_eq(error_of(open_path(cwd(), "/tmp/s", open_flag::ReadOnly, 0)), ENXIO);
}

Test(unix_sockets, abstract_names_are_free_again_when_their_socket_closes) {
  std::string name("\0name", 5);
  auto a = socket_of(family::Unix, socket_type::Stream), b = socket_of(family::Unix, socket_type::Stream);
  cr_assert(a->bind(path(name)));
  cr_assert_eq(error_of(b->bind(path(name))), EADDRINUSE);
  a = nullptr;
  cr_assert(b->bind(path(name)));
  auto c = socket_of(family::Unix, socket_type::Datagram);
  cr_assert(c->bind(path("")));
  cr_assert_eq(c->local_name().name.length, 6);
  cr_assert(c->local_name().name.abstract());
}

Test(unix_sockets, a_full_line_waits_or_is_EAGAIN) {
  auto server = socket_of(family::Unix, socket_type::Stream);
  cr_assert(server->bind(path("/tmp/s")));
  cr_assert(server->listen(1));
  auto a = socket_of(family::Unix, socket_type::Stream), b = socket_of(family::Unix, socket_type::Stream), c = socket_of(family::Unix, socket_type::Stream);
  cr_assert(a->connect(path("/tmp/s")));
  cr_assert(b->connect(path("/tmp/s")));
  cr_assert_eq(error_of(c->connect(path("/tmp/s"))), EAGAIN);
  cr_assert(c->set_flags(2));
  Ref<Socket> first;
  while_asleep = [&] {
    first = must(server->accept(0, nullptr));
    return true;
  };
  cr_assert(c->connect(path("/tmp/s")));
  // Who was not accepted when the server goes is reset.
  server = nullptr;
  cr_assert_eq(get(*b, 1), "error " + std::to_string(ECONNRESET));
  cr_assert_eq(error_of(put(*a, "x")), 0);
}

Test(unix_sockets, both_sides_know_each_others_process) {
  auto server = socket_of(family::Unix, socket_type::Stream), client = socket_of(family::Unix, socket_type::Stream);
  cr_assert(server->bind(path("/tmp/s")));
  identity = {10, 1, 2};
  cr_assert(server->listen(1));
  identity = {20, 3, 4};
  cr_assert(client->connect(path("/tmp/s")));
  auto accepted = must(server->accept(0, nullptr));
  auto ask = [](Socket& s) {
    PeerIdentity who{};
    uint32_t length = sizeof who;
    cr_assert(s.get_option(1, socket_option::PeerCredentials, UserAddress(uint64_t(&who)), UserAddress(uint64_t(&length))));
    return who.pid * 100 + int(who.uid) * 10 + int(who.gid);
  };
  cr_assert_eq(ask(*client), 1012);
  cr_assert_eq(ask(*accepted), 2034);
}

// ---- datagrams ----

Test(unix_sockets, datagrams_keep_their_borders_and_say_who_sent_them) {
  auto a = socket_of(family::Unix, socket_type::Datagram), b = socket_of(family::Unix, socket_type::Datagram);
  cr_assert(b->bind(path("/tmp/b")));
  auto to = path("/tmp/b");
  cr_assert_eq(error_of(put(*a, "lost")), ENOTCONN);
  cr_assert_eq(*put(*a, "unnamed", &to), 7);
  cr_assert(a->bind(path("/tmp/a")));
  cr_assert(put(*a, std::string(20000, 'y'), &to));
  cr_assert(put(*a, "", &to));
  Received r;
  cr_assert_eq(get(*b, 3, 0, &r), std::string("unn"));
  cr_assert_eq(r.out_flags & mf::Truncated, mf::Truncated);
  Received s;
  cr_assert_eq(get(*b, 30000, 0, &s), std::string(20000, 'y'));
  cr_assert_eq(s.from.name.view(), std::string_view("/tmp/a"));
  cr_assert_eq(get(*b, 10), std::string());
  cr_assert_eq(get(*b, 10), "error " + std::to_string(EAGAIN));
  cr_assert_eq(error_of(put(*a, std::string(300000, 'z'), &to)), EMSGSIZE);
}

Test(unix_sockets, a_datagram_line_is_short_and_a_connected_one_is_private) {
  auto a = socket_of(family::Unix, socket_type::Datagram), b = socket_of(family::Unix, socket_type::Datagram), c = socket_of(family::Unix, socket_type::Datagram);
  cr_assert(b->bind(path("/tmp/b")));
  cr_assert(a->connect(path("/tmp/b")));
  int n = 0;
  while (put(*a, "x")) ++n;
  cr_assert_eq(n, 11);
  cr_assert_eq(a->poll(nullptr) & poll_event::Out, 0);
  get(*b, 1);
  cr_assert_neq(a->poll(nullptr) & poll_event::Out, 0);
  cr_assert(a->bind(path("/tmp/a")));
  cr_assert(b->connect(path("/tmp/a")));
  auto to = path("/tmp/b");
  cr_assert_eq(error_of(put(*c, "x", &to)), EPERM);
  b = nullptr;
  cr_assert_eq(error_of(put(*a, "x")), ECONNREFUSED);
  cr_assert_eq(error_of(put(*a, "x")), ENOTCONN);
}

Test(unix_sockets, seqpacket_is_connected_and_has_borders) {
  auto p = pair_of(socket_type::SequencedPacket);
  cr_assert(put(*p.first, "one"));
  cr_assert(put(*p.first, "second"));
  Received r;
  cr_assert_eq(get(*p.second, 2, 0, &r), std::string("on"));
  cr_assert_eq(r.out_flags, mf::Truncated);
  cr_assert_eq(get(*p.second, 10), std::string("second"));
  p.first = nullptr;
  cr_assert_eq(get(*p.second, 10), std::string());
  cr_assert_eq(error_of(put(*p.second, "x")), EPIPE);
  cr_assert_not(p.second->signals_broken_pipe());
}

Test(unix_sockets, epoll_sees_each_arrival_as_an_edge) {
  auto p = pair_of(socket_type::Stream);
  auto set = must(make<EventPoll>());
  cr_assert(set->add(5, *p.second, poll_event::In | EventPoll::EdgeTriggered, 1));
  EpollEvent e[2];
  cr_assert_eq(set->collect(e, 2, nullptr), 0);
  cr_assert(put(*p.first, "x"));
  cr_assert_eq(set->collect(e, 2, nullptr), 1);
  cr_assert_eq(set->collect(e, 2, nullptr), 0);
  cr_assert(put(*p.first, "y"));
  cr_assert_eq(set->collect(e, 2, nullptr), 1);
}

Test(unix_sockets, a_timeout_ends_a_wait) {
  auto p = pair_of(socket_type::Stream, 0);
  struct { int64_t seconds, microseconds; } t{1, 500000}, u{};
  cr_assert(p.second->set_option(1, socket_option::ReceiveTimeout, UserAddress(uint64_t(&t)), sizeof t));
  uint32_t length = sizeof u;
  cr_assert(p.second->get_option(1, socket_option::ReceiveTimeout, UserAddress(uint64_t(&u)), UserAddress(uint64_t(&length))));
  cr_assert(u.seconds == 1 && u.microseconds == 500000);
  while_asleep = [] { return false; };
  cr_assert_eq(get(*p.second, 1), "error " + std::to_string(EAGAIN));
}
