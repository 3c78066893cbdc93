// SPDX-License-Identifier: BSD-2-Clause
#include "net/netlink.h"

#include <cstring>

#include "net/inet.h"

namespace pl {

namespace {

constexpr int RouteProtocol = 0;
constexpr uint16_t MessageError = 2, MessageDone = 3, NewLink = 16, GetLink = 18, NewAddress = 20, GetAddress = 22, GetRoute = 26;
constexpr uint16_t FlagMulti = 2, FlagAcknowledge = 4, FlagDump = 0x300;
constexpr uint32_t LoopbackFlags = 0x1 | 0x8 | 0x40 | 0x10000;  // IFF_UP | LOOPBACK | RUNNING | LOWER_UP
constexpr int LoopbackIndex = 1, LoopbackType = 772, LoopbackUnit = 65536;

struct Header { uint32_t length; uint16_t type, flags; uint32_t sequence, port_id; };
struct LinkRecord { uint8_t family, pad; uint16_t type; int32_t index; uint32_t flags, change; };
struct AddressRecord { uint8_t family, prefix, flags, scope; uint32_t index; };

// A row of netlink messages, put together before they are sent.
class Reply {
 public:
  Reply(const Header& request, uint32_t port_id) : sequence_(request.sequence), port_id_(port_id) {}
  template <class T>
  void begin(uint16_t type, uint16_t flags, const T& body) {
    start_ = used_;
    Header h{0, type, flags, sequence_, port_id_};
    append(&h, sizeof h);
    append(&body, sizeof body);
    end();
  }
  void attribute(uint16_t type, const void* value, size_t bytes) {
    uint16_t header[2] = {uint16_t(4 + bytes), type};
    append(header, sizeof header);
    append(value, bytes);
    end();
  }
  void* bytes() { return memory_; }
  size_t size() const { return used_; }

 private:
  void append(const void* from, size_t n) {
    std::memcpy(memory_ + used_, from, n);
    used_ += n;
  }
  // Everything is aligned to four bytes, and the message is as long as it is now.
  void end() {
    while (used_ % 4) memory_[used_++] = std::byte();
    uint32_t length = uint32_t(used_ - start_);
    std::memcpy(memory_ + start_, &length, sizeof length);
  }
  alignas(8) std::byte memory_[512];
  size_t used_ = 0, start_ = 0;
  uint32_t sequence_, port_id_;
};

void add_link(Reply& reply) {
  reply.begin(NewLink, FlagMulti, LinkRecord{0, 0, LoopbackType, LoopbackIndex, LoopbackFlags, 0});
  reply.attribute(3 /* IFLA_IFNAME */, "lo", 3);
  int unit = LoopbackUnit;
  reply.attribute(4 /* IFLA_MTU */, &unit, sizeof unit);
  uint8_t hardware[6] = {};
  reply.attribute(1 /* IFLA_ADDRESS */, hardware, sizeof hardware);
  reply.attribute(2 /* IFLA_BROADCAST */, hardware, sizeof hardware);
}

void add_addresses(Reply& reply, uint8_t family) {
  constexpr uint8_t Permanent = 0x80, HostScope = 254;
  if (family != family::Inet6) {
    const uint8_t address[4] = {127, 0, 0, 1};
    reply.begin(NewAddress, FlagMulti, AddressRecord{family::Inet, 8, Permanent, HostScope, LoopbackIndex});
    reply.attribute(1 /* IFA_ADDRESS */, address, sizeof address);
    reply.attribute(2 /* IFA_LOCAL */, address, sizeof address);
    reply.attribute(3 /* IFA_LABEL */, "lo", 3);
  }
  if (family != family::Inet) {
    const uint8_t address[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    reply.begin(NewAddress, FlagMulti, AddressRecord{family::Inet6, 128, Permanent, HostScope, LoopbackIndex});
    reply.attribute(1 /* IFA_ADDRESS */, address, sizeof address);
  }
}

}  // namespace

ErrorOr<Ref<Socket>> create_netlink_socket(int type, int protocol, uint32_t flags) {
  if (type != socket_type::Raw && type != socket_type::Datagram) return fail(Errno::NoSocketType);
  if (protocol != RouteProtocol) return fail(Errno::NoProtocol);
  Ref<Endpoint> endpoint = TRY(make<Endpoint>(family::Netlink, type, RouteProtocol));
  return Ref<Socket>(TRY(make<NetlinkSocket>(std::move(endpoint), flags)));
}

ErrorOr<void> NetlinkSocket::bind(const SocketAddress& address) {
  if (address.family != family::Netlink) return fail(Errno::Invalid);
  if (!endpoint_->local.port_id) endpoint_->local.port_id = uint32_t(current_identity().pid);
  return {};
}

// To the kernel, which is who is there anyway.
ErrorOr<void> NetlinkSocket::connect(const SocketAddress& address) { return bind(address); }

ErrorOr<size_t> NetlinkSocket::send(Buffer& from, SendRequest&) {
  Endpoint& me = *endpoint_;
  Header request;
  size_t total = from.left();
  if (total < sizeof request) return total;
  TRY(from.take(&request, sizeof request));
  uint8_t family = 0;
  if (from.left()) TRY(from.take(&family, 1));
  if (!me.local.port_id) me.local.port_id = uint32_t(current_identity().pid);

  Reply reply(request, me.local.port_id);
  int error = 0;
  bool dump = request.flags & FlagDump;
  if (request.type == GetLink) add_link(reply);
  else if (request.type == GetAddress && dump) add_addresses(reply, family);
  else if (request.type != GetRoute || !dump) error = -int(Errno::NotSupported);
  if (error || (!dump && request.flags & FlagAcknowledge)) {
    struct { int32_t error; Header request; } body{error, request};
    reply.begin(MessageError, 0, body);
  } else if (dump) {
    reply.begin(MessageDone, FlagMulti, int32_t(0));
  }
  if (!reply.size()) return total;
  TRY(put(reply.bytes(), reply.size()));
  return total;
}

ErrorOr<void> NetlinkSocket::put(const void* bytes, size_t size) {
  Message* message = TRY(Message::create(size));
  Buffer from = Buffer::kernel(const_cast<void*>(bytes), size);
  if (auto filled = message->fill(from, size); !filled) {
    Message::destroy(message);
    return fail(filled.error());
  }
  NetworkLocked lock;
  endpoint_->put(message);
  return {};
}

// ---- the older way: SIOCGIF* (netdevice(7)) ----

ErrorOr<uint64_t> interface_ioctl(uint32_t command, UserAddress argument) {
  constexpr uint32_t GetName = 0x8910, GetConfiguration = 0x8912, GetFlags = 0x8913, GetIfAddress = 0x8915, GetBroadcast = 0x8919,
                     GetNetmask = 0x891b, GetMetric = 0x891d, GetUnit = 0x8921, GetHardware = 0x8927, GetIndex = 0x8933,
                     GetQueueLength = 0x8942;
  struct Request {  // struct ifreq
    char name[16];
    union {
      std::byte address[16];
      int32_t number;
      int16_t flags;
      uint64_t words[3];
    };
  };
  static_assert(sizeof(Request) == 40);
  auto set_address = [](Request& r, uint32_t host) {
    SocketAddress a;
    a.family = family::Inet;
    a.inet = InetAddress::v4(host, 0);
    std::byte raw[SocketAddress::Capacity];
    a.encode(raw);
    std::memcpy(r.address, raw, sizeof r.address);
  };
  if (command == GetConfiguration) {
    struct Configuration { int32_t length, pad; uint64_t requests; };
    auto c = TRY(UserIn<Configuration>{argument}.read());
    Request lo{};
    std::memcpy(lo.name, "lo", 3);
    set_address(lo, LoopbackV4);
    if (c.requests && c.length >= int32_t(sizeof lo)) TRY(UserOut<Request>{UserAddress(c.requests)}.write(lo));
    c.length = !c.requests || c.length >= int32_t(sizeof lo) ? int32_t(sizeof lo) : 0;
    TRY(UserOut<Configuration>{argument}.write(c));
    return 0;
  }
  if (command < GetName || command > GetQueueLength) return fail(Errno::NotTerminal);
  auto r = TRY(UserIn<Request>{argument}.read());
  if (command == GetName) {
    if (r.number != LoopbackIndex) return fail(Errno::NoDevice);
    std::memcpy(r.name, "lo", 3);
  } else {
    r.name[sizeof r.name - 1] = 0;
    if (std::string_view(r.name) != "lo") return fail(Errno::NoDevice);
    switch (command) {
      case GetFlags: r.flags = int16_t(LoopbackFlags); break;
      case GetIfAddress: set_address(r, LoopbackV4); break;
      case GetBroadcast: set_address(r, 0); break;
      case GetNetmask: set_address(r, 0xff000000); break;
      case GetMetric: r.number = 0; break;
      case GetUnit: r.number = LoopbackUnit; break;
      case GetHardware: {
        std::memset(r.address, 0, sizeof r.address);
        uint16_t type = LoopbackType;
        std::memcpy(r.address, &type, sizeof type);
        break;
      }
      case GetIndex: r.number = LoopbackIndex; break;
      case GetQueueLength: r.number = 1000; break;
      default: return fail(Errno::NotTerminal);
    }
  }
  TRY(UserOut<Request>{argument}.write(r));
  return 0;
}

}  // namespace pl
