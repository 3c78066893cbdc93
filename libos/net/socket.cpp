// SPDX-License-Identifier: BSD-2-Clause
#include "net/socket.h"

#include <algorithm>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/text.h"
#include "net/inet.h"
#include "net/names.h"
#include "net/netlink.h"
#include "net/rights.h"
#include "net/unix.h"

namespace pl {

namespace {
constinit uint64_t next_socket = 1;
}  // namespace

Socket::Socket(Ref<Endpoint> endpoint, uint32_t flags)
    : File(flags | open_flag::ReadWrite), endpoint_(std::move(endpoint)), number_(next_socket++) {
  count_holders();
  endpoint_->socket = this;
}

void Socket::closed() {
  if (!endpoint_->closed) {
    endpoint_->close(linger_ == 0 && endpoint_->is_tcp() ? Ending::Reset : Ending::Orderly);
    if (endpoint_->is_unix()) rights::collect();
  }
  forget_remembered();
}

ErrorOr<void> Socket::listen(int backlog) {
  Endpoint& me = *endpoint_;
  if (me.is_datagram()) return fail(Errno::NotSupported);
  NetworkLocked lock;
  if (me.state != SocketState::Idle && me.state != SocketState::Listening) return fail(Errno::Invalid);
  me.backlog = std::min(unsigned(backlog), MaxBacklog);
  me.identity = current_identity();
  me.state = SocketState::Listening;
  return {};
}

ErrorOr<Ref<Socket>> Socket::accept(uint32_t flags, SocketAddress* peer) {
  Endpoint& me = *endpoint_;
  if (me.is_datagram()) return fail(Errno::NotSupported);
  uint64_t until = deadline(receive_timeout_);
  for (;;) {
    if (me.state != SocketState::Listening) return fail(Errno::Invalid);
    if (me.shut & shut::Receive) return fail(Errno::Invalid);
    if (Ref<Endpoint> connection = me.take_pending()) {
      if (peer) *peer = connection->remote;
      auto accepted = create_accepted(connection, flags);
      if (!accepted) connection->close(Ending::Reset);
      return accepted;
    }
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait(me.readable, until, [&] { return !me.pending.empty() || me.state != SocketState::Listening || me.shut & shut::Receive; }));
  }
}

ErrorOr<void> Socket::connect_to(Ref<Endpoint> listener, const SocketAddress& address) {
  Endpoint& me = *endpoint_;
  uint64_t until = deadline(send_timeout_);
  Ref<Endpoint> embryo = TRY(make<Endpoint>(listener->family, me.type, me.protocol));
  me.identity = current_identity();
  for (;;) {
    {
      NetworkLocked lock;
      if (listener->state != SocketState::Listening || listener->shut & shut::Receive) return fail(Errno::Refused);
      bool room = listener->pending_count <= listener->backlog;
      if (room || me.is_tcp()) {
        embryo->take_after(*listener);
        embryo->local = me.is_unix() ? listener->local : address;
        embryo->remote = me.local;
        embryo->local.family = embryo->remote.family = listener->family;
        me.remote = embryo->local;
        me.remote.family = me.family;
        Endpoint::join(me, *embryo);
        me.found_no_room = me.is_tcp();  // that it is connected is told as room
        if (!me.is_unix()) names::add(*embryo);
        if (room) {
          listener->pending.push_back(embryo.leak());
          ++listener->pending_count;
        } else {
          me.state = SocketState::Connecting;
          listener->connecting.push_back(embryo.leak());
        }
        listener->wake();
        if (room) {
          me.wake();
          return {};
        }
        break;
      }
    }
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait(listener->writable, until, [&] {
      return listener->pending_count <= listener->backlog || listener->state != SocketState::Listening;
    }));
  }
  return finish_connecting();
}

// TCP: no room in the listener's line yet.
ErrorOr<void> Socket::finish_connecting() {
  Endpoint& me = *endpoint_;
  if (nonblocking()) return fail(Errno::InProgress);
  auto waited = wait(me.writable, deadline(send_timeout_), [&] { return me.state != SocketState::Connecting; });
  if (!waited) return fail(waited.error() == Errno::Again ? Errno::InProgress : waited.error());
  if (me.error != Errno{}) return fail(me.take_error());
  return {};
}

ErrorOr<void> Socket::shut_down(int how) {
  if (how < 0 || how > 2) return fail(Errno::Invalid);
  Endpoint& me = *endpoint_;
  NetworkLocked lock;
  bool connected = me.state == SocketState::Connected || (me.is_tcp() && me.state != SocketState::Idle);
  if (!me.is_unix() && !connected) return fail(Errno::NotConnected);
  if (me.is_tcp() && me.state == SocketState::Listening) {
    if (how == 1) return {};
    // It stops listening, and may begin again.
    me.state = SocketState::Idle;
    me.wake();
    return {};
  }
  me.shut_down(uint8_t(how + 1));
  return {};
}

ErrorOr<SocketAddress> Socket::peer_name() const {
  Endpoint& me = *endpoint_;
  bool known = me.is_unix() ? bool(me.peer) : me.state == SocketState::Connected && !(me.is_tcp() && !me.peer);
  if (!known) return fail(Errno::NotConnected);
  return me.is_unix() && me.is_datagram() ? me.peer->local : me.remote;
}

ErrorOr<size_t> Socket::read(Buffer& to) {
  if (!to.left()) return 0;
  Received received;
  auto n = receive(to, received);
  rights::dispose(received.rights);  // unix(7): read() throws descriptors away
  return n;
}

ErrorOr<size_t> Socket::write(Buffer& from) {
  SendRequest request;
  return send(from, request);
}

uint32_t Socket::poll(PollTable* table) {
  Endpoint& me = *endpoint_;
  if (table) {
    table->watch(me.readable);
    table->watch(me.writable);
  }
  NetworkLocked lock;
  uint32_t events = 0;
  if (me.error != Errno{}) events |= poll_event::Error;
  if (me.state == SocketState::Listening) return events | (me.pending.empty() ? 0 : poll_event::Readable);
  if (me.state == SocketState::Connecting) return events;
  if (me.shut == shut::Both) events |= poll_event::HangUp;
  if (me.shut & shut::Receive) events |= poll_event::Readable | poll_event::ReadHangUp;
  if (!me.is_datagram() && me.state == SocketState::Idle) events |= poll_event::HangUp;
  if (me.is_tcp() ? has_bytes() : !me.queue.empty()) events |= poll_event::Readable;
  if (me.urgent && me.urgent->urgent == Message::Urgent::Waits) events |= poll_event::Priority;
  bool writable = me.polls_writable();
  // A connected datagram socket is ready when the other's line has room.
  if (me.is_unix() && me.is_datagram() && me.peer && me.peer->peer.get() != &me && me.peer->queue.count() > Endpoint::DatagramBacklog) {
    if (table) table->watch(me.peer->writable);
    writable = false;
  }
  if (writable || (me.is_tcp() && me.shut & shut::Send)) events |= poll_event::Writable | (me.is_tcp() ? 0 : poll_event::WriteBand);
  return events;
}

bool Socket::tells_of_room() {
  Endpoint& me = *endpoint_;
  return me.found_no_room && me.polls_writable() ? std::exchange(me.found_no_room, false) : false;
}

ErrorOr<uint64_t> Socket::ioctl(uint32_t command, UserAddress argument) {
  constexpr uint32_t BytesReadable = 0x541b, BytesUnsent = 0x5411, AtMark = 0x8905;
  Endpoint& me = *endpoint_;
  int value;
  switch (command) {
    case BytesReadable:
      if (me.state == SocketState::Listening) return fail(Errno::Invalid);
      value = int(me.type == socket_type::Stream ? me.queue.bytes() : me.queue.empty() ? 0 : me.queue.first()->left());
      break;
    case BytesUnsent:
      if (me.state == SocketState::Listening) return fail(Errno::Invalid);
      value = me.is_tcp() ? 0 : int(me.charged);
      break;
    case AtMark:
      if (me.type != socket_type::Stream) return fail(me.is_unix() ? Errno::NotSupported : Errno::NotTerminal);
      value = me.urgent && me.queue.first() == me.urgent;
      break;
    default: return interface_ioctl(command, argument);
  }
  TRY(UserOut<int>{argument}.write(value));
  return 0;
}

ErrorOr<Attributes> Socket::attributes() {
  Attributes a;
  a.mode = file_mode::Socket | 0777;
  a.inode = number_;
  a.device = make_device(0, 8);
  FileCredentials who = current_file_credentials();
  a.uid = who.uid;
  a.gid = who.gid;
  return a;
}

size_t Socket::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "socket:[" << number_ << "]";
  return text.length();
}

ErrorOr<Ref<Socket>> current_socket(int descriptor) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (file->flags() & open_flag::Path) return fail(Errno::BadDescriptor);
  if (!file->as_socket()) return fail(Errno::NotSocket);
  return Ref<Socket>(file->as_socket());
}

// ---- socket(2) ----

ErrorOr<Ref<Socket>> create_socket(int family, int type, int protocol, uint32_t flags) {
  switch (family) {
    case family::Unix: return create_unix_socket(type, protocol, flags);
    case family::Inet:
    case family::Inet6: return create_inet_socket(family, type, protocol, flags);
    case family::Netlink: return create_netlink_socket(type, protocol, flags);
    default: return fail(Errno::AddressFamily);
  }
}

ErrorOr<SocketPair> create_socket_pair(int family, int type, int protocol, uint32_t flags) {
  Ref<Socket> first = TRY(create_socket(family, type, protocol, flags)), second = TRY(create_socket(family, type, protocol, flags));
  if (family != family::Unix) return fail(Errno::NotSupported);
  first->endpoint().identity = second->endpoint().identity = current_identity();
  NetworkLocked lock;
  Endpoint::join(first->endpoint(), second->endpoint());
  return SocketPair{std::move(first), std::move(second)};
}

}  // namespace pl
