// SPDX-License-Identifier: BSD-2-Clause
// A board as its owner has it: Debian with Debian's kernel, our firmware, and what was installed. Each test boots one.
#include <criterion/criterion.h>

#include "../e2e/command.h"

// What the script writes, run as root on the board. as_user and as_stranger say who runs a command.
static std::string on_the_board(const std::string& script) {
  auto result = e2e::shell("tests/board/boot.sh build", {.input = script, .seconds = 350});
  cr_assert_eq(result.status, 0, "%s%s", result.out.c_str(), result.err.c_str());
  return result.out;
}

Test(native_debian, a_user_of_the_group_forks_a_shadow_and_gets_its_output_and_exit_status, .timeout = 400) {
  EXPECT_TEXT(on_the_board(R"(
cut -d. -f1 /etc/debian_version; uname -r | cut -d. -f1,2
for i in 1 2; do as_user pl-run --shadow hello again; echo "status $?"; done
as_user pl-run --shadow ./exit-with 7; echo "status $?"
as_user pl-run ./exit-with 8; echo "status $?"
as_user pl-run ./busybox sh -c 'kill -9 $$'; echo "status $?"
as_user pl-run ./nothing 2>/dev/null; echo "status $?"
)"),
              "13\n6.12\n"
              "Hello from an enclave.\nargument 1: again\nstatus 0\n"
              "Hello from an enclave.\nargument 1: again\nstatus 0\n"
              "status 7\nstatus 8\nstatus 137\nstatus 127\n");
}

Test(native_debian, a_directory_of_the_board_is_shown_to_a_program_and_written_by_it, .timeout = 400) {
  EXPECT_TEXT(on_the_board(R"(
mkdir -m 777 work; echo question >work/in
as_user pl-run --shadow -v "$PWD/work:/work" -w /work ./busybox sh -c 'cat in; echo answer >out'; echo "status $?"
cat work/out; stat -c %u work/out
as_user pl-run -v "$PWD/work:/work:ro" ./busybox sh -c 'echo no >/work/in' 2>/dev/null; echo "status $?"
)"),
              "question\nstatus 0\nanswer\n1000\nstatus 1\n");
}

Test(native_debian, the_device_is_the_groups_and_who_cannot_use_it_is_told_why, .timeout = 400) {
  EXPECT_TEXT(on_the_board(R"(
stat -c '%U %G %a' /dev/penglai
as_stranger pl-run --shadow hello; echo "status $?"
modprobe -r penglai
as_user pl-run --shadow hello; echo "status $?"
)"),
              "root penglai 660\n"
              "pl-run: no permission for /dev/penglai: it is for the group penglai\nstatus 125\n"
              "pl-run: no /dev/penglai: is the penglai module loaded?\nstatus 125\n");
}

Test(native_debian, the_module_stays_while_an_enclave_lives_or_a_template_is_kept, .timeout = 400) {
  EXPECT_TEXT(on_the_board(R"(
as_user pl-run ./busybox sh -c 'echo up; exec sleep 1000' >alive &
until [ -s alive ]; do sleep 0.1; done
rmmod penglai

kill %1; wait %1; echo "status $?"
rmmod penglai && echo gone
modprobe penglai; udevadm settle
as_user pl-run --shadow hello
rmmod penglai
as_user pl-template rm hello
rmmod penglai && echo gone
)"),
              "rmmod: ERROR: Module penglai is in use\nstatus 143\ngone\n"
              "Hello from an enclave.\nrmmod: ERROR: Module penglai is in use\ngone\n");
}
