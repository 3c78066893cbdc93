// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "daemon/console.h"

using namespace pl::machine;

Test(console, a_kernel_panic_is_the_systems_last_word) {
  Console console{Descriptor()};
  console.print("[    0.1] all is well\n[    0.2] Kernel pa");
  cr_expect(!console.last_words());
  console.print("nic - not syncing: no init\r\n[    0.3] more\n");
  cr_assert(console.last_words().has_value());
  cr_expect_str_eq(console.last_words()->c_str(), "Kernel panic - not syncing: no init");
  cr_expect_str_eq(console.last_line().c_str(), "[    0.3] more");
}

Test(console, so_is_a_trap_in_the_firmware) {
  Console console{Descriptor()};
  console.print("sbi_trap_error: hart0: trap0: illegal instruction handler failed (error -2)\n");
  cr_expect(console.last_words().has_value());
}

Test(console, the_daemons_own_lines_are_not_the_machines) {
  Console console{Descriptor()};
  console.note("Kernel panic, says nobody");
  cr_expect(!console.last_words());
  cr_expect(console.last_line().empty());
}

Test(console, a_line_without_end_takes_no_memory_without_end) {
  Console console{Descriptor()};
  for (int i = 0; i < 10000; ++i) console.print("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
  console.print("\n");
  cr_expect_leq(console.last_line().size(), 512u);
}
