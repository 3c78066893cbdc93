// SPDX-License-Identifier: BSD-2-Clause
// Messages that are received whole, one at a time: datagrams, and what seqpacket connections carry.
#include <algorithm>

#include "net/rights.h"
#include "net/socket.h"

namespace pl {

ErrorOr<size_t> Socket::send_datagram(Buffer& from, SendRequest& request) {
  Endpoint& me = *endpoint_;
  size_t n = from.left();
  constexpr size_t LargestUdp = 65507;
  if (me.is_unix() ? n > me.send_limit - 32 : n > LargestUdp) return fail(Errno::MessageSize);
  if (me.error != Errno{}) return fail(me.take_error());
  if (me.shut & shut::Send) return fail(Errno::BrokenPipe);
  uint64_t until = deadline(send_timeout_);
  Message* message = TRY(create_message(request, n));
  Guard undo([&] { Message::destroy(message); });
  Ref<Endpoint> target = TRY(datagram_target(request.to, *message));
  TRY(message->fill(from, n));
  while (target) {
    WaitQueue* full;
    {
      NetworkLocked lock;
      if (me.is_unix()) {
        if (target->closed) {
          if (me.peer == target) me.peer = {};
          return fail(Errno::Refused);
        }
        if (target->shut & shut::Receive) return fail(Errno::BrokenPipe);
        if (target->peer && target->peer.get() != &me) return fail(Errno::Perm);  // it is connected to somebody else
        bool line_full = target->peer.get() != &me && target->queue.count() > Endpoint::DatagramBacklog;
        full = line_full ? &target->writable : me.has_room() ? nullptr : &me.writable;
        if (full) me.found_no_room = true;
      } else {
        // UDP promises nothing: what has no room is lost.
        if (target->closed || target->shut & shut::Receive || target->queue.charge() >= target->receive_limit) return n;
        full = nullptr;
      }
      if (!full) {
        if (me.is_unix()) message->sender = endpoint_;
        message->rights = std::exchange(request.rights, nullptr);
        target->put(message);
        undo.disarm();
        return n;
      }
    }
    if (!waits(request.flags)) return fail(Errno::Again);
    TRY(wait(*full, until, [&] {
      return target->closed || target->shut || me.shut & shut::Send ||
             (full == &me.writable ? me.has_room() : target->queue.count() <= Endpoint::DatagramBacklog);
    }));
  }
  return n;
}

Message* Socket::first_to_receive(uint32_t flags, size_t& skip) const {
  Message* message = endpoint_->queue.first();
  skip = flags & message_flag::Peek && peek_offset_ > 0 ? size_t(peek_offset_) : 0;
  while (message && skip && skip >= message->left()) {
    skip -= message->left();
    message = MessageQueue::next(message);
  }
  return message;
}

ErrorOr<Message*> Socket::wait_for_message(uint32_t flags, uint64_t until, size_t& skip) {
  Endpoint& me = *endpoint_;
  for (;;) {
    if (Message* message = first_to_receive(flags, skip)) return message;
    {
      NetworkLocked lock;
      if (me.error != Errno{}) return fail(me.take_error());
      if (!me.is_datagram() && me.state != SocketState::Connected && !me.shut) return fail(Errno::NotConnected);
      // A datagram socket may always get one more: only who would wait for it learns that there is no point.
      if (me.shut & shut::Receive && (!me.is_datagram() || waits(flags))) return nullptr;
    }
    if (!waits(flags)) return fail(Errno::Again);
    me.reading.release();
    auto woken = wait(me.readable, until, [&] { return first_to_receive(flags, skip) || me.error != Errno{} || me.shut & shut::Receive; });
    me.reading.acquire();
    if (!woken) return fail(woken.error());
  }
}

ErrorOr<size_t> Socket::receive_message(Buffer& to, Received& received) {
  Endpoint& me = *endpoint_;
  MutexHolder reading(me.reading);
  size_t skip;
  Message* message = TRY(wait_for_message(received.flags, deadline(receive_timeout_), skip));
  if (!message) return 0;
  const bool peek = received.flags & message_flag::Peek;
  size_t length = message->left() - skip, n = std::min(length, to.left());
  if (n < length) received.out_flags |= message_flag::Truncated;
  received.identity = message->identity;
  if (me.is_datagram()) {
    received.has_from = true;
    received.from.family = me.family;
    if (!me.is_unix()) received.from.inet = message->source;
    else if (message->sender) received.from = message->sender->local;
  }
  auto copied = message->drain(skip, to, n);
  if (copied) move_peek_offset(peek ? n : message->left(), peek);
  if (peek) {
    TRY(copied);
    if (message->rights) received.rights = message->rights->clone();
  } else {
    {
      NetworkLocked lock;
      received.rights = nullptr;
      if (copied) {
        rights::left(*message);
        received.rights = std::exchange(message->rights, nullptr);
      }
      me.take(message);
    }
    rights::dispose(message);
    TRY(copied);
  }
  return received.flags & message_flag::Truncated ? length : n;
}

}  // namespace pl
