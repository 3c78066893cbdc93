// SPDX-License-Identifier: BSD-2-Clause
// Texts of /proc/net and /proc/sys/net.
#pragma once

#include "fs/text.h"

namespace pl::proc {

void tcp(Text& text);
void tcp6(Text& text);
void udp(Text& text);
void udp6(Text& text);
void unix_sockets(Text& text);
void interfaces(Text& text);  // /proc/net/dev
void port_range(Text& text);  // net.ipv4.ip_local_port_range
void line_limit(Text& text);  // net.core.somaxconn

}  // namespace pl::proc
