// SPDX-License-Identifier: BSD-2-Clause
#include "net/endpoint.h"

#include "net/names.h"
#include "net/rights.h"

namespace pl {

Endpoint::Endpoint(int family_, int type_, int protocol_)
    : family(family_), type(type_), protocol(protocol_), send_limit(is_tcp() ? TcpSendBuffer : UnixBuffer),
      receive_limit(is_tcp() ? TcpReceiveBuffer : UnixBuffer) {
  local.family = remote.family = family;
}

void Endpoint::join(Endpoint& a, Endpoint& b) {
  a.peer = Ref<Endpoint>(&b);
  b.peer = Ref<Endpoint>(&a);
  a.peer_identity = b.identity;
  b.peer_identity = a.identity;
  a.state = b.state = a.is_datagram() ? SocketState::Idle : SocketState::Connected;
}

void Endpoint::take_after(Endpoint& listener_) {
  listener = &listener_;
  identity = listener_.identity;
  reuse_address = listener_.reuse_address;
  reuse_port = listener_.reuse_port;
  only_v6 = listener_.only_v6;
  send_limit = listener_.send_limit;
  receive_limit = listener_.receive_limit;
  owner_uid = listener_.owner_uid;
}

// Linux charges a Unix socket's messages to its sender, and TCP has a buffer at either end.
size_t Endpoint::stream_limit() const { return is_tcp() && peer ? size_t(send_limit) + peer->receive_limit : send_limit; }

// unix_writable() and sk_stream_is_writable(): a program that waits for room finds a good deal of it.
bool Endpoint::polls_writable() const { return is_tcp() ? charged * 3 <= stream_limit() * 2 : charged * 4 <= send_limit; }

ErrorOr<bool> Endpoint::may_send() {
  if (is_tcp()) {
    if (error != Errno{}) return fail(take_error());
    if (state == SocketState::Connecting) return false;
    if (shut & shut::Send || state != SocketState::Connected) return fail(Errno::BrokenPipe);
    return has_room();
  }
  if (shut & shut::Send) return fail(Errno::BrokenPipe);
  if (state != SocketState::Connected) return fail(Errno::NotConnected);
  if (!peer || peer->closed || peer->shut & shut::Receive) return fail(Errno::BrokenPipe);
  return has_room();
}

bool Endpoint::put(Message* message) {
  ++activity;
  Message* last = queue.last();
  bool is_urgent = message->urgent != Message::Urgent::No;
  bool joins = type == socket_type::Stream && last && last != urgent && last->left() && !is_urgent && !message->rights && !last->rights && message->left() <= last->room_in_first() &&
               message->identity.pid == last->identity.pid && message->identity.uid == last->identity.uid;
  if (joins) {
    last->append(*message);
    queue.grew(message->left());
  } else {
    if (message->sender) message->sender->charged += message->charge;
    queue.push(message);
    // There is one urgent byte at a time: the one before is a byte like others (tcp(7)).
    if (is_urgent) {
      if (urgent) urgent->urgent = Message::Urgent::No;
      urgent = message;
    }
    rights::arrived(*message, *this);
  }
  readable.wake_all();
  return !joins;
}

void Endpoint::discharge(Message& message) {
  Endpoint* sender = message.sender.get();
  if (!sender) return;
  sender->charged -= message.charge;
  ++sender->activity;
  sender->writable.wake_all();
}

void Endpoint::take(Message* message) {
  rights::left(*message);
  if (message == urgent) urgent = nullptr;
  queue.remove(message);
  discharge(*message);
  if (is_datagram()) writable.wake_all();
}

void Endpoint::wake() {
  ++activity;
  readable.wake_all();
  writable.wake_all();
}

void Endpoint::fail_with(Errno e) {
  error = e;
  shut = shut::Both;
  if (is_tcp()) state = SocketState::Idle;
  wake();
}

void Endpoint::shut_down(uint8_t how) {
  shut |= how;
  wake();
  // The other end of a connection learns of it. A TCP receiver that has stopped says nothing to its sender.
  if (!peer || is_datagram() || peer->closed) return;
  if (how & shut::Send) peer->shut |= shut::Receive;
  if (how & shut::Receive && is_unix()) peer->shut |= shut::Send;
  peer->wake();
}

void Endpoint::peer_closed(Ending ending) {
  if (is_tcp()) {
    if (ending == Ending::Reset) return fail_with(Errno::ConnectionReset);
    shut |= shut::Receive;
  } else {
    shut = shut::Both;
    if (ending == Ending::Reset) error = Errno::ConnectionReset;
  }
  wake();
}

void Endpoint::close(Ending ending) {
  List<Message, &Message::link> unread;
  List<Endpoint, &Endpoint::backlog_link> embryos;
  Ref<Endpoint> other;
  Ref<Inode> name;
  {
    MutexHolder no_reader(reading);
    NetworkLocked lock;
    if (closed) return;
    closed = true;
    socket = nullptr;
    names::remove(*this);
    name = std::move(inode);
    // POSIX lets bytes that nobody read be lost in silence; Linux says so to who sent them.
    if (!queue.empty() && !is_datagram()) ending = Ending::Reset;
    while (Message* m = queue.first()) {
      take(m);
      unread.push_back(m);
    }
    while (Endpoint* e = pending.pop_front()) embryos.push_back(e);
    while (Endpoint* e = connecting.pop_front()) {
      Ref<Endpoint> client = std::move(e->peer);
      if (client && client->state == SocketState::Connecting) {
        client->state = SocketState::Idle;
        client->error = Errno::Refused;
        client->peer = {};
        client->wake();
      }
      embryos.push_back(e);
    }
    other = std::move(peer);
    if (other && other->peer.get() == this && !is_datagram() && !other->closed) other->peer_closed(ending);
    shut = shut::Both;
    state = SocketState::Idle;
    wake();
  }
  while (Message* m = unread.pop_front()) rights::dispose(m);
  while (Endpoint* e = embryos.pop_front()) {
    Ref<Endpoint> embryo = Ref<Endpoint>::adopt(e);
    embryo->listener = nullptr;
    embryo->close(Ending::Reset);
  }
}

Ref<Endpoint> Endpoint::take_pending() {
  NetworkLocked lock;
  Endpoint* first = pending.pop_front();
  if (!first) return {};
  --pending_count;
  first->listener = nullptr;
  // There is room for one that waits.
  if (Endpoint* next = connecting.pop_front()) {
    pending.push_back(next);
    ++pending_count;
    if (next->peer && next->peer->state == SocketState::Connecting) {
      next->peer->state = SocketState::Connected;
      next->peer->wake();
    }
  }
  ++activity;
  writable.wake_all();
  return Ref<Endpoint>::adopt(first);
}

}  // namespace pl
