// SPDX-License-Identifier: BSD-2-Clause
#include "net/unix.h"

#include "base/random.h"
#include "fs/abi.h"
#include "fs/path.h"
#include "fs/text.h"
#include "net/names.h"

namespace pl {

ErrorOr<Ref<Socket>> create_unix_socket(int type, int protocol, uint32_t flags) {
  if (protocol && protocol != family::Unix) return fail(Errno::NoProtocol);
  if (type == socket_type::Raw) type = socket_type::Datagram;
  if (type != socket_type::Stream && type != socket_type::Datagram && type != socket_type::SequencedPacket) return fail(Errno::NoSocketType);
  Ref<Endpoint> endpoint = TRY(make<Endpoint>(family::Unix, type, 0));
  return Ref<Socket>(TRY(make<UnixSocket>(std::move(endpoint), flags)));
}

ErrorOr<Ref<Socket>> UnixSocket::create_accepted(Ref<Endpoint> endpoint, uint32_t flags) {
  return Ref<Socket>(TRY(make<UnixSocket>(std::move(endpoint), flags)));
}

ErrorOr<void> UnixSocket::bind(const SocketAddress& address) {
  Endpoint& me = *endpoint_;
  if (address.family != family::Unix) return fail(Errno::Invalid);
  if (!address.name.length) return me.named ? ErrorOr<void>() : bind_automatically();
  const Ref<Inode>& directory = current_file_context().directory;
  // That a path is taken is noticed before that the socket has a name.
  if (me.named) return fail(!address.name.abstract() && resolve(directory, address.name.view(), LastLink::Keep) ? Errno::AddressInUse : Errno::Invalid);
  Ref<Inode> inode;
  if (!address.name.abstract()) {
    auto made = make_node(directory, address.name.view(), file_mode::Socket | 0777, 0);
    if (!made) return fail(made.error() == Errno::Exists ? Errno::AddressInUse : made.error());
    inode = TRY(resolve(directory, address.name.view(), LastLink::Keep));
  }
  NetworkLocked lock;
  if (address.name.abstract() && names::find_abstract(address.name)) return fail(Errno::AddressInUse);
  me.local = address;
  me.inode = std::move(inode);
  names::add(me);
  return {};
}

// A name of five hexadecimal digits that nobody has (unix(7), "Autobind feature").
ErrorOr<void> UnixSocket::bind_automatically() {
  Endpoint& me = *endpoint_;
  constexpr uint32_t Names = 1 << 20;
  uint32_t first = uint32_t(random::word());
  NetworkLocked lock;
  for (uint32_t i = 0; i < Names; i++) {
    UnixName name;
    name.length = uint8_t(1 + TextSpan(name.text + 1, 5).number((first + i) % Names, 16, 5).length());
    if (names::find_abstract(name)) continue;
    me.local.name = name;
    names::add(me);
    return {};
  }
  return fail(Errno::NoSpace);
}

ErrorOr<Ref<Endpoint>> UnixSocket::find(const SocketAddress& address) const {
  if (address.family != family::Unix || !address.name.length) return fail(Errno::Invalid);
  Ref<Endpoint> found;
  if (address.name.abstract()) {
    NetworkLocked lock;
    found = names::find_abstract(address.name);
  } else {
    Ref<Inode> inode = TRY(resolve(current_file_context().directory, address.name.view(), LastLink::Follow));
    TRY(check_access(*inode, AccessWrite, current_file_credentials()));
    if (inode->type() != file_mode::Socket) return fail(Errno::Refused);
    NetworkLocked lock;
    found = names::find_path(*inode);
  }
  if (!found || found->closed) return fail(Errno::Refused);
  if (found->type != endpoint_->type) return fail(Errno::WrongProtocolType);
  return found;
}

ErrorOr<void> UnixSocket::listen(int backlog) {
  Endpoint& me = *endpoint_;
  if (me.is_datagram()) return fail(Errno::NotSupported);
  if (!me.named) return fail(Errno::Invalid);
  return Socket::listen(backlog);
}

ErrorOr<void> UnixSocket::connect(const SocketAddress& address) {
  Endpoint& me = *endpoint_;
  if (me.is_datagram()) {
    Ref<Endpoint> target, before;
    if (address.family != family::Unspecified) {
      target = TRY(find(address));
      if (target->peer && target->peer.get() != &me) return fail(Errno::Perm);
    }
    if (pass_credentials && !me.named && target) TRY(bind_automatically());
    NetworkLocked lock;
    before = std::exchange(me.peer, std::move(target));
    me.wake();
    return {};
  }
  if (address.family != family::Unix) return fail(Errno::Invalid);
  if (me.state == SocketState::Connected) return fail(Errno::IsConnected);
  if (me.state == SocketState::Listening) return fail(Errno::Invalid);
  Ref<Endpoint> listener = TRY(find(address));
  if (listener->state != SocketState::Listening) return fail(Errno::Refused);
  if (pass_credentials && !me.named) TRY(bind_automatically());
  return connect_to(std::move(listener), address);
}

ErrorOr<Ref<Endpoint>> UnixSocket::datagram_target(const SocketAddress* to, Message&) {
  Endpoint& me = *endpoint_;
  if (to) return find(*to);
  NetworkLocked lock;
  if (!me.peer) return fail(Errno::NotConnected);
  return me.peer;
}

}  // namespace pl
