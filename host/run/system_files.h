// SPDX-License-Identifier: BSD-2-Clause
// The few files of a system that programs look for, where the user gave no root of their own.
#pragma once

#include <string_view>

namespace pl {

struct SystemFile {
  std::string_view path, content;
};
inline constexpr SystemFile kSystemFiles[] = {
    {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"/etc/group", "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"},
    {"/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"},
    {"/etc/hostname", "penglai\n"},
    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"},
};

}  // namespace pl
