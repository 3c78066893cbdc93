// SPDX-License-Identifier: BSD-2-Clause
// What goes through sockets: send and receive, with addresses and control messages (cmsg(3)).
#include <algorithm>
#include <cstring>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "net/rights.h"
#include "net/socket.h"
#include "process/process.h"
#include "syscall/table.h"
#include "syscall/vectors.h"

namespace pl {

namespace {

namespace mf = message_flag;

Result send_on(Socket& socket, Buffer from, SendRequest& request) {
  auto n = socket.send(from, request);
  if (!n && n.error() == Errno::BrokenPipe && !(request.flags & mf::NoSignal) && socket.signals_broken_pipe()) signal_broken_pipe();
  return n;
}

// What a message carries beside its bytes, on the way out. Descriptors that were not sent go when this does.
struct OutgoingControl {
  Rights* rights = nullptr;
  PeerIdentity identity;
  bool has_identity = false;
  ~OutgoingControl() { rights::dispose(rights); }

  ErrorOr<void> read(UserAddress from, size_t bytes) {
    constexpr size_t Most = 20480;  // net.core.optmem_max
    if (bytes > Most) return fail(Errno::NoBuffers);
    for (size_t at = 0; at + sizeof(ControlHeader) <= bytes;) {
      auto header = TRY(UserIn<ControlHeader>{from + at}.read());
      if (header.length < sizeof header || header.length > bytes - at) return fail(Errno::Invalid);
      UserAddress data = from + at + sizeof header;
      size_t length = header.length - sizeof header;
      if (header.level == socket_level::Socket) {
        if (header.type == control_type::Rights) TRY(read_rights(data, length));
        else if (header.type == control_type::Credentials) TRY(read_identity(data, length));
        else return fail(Errno::Invalid);
      }
      at += round_up(header.length, 8);
    }
    return {};
  }

 private:
  ErrorOr<void> read_rights(UserAddress data, size_t length) {
    size_t count = length / sizeof(int);
    if (count > Rights::Maximum || rights) return fail(Errno::Invalid);
    if (!count) return {};
    const Process& process = current_process();
    const Credentials& who = current_credentials();
    bool unlimited = who.has(Capability::Resource) || who.has(Capability::Administration);
    if (!unlimited && rights::under_way() + count > process.limit(Limits::Descriptors)) return fail(Errno::TooManyReferences);
    rights = TRY(Rights::create(unsigned(count)));
    for (size_t i = 0; i < count; i++) {
      Ref<File> file = TRY(current_descriptors().get(TRY(UserIn<int>{data}.read(i))));
      if (file->flags() & open_flag::Path) return fail(Errno::BadDescriptor);
      rights->add(std::move(file));
    }
    return {};
  }
  // unix(7): only user 0 may say that it is somebody else.
  ErrorOr<void> read_identity(UserAddress data, size_t length) {
    if (length != sizeof identity) return fail(Errno::Invalid);
    identity = TRY(UserIn<PeerIdentity>{data}.read());
    const Credentials& c = current_credentials();
    bool own_pid = identity.pid == current_process().pid;
    bool own_uid = identity.uid == c.uid || identity.uid == c.euid || identity.uid == c.suid;
    bool own_gid = identity.gid == c.gid || identity.gid == c.egid || identity.gid == c.sgid;
    if ((!own_pid && !c.has(Capability::Administration)) || (!own_uid && !c.has(Capability::SetUid)) || (!own_gid && !c.has(Capability::SetGid)))
      return fail(Errno::Perm);
    if (!own_pid && !find_process(identity.pid)) return fail(Errno::NoProcess);
    has_identity = true;
    return {};
  }
};

// On the way in: control messages one behind the other, as far as there is room.
class IncomingControl {
 public:
  IncomingControl(UserAddress to, size_t room) : to_(to), room_(room) {}
  ErrorOr<void> add_identity(const PeerIdentity& identity) { return add(control_type::Credentials, &identity, sizeof identity); }
  // Each descriptor that fits is opened; the others are closed, and MSG_CTRUNC says so.
  ErrorOr<void> add_rights(Rights& rights, OnExec on_exec) {
    size_t left = room_ - used_, fits = left < sizeof(ControlHeader) ? 0 : (left - sizeof(ControlHeader)) / sizeof(int), opened = 0;
    UserAddress data = to_ + used_ + sizeof(ControlHeader);
    for (; opened < std::min<size_t>(fits, rights.count); opened++) {
      auto descriptor = current_descriptors().install(Ref<File>(rights.files[opened]), on_exec);
      if (!descriptor) break;
      if (auto written = UserOut<int>{data}.write(*descriptor, opened); !written) {
        (void)current_descriptors().close(*descriptor);
        break;
      }
    }
    if (opened < rights.count) flags |= mf::ControlTruncated;
    if (!opened) return {};
    ControlHeader header{sizeof(ControlHeader) + opened * sizeof(int), socket_level::Socket, control_type::Rights};
    TRY(UserOut<ControlHeader>{to_ + used_}.write(header));
    used_ = std::min(room_, used_ + control_space(opened * sizeof(int)));
    return {};
  }
  size_t used() const { return used_; }
  uint32_t flags = 0;

 private:
  ErrorOr<void> add(int type, const void* value, size_t bytes) {
    size_t left = room_ - used_;
    if (left < sizeof(ControlHeader)) {
      flags |= mf::ControlTruncated;
      return {};
    }
    if (left < sizeof(ControlHeader) + bytes) flags |= mf::ControlTruncated;
    size_t n = std::min(bytes, left - sizeof(ControlHeader));
    TRY(UserOut<ControlHeader>{to_ + used_}.write({sizeof(ControlHeader) + n, socket_level::Socket, type}));
    TRY(copy_to_user(to_ + used_ + sizeof(ControlHeader), value, n));
    used_ = std::min(room_, used_ + control_space(n));
    return {};
  }
  UserAddress to_;
  size_t room_, used_ = 0;
};

Result send_message(Socket& socket, const MessageHeader& header, uint32_t flags) {
  Vectors vectors;
  if (header.vector_count > unsigned(Vectors::Maximum)) return fail(Errno::MessageSize);
  TRY(vectors.read(UserIn<IoVector>{UserAddress(header.vectors)}, int(header.vector_count)));
  SocketAddress to;
  SendRequest request{.flags = flags};
  if (header.name && header.name_bytes) {
    to = TRY(SocketAddress::read(UserAddress(header.name), std::min<uint32_t>(header.name_bytes, SocketAddress::Capacity)));
    request.to = &to;
  }
  OutgoingControl control;
  if (header.control && header.control_bytes) TRY(control.read(UserAddress(header.control), header.control_bytes));
  // Other families have no use for either.
  if (socket.endpoint().is_unix()) {
    request.rights = control.rights;
    if (control.has_identity) request.identity = &control.identity;
  }
  auto n = send_on(socket, vectors.buffer(), request);
  if (socket.endpoint().is_unix()) control.rights = request.rights;  // null once they are under way
  return n;
}

// Fills in what recvmsg() returns beside the bytes. `out` is where the header lies in the program.
Result receive_message(Socket& socket, MessageHeader& header, uint32_t flags) {
  Vectors vectors;
  if (header.vector_count > unsigned(Vectors::Maximum)) return fail(Errno::MessageSize);
  TRY(vectors.read(UserIn<IoVector>{UserAddress(header.vectors)}, int(header.vector_count)));
  Received received{.flags = flags, .from = {}};
  Buffer to = vectors.buffer();
  auto n = socket.receive(to, received);
  OutgoingControl arrived;
  arrived.rights = received.rights;
  if (!n) return fail(n.error());
  IncomingControl control(UserAddress(header.control), header.control ? header.control_bytes : 0);
  if (socket.pass_credentials) TRY(control.add_identity(received.identity));
  if (arrived.rights) TRY(control.add_rights(*arrived.rights, flags & mf::CloseOnExec ? OnExec::Close : OnExec::Keep));
  uint32_t name_bytes = 0;
  if (header.name && received.has_from) {
    std::byte raw[SocketAddress::Capacity];
    // A sender without a name has none to tell (unix(7)).
    bool unnamed = received.from.family == family::Unix && !received.from.name.length;
    name_bytes = unnamed ? 0 : received.from.encode(raw);
    TRY(copy_to_user(UserAddress(header.name), raw, std::min(name_bytes, header.name_bytes)));
  }
  header.name_bytes = name_bytes;
  header.control_bytes = control.used();
  header.flags = received.out_flags | control.flags | (flags & mf::CloseOnExec);
  return n;
}

constexpr uint32_t MaxMessages = 1024;  // UIO_MAXIOV

}  // namespace

Result sys_sendto(int descriptor, UserAddress buffer, size_t bytes, uint32_t flags, UserAddress address, uint32_t address_bytes) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  SocketAddress to;
  SendRequest request{.flags = flags};
  if (address && address_bytes) {
    to = TRY(SocketAddress::read(address, address_bytes));
    request.to = &to;
  }
  return send_on(*socket, Buffer::user(buffer, std::min(bytes, MaxTransfer)), request);
}

Result sys_recvfrom(int descriptor, UserAddress buffer, size_t bytes, uint32_t flags, UserAddress address, UserAddress length) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  Received received{.flags = flags, .from = {}};
  Buffer to = Buffer::user(buffer, std::min(bytes, MaxTransfer));
  auto n = socket->receive(to, received);
  rights::dispose(received.rights);  // nowhere to put them
  if (!n) return fail(n.error());
  if (address) {
    if (!received.has_from || (received.from.family == family::Unix && !received.from.name.length)) TRY(UserOut<int>{length}.write(0));
    else TRY(received.from.write(address, length));
  }
  return n;
}

Result sys_sendmsg(int descriptor, UserIn<MessageHeader> header, uint32_t flags) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  return send_message(*socket, TRY(header.read()), flags);
}

Result sys_recvmsg(int descriptor, UserIn<MessageHeader> in, uint32_t flags) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  MessageHeader header = TRY(in.read());
  uint64_t n = TRY(receive_message(*socket, header, flags));
  TRY(UserOut<MessageHeader>{in.address}.write(header));
  return n;
}

// One call, many messages: an error is only said when nothing went before it.
Result sys_sendmmsg(int descriptor, UserIn<ManyMessageHeader> messages, uint32_t count, uint32_t flags) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  count = std::min(count, MaxMessages);
  for (uint32_t i = 0; i < count; i++) {
    auto step = [&]() -> ErrorOr<void> {
      ManyMessageHeader m = TRY(messages.read(i));
      uint64_t n = TRY(send_message(*socket, m.header, flags));
      return UserOut<uint32_t>{messages.address + i * sizeof m + offsetof(ManyMessageHeader, length)}.write(uint32_t(n));
    }();
    if (!step) return i ? Result(i) : fail(step.error());
  }
  return count;
}

Result sys_recvmmsg(int descriptor, UserIn<ManyMessageHeader> messages, uint32_t count, uint32_t flags, UserIn<TimeSpec> timeout) {
  Ref<Socket> socket = TRY(current_socket(descriptor));
  uint64_t until = NoDeadline;
  if (timeout) {
    TimeSpec t = TRY(timeout.read());
    if (!t.valid()) return fail(Errno::Invalid);
    until = ticks_now() + tick_rate().from(t);
  }
  count = std::min(count, MaxMessages);
  for (uint32_t i = 0; i < count; i++) {
    auto step = [&]() -> ErrorOr<void> {
      ManyMessageHeader m = TRY(messages.read(i));
      m.length = uint32_t(TRY(receive_message(*socket, m.header, flags & ~mf::WaitForOne)));
      return UserOut<ManyMessageHeader>{messages.address}.write(m, i);
    }();
    if (!step) return i ? Result(i) : fail(step.error());
    if (flags & mf::WaitForOne) flags |= mf::DontWait;
    // recvmmsg(2), BUGS: the timeout is looked at after each message.
    if (ticks_now() >= until) return i + 1;
  }
  return count;
}

}  // namespace pl
