// SPDX-License-Identifier: BSD-2-Clause
// Unix sockets (unix(7)): names that are paths or abstract; descriptors and credentials travel with messages.
#pragma once

#include "net/socket.h"

namespace pl {

ErrorOr<Ref<Socket>> create_unix_socket(int type, int protocol, uint32_t flags);

class UnixSocket final : public Socket {
 public:
  UnixSocket(Ref<Endpoint> endpoint, uint32_t flags) : Socket(std::move(endpoint), flags) {}
  ErrorOr<void> bind(const SocketAddress& address) override;
  ErrorOr<void> connect(const SocketAddress& address) override;
  ErrorOr<void> listen(int backlog) override;

 protected:
  ErrorOr<Ref<Socket>> create_accepted(Ref<Endpoint> endpoint, uint32_t flags) override;
  ErrorOr<Ref<Endpoint>> datagram_target(const SocketAddress* to, Message& message) override;

 private:
  ErrorOr<Ref<Endpoint>> find(const SocketAddress& address) const;
  ErrorOr<void> bind_automatically();
};

}  // namespace pl
