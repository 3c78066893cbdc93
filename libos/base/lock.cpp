// SPDX-License-Identifier: BSD-2-Clause
#include "base/lock.h"

#include "arch/context.h"
#include "base/log.h"

namespace pl::detail {

PL_HOT_FRESH constinit std::atomic<uint32_t> lock_words[unsigned(Rank::Count)][WordsPerRank]{};

#ifdef PL_CHECKED
void check_acquire(Rank rank) {
  uint32_t& held = this_context().locks_held;
  if (held >> unsigned(rank)) panic("lock of rank %u taken while holding %x", unsigned(rank), held);
  held |= 1u << unsigned(rank);
}

void check_release(Rank rank) { this_context().locks_held &= ~(1u << unsigned(rank)); }

void check_none_held(const char* where) {
  if (uint32_t held = this_context().locks_held) panic("%s while holding locks %x", where, held);
}
#endif

}  // namespace pl::detail
