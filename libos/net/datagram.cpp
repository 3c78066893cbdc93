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

// True once a message is there; false at the end of a connection.
ErrorOr<bool> Socket::wait_for_message(uint32_t flags, uint64_t until) {
  Endpoint& me = *endpoint_;
  while (me.queue.empty()) {
    {
      NetworkLocked lock;
      if (me.error != Errno{}) return fail(me.take_error());
      if (!me.is_datagram() && me.state != SocketState::Connected && !me.shut) return fail(Errno::NotConnected);
      // A datagram socket may always get one more: only who would wait for it learns that there is no point.
      if (me.shut & shut::Receive && (!me.is_datagram() || waits(flags))) return false;
    }
    if (!waits(flags)) return fail(Errno::Again);
    me.reading.release();
    auto woken = wait(me.readable, until, [&] { return !me.queue.empty() || me.error != Errno{} || me.shut & shut::Receive; });
    me.reading.acquire();
    if (!woken) return fail(woken.error());
  }
  return true;
}

ErrorOr<size_t> Socket::receive_message(Buffer& to, Received& received) {
  Endpoint& me = *endpoint_;
  MutexHolder reading(me.reading);
  if (!TRY(wait_for_message(received.flags, deadline(receive_timeout_)))) return 0;
  Message* message = me.queue.first();
  size_t length = message->left(), n = std::min(length, to.left());
  if (n < length) received.out_flags |= message_flag::Truncated;
  received.identity = message->identity;
  if (me.is_datagram()) {
    received.has_from = true;
    received.from.family = me.family;
    if (!me.is_unix()) received.from.inet = message->source;
    else if (message->sender) received.from = message->sender->local;
  }
  auto copied = message->drain(0, to, n);
  if (received.flags & message_flag::Peek) {
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
