// SPDX-License-Identifier: BSD-2-Clause
// A socket as an open file (socket(7)). What it sends and receives goes from endpoint to endpoint and stays in the enclave.
//
// The border to the outside: InetSocket::connect, bind and a datagram's target ask net/inet.h's check_target() and check_local() for each
// address. Those are where an address of the outside world would turn the socket into one that the host serves.
#pragma once

#include <algorithm>

#include "fs/file.h"
#include "net/endpoint.h"
#include "time/clock.h"

namespace pl {

struct SendRequest {
  uint32_t flags = 0;               // message_flag::
  const SocketAddress* to = nullptr;
  Rights* rights = nullptr;         // taken (set to null) once they are under way
  const PeerIdentity* identity = nullptr;  // SCM_CREDENTIALS; null: who sends
};

struct Received {
  uint32_t flags = 0;        // asked: message_flag::
  uint32_t out_flags = 0;    // MSG_TRUNC
  bool has_from = false;
  SocketAddress from;
  Rights* rights = nullptr;  // the caller's
  PeerIdentity identity{};
};

class Socket : public File {
 public:
  static constexpr unsigned MaxBacklog = 4096;  // net.core.somaxconn
  ~Socket() override { Socket::closed(); }

  virtual ErrorOr<void> bind(const SocketAddress& address) = 0;
  virtual ErrorOr<void> connect(const SocketAddress& address) = 0;
  virtual ErrorOr<void> listen(int backlog);
  ErrorOr<Ref<Socket>> accept(uint32_t flags, SocketAddress* peer);
  virtual ErrorOr<size_t> send(Buffer& from, SendRequest& request);
  virtual ErrorOr<size_t> receive(Buffer& to, Received& received);
  ErrorOr<void> shut_down(int how);
  SocketAddress local_name() const { return endpoint_->local; }
  ErrorOr<SocketAddress> peer_name() const;
  ErrorOr<void> set_option(int level, int name, UserAddress value, uint32_t bytes);
  ErrorOr<void> get_option(int level, int name, UserAddress value, UserAddress length);

  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer& from) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return endpoint_->activity; }
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override;
  ErrorOr<Attributes> attributes() override;
  size_t describe(char* out, size_t capacity) override;
  bool signals_broken_pipe() override { return endpoint_->type == socket_type::Stream; }
  Socket* as_socket() override { return this; }
  bool raises_signals() override { return true; }
  bool tells_of_room() override;

  Endpoint& endpoint() const { return *endpoint_; }
  uint64_t number() const { return number_; }  // as /proc/self/fd and /proc/net/unix show it

  // Of descriptors under way, by net/rights.cpp: how many messages hold this socket, and whether nothing else does.
  uint32_t under_way = 0;
  bool unreachable = false;

  bool pass_credentials = false;

 protected:
  Socket(Ref<Endpoint> endpoint, uint32_t flags);
  void closed() override;
  // A socket of the same kind for a connection that was accepted.
  virtual ErrorOr<Ref<Socket>> create_accepted(Ref<Endpoint> endpoint, uint32_t flags) = 0;
  // Whom a datagram goes to: the endpoint, or null where it is lost in silence. Gives the sender a name where it needs one.
  virtual ErrorOr<Ref<Endpoint>> datagram_target(const SocketAddress* to, Message& message) = 0;

  bool waits(uint32_t message_flags) const { return !nonblocking() && !(message_flags & message_flag::DontWait); }
  uint64_t deadline(uint64_t timeout) const { return timeout ? ticks_now() + timeout : NoDeadline; }
  // Until the condition holds: EAGAIN at the deadline; a signal starts the call again, but not one with a timeout (signal(7)).
  template <class Condition>
  static ErrorOr<void> wait(WaitQueue& queue, uint64_t deadline, Condition condition) {
    auto woken = wait_for(queue, deadline, Sleep::Interruptible, condition);
    if (woken) return {};
    if (woken.error() == Errno::TimedOut) return fail(Errno::Again);
    return fail(deadline == NoDeadline ? Errno::RestartSystemCall : Errno::RestartNoHandler);
  }
  // To a listening endpoint, with the name it has there.
  ErrorOr<void> connect_to(Ref<Endpoint> listener, const SocketAddress& address);
  ErrorOr<void> finish_connecting();

  Ref<Endpoint> endpoint_;
  uint64_t send_timeout_ = 0, receive_timeout_ = 0;  // ticks; 0: none

 private:
  ErrorOr<size_t> send_stream(Buffer& from, SendRequest& request);
  ErrorOr<size_t> send_packet(Buffer& from, SendRequest& request);
  ErrorOr<size_t> send_datagram(Buffer& from, SendRequest& request);
  ErrorOr<size_t> receive_stream(Buffer& to, Received& received);
  ErrorOr<size_t> receive_message(Buffer& to, Received& received);
  ErrorOr<size_t> receive_urgent(Buffer& to, Received& received);
  // What a read gets next, that far behind the first: not an urgent byte that has nothing behind it.
  bool has_bytes(size_t beyond = 0) const;
  void move_peek_offset(size_t bytes, bool peeked) {
    if (peek_offset_ >= 0) peek_offset_ = peeked ? peek_offset_ + int32_t(bytes) : std::max(0, peek_offset_ - int32_t(bytes));
  }
  // What receive_message() has to give, and how many bytes of it are passed over; null: nothing yet.
  Message* first_to_receive(uint32_t flags, size_t& skip) const;
  bool takes_urgent_inline() const;  // SO_OOBINLINE
  ErrorOr<void> wait_until_sendable(uint32_t flags, uint64_t until);
  ErrorOr<Message*> create_message(SendRequest& request, size_t capacity);
  ErrorOr<void> deliver_to_peer(Message* message, SendRequest& request);
  // Null at the end of a connection.
  ErrorOr<Message*> wait_for_message(uint32_t flags, uint64_t until, size_t& skip);

  void forget_remembered();

  uint64_t number_;
  int32_t low_water_ = 1;
  int32_t peek_offset_ = -1;        // SO_PEEK_OFF; negative: a look begins at the first byte
  int32_t linger_ = -1;             // seconds; negative: off
  bool bound_to_device_ = false;    // to lo, which is the only one
  int* remembered_ = nullptr;       // options that change nothing here (net/options.cpp)
};

// Of the current process and thread (unix(7)), by process/: as a peer, with the effective ids; as who sends, with the real ones.
PeerIdentity current_identity();
PeerIdentity current_sender();

// The socket behind a descriptor of the current process: ENOTSOCK.
ErrorOr<Ref<Socket>> current_socket(int descriptor);

// socket(2) and socketpair(2); `flags` are those of the open file.
ErrorOr<Ref<Socket>> create_socket(int family, int type, int protocol, uint32_t flags);
struct SocketPair { Ref<Socket> first, second; };
ErrorOr<SocketPair> create_socket_pair(int family, int type, int protocol, uint32_t flags);

}  // namespace pl
