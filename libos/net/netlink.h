// SPDX-License-Identifier: BSD-2-Clause
// rtnetlink(7), as far as programs need it to learn which interfaces and addresses there are: lo's.
#pragma once

#include "net/socket.h"

namespace pl {

ErrorOr<Ref<Socket>> create_netlink_socket(int type, int protocol, uint32_t flags);

class NetlinkSocket final : public Socket {
 public:
  NetlinkSocket(Ref<Endpoint> endpoint, uint32_t flags) : Socket(std::move(endpoint), flags) {}
  ErrorOr<void> bind(const SocketAddress& address) override;
  ErrorOr<void> connect(const SocketAddress& address) override;
  ErrorOr<size_t> send(Buffer& from, SendRequest& request) override;
  // As if the kernel had sent it: how mq_notify() wakes a C library's helper thread.
  ErrorOr<void> put(const void* bytes, size_t size);

 protected:
  ErrorOr<Ref<Socket>> create_accepted(Ref<Endpoint>, uint32_t) override { return fail(Errno::NotSupported); }
  ErrorOr<Ref<Endpoint>> datagram_target(const SocketAddress*, Message&) override { return fail(Errno::NotSupported); }
};

}  // namespace pl
