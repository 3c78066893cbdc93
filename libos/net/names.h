// SPDX-License-Identifier: BSD-2-Clause
// Who is reached under which name. One table: Unix paths (by inode) and abstract names, TCP and UDP ports. Under the network lock.
#pragma once

#include "net/endpoint.h"

namespace pl::names {

void add(Endpoint& endpoint);     // by its `local` name and `inode`
void remove(Endpoint& endpoint);  // if it is there

Ref<Endpoint> find_path(const Inode& inode);
Ref<Endpoint> find_abstract(const UnixName& name);

// True if `endpoint` may have this name: nobody has it, or all agree to share it (SO_REUSEADDR, SO_REUSEPORT).
bool is_free(const Endpoint& endpoint, const InetAddress& address);
// A port that nobody has, from the range of ip_local_port_range; 0: none is left.
uint16_t free_port(const Endpoint& endpoint, InetAddress address);
constexpr uint16_t FirstFreePort = 32768, LastFreePort = 60999;

Ref<Endpoint> find_listener(const InetAddress& address);
// Who gets a datagram that `from` sends to `to`.
Ref<Endpoint> find_receiver(const InetAddress& to, const InetAddress& from);

// For /proc/net: each endpoint with a name, until visit says false.
void for_each(bool (*visit)(void*, Endpoint&), void* context);

}  // namespace pl::names
