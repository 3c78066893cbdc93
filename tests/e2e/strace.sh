#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# strace.sh BUILD: what strace says on the machine's own Linux, and pl-run --strace of an enclave, of the same program, without what may
# differ: shows where they do.
here=$(dirname "$0")
build=$(cd "$1" && pwd)
program=$build/tests/programs/traced-calls
said() { sed -E -z -f "$here/strace.sed"; }
"$build/bin/pl-machine" run -- sh -c "cd /host$build/tests/strace && ./ld-linux-riscv64-lp64d.so.1 --library-path . ./strace /host$program" 2>&1 >/dev/null | said >"$build/tests/strace/linux.txt"
"$build/bin/pl-run" --strace "$program" 2>&1 >/dev/null | said >"$build/tests/strace/enclave.txt"
grep -q 'killed by SIGTERM' "$build/tests/strace/linux.txt" || { cat "$build/tests/strace/linux.txt"; exit 2; }
diff "$build/tests/strace/linux.txt" "$build/tests/strace/enclave.txt"
