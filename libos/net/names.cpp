// SPDX-License-Identifier: BSD-2-Clause
#include "net/names.h"

#include "base/random.h"

namespace pl::names {

namespace {

using Row = List<Endpoint, &Endpoint::name_link>;
constexpr unsigned Rows = 64;
// Not hot: a program without sockets never touches it.
constinit Row rows[Rows]{};

Row& row_of(uint64_t key) { return rows[key % Rows]; }
uint64_t key_of(const Inode& inode) { return reinterpret_cast<uintptr_t>(&inode) >> 6; }
uint64_t key_of(const UnixName& name) {
  uint32_t h = 2166136261u;
  for (char c : name.view()) h = (h ^ uint8_t(c)) * 16777619u;
  return h ^ h >> 15;
}
Row& row_of(const Endpoint& e) {
  return row_of(e.is_unix() ? e.inode ? key_of(*e.inode) : key_of(e.local.name) : uint64_t(e.local.inet.port));
}

// Whether a socket that is bound to `mine` is meant by an address.
bool reaches(const Endpoint& e, const InetAddress& address) {
  const InetAddress& mine = e.local.inet;
  if (mine.same_host(address)) return true;
  if (!mine.is_any()) return false;
  return address.is_v4() ? e.family == family::Inet || (!mine.is_v4() && !e.only_v6) : !mine.is_v4();
}

// Which kinds of address a bound one takes: 1 IPv4, 2 IPv6.
int kinds(const InetAddress& a, bool only_v6) { return a.is_v4() ? 1 : a.is_any() && !only_v6 ? 3 : 2; }

}  // namespace

void add(Endpoint& e) {
  e.named = true;
  row_of(e).push_back(&e);
}

void remove(Endpoint& e) {
  if (!e.named) return;
  e.named = false;
  row_of(e).remove(&e);
}

Ref<Endpoint> find_path(const Inode& inode) {
  for (Endpoint& e : row_of(key_of(inode)))
    if (e.inode.get() == &inode) return Ref<Endpoint>(&e);
  return {};
}

Ref<Endpoint> find_abstract(const UnixName& name) {
  for (Endpoint& e : row_of(key_of(name)))
    if (e.is_unix() && !e.inode && e.local.name.view() == name.view()) return Ref<Endpoint>(&e);
  return {};
}

bool is_free(const Endpoint& endpoint, const InetAddress& address) {
  for (Endpoint& e : row_of(address.port)) {
    if (&e == &endpoint || e.is_unix() || e.protocol != endpoint.protocol || e.local.inet.port != address.port) continue;
    bool both = kinds(e.local.inet, e.only_v6) & kinds(address, endpoint.only_v6);
    if (!both || !(e.local.inet.is_any() || address.is_any() || e.local.inet.same_host(address))) continue;
    if (e.reuse_port && endpoint.reuse_port && e.owner_uid == endpoint.owner_uid) continue;
    if (e.reuse_address && endpoint.reuse_address && e.state != SocketState::Listening) continue;
    return false;
  }
  return true;
}

uint16_t free_port(const Endpoint& endpoint, InetAddress address) {
  constexpr uint32_t Count = LastFreePort - FirstFreePort + 1;
  uint32_t start = uint32_t(random::word() % Count);
  for (uint32_t i = 0; i < Count; i++) {
    address.port = uint16_t(FirstFreePort + (start + i) % Count);
    bool taken = false;
    for (Endpoint& e : row_of(address.port)) taken |= !e.is_unix() && e.protocol == endpoint.protocol && e.local.inet.port == address.port;
    if (!taken) return address.port;
  }
  return 0;
}

Ref<Endpoint> find_listener(const InetAddress& address) {
  Endpoint* best = nullptr;
  for (Endpoint& e : row_of(address.port)) {
    if (!e.is_tcp() || e.state != SocketState::Listening || e.local.inet.port != address.port || !reaches(e, address)) continue;
    // The one that says the address wins; of several that share a port, the one with the shortest line (SO_REUSEPORT).
    bool exact = e.local.inet.same_host(address), best_exact = best && best->local.inet.same_host(address);
    if (!best || (exact && !best_exact) || (exact == best_exact && e.pending_count < best->pending_count)) best = &e;
  }
  return Ref<Endpoint>(best);
}

Ref<Endpoint> find_receiver(const InetAddress& to, const InetAddress& from) {
  Endpoint* best = nullptr;
  int best_score = -1;
  for (Endpoint& e : row_of(to.port)) {
    if (e.protocol != protocol::Udp || e.local.inet.port != to.port || !reaches(e, to)) continue;
    int score = e.local.inet.same_host(to) ? 1 : 0;
    if (e.state == SocketState::Connected) {
      if (e.remote.inet != from) continue;
      score += 2;
    }
    if (score >= best_score) {  // the youngest of equals
      best = &e;
      best_score = score;
    }
  }
  return Ref<Endpoint>(best);
}

void for_each(bool (*visit)(void*, Endpoint&), void* context) {
  for (Row& row : rows)
    for (Endpoint& e : row)
      if (!visit(context, e)) return;
}

}  // namespace pl::names
