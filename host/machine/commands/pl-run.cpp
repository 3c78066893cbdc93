// SPDX-License-Identifier: BSD-2-Clause
// pl-run on a machine that is not RISC-V: the command of the same name in the embedded machine.
#include "../client/session.h"

int main(int argc, char** argv) { return pl::machine::forward("pl-run", argc, argv); }
