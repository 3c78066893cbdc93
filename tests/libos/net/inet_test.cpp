// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "sockets.h"

using namespace pl;
using namespace hosted;

static void setup() {
  make_window();
  make_tree();
}
TestSuite(inet, .init = setup);

static Ref<Socket> tcp(uint32_t flags = open_flag::NonBlock) { return socket_of(family::Inet, socket_type::Stream, flags); }
static Ref<Socket> tcp6(uint32_t flags = open_flag::NonBlock) { return socket_of(family::Inet6, socket_type::Stream, flags); }
static Ref<Socket> udp() { return socket_of(family::Inet, socket_type::Datagram); }
static Ref<Socket> listening(const SocketAddress& at, int backlog = 5) {
  auto s = socket_of(at.family, socket_type::Stream);
  cr_assert(s->bind(at));
  cr_assert(s->listen(backlog));
  return s;
}
static const SocketAddress Any = v4(0, 0);

Test(inet, a_connection_has_two_ends_with_names) {
  auto server = listening(v4(0, 8080));
  auto client = tcp();
  cr_assert(client->connect(v4(LoopbackV4, 8080)));
  SocketAddress peer;
  auto accepted = must(server->accept(open_flag::NonBlock, &peer));
  cr_assert(put(*client, "request"));
  cr_assert_eq(get(*accepted, 100), std::string("request"));
  cr_assert(put(*accepted, std::string(50000, 'x')));
  std::string all;
  while (all.size() < 50000) all += get(*client, 4096);
  cr_assert_eq(accepted->local_name().inet, InetAddress::v4(LoopbackV4, 8080));
  cr_assert_eq(must(accepted->peer_name()).inet, client->local_name().inet);
  cr_assert_eq(peer.inet, client->local_name().inet);
  cr_assert(client->local_name().inet.port >= 32768);
  cr_assert_eq(must(client->peer_name()).inet, InetAddress::v4(LoopbackV4, 8080));
  cr_assert_eq(error_of(client->connect(v4(LoopbackV4, 8080))), EISCONN);
}

Test(inet, where_nobody_listens_is_refused_and_outside_is_unreachable) {
  auto client = tcp();
  cr_assert_eq(error_of(client->connect(v4(LoopbackV4, 9))), ECONNREFUSED);
  cr_assert_eq(error_of(client->connect(v4(0x08080808, 53))), ENETUNREACH);
  cr_assert_eq(error_of(tcp()->bind(v4(0x0a000001, 80))), EADDRNOTAVAIL);
  cr_assert_eq(error_of(client->connect(v6(InetAddress::loopback_v6(9)))), EAFNOSUPPORT);
  auto server = listening(v4(LoopbackV4, 9));
  cr_assert(client->connect(v4(0, 9)), "0.0.0.0 is this host, and a socket that was refused tries again");
  cr_assert_eq(error_of(create_socket(family::Inet, 9, 0, 0)), ESOCKTNOSUPPORT);
  cr_assert_eq(error_of(create_socket(family::Inet, 1, protocol::Udp, 0)), EPROTONOSUPPORT);
  cr_assert_eq(error_of(create_socket(44, 1, 0, 0)), EAFNOSUPPORT);
}

Test(inet, a_port_is_had_once_unless_all_agree) {
  auto a = tcp(), b = tcp();
  cr_assert(a->bind(v4(LoopbackV4, 80)));
  cr_assert_eq(error_of(b->bind(v4(0, 80))), EADDRINUSE);
  cr_assert_eq(error_of(a->bind(v4(0, 81))), EINVAL);
  cr_assert(b->bind(v4(0x7f000002, 80)), "another loopback address");
  auto c = tcp(), d = tcp();
  set(*c, 1, socket_option::ReuseAddress, 1);
  set(*d, 1, socket_option::ReuseAddress, 1);
  cr_assert(c->bind(v4(0, 90)));
  cr_assert(d->bind(v4(0, 90)));
  cr_assert(c->listen(1));
  cr_assert_eq(error_of(d->listen(1)), EADDRINUSE);
  credentials = {.uid = 7, .gid = 7};
  cr_assert_eq(error_of(tcp()->bind(v4(0, 1023))), EACCES);
  credentials = {};
  auto e = tcp();
  cr_assert(e->bind(Any));
  cr_assert_neq(e->local_name().inet.port, 0);
  cr_assert(udp()->bind(v4(LoopbackV4, 80)), "UDP's ports are others");
}

Test(inet, a_server_that_restarts_gets_its_port_while_connections_live) {
  auto server = listening(v4(0, 8080));
  set(*server, 1, socket_option::ReuseAddress, 1);
  auto client = tcp();
  cr_assert(client->connect(v4(LoopbackV4, 8080)));
  auto accepted = must(server->accept(0, nullptr));
  server = nullptr;
  auto again = tcp();
  cr_assert_eq(error_of(again->bind(v4(0, 8080))), EADDRINUSE);
  set(*again, 1, socket_option::ReuseAddress, 1);
  cr_assert(again->bind(v4(0, 8080)));
}

Test(inet, the_end_of_one_direction_leaves_the_other) {
  auto server = listening(v4(LoopbackV4, 80));
  auto client = tcp();
  cr_assert(client->connect(v4(LoopbackV4, 80)));
  auto accepted = must(server->accept(open_flag::NonBlock, nullptr));
  cr_assert(client->shut_down(1));
  cr_assert_eq(get(*accepted, 10), std::string());
  cr_assert(put(*accepted, "still"));
  cr_assert_eq(get(*client, 10), std::string("still"));
  accepted = nullptr;
  cr_assert_eq(get(*client, 10), std::string());
  cr_assert_eq(client->poll(nullptr) & poll_event::HangUp, poll_event::HangUp);
}

Test(inet, writing_to_an_end_that_went_succeeds_once_and_then_is_EPIPE) {
  auto server = listening(v4(LoopbackV4, 80));
  auto client = tcp();
  cr_assert(client->connect(v4(LoopbackV4, 80)));
  auto accepted = must(server->accept(0, nullptr));
  accepted = nullptr;
  cr_assert_eq(get(*client, 10), std::string());
  cr_assert_eq(client->poll(nullptr) & poll_event::HangUp, 0);
  cr_assert_eq(*put(*client, "x"), 1);
  cr_assert_eq(error_of(put(*client, "x")), EPIPE);
  cr_assert_eq(get(*client, 10), std::string());
  cr_assert_neq(client->poll(nullptr) & poll_event::HangUp, 0);
}

Test(inet, unread_bytes_or_a_lingering_of_zero_are_a_reset) {
  auto server = listening(v4(LoopbackV4, 80));
  for (int round = 0; round < 2; round++) {
    auto client = tcp();
    cr_assert(client->connect(v4(LoopbackV4, 80)));
    auto accepted = must(server->accept(0, nullptr));
    int linger[2] = {1, 0};
    if (round == 0) cr_assert(put(*client, "unread"));
    else cr_assert(accepted->set_option(1, socket_option::Linger, UserAddress(uint64_t(linger)), sizeof linger));
    accepted = nullptr;
    cr_assert_neq(client->poll(nullptr) & poll_event::Error, 0);
    cr_assert_eq(get(*client, 10), "error " + std::to_string(ECONNRESET));
    cr_assert_eq(get(*client, 10), std::string());
    cr_assert_eq(error_of(put(*client, "x")), EPIPE);
  }
}

Test(inet, a_full_line_connects_later) {
  auto server = listening(v4(LoopbackV4, 80), 0);
  auto a = tcp(), b = tcp();
  cr_assert(a->connect(v4(LoopbackV4, 80)));
  cr_assert_eq(error_of(b->connect(v4(LoopbackV4, 80))), EINPROGRESS);
  cr_assert_eq(error_of(b->connect(v4(LoopbackV4, 80))), EALREADY);
  cr_assert_eq(b->poll(nullptr), 0);
  must(server->accept(0, nullptr));
  cr_assert_neq(b->poll(nullptr) & poll_event::Out, 0);
  cr_assert_eq(option(*b, 1, socket_option::Error), 0);
  cr_assert(put(*b, "x"));
  auto c = tcp();
  cr_assert_eq(error_of(c->connect(v4(LoopbackV4, 80))), EINPROGRESS);
  server = nullptr;
  cr_assert_eq(option(*c, 1, socket_option::Error), ECONNREFUSED);
  cr_assert_eq(get(*b, 1), "error " + std::to_string(ECONNRESET));
}

Test(inet, an_IPv6_socket_takes_IPv4_too_unless_it_says_otherwise) {
  auto both = listening(v6(InetAddress::any_v6(80)));
  auto client = tcp(), client6 = tcp6(), mapped = tcp6();
  cr_assert(client->connect(v4(LoopbackV4, 80)));
  cr_assert(client6->connect(v6(InetAddress::loopback_v6(80))));
  cr_assert(mapped->connect(v6(InetAddress::v4(LoopbackV4, 80))));
  SocketAddress peer;
  must(both->accept(0, &peer));
  cr_assert(peer.family == family::Inet6 && peer.inet == client->local_name().inet);
  cr_assert_eq(error_of(tcp()->bind(v4(0, 80))), EADDRINUSE);
  auto only = tcp6();
  cr_assert_eq(set(*only, socket_level::Ipv6, 26, 1), 0);
  cr_assert(only->bind(v6(InetAddress::any_v6(81))));
  cr_assert(only->listen(1));
  cr_assert(tcp()->bind(v4(0, 81)));
  cr_assert_eq(error_of(tcp()->connect(v4(LoopbackV4, 81))), ECONNREFUSED);
  cr_assert_eq(set(*only, socket_level::Ipv6, 26, 0), EINVAL);
}

Test(inet, datagrams_go_to_the_port_and_say_where_they_came_from) {
  auto a = udp(), b = udp();
  cr_assert(b->bind(v4(0, 53)));
  auto to = v4(LoopbackV4, 53);
  cr_assert_eq(error_of(put(*a, "x")), EDESTADDRREQ);
  cr_assert(put(*a, "question", &to));
  Received r;
  cr_assert_eq(get(*b, 100, 0, &r), std::string("question"));
  cr_assert_eq(r.from.inet.port, a->local_name().inet.port);
  cr_assert(put(*b, "answer", &r.from));
  cr_assert_eq(get(*a, 3, message_flag::Truncated), std::string("ans"));
  cr_assert_eq(error_of(put(*a, std::string(65508, 'x'), &to)), EMSGSIZE);
  cr_assert_eq(*put(*a, std::string(65507, 'x'), &to), 65507);
  cr_assert_eq(get(*b, 70000).size(), 65507);
}

Test(inet, a_connected_datagram_socket_hears_its_peer_only_and_learns_of_a_closed_port) {
  auto a = udp(), b = udp(), c = udp();
  cr_assert(b->bind(v4(LoopbackV4, 53)));
  cr_assert(a->connect(v4(LoopbackV4, 53)));
  auto to_a = a->local_name();
  cr_assert(put(*c, "stranger", &to_a));
  cr_assert(put(*b, "peer", &to_a));
  cr_assert_eq(get(*a, 100), std::string("peer"));
  b = nullptr;
  cr_assert(put(*a, "x"));
  cr_assert_eq(get(*a, 100), "error " + std::to_string(ECONNREFUSED));
  auto nobody = v4(LoopbackV4, 54);
  cr_assert(put(*c, "x", &nobody));
  cr_assert_eq(get(*c, 100), "error " + std::to_string(EAGAIN));
  cr_assert_eq(error_of(c->shut_down(2)), ENOTCONN);
}

Test(inet, what_has_no_room_is_lost_in_silence) {
  auto a = udp(), b = udp();
  cr_assert(b->bind(v4(LoopbackV4, 53)));
  auto to = v4(LoopbackV4, 53);
  for (int i = 0; i < 1000; i++) cr_assert_eq(*put(*a, std::string(1000, 'x'), &to), 1000);
  size_t n = 0;
  while (get(*b, 2000).size() == 1000) ++n;
  cr_assert(n > 100 && n < 300, "%zu", n);
}

Test(inet, options_are_remembered_within_their_bounds) {
  auto s = tcp();
  cr_assert_eq(option(*s, 6, 1), 0);
  cr_assert_eq(set(*s, 6, 1, 5), 0);
  cr_assert_eq(option(*s, 6, 1), 1);
  cr_assert_eq(set(*s, 6, 4, 0), EINVAL);
  cr_assert_eq(set(*udp(), 6, 1, 1), ENOPROTOOPT);
  cr_assert_eq(option(*s, 1, socket_option::Type), 1);
  cr_assert_eq(option(*s, 1, socket_option::Domain), 2);
  cr_assert_eq(option(*s, 1, socket_option::Protocol), 6);
  cr_assert_eq(set(*s, 1, socket_option::SendBuffer, 10000), 0);
  cr_assert_eq(option(*s, 1, socket_option::SendBuffer), 20000);
  cr_assert_eq(option(*s, 1, 77), -ENOPROTOOPT);
}

Test(inet, the_one_interface_is_lo) {
  auto s = must(create_socket(family::Netlink, socket_type::Raw, 0, open_flag::NonBlock));
  struct { uint32_t length; uint16_t type, flags; uint32_t sequence, id; uint8_t family, pad[3]; } request{20, 18, 0x301, 9, 0, 0, {}};
  cr_assert(put(*s, std::string(reinterpret_cast<char*>(&request), 20)));
  std::string answer = get(*s, 4096);
  cr_assert(answer.find(std::string("lo\0", 3)) != std::string::npos);
  struct { char name[16]; union { char bytes[24]; int number; }; } r{"lo", {}};
  cr_assert(s->ioctl(0x8933, UserAddress(uint64_t(&r))));
  cr_assert_eq(r.number, 1);
  std::strcpy(r.name, "eth0");
  cr_assert_eq(error_of(s->ioctl(0x8933, UserAddress(uint64_t(&r)))), ENODEV);
}
