// SPDX-License-Identifier: BSD-2-Clause
// Connections: bytes in a row (stream), or whole messages in a row (seqpacket).
#include <algorithm>

#include "fs/async.h"
#include "net/rights.h"
#include "net/socket.h"

namespace pl {

ErrorOr<size_t> Socket::send(Buffer& from, SendRequest& request) {
  Endpoint& me = *endpoint_;
  if (request.flags & message_flag::OutOfBand && !me.is_tcp() && (me.type != socket_type::Stream || !from.left())) return fail(Errno::NotSupported);
  if (me.is_datagram()) return send_datagram(from, request);
  // TCP ignores an address (POSIX lets it); a Unix connection has one target only.
  if (me.is_unix() && request.to) return fail(me.state == SocketState::Connected ? Errno::IsConnected : Errno::NotSupported);
  return me.type == socket_type::Stream ? send_stream(from, request) : send_packet(from, request);
}

ErrorOr<size_t> Socket::receive(Buffer& to, Received& received) {
  Endpoint& me = *endpoint_;
  if (received.flags & message_flag::OutOfBand) return me.type == socket_type::Stream ? receive_urgent(to, received) : fail(Errno::NotSupported);
  if (received.flags & message_flag::ErrorQueue) return fail(Errno::Again);
  return me.type == socket_type::Stream ? receive_stream(to, received) : receive_message(to, received);
}

ErrorOr<void> Socket::wait_until_sendable(uint32_t flags, uint64_t until) {
  Endpoint& me = *endpoint_;
  for (;;) {
    {
      NetworkLocked lock;
      if (TRY(me.may_send())) return {};
      me.found_no_room = true;
    }
    if (!waits(flags)) return fail(Errno::Again);
    TRY(wait(me.writable, until, [&] {
      return me.has_room() || me.error != Errno{} || me.shut || me.state != SocketState::Connected || !me.peer || me.peer->closed;
    }));
  }
}

ErrorOr<Message*> Socket::create_message(SendRequest& request, size_t capacity) {
  Message* message = TRY(Message::create(capacity));
  message->identity = request.identity ? *request.identity : current_sender();
  return message;
}

// The copy from the program may have slept: who is at the other end is looked at again.
ErrorOr<void> Socket::deliver_to_peer(Message* message, SendRequest& request) {
  Endpoint& me = *endpoint_;
  ErrorOr<void> result;
  bool mine = true;
  Socket* urged = nullptr;
  {
    NetworkLocked lock;
    if (auto may = me.may_send(); !may) {
      result = fail(may.error());
    } else if (!me.peer || me.state == SocketState::Connecting) {
      result = fail(Errno::NotConnected);
    } else if (me.peer->closed) {
      // TCP learns that nobody is there by the answer to what it sends (tcp(7), RST): the next call says so.
      me.fail_with(Errno::BrokenPipe);
    } else {
      message->sender = endpoint_;
      message->rights = std::exchange(request.rights, nullptr);
      if (message->urgent != Message::Urgent::No) urged = me.peer->socket;
      mine = !me.peer->put(message);
    }
  }
  if (urged) async::tell_urgent(*urged);
  if (mine) Message::destroy(message);
  return result;
}

ErrorOr<size_t> Socket::send_stream(Buffer& from, SendRequest& request) {
  uint64_t until = deadline(send_timeout_);
  size_t done = 0, total = from.left();
  // Small ones have room for what comes next.
  constexpr size_t Small = 256 - sizeof(Message);
  do {
    auto step = [&]() -> ErrorOr<void> {
      TRY(wait_until_sendable(request.flags, until));
      size_t n = std::min(from.left(), StreamCapacity);
      if (!n) return {};
      bool urgent = request.flags & message_flag::OutOfBand && from.left() == 1;
      if (request.flags & message_flag::OutOfBand && !urgent) n = std::min(n, from.left() - 1);
      Message* message = TRY(create_message(request, std::max(n, Small)));
      Buffer attempt = from;
      if (auto filled = message->fill(attempt, n); !filled) {
        Message::destroy(message);
        return fail(filled.error());
      }
      if (urgent) message->urgent = Message::Urgent::Waits;
      TRY(deliver_to_peer(message, request));
      from = attempt;
      done += n;
      return {};
    }();
    if (!step) return done ? ErrorOr<size_t>(done) : fail(step.error());
  } while (done < total);
  return done;
}

ErrorOr<size_t> Socket::send_packet(Buffer& from, SendRequest& request) {
  size_t n = from.left();
  if (n > endpoint_->send_limit) return fail(Errno::MessageSize);
  TRY(wait_until_sendable(request.flags, deadline(send_timeout_)));
  Message* message = TRY(create_message(request, n));
  if (auto filled = message->fill(from, n); !filled) {
    Message::destroy(message);
    return fail(filled.error());
  }
  TRY(deliver_to_peer(message, request));
  return n;
}

bool Socket::has_bytes(size_t beyond) const {
  const Endpoint& me = *endpoint_;
  if (me.type != socket_type::Stream) return !me.queue.empty();
  return me.queue.bytes() > beyond + (me.urgent && !takes_urgent_inline() ? me.urgent->left() : 0);
}

ErrorOr<size_t> Socket::receive_urgent(Buffer& to, Received& received) {
  Endpoint& me = *endpoint_;
  MutexHolder reading(me.reading);
  Message* message = me.urgent;
  if (!message || message->urgent == Message::Urgent::Taken || takes_urgent_inline()) return fail(Errno::Invalid);
  size_t n = std::min<size_t>(to.left(), 1);
  TRY(message->drain(0, to, n));
  received.out_flags |= message_flag::OutOfBand;
  if (received.flags & message_flag::Peek) return n;
  if (me.is_unix()) {
    // It is no mark any more; where it was, a read still ends.
    NetworkLocked lock;
    me.urgent = nullptr;
    me.consume(message, message->left());
  } else {
    message->urgent = Message::Urgent::Taken;
  }
  return n;
}

ErrorOr<size_t> Socket::receive_stream(Buffer& to, Received& received) {
  Endpoint& me = *endpoint_;
  if (me.is_unix() ? me.state != SocketState::Connected && !me.shut : me.state == SocketState::Listening)
    return fail(me.is_unix() ? Errno::Invalid : Errno::NotConnected);
  uint64_t until = deadline(receive_timeout_);
  size_t wanted = to.left(), least = received.flags & message_flag::WaitAll ? wanted : std::min<size_t>(wanted, size_t(low_water_));
  if (!wanted) return 0;
  bool peek = received.flags & message_flag::Peek;
  MutexHolder reading(me.reading);
  size_t done = 0;
  Message* at = nullptr;  // peeked at last
  const size_t offset = peek ? size_t(std::max(peek_offset_, 0)) : 0;
  size_t skip = offset;
  auto drop = [&](Message* message) {
    {
      NetworkLocked lock;
      me.consume(message, message->left());
      me.take(message);
    }
    Message::destroy(message);
  };
  while (done < wanted) {
    Message* message = at ? MessageQueue::next(at) : me.queue.first();
    // A read stops at the mark, and the next begins behind an urgent byte that does not belong to it.
    if (message && message == me.urgent) {
      if (done) break;
      if (!takes_urgent_inline()) {
        Message* behind = MessageQueue::next(message);
        if ((behind || me.is_unix()) && !peek) drop(message);
        message = behind;
      } else if (me.is_unix() && !peek) {
        me.urgent = nullptr;
      }
    }
    // Where an urgent byte was taken from a Unix socket.
    if (message && !message->left()) {
      if (peek) {
        at = message;
      } else {
        drop(message);
        if (done) break;
      }
      continue;
    }
    if (message && skip >= message->left()) {
      skip -= message->left();
      at = message;
      continue;
    }
    if (!message) {
      if (done >= least || (peek && done)) break;
      {
        NetworkLocked lock;
        bool told = me.is_tcp() && me.error == Errno::BrokenPipe;  // an end that was seen stays an end
        if (me.error != Errno{} && !told) {
          if (done) break;
          return fail(me.take_error());
        }
        if (me.shut & shut::Receive) break;
        if (me.is_tcp() && me.state == SocketState::Idle) return done ? ErrorOr<size_t>(done) : fail(Errno::NotConnected);
      }
      if (!waits(received.flags)) return done ? ErrorOr<size_t>(done) : fail(Errno::Again);
      me.reading.release();
      auto woken = wait(me.readable, until, [&] { return has_bytes(offset) || me.error != Errno{} || me.shut & shut::Receive; });
      me.reading.acquire();
      at = nullptr;
      skip = offset;
      if (!woken) return done ? ErrorOr<size_t>(done) : fail(woken.error());
      continue;
    }
    // With SO_PASSCRED what different processes sent is not joined.
    bool other = message->identity.pid != received.identity.pid || message->identity.uid != received.identity.uid ||
                 message->identity.gid != received.identity.gid;
    if (done && pass_credentials && other) break;
    if (!done) received.identity = message->identity;
    size_t n = std::min(to.left(), message->left() - skip);
    bool discards = received.flags & message_flag::Truncated && me.is_tcp();  // tcp(7): thrown away, not copied
    if (!discards) {
      if (auto moved = message->drain(skip, to, n); !moved) return done ? ErrorOr<size_t>(done) : fail(moved.error());
    } else {
      to.limit(to.left() - n);
    }
    done += n;
    skip = 0;
    move_peek_offset(n, peek);
    bool had_rights = message->rights;
    if (peek) {
      if (had_rights) received.rights = message->rights->clone();
      at = message;
    } else {
      bool empty;
      {
        NetworkLocked lock;
        if (had_rights) {
          rights::left(*message);
          received.rights = std::exchange(message->rights, nullptr);
        }
        me.consume(message, n);
        empty = !message->left();
        if (empty) me.take(message);
      }
      if (empty) Message::destroy(message);
    }
    if (had_rights) break;  // unix(7): the descriptors of two messages are not joined
  }
  return done;
}

}  // namespace pl
