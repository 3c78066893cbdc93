// SPDX-License-Identifier: BSD-2-Clause
// Numbers of Linux's socket interface on riscv64 (uapi asm-generic/socket.h, linux/socket.h, in.h, in6.h, tcp.h).
#pragma once

#include <cstdint>

namespace pl {

namespace family {
constexpr int Unspecified = 0, Unix = 1, Inet = 2, Inet6 = 10, Netlink = 16;
}

namespace socket_type {
constexpr int Stream = 1, Datagram = 2, Raw = 3, SequencedPacket = 5, Mask = 0xf;
}

namespace protocol {
constexpr int Ip = 0, Tcp = 6, Udp = 17, Ipv6 = 41;
}

namespace message_flag {
constexpr uint32_t OutOfBand = 1, Peek = 2, DontRoute = 4, ControlTruncated = 8, Truncated = 0x20, DontWait = 0x40, EndOfRecord = 0x80,
                   WaitAll = 0x100, Confirm = 0x800, ErrorQueue = 0x2000, NoSignal = 0x4000, More = 0x8000, WaitForOne = 0x10000,
                   CloseOnExec = 0x40000000;
}

namespace socket_level {
constexpr int Socket = 1, Ip = 0, Tcp = 6, Udp = 17, Ipv6 = 41, Netlink = 270;
}

namespace socket_option {
constexpr int Debug = 1, ReuseAddress = 2, Type = 3, Error = 4, DontRoute = 5, Broadcast = 6, SendBuffer = 7, ReceiveBuffer = 8,
              KeepAlive = 9, OutOfBandInline = 10, NoCheck = 11, Priority = 12, Linger = 13, ReusePort = 15, PassCredentials = 16,
              PeerCredentials = 17, ReceiveLowWater = 18, SendLowWater = 19, ReceiveTimeout = 20, SendTimeout = 21, BindToDevice = 25, Timestamp = 29,
              AcceptConnections = 30, PeerSecurity = 31, SendBufferForce = 32, ReceiveBufferForce = 33, Mark = 36, Protocol = 38,
              Domain = 39, PeekOffset = 42, ReceiveTimeoutNew = 66, SendTimeoutNew = 67;
}

namespace control_type {  // of SOL_SOCKET
constexpr int Rights = 1, Credentials = 2;
}

namespace shut {
constexpr uint8_t Receive = 1, Send = 2, Both = 3;
}

struct PeerIdentity { int32_t pid; uint32_t uid, gid; };  // struct ucred

struct ControlHeader { uint64_t length; int32_t level, type; };  // struct cmsghdr
constexpr uint64_t control_space(uint64_t bytes) { return (sizeof(ControlHeader) + bytes + 7) & ~uint64_t(7); }

struct MessageHeader {  // struct msghdr
  uint64_t name;
  uint32_t name_bytes, pad1;
  uint64_t vectors, vector_count, control, control_bytes;
  uint32_t flags, pad2;
};
static_assert(sizeof(MessageHeader) == 56);
struct ManyMessageHeader {  // struct mmsghdr
  MessageHeader header;
  uint32_t length, pad;
};
static_assert(sizeof(ManyMessageHeader) == 64);

}  // namespace pl
