// SPDX-License-Identifier: BSD-2-Clause
#include "strace/message.h"

#include <fmt/format.h>

#include <algorithm>

#include "strace/names.h"
#include "strace/structure.h"

namespace pl {
namespace {

constexpr size_t kShownBytes = 32;  // of a string or a buffer, as strace's own default
constexpr size_t kVector = 16, kHeader = 56, kManyHeader = 64;
constexpr Name kFlags[] = {{1, "MSG_OOB"}, {2, "MSG_PEEK"}, {4, "MSG_DONTROUTE"}, {8, "MSG_CTRUNC"}, {0x10, "MSG_PROBE"}, {0x20, "MSG_TRUNC"}, {0x40, "MSG_DONTWAIT"},
                           {0x80, "MSG_EOR"}, {0x100, "MSG_WAITALL"}, {0x800, "MSG_CONFIRM"}, {0x2000, "MSG_ERRQUEUE"}, {0x4000, "MSG_NOSIGNAL"}, {0x8000, "MSG_MORE"},
                           {0x10000, "MSG_WAITFORONE"}, {0x40000000, "MSG_CMSG_CLOEXEC"}};
constexpr Name kLevels[] = {{0, "SOL_IP"}, {1, "SOL_SOCKET"}, {6, "SOL_TCP"}, {17, "SOL_UDP"}, {41, "SOL_IPV6"}};
constexpr uint32_t kSocketLevel = 1, kRights = 1, kCredentials = 2;

std::string pointer(uint64_t value) { return value ? fmt::format("{:#x}", value) : "NULL"; }

std::string control_data(uint32_t level, uint32_t type, std::string_view b) {
  if (level != kSocketLevel || (type != kRights && type != kCredentials)) return fmt::format("cmsg_type={:#x}, cmsg_data={}", type, quoted(b));
  if (type == kCredentials)
    return fmt::format("cmsg_type=SCM_CREDENTIALS, cmsg_data={{pid={}, uid={}, gid={}}}", at<int32_t>(b, 0), at<uint32_t>(b, 4), at<uint32_t>(b, 8));
  std::string text = "cmsg_type=SCM_RIGHTS, cmsg_data=[";
  for (size_t i = 0; i + 4 <= b.size(); i += 4) text += fmt::format("{}{}", i ? ", " : "", at<int32_t>(b, i));
  return text + "]";
}

// `bytes`: its whole length, of which `b` was told.
std::string control(std::string_view b, uint64_t bytes) {
  constexpr uint64_t kHead = 16;
  std::string text = "[";
  bool more = bytes > b.size();
  for (size_t offset = 0; offset + kHead <= b.size();) {
    const auto length = at<uint64_t>(b, offset);
    const auto level = at<uint32_t>(b, offset + 8), type = at<uint32_t>(b, offset + 12);
    if (offset) text += ", ";
    text += fmt::format("{{cmsg_len={}, cmsg_level={}, ", length, one_of(kLevels, level));
    if (length < kHead) return text + fmt::format("cmsg_type={:#x}}}]", type);
    text += control_data(level, type, b.substr(offset + kHead, length - kHead)) + "}";
    if (length > b.size() - offset) break;
    offset += (length + 7) & ~uint64_t{7};
    more = more && offset < bytes;
  }
  return text + (more ? ", ...]" : "]");
}

}  // namespace

std::string socket_level(uint64_t value) { return one_of(kLevels, value); }

std::string socket_option(uint64_t level, uint64_t option) {
  // uapi asm-generic/socket.h; linux/tcp.h; linux/in6.h
  constexpr Name socket[] = {{1, "SO_DEBUG"}, {2, "SO_REUSEADDR"}, {3, "SO_TYPE"}, {4, "SO_ERROR"}, {5, "SO_DONTROUTE"}, {6, "SO_BROADCAST"}, {7, "SO_SNDBUF"},
                             {8, "SO_RCVBUF"}, {9, "SO_KEEPALIVE"}, {10, "SO_OOBINLINE"}, {12, "SO_PRIORITY"}, {13, "SO_LINGER"}, {15, "SO_REUSEPORT"}, {16, "SO_PASSCRED"},
                             {17, "SO_PEERCRED"}, {18, "SO_RCVLOWAT"}, {19, "SO_SNDLOWAT"}, {20, "SO_RCVTIMEO_OLD"}, {21, "SO_SNDTIMEO_OLD"}, {30, "SO_ACCEPTCONN"},
                             {38, "SO_PROTOCOL"}, {39, "SO_DOMAIN"}};
  constexpr Name tcp[] = {{1, "TCP_NODELAY"}, {2, "TCP_MAXSEG"}, {3, "TCP_CORK"}, {4, "TCP_KEEPIDLE"}, {5, "TCP_KEEPINTVL"}, {6, "TCP_KEEPCNT"}, {9, "TCP_DEFER_ACCEPT"},
                          {11, "TCP_INFO"}, {12, "TCP_QUICKACK"}, {18, "TCP_USER_TIMEOUT"}, {23, "TCP_FASTOPEN"}};
  constexpr Name ipv6[] = {{26, "IPV6_V6ONLY"}};
  switch (level) {
    case 1: return one_of(socket, option);
    case 6: return one_of(tcp, option);
    case 41: return one_of(ipv6, option);
    default: return fmt::format("{}", option);
  }
}

std::string message_flags(uint64_t value, std::string_view none) { return flags_of(kFlags, value, none); }

std::string vectors_text(std::string_view b, uint64_t count, Moved moved) {
  std::string text = "[";
  size_t i = 0;
  for (; i < count && (i + 1) * kVector <= b.size(); ++i) {
    const auto base = at<uint64_t>(b, i * kVector), length = at<uint64_t>(b, i * kVector + 8);
    const uint64_t part = std::min(length, moved.bytes);
    if (moved.bytes != kAllMoved) moved.bytes -= part;
    const std::string_view bytes = moved.memory.from(base).substr(0, std::min<uint64_t>(part, kShownBytes));
    const bool shown = moved.known && base && (!part || !bytes.empty());
    text += fmt::format("{}{{iov_base={}{}, iov_len={}}}", i ? ", " : "", shown ? quoted(bytes) : pointer(base), shown && part > bytes.size() ? "..." : "", length);
  }
  return text + (i < count ? ", ...]" : "]");
}

std::string message_text(std::string_view before, std::string_view b, const Moved& moved) {
  const auto name = at<uint64_t>(b, 0), vectors = at<uint64_t>(b, 16), count = at<uint64_t>(b, 24), controls = at<uint64_t>(b, 32), control_bytes = at<uint64_t>(b, 40);
  const auto name_bytes = at<uint32_t>(b, 8), name_room = at<uint32_t>(before, 8), flags = at<uint32_t>(b, 48);
  const Memory& memory = moved.memory;
  const auto address = moved.known && name_bytes ? address_text(memory.from(name).substr(0, name_bytes)) : std::nullopt;
  std::string text = fmt::format("{{msg_name={}, msg_namelen=", address ? *address : pointer(name));
  text += name_room == name_bytes ? fmt::format("{}", name_bytes) : fmt::format("{} => {}", name_room, name_bytes);
  const std::string_view array = memory.from(vectors).substr(0, std::min<uint64_t>(count, 1024) * kVector);
  text += fmt::format(", msg_iov={}, msg_iovlen={}", count && array.empty() ? pointer(vectors) : vectors_text(array, count, moved), count);
  const std::string_view told = memory.from(controls).substr(0, control_bytes);
  if (controls && control_bytes) text += fmt::format(", msg_control={}", moved.known && !told.empty() ? control(told, control_bytes) : pointer(controls));
  return text + fmt::format(", msg_controllen={}, msg_flags={}}}", control_bytes, message_flags(flags, ""));
}

std::string messages_text(std::string_view before, std::string_view b, uint64_t count, bool filled, const Moved& moved) {
  std::string text = "[";
  size_t i = 0;
  for (; i < count && (i + 1) * kManyHeader <= b.size(); ++i) {
    const std::string_view one = b.substr(i * kManyHeader, kManyHeader);
    const auto length = at<uint32_t>(one, kHeader);
    const std::string_view passed = (i + 1) * kManyHeader <= before.size() ? before.substr(i * kManyHeader, kHeader) : one;
    text += fmt::format("{}{{msg_hdr={}", i ? ", " : "", message_text(passed, one, {moved.memory, moved.known, filled ? length : kAllMoved}));
    text += fmt::format(", msg_len={}}}", length);
  }
  return text + (i < count ? ", ...]" : "]");
}

std::string strings_text(std::string_view b, const Memory& memory) {
  constexpr size_t kMost = 32;
  std::string text = "[";
  for (size_t i = 0; i < kMost && (i + 1) * 8 <= b.size(); ++i) {
    const auto place = at<uint64_t>(b, i * 8);
    if (!place) return text + "]";
    const std::string_view told = memory.from(place);
    const size_t end = std::min({told.find('\0'), kShownBytes, told.size()});
    text += i ? ", " : "";
    text += told.empty() ? pointer(place) : quoted(told.substr(0, end)) + (end == kShownBytes && told.size() > end && told[end] ? "..." : "");
  }
  return text + ", ...]";
}

}  // namespace pl
