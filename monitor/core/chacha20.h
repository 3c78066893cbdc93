// SPDX-License-Identifier: BSD-2-Clause
// The ChaCha20 block function (RFC 8439, 2.3).
#pragma once

#include "core/types.h"

namespace pl {

struct ChaChaKey {
  u32 word[8];
};

// The first 12 words of the state are constants and key; the last four are the counter and nonce.
using ChaChaBlock = void (*)(const ChaChaKey& key, const u32 counter_and_nonce[4], u32 out[16]);
void chacha20_block(const ChaChaKey& key, const u32 counter_and_nonce[4], u32 out[16]);
// The same, built for harts with Zbb.
void chacha20_block_zbb(const ChaChaKey& key, const u32 counter_and_nonce[4], u32 out[16]);

}  // namespace pl
