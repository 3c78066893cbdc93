// SPDX-License-Identifier: BSD-2-Clause
// The bits that a call's parameter may have (accepted.def), for the handler that refuses the others. The names cost nothing: they are gone
// when the constants are made.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace pl::accepted {

struct Named { const char* name; uint64_t value; };
consteval uint64_t any_of(std::initializer_list<Named> all) {
  uint64_t bits = 0;
  for (const Named& one : all) bits |= one.value;
  return bits;
}

#define PL_FLAGS(call, parameter, refusal, ...) constexpr uint64_t call##_##parameter = any_of({__VA_ARGS__});
#define PL_VALUES(...)
#define PL_REFUSED(...)
#define PL_NOTE(...)
#include "syscall/accepted.def"
#undef PL_FLAGS
#undef PL_VALUES
#undef PL_REFUSED
#undef PL_NOTE

}  // namespace pl::accepted
