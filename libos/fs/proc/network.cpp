// SPDX-License-Identifier: BSD-2-Clause
// /proc/net: the sockets that have a name (proc(5)).
#include "fs/proc/network.h"

#include "net/names.h"
#include "net/socket.h"

namespace pl::proc {

namespace {

uint64_t number_of(const Endpoint& e) { return e.socket ? e.socket->number() : 0; }

// include/net/tcp_states.h
unsigned state_of(const Endpoint& e) {
  constexpr unsigned Established = 1, SynSent = 2, FinWait2 = 5, Close = 7, CloseWait = 8, Listen = 10;
  switch (e.state) {
    case SocketState::Listening: return Listen;
    case SocketState::Connecting: return SynSent;
    case SocketState::Connected: return e.shut & shut::Send ? FinWait2 : e.shut & shut::Receive ? CloseWait : Established;
    case SocketState::Idle: return Close;
  }
  return Close;
}

void capital_hex(Text& t, uint64_t value, unsigned digits) {
  while (digits--) {
    char digit = "0123456789ABCDEF"[value >> 4 * digits & 15];
    t << std::string_view(&digit, 1);
  }
}

// Each word of an address as a number of this machine, as Linux prints it.
void address(Text& t, const InetAddress& a, int family) {
  for (int word = family == family::Inet ? 3 : 0; word < 4; word++)
    for (int byte = 3; byte >= 0; byte--) capital_hex(t, a.bytes[word * 4 + byte], 2);
  t << ":";
  capital_hex(t, a.port, 4);
}

struct Listing {
  Text& text;
  int family, protocol;
  unsigned count = 0;
};

void inet(Text& t, int family, int protocol) {
  t << (protocol == protocol::Udp ? " " : "") << "  sl  local_address" << (family == family::Inet6 ? "                        " : "") << " rem_address   "
    << (family == family::Inet6 ? "                        " : "") << "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode" << (protocol == protocol::Udp ? " ref pointer drops\n" : "\n");
  Listing listing{t, family, protocol};
  NetworkLocked lock;
  names::for_each([](void* context, Endpoint& e) {
    auto& l = *static_cast<Listing*>(context);
    if (e.family != l.family || e.protocol != l.protocol) return true;
    l.text.number(l.count++, 10, 4, ' ') << ": ";
    address(l.text, e.local.inet, e.family);
    l.text << " ";
    address(l.text, e.remote.inet, e.family);
    l.text << " ";
    capital_hex(l.text, state_of(e), 2);
    l.text << " ";
    capital_hex(l.text, e.charged, 8);
    l.text << ":";
    capital_hex(l.text, e.state == SocketState::Listening ? e.pending_count : e.queue.bytes(), 8);
    l.text << " 00:00000000 00000000 ";
    l.text.number(e.owner_uid, 10, 5, ' ') << "        0 " << number_of(e) << " 1 0000000000000000\n";
    return true;
  }, &listing);
}

}  // namespace

void tcp(Text& t) { inet(t, family::Inet, protocol::Tcp); }
void tcp6(Text& t) { inet(t, family::Inet6, protocol::Tcp); }
void udp(Text& t) { inet(t, family::Inet, protocol::Udp); }
void udp6(Text& t) { inet(t, family::Inet6, protocol::Udp); }

void unix_sockets(Text& t) {
  t << "Num       RefCount Protocol Flags    Type St Inode Path\n";
  NetworkLocked lock;
  names::for_each([](void* context, Endpoint& e) {
    auto& text = *static_cast<Text*>(context);
    if (!e.is_unix()) return true;
    bool listens = e.state == SocketState::Listening;
    text << "0000000000000000: 00000002 00000000 " << (listens ? "00010000" : "00000000") << " ";
    text.hex(uint64_t(e.type), 4) << (e.state == SocketState::Connected ? " 03 " : " 01 ");
    text.number(number_of(e), 10, 5, ' ') << " ";
    for (char c : e.local.name.view()) text << std::string_view(c ? &c : "@", 1);
    text << "\n";
    return true;
  }, &t);
}

void interfaces(Text& t) {
  t << "Inter-|   Receive                                                |  Transmit\n"
       " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
       "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0\n";
}

void port_range(Text& t) { t << uint64_t(names::FirstFreePort) << "\t" << uint64_t(names::LastFreePort) << "\n"; }
void line_limit(Text& t) { t << uint64_t(Socket::MaxBacklog) << "\n"; }

}  // namespace pl::proc
