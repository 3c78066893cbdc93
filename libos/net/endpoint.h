// SPDX-License-Identifier: BSD-2-Clause
// The part of a socket that other sockets refer to: its queue, its state, its name. A stream inside the enclave, whether of Unix or TCP, is
// two endpoints that are each other's peer; there are no packets.
//
// A closed endpoint refers to nobody, so that endpoints never keep each other alive. Everything here changes under the network lock, which
// is held for a few instructions, never across a sleep, a copy to or from the program, or the end of a file.
#pragma once

#include "base/lock.h"
#include "fs/mutex.h"
#include "net/message.h"

namespace pl {

class Socket;

struct NetworkLocked : Locked {
  NetworkLocked() : Locked(Rank::Network, nullptr) {}
};

enum class SocketState : uint8_t { Idle, Listening, Connecting, Connected };
enum class Ending : uint8_t { Orderly, Reset };

class Endpoint : public RefCounted {
 public:
  static constexpr uint32_t UnixBuffer = 212992, TcpSendBuffer = 16384, TcpReceiveBuffer = 131072;
  static constexpr unsigned DatagramBacklog = 10;  // net.unix.max_dgram_qlen
  Endpoint(int family, int type, int protocol);

  bool is_unix() const { return family == family::Unix; }
  bool is_tcp() const { return protocol == protocol::Tcp; }
  bool is_datagram() const { return type == socket_type::Datagram || type == socket_type::Raw; }

  const int family, type, protocol;
  SocketState state = SocketState::Idle;
  uint8_t shut = 0;             // shut:: bits
  bool closed = false;
  bool reuse_address = false, reuse_port = false, only_v6 = false;
  Errno error{};                // SO_ERROR; 0: none
  Socket* socket = nullptr;     // whose it is; null for one that waits to be accepted
  Ref<Endpoint> peer;           // of a connection; where a connected Unix datagram socket sends to

  // ---- what has arrived, and what was sent and is not read ----
  MessageQueue queue;
  Mutex reading;                // one reader at a time: what a copy to the program reads from stays
  size_t charged = 0;
  uint32_t send_limit, receive_limit;
  Message* urgent = nullptr;    // in the queue: the byte sent with MSG_OOB last
  WaitQueue readable;           // something arrived, or nothing will
  WaitQueue writable;           // there is room: in what was sent from here, and in what arrives here
  uint64_t activity = 0;
  bool found_no_room = false;   // a send did: who waits for a signal (O_ASYNC) is to be told of some

  // ---- listening ----
  ListLink<Endpoint> backlog_link;
  List<Endpoint, &Endpoint::backlog_link> pending;     // connected, not accepted; each a reference
  List<Endpoint, &Endpoint::backlog_link> connecting;  // for whom there was no room yet; each a reference
  unsigned pending_count = 0, backlog = 0;
  Endpoint* listener = nullptr; // in whose lists it is

  // ---- names ----
  SocketAddress local, remote;
  Ref<Inode> inode;             // of a Unix path
  uint32_t owner_uid = 0;       // SO_REUSEPORT is for one user's sockets only
  bool named = false;           // in the table
  bool own_port = false;        // bind() asked for it
  ListLink<Endpoint> name_link;
  PeerIdentity identity{}, peer_identity{};  // SO_PEERCRED: ours as the other learns it, and theirs

  // ---- under the lock ----
  // Makes the two each other's peer.
  static void join(Endpoint& a, Endpoint& b);
  // What a connection has from the endpoint that listened for it.
  void take_after(Endpoint& listener_);
  // Whether bytes may be sent: EPIPE, ENOTCONN, the pending error; false: no room.
  ErrorOr<bool> may_send();
  bool has_room() const { return charged < stream_limit(); }
  bool polls_writable() const;
  Errno take_error() { return std::exchange(error, Errno{}); }
  // Into this queue. A stream joins small ones: then `message` is still the caller's, to be destroyed, and false is returned.
  bool put(Message* message);
  // Off this queue: its sender has room again. The caller destroys it.
  void take(Message* message);
  void consume(Message* message, size_t bytes) { queue.consume(message, bytes); }
  // As if the connection had broken.
  void fail_with(Errno e);
  void shut_down(uint8_t how);
  void wake();

  // ---- not under the lock ----
  void close(Ending ending);
  // The connection that waits longest, or null.
  Ref<Endpoint> take_pending();

 private:
  size_t stream_limit() const;
  void peer_closed(Ending ending);
  void discharge(Message& message);
};

}  // namespace pl
