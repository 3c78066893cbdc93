// SPDX-License-Identifier: BSD-2-Clause
// getsockopt(2) and setsockopt(2). Options that would steer packets are remembered: there are none to steer.
#include <algorithm>
#include <cstring>

#include "fs/context.h"
#include "net/socket.h"

namespace pl {

namespace {

// What is remembered and changes nothing, with what it is at first and the values it may have.
struct RememberedOption {
  uint8_t family;  // 0: all; else this one only
  uint16_t level;
  uint8_t name;
  int first, least, most;
  int socket_protocol;  // 0: all
};
constexpr int Any = INT32_MAX;
namespace lv = socket_level;
constexpr RememberedOption options[] = {
    {0, lv::Socket, socket_option::Debug, 0, 0, 1, 0},
    {0, lv::Socket, socket_option::DontRoute, 0, 0, 1, 0},
    {0, lv::Socket, socket_option::Broadcast, 0, 0, 1, 0},
    {0, lv::Socket, socket_option::KeepAlive, 0, 0, 1, 0},
    {0, lv::Socket, socket_option::OutOfBandInline, 0, 0, 1, 0},
    {0, lv::Socket, socket_option::Priority, 0, 0, 6, 0},
    {0, lv::Tcp, 1 /* NODELAY */, 0, 0, 1, protocol::Tcp},
    {0, lv::Tcp, 2 /* MAXSEG */, 65483, 88, 65535, protocol::Tcp},
    {0, lv::Tcp, 3 /* CORK */, 0, 0, 1, protocol::Tcp},
    {0, lv::Tcp, 4 /* KEEPIDLE */, 7200, 1, 32767, protocol::Tcp},
    {0, lv::Tcp, 5 /* KEEPINTVL */, 75, 1, 32767, protocol::Tcp},
    {0, lv::Tcp, 6 /* KEEPCNT */, 9, 1, 127, protocol::Tcp},
    {0, lv::Tcp, 7 /* SYNCNT */, 6, 1, 127, protocol::Tcp},
    {0, lv::Tcp, 8 /* LINGER2 */, 60, -1, Any, protocol::Tcp},
    {0, lv::Tcp, 9 /* DEFER_ACCEPT */, 0, 0, Any, protocol::Tcp},
    {0, lv::Tcp, 10 /* WINDOW_CLAMP */, 0, 0, Any, protocol::Tcp},
    {0, lv::Tcp, 12 /* QUICKACK */, 1, 0, 1, protocol::Tcp},
    {0, lv::Tcp, 18 /* USER_TIMEOUT */, 0, 0, Any, protocol::Tcp},
    {0, lv::Tcp, 23 /* FASTOPEN */, 0, 0, Any, protocol::Tcp},
    {0, lv::Ip, 1 /* TOS */, 0, 0, 255, 0},
    {0, lv::Ip, 2 /* TTL */, 64, 1, 255, 0},
    {0, lv::Ip, 10 /* MTU_DISCOVER */, 1, 0, 5, 0},
    {0, lv::Ip, 11 /* RECVERR */, 0, 0, 1, 0},
    {0, lv::Ip, 15 /* FREEBIND */, 0, 0, 1, 0},
    {0, lv::Ip, 24 /* BIND_ADDRESS_NO_PORT */, 0, 0, 1, 0},
    {0, lv::Ip, 33 /* MULTICAST_TTL */, 1, -1, 255, protocol::Udp},
    {0, lv::Ip, 34 /* MULTICAST_LOOP */, 1, 0, 1, protocol::Udp},
    {0, lv::Ip, 49 /* MULTICAST_ALL */, 1, 0, 1, 0},
    {family::Inet6, lv::Ipv6, 16 /* UNICAST_HOPS */, 64, -1, 255, 0},
    {family::Inet6, lv::Ipv6, 18 /* MULTICAST_HOPS */, 1, -1, 255, protocol::Udp},
    {family::Inet6, lv::Ipv6, 19 /* MULTICAST_LOOP */, 1, 0, 1, protocol::Udp},
    {family::Inet6, lv::Ipv6, 29 /* MULTICAST_ALL */, 1, 0, 1, 0},
    {family::Inet6, lv::Ipv6, 25 /* RECVERR */, 0, 0, 1, 0},
    {family::Inet6, lv::Ipv6, 67 /* TCLASS */, 0, -1, 255, 0},
};
constexpr size_t OptionCount = sizeof options / sizeof *options;

int find_remembered(const Endpoint& e, int level, int name) {
  for (size_t i = 0; i < OptionCount; i++) {
    const RememberedOption& o = options[i];
    if (o.level != level || o.name != name) continue;
    if (level != lv::Socket && e.family != family::Inet && e.family != family::Inet6) continue;
    if ((o.family && o.family != e.family) || (o.socket_protocol && o.socket_protocol != e.protocol)) continue;
    return int(i);
  }
  return -1;
}

constexpr int IPv6Only = 26, TcpInformation = 11, TcpCongestion = 13;
constexpr uint32_t LeastBuffer = 4608, MostBuffer = 212992;

struct TimeValueRecord { int64_t seconds, microseconds; };

}  // namespace

bool Socket::takes_urgent_inline() const {
  return remembered_ && remembered_[find_remembered(*endpoint_, lv::Socket, socket_option::OutOfBandInline)];
}

void Socket::forget_remembered() {
  if (remembered_) heap_free(std::exchange(remembered_, nullptr), OptionCount * sizeof(int), alignof(int));
}

ErrorOr<void> Socket::set_option(int level, int name, UserAddress value, uint32_t bytes) {
  namespace o = socket_option;
  Endpoint& me = *endpoint_;
  if (int32_t(bytes) < 0) return fail(Errno::Invalid);
  if (level == lv::Socket) {
    switch (name) {
      case o::Linger: {
        if (bytes < 8) return fail(Errno::Invalid);
        struct { int32_t on, seconds; } l;
        TRY(copy_from_user(&l, value, sizeof l));
        linger_ = l.on ? std::max(l.seconds, 0) : -1;
        return {};
      }
      case o::ReceiveTimeout: case o::SendTimeout: case o::ReceiveTimeoutNew: case o::SendTimeoutNew: {
        if (bytes < sizeof(TimeValueRecord)) return fail(Errno::Invalid);
        auto t = TRY(UserIn<TimeValueRecord>{value}.read());
        if (t.microseconds < 0 || t.microseconds >= 1'000'000) return fail(Errno::Domain);
        uint64_t ticks = t.seconds < 0 ? 1 : tick_rate().from(TimeSpec{t.seconds, t.microseconds * 1000});
        (name == o::SendTimeout || name == o::SendTimeoutNew ? send_timeout_ : receive_timeout_) = ticks;
        return {};
      }
      case o::BindToDevice: {
        char device[16] = {};  // IFNAMSIZ
        TRY(copy_from_user(device, value, std::min<size_t>(bytes, sizeof device - 1)));
        const std::string_view wanted(device);
        if (!wanted.empty() && wanted != "lo") return fail(Errno::NoDevice);
        bound_to_device_ = !wanted.empty();
        return {};
      }
      case o::Type: case o::Error: case o::AcceptConnections: case o::PeerCredentials: case o::Protocol: case o::Domain:
        return fail(Errno::NoProtocolOption);
    }
  }
  // The only text: the one way of congestion control that there is.
  if (level == lv::Tcp && name == TcpCongestion && me.is_tcp()) {
    char text[16] = {};
    TRY(copy_from_user(text, value, std::min<size_t>(bytes, sizeof text - 1)));
    return std::string_view(text) == "cubic" || std::string_view(text) == "reno" ? ErrorOr<void>() : fail(Errno::NoEntry);
  }
  int number = 0;
  if (bytes < sizeof number) {
    // The old options of IP may be a byte.
    if (level != lv::Ip || bytes < 1) return fail(Errno::Invalid);
    number = TRY(UserIn<uint8_t>{value}.read());
  } else {
    number = TRY(UserIn<int>{value}.read());
  }
  if (level == lv::Socket) {
    bool on = number != 0;
    switch (name) {
      case o::ReuseAddress: me.reuse_address = on; return {};
      case o::ReusePort: me.reuse_port = on; return {};
      case o::PassCredentials:
        if (!me.is_unix()) return fail(Errno::NotSupported);
        pass_credentials = on;
        return {};
      // Linux doubles what is asked for, to have room for its own (socket(7)).
      case o::SendBuffer: case o::SendBufferForce: case o::ReceiveBuffer: case o::ReceiveBufferForce: {
        bool force = name == o::SendBufferForce || name == o::ReceiveBufferForce;
        if (force && !current_file_credentials().has(Capability::NetworkAdministration)) return fail(Errno::Perm);
        uint32_t wanted = number < 0 ? MostBuffer : uint32_t(number);
        if (!force) wanted = std::min(wanted, MostBuffer);
        wanted = std::min<uint32_t>(wanted, INT32_MAX / 2);
        bool send = name == o::SendBuffer || name == o::SendBufferForce;
        (send ? me.send_limit : me.receive_limit) = std::max(wanted * 2, send ? LeastBuffer : LeastBuffer / 2);
        return {};
      }
      case o::ReceiveLowWater: low_water_ = number < 0 ? INT32_MAX : number ? number : 1; return {};
      case o::SendLowWater: return fail(Errno::NoProtocolOption);
      case o::PeekOffset:
        if (me.is_tcp() || me.family == family::Netlink) return fail(Errno::NotSupported);
        peek_offset_ = number;
        return {};
    }
  }
  if (level == lv::Ipv6 && name == IPv6Only && me.family == family::Inet6) {
    if (me.named) return fail(Errno::Invalid);
    me.only_v6 = number != 0;
    return {};
  }
  int index = find_remembered(me, level, name);
  if (index < 0) return fail(Errno::NoProtocolOption);
  const RememberedOption& option = options[index];
  if (option.least == 0 && option.most == 1) number = number != 0;
  if (number == -1 && option.least == -1 && level != lv::Tcp) number = option.first;
  if (number < option.least || number > option.most) return fail(Errno::Invalid);
  if (!remembered_) {
    auto memory = static_cast<int*>(heap_allocate(OptionCount * sizeof(int), alignof(int)));
    if (!memory) return fail(Errno::NoMemory);
    for (size_t i = 0; i < OptionCount; i++) memory[i] = options[i].first;
    remembered_ = memory;
  }
  remembered_[index] = number;
  return {};
}

ErrorOr<void> Socket::get_option(int level, int name, UserAddress value, UserAddress length) {
  namespace o = socket_option;
  Endpoint& me = *endpoint_;
  int32_t room = TRY(UserIn<int32_t>{length}.read());
  if (room < 0) return fail(Errno::Invalid);
  auto give = [&](const void* from, size_t bytes) -> ErrorOr<void> {
    size_t n = std::min(size_t(room), bytes);
    TRY(copy_to_user(value, from, n));
    return UserOut<uint32_t>{length}.write(uint32_t(n));
  };
  auto number = [&](int n) { return give(&n, sizeof n); };
  if (level == lv::Socket) {
    switch (name) {
      case o::Type: return number(me.type);
      case o::Domain: return number(me.family);
      case o::Protocol: return number(me.protocol);
      case o::AcceptConnections: return number(me.state == SocketState::Listening);
      case o::Error: {
        int error;
        {
          NetworkLocked lock;
          error = int(me.take_error());
        }
        return number(error);
      }
      case o::ReuseAddress: return number(me.reuse_address);
      case o::ReusePort: return number(me.reuse_port);
      case o::PassCredentials: return number(pass_credentials);
      case o::SendBuffer: return number(int(me.send_limit));
      case o::ReceiveBuffer: return number(int(me.receive_limit));
      case o::ReceiveLowWater: return number(low_water_);
      case o::SendLowWater: return number(1);
      case o::PeekOffset: return me.is_tcp() || me.family == family::Netlink ? fail(Errno::NotSupported) : number(peek_offset_);
      case o::BindToDevice:
        if (bound_to_device_ && room < 16) return fail(Errno::Invalid);
        return give("lo", bound_to_device_ ? 3 : 0);
      case o::Linger: {
        int l[2] = {linger_ >= 0, linger_ >= 0 ? linger_ : 0};
        return give(l, sizeof l);
      }
      case o::ReceiveTimeout: case o::SendTimeout: case o::ReceiveTimeoutNew: case o::SendTimeoutNew: {
        uint64_t ns = tick_rate().to_nanoseconds(name == o::SendTimeout || name == o::SendTimeoutNew ? send_timeout_ : receive_timeout_);
        TimeSpec t = to_timespec(ns);
        TimeValueRecord r{t.seconds, t.nanoseconds / 1000};
        return give(&r, sizeof r);
      }
      case o::PeerCredentials: {
        if (!me.is_unix()) {
          PeerIdentity nobody{0, ~0u, ~0u};
          return give(&nobody, sizeof nobody);
        }
        PeerIdentity who = me.state == SocketState::Listening ? me.identity : me.peer_identity;
        if (!who.pid) who = {0, ~0u, ~0u};
        return give(&who, sizeof who);
      }
    }
  }
  if (level == lv::Ipv6 && name == IPv6Only && me.family == family::Inet6) return number(me.only_v6);
  if (level == lv::Tcp && me.is_tcp()) {
    if (name == TcpCongestion) {
      char text[16] = "cubic";
      return give(text, sizeof text);
    }
    if (name == TcpInformation) {
      // struct tcp_info: the state, and nothing that there would be packets for.
      uint8_t information[104] = {};
      information[0] = me.state == SocketState::Listening ? 10 : me.state == SocketState::Connecting ? 2 : me.state == SocketState::Idle ? 7
                       : me.shut == 0 ? 1 : me.shut == shut::Receive ? 8 : 4;
      return give(information, sizeof information);
    }
  }
  int index = find_remembered(me, level, name);
  if (index < 0) return fail(Errno::NoProtocolOption);
  int n = remembered_ ? remembered_[index] : options[index].first;
  if (level == lv::Ip && room > 0 && room < int(sizeof n) && n >= 0 && n <= 255) {
    uint8_t byte = uint8_t(n);
    return give(&byte, 1);
  }
  return number(n);
}

}  // namespace pl
