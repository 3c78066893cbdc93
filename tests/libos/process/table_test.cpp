// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <map>
#include <set>
#include <string>

// The table alone, without what its handlers need.
namespace {
struct Row { int number; const char* name; const char* handler; };
#define PL_SYSCALL(number, name, handler, ...) {number, #name, #handler},
constexpr Row rows[] = {
#include "syscall/table.def"
};
#undef PL_SYSCALL
}  // namespace

Test(table, each_number_name_and_handler_stands_there_once) {
  std::set<int> numbers;
  std::set<std::string> names, handlers;
  for (const Row& row : rows) {
    cr_expect(numbers.insert(row.number).second, "%d %s", row.number, row.name);
    cr_expect(names.insert(row.name).second, "%s", row.name);
    cr_expect(handlers.insert(row.handler).second, "%s", row.handler);
    cr_expect(row.number >= 0 && row.number < 464);
    cr_expect(row.handler == std::string("sys_") + row.name, "%s", row.handler);
  }
}

// A few that every program makes: asm-generic/unistd.h.
Test(table, numbers_are_those_of_riscv64) {
  std::map<std::string, int> number;
  for (const Row& row : rows) number[row.name] = row.number;
  for (auto [name, value] : {std::pair{"read", 63}, {"write", 64}, {"exit_group", 94}, {"futex", 98}, {"clock_gettime", 113}, {"kill", 129},
                             {"rt_sigreturn", 139}, {"getppid", 173}, {"brk", 214}, {"clone", 220}, {"execve", 221}, {"mmap", 222},
                             {"wait4", 260}, {"prlimit64", 261}, {"getrandom", 278}, {"clone3", 435}})
    cr_expect_eq(number[name], value, "%s", name);
}
