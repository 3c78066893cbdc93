// SPDX-License-Identifier: BSD-2-Clause
#include "strace/call.h"

#include <algorithm>

namespace pl {

TracedCall traced_call(uint64_t number) {
  switch (number) {
#define PL_SYSCALL(number, name, handler, ...) case number: return {#name, #__VA_ARGS__};
#include "syscall/table.def"
#undef PL_SYSCALL
    default: return {};
  }
}

Parameter next_parameter(std::string_view& parameters) {
  const size_t end = std::min(parameters.find(','), parameters.size());
  std::string_view one = parameters.substr(0, end);
  parameters.remove_prefix(std::min(end + 1, parameters.size()));
  one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
  const size_t space = one.rfind(' ');
  if (space == one.npos) return {one, {}};
  return {one.substr(0, space), one.substr(space + 1)};
}

}  // namespace pl
