// SPDX-License-Identifier: BSD-2-Clause
// Sockets: making them, naming them, connecting them. What they carry is in message.cpp.
#include "net/socket.h"

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "syscall/table.h"

namespace pl {

namespace {

OnExec on_exec_of(uint32_t flags) { return flags & open_flag::CloseOnExec ? OnExec::Close : OnExec::Keep; }

// The flags beside the type: O_NONBLOCK and O_CLOEXEC.
ErrorOr<uint32_t> type_flags(int type) {
  uint32_t flags = uint32_t(type) & ~uint32_t(socket_type::Mask);
  if (flags & ~accepted::socket_type) return fail(Errno::Invalid);
  return flags;
}

}  // namespace

Result sys_socket(int family, int type, int protocol) {
  uint32_t flags = TRY(type_flags(type));
  Ref<File> file = TRY(create_socket(family, type & socket_type::Mask, protocol, flags & open_flag::NonBlock));
  return uint64_t(TRY(current_descriptors().install(std::move(file), on_exec_of(flags))));
}

Result sys_socketpair(int family, int type, int protocol, UserOut<int> descriptors) {
  uint32_t flags = TRY(type_flags(type));
  SocketPair pair = TRY(create_socket_pair(family, type & socket_type::Mask, protocol, flags & open_flag::NonBlock));
  TRY(current_descriptors().install_pair(std::move(pair.first), std::move(pair.second), on_exec_of(flags), descriptors));
  return 0;
}

Result sys_bind(int descriptor, UserAddress address, uint32_t bytes) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(socket->bind(TRY(SocketAddress::read(address, bytes))));
  return 0;
}

Result sys_listen(int descriptor, int backlog) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(socket->listen(backlog));
  return 0;
}

Result sys_accept4(int descriptor, UserAddress address, UserAddress length, uint32_t flags) {
  if (flags & ~accepted::accept4_flags) return fail(Errno::Invalid);
  Ref<Socket> socket = TRY(current_socket(descriptor));
  SocketAddress peer;
  Ref<File> accepted = TRY(socket->accept(flags & open_flag::NonBlock, &peer));
  if (address) TRY(peer.write(address, length));
  return uint64_t(TRY(current_descriptors().install(std::move(accepted), on_exec_of(flags))));
}

Result sys_accept(int descriptor, UserAddress address, UserAddress length) { return sys_accept4(descriptor, address, length, 0); }

Result sys_connect(int descriptor, UserAddress address, uint32_t bytes) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(socket->connect(TRY(SocketAddress::read(address, bytes))));
  return 0;
}

Result sys_getsockname(int descriptor, UserAddress address, UserAddress length) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(socket->local_name().write(address, length));
  return 0;
}

Result sys_getpeername(int descriptor, UserAddress address, UserAddress length) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(TRY(socket->peer_name()).write(address, length));
  return 0;
}

Result sys_shutdown(int descriptor, int how) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(socket->shut_down(how));
  return 0;
}

Result sys_setsockopt(int descriptor, int level, int name, UserAddress value, uint32_t bytes) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(socket->set_option(level, name, value, bytes));
  return 0;
}

Result sys_getsockopt(int descriptor, int level, int name, UserAddress value, UserAddress length) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  TRY(socket->get_option(level, name, value, length));
  return 0;
}

}  // namespace pl
