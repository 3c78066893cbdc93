// SPDX-License-Identifier: BSD-2-Clause
#include "net/inet.h"

#include "fs/context.h"
#include "net/names.h"

namespace pl {

ErrorOr<Ref<Socket>> create_inet_socket(int family, int type, int protocol, uint32_t flags) {
  int own;
  switch (type) {
    case socket_type::Stream: own = protocol::Tcp; break;
    case socket_type::Datagram: own = protocol::Udp; break;
    case socket_type::Raw: return fail(current_file_credentials().has(Capability::RawNetwork) ? Errno::NoProtocol : Errno::Perm);
    default: return fail(Errno::NoSocketType);
  }
  if (protocol && protocol != own) return fail(Errno::NoProtocol);
  Ref<Endpoint> endpoint = TRY(make<Endpoint>(family, type, own));
  endpoint->owner_uid = current_file_credentials().uid;
  if (family == family::Inet) endpoint->local.inet = endpoint->remote.inet = InetAddress::v4(0, 0);
  return Ref<Socket>(TRY(make<InetSocket>(std::move(endpoint), flags)));
}

ErrorOr<Ref<Socket>> InetSocket::create_accepted(Ref<Endpoint> endpoint, uint32_t flags) {
  return Ref<Socket>(TRY(make<InetSocket>(std::move(endpoint), flags)));
}

ErrorOr<InetAddress> InetSocket::check_local(const SocketAddress& address) const {
  const Endpoint& me = *endpoint_;
  // bind(2) of an IPv4 socket to AF_UNSPEC with address 0 is an old habit; its bytes were not read as an address here.
  if (address.family != me.family) return fail(me.family == family::Inet6 && address.family == family::Inet ? Errno::Invalid : Errno::AddressFamily);
  const InetAddress& a = address.inet;
  if (me.family == family::Inet6 && a.is_v4() && me.only_v6) return fail(Errno::AddressNotAvailable);
  if (!a.is_any() && !a.is_loopback()) return fail(Errno::AddressNotAvailable);
  return a;
}

ErrorOr<InetAddress> InetSocket::check_target(const SocketAddress& address) const {
  const Endpoint& me = *endpoint_;
  if (address.family != me.family && !(me.family == family::Inet6 && address.family == family::Inet)) return fail(Errno::AddressFamily);
  InetAddress a = address.inet;
  if (a.is_any()) a = a.is_v4() ? InetAddress::v4(LoopbackV4, a.port) : InetAddress::loopback_v6(a.port);  // this host
  if (!a.is_loopback()) return fail(Errno::NetworkUnreachable);
  bool bound_v4 = me.local.inet.is_v4();
  if (me.family == family::Inet6 && a.is_v4() && (me.only_v6 || (!bound_v4 && !me.local.inet.is_any()))) return fail(Errno::NetworkUnreachable);
  if (bound_v4 && !a.is_v4()) return fail(Errno::NetworkUnreachable);
  return a;
}

InetAddress InetSocket::source_for(const InetAddress& target) const {
  const InetAddress& bound = endpoint_->local.inet;
  if (!bound.is_any()) return bound;
  return target.is_v4() ? InetAddress::v4(LoopbackV4, bound.port) : InetAddress::loopback_v6(bound.port);
}

// Gives the endpoint its address and port; port 0 is any that is free.
ErrorOr<void> InetSocket::take_port(const InetAddress& address) {
  Endpoint& me = *endpoint_;
  InetAddress wanted = address;
  NetworkLocked lock;
  if (!wanted.port) {
    wanted.port = names::free_port(me, wanted);
    if (!wanted.port) return fail(Errno::AddressInUse);
  } else if (!names::is_free(me, wanted)) {
    return fail(Errno::AddressInUse);
  }
  me.local.inet = wanted;
  names::add(me);
  return {};
}

ErrorOr<void> InetSocket::need_port() {
  Endpoint& me = *endpoint_;
  return me.named ? ErrorOr<void>() : take_port({me.local.inet.bytes, 0});
}

ErrorOr<void> InetSocket::bind(const SocketAddress& address) {
  Endpoint& me = *endpoint_;
  InetAddress a = TRY(check_local(address));
  constexpr uint16_t FirstOpen = 1024;  // ip_unprivileged_port_start
  if (a.port && a.port < FirstOpen && !current_file_credentials().has(Capability::BindService)) return fail(Errno::Access);
  if (me.named) return fail(Errno::Invalid);
  return take_port(a);
}

ErrorOr<void> InetSocket::listen(int backlog) {
  Endpoint& me = *endpoint_;
  if (!me.is_tcp()) return fail(Errno::NotSupported);
  if (me.state != SocketState::Idle && me.state != SocketState::Listening) return fail(Errno::Invalid);
  TRY(need_port());
  if (me.state == SocketState::Idle) {
    // Sockets that shared the address may not all listen on it.
    NetworkLocked lock;
    if (!names::is_free(me, me.local.inet)) return fail(Errno::AddressInUse);
  }
  return Socket::listen(backlog);
}

ErrorOr<void> InetSocket::connect_datagram(const SocketAddress& address) {
  Endpoint& me = *endpoint_;
  if (address.family == family::Unspecified) {
    NetworkLocked lock;
    me.state = SocketState::Idle;
    return {};
  }
  InetAddress target = TRY(check_target(address));
  TRY(need_port());
  InetAddress source = source_for(target);
  NetworkLocked lock;
  me.local.inet = source;
  me.remote.inet = target;
  me.state = SocketState::Connected;
  me.wake();
  return {};
}

ErrorOr<void> InetSocket::connect(const SocketAddress& address) {
  Endpoint& me = *endpoint_;
  if (me.is_datagram()) return connect_datagram(address);
  if (address.family == family::Unspecified) return fail(Errno::AddressFamily);
  switch (me.state) {
    case SocketState::Connected: return fail(Errno::IsConnected);
    case SocketState::Connecting: return nonblocking() ? fail(Errno::Already) : finish_connecting();
    case SocketState::Listening: return fail(Errno::IsConnected);
    case SocketState::Idle: break;
  }
  if (me.error != Errno{}) return fail(me.take_error());
  InetAddress target = TRY(check_target(address));
  Ref<Endpoint> listener;
  {
    NetworkLocked lock;
    listener = names::find_listener(target);
  }
  if (!listener) return fail(Errno::Refused);
  TRY(need_port());
  {
    NetworkLocked lock;
    me.local.inet = source_for(target);
    me.shut = 0;
  }
  SocketAddress named = address;
  named.family = me.family;
  named.inet = target;
  return connect_to(std::move(listener), named);
}

ErrorOr<Ref<Endpoint>> InetSocket::datagram_target(const SocketAddress* to, Message& message) {
  Endpoint& me = *endpoint_;
  if (!to && me.state != SocketState::Connected) return fail(Errno::NoDestination);
  message.target = to ? TRY(check_target(*to)) : me.remote.inet;
  if (!message.target.port) return fail(Errno::Invalid);
  TRY(need_port());
  message.source = source_for(message.target);
  NetworkLocked lock;
  Ref<Endpoint> found = names::find_receiver(message.target, message.source);
  // What the host of a closed port answers reaches a connected socket only (udp(7), "Error handling").
  if (!found && !to) {
    me.error = Errno::Refused;
    me.wake();
  }
  return found;
}

}  // namespace pl
