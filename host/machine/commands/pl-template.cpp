// SPDX-License-Identifier: BSD-2-Clause
// pl-template on a machine that is not RISC-V: the command of the same name in the embedded machine.
#include "../client/session.h"

int main(int argc, char** argv) { return pl::machine::forward("pl-template", argc, argv); }
