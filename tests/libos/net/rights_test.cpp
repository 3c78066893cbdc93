// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "fs/pipe.h"
#include "sockets.h"

using namespace pl;
using namespace hosted;

static void setup() {
  make_window();
  make_tree();
}
TestSuite(rights, .init = setup);

// As a descriptor holds it.
template <class T>
static int install(Ref<T> file) { return *current_descriptors().install(Ref<File>(std::move(file)), OnExec::Keep); }

static ErrorOr<size_t> send_files(Socket& s, std::string text, std::vector<Ref<File>> files) {
  SendRequest request;
  request.rights = must(Rights::create(unsigned(files.size())));
  for (auto& f : files) request.rights->add(f);
  Buffer from = buffer(text);
  auto n = s.send(from, request);
  rights::dispose(request.rights);
  return n;
}

Test(rights, a_descriptor_under_way_keeps_its_file_open) {
  auto p = pair_of(socket_type::Stream);
  auto pipe = must(create_pipe(open_flag::NonBlock));
  cr_assert(send_files(*p.first, "x", {pipe.write}));
  pipe.write = nullptr;
  cr_assert_eq(rights::under_way(), 1);
  cr_assert_eq(pipe.read->poll(nullptr) & poll_event::HangUp, 0);
  Received r;
  cr_assert_eq(get(*p.second, 5, 0, &r), std::string("x"));
  cr_assert(r.rights && r.rights->count == 1);
  cr_assert_eq(rights::under_way(), 0);
  rights::dispose(r.rights);
  cr_assert_neq(pipe.read->poll(nullptr) & poll_event::HangUp, 0);
}

Test(rights, descriptors_of_two_messages_are_not_joined_and_a_look_copies_them) {
  auto p = pair_of(socket_type::Stream);
  auto pipe = must(create_pipe(0));
  cr_assert(put(*p.first, "a"));
  cr_assert(send_files(*p.first, "bc", {pipe.read}));
  cr_assert(send_files(*p.first, "d", {pipe.write}));
  Received look, first, second;
  cr_assert_eq(get(*p.second, 10, message_flag::Peek, &look), std::string("abc"));
  cr_assert_eq(get(*p.second, 10, 0, &first), std::string("abc"));
  cr_assert_eq(get(*p.second, 10, 0, &second), std::string("d"));
  cr_assert(look.rights->files[0] == pipe.read.get() && first.rights->files[0] == pipe.read.get() && second.rights->files[0] == pipe.write.get());
  for (auto* r : {look.rights, first.rights, second.rights}) rights::dispose(r);
}

Test(rights, a_read_throws_them_away_and_a_close_closes_them) {
  auto p = pair_of(socket_type::Stream);
  auto pipe = must(create_pipe(0));
  cr_assert(send_files(*p.first, "x", {pipe.write}));
  cr_assert(send_files(*p.first, "y", {pipe.write}));
  std::string text(1, 0);
  Buffer to = buffer(text);
  cr_assert_eq(*p.second->read(to), 1);
  pipe.write = nullptr;
  cr_assert_eq(pipe.read->poll(nullptr) & poll_event::HangUp, 0);
  p.second = nullptr;
  cr_assert_neq(pipe.read->poll(nullptr) & poll_event::HangUp, 0);
}

Test(rights, sockets_that_only_their_own_messages_hold_are_taken_apart) {
  auto pipe = must(create_pipe(0));
  {
    // Each end lies in the other's queue, with a pipe whose end shows when they go.
    auto p = pair_of(socket_type::Stream);
    int a = install(p.first), b = install(p.second);
    cr_assert(send_files(*p.first, "x", {p.first, pipe.write}));
    cr_assert(send_files(*p.second, "x", {p.second}));
    pipe.write = nullptr;
    p.first = p.second = nullptr;
    cr_assert(current_descriptors().close(a));
    cr_assert_eq(pipe.read->poll(nullptr) & poll_event::HangUp, 0);
    cr_assert(current_descriptors().close(b));
  }
  rights::collect();
  // A close notices: nothing is left once some socket ends.
  { auto other = pair_of(socket_type::Stream); }
  cr_assert_eq(rights::under_way(), 0);
  cr_assert_neq(pipe.read->poll(nullptr) & poll_event::HangUp, 0);
}

Test(rights, what_can_still_be_received_is_not_garbage) {
  auto outer = pair_of(socket_type::Stream);
  int a = install(outer.first), b = install(outer.second);
  {
    auto inner = pair_of(socket_type::Stream);
    cr_assert(put(*inner.first, "inside"));
    cr_assert(send_files(*inner.second, "itself", {inner.second}));
    cr_assert(send_files(*outer.first, "x", {inner.first, inner.second}));
  }
  { auto other = pair_of(socket_type::Stream); }
  cr_assert_eq(rights::under_way(), 3);
  Received r;
  cr_assert_eq(get(*outer.second, 5, 0, &r), std::string("x"));
  cr_assert_eq(get(*r.rights->files[1]->as_socket(), 10), std::string("inside"));
  rights::dispose(r.rights);
  cr_assert(current_descriptors().close(a));
  cr_assert(current_descriptors().close(b));
  outer = {};
  { auto other = pair_of(socket_type::Stream); }
  cr_assert_eq(rights::under_way(), 0);
}

Test(rights, a_connection_that_nobody_accepted_is_its_listeners) {
  auto server = socket_of(family::Unix, socket_type::Stream), client = socket_of(family::Unix, socket_type::Stream);
  cr_assert(server->bind(path("/tmp/s")));
  cr_assert(server->listen(5));
  cr_assert(client->connect(path("/tmp/s")));
  int a = install(server), b = install(client);
  auto pair = pair_of(socket_type::Stream);
  cr_assert(send_files(*client, "x", {pair.first}));
  pair.first = nullptr;
  { auto other = pair_of(socket_type::Stream); }
  cr_assert_eq(rights::under_way(), 1);
  // The listener itself, waiting to be received from itself.
  cr_assert(send_files(*client, "y", {server, client}));
  server = client = nullptr;
  cr_assert(current_descriptors().close(a));
  cr_assert(current_descriptors().close(b));
  { auto other = pair_of(socket_type::Stream); }
  cr_assert_eq(rights::under_way(), 0);
}

Test(rights, a_long_chain_ends_without_a_deep_stack) {
  auto first = pair_of(socket_type::Stream);
  Ref<Socket> into = first.first, last = first.second;
  for (int i = 0; i < 20000; i++) {
    auto next = pair_of(socket_type::Stream);
    cr_assert(send_files(*into, "x", {next.second}));
    into = next.first;
  }
  cr_assert_eq(rights::under_way(), 20000);
  into = nullptr;
  first = {};
  last = nullptr;
  cr_assert_eq(rights::under_way(), 0);
}
