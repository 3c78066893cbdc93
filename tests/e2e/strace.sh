#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# strace.sh BUILD: what strace -f says on the machine's own Linux, and pl-run --strace of an enclave, of the same program, without what may
# differ: shows where they do. What processes and threads do at the same time comes in any order, so each one's lines stand together, in the
# order in which they came into being.
here=$(dirname "$0")
build=$(cd "$1" && pwd)
program=$build/tests/programs/traced-calls
out=$(mktemp -d "$build/tests/strace/XXXXXX") # in the machine too: /host
trap 'rm -rf "$out"' EXIT
said() {
	awk '{
		who = $1; sub(/^[0-9]+ +/, "")
		if (!(who in number)) { number[who] = count++; last[who] = "" }
		if (sub(/ <unfinished \.\.\.>$/, "")) { begun[who] = $0; next }
		if (match($0, /^<\.\.\. [a-z0-9_]+ resumed>/)) { $0 = begun[who] substr($0, RLENGTH + 1) }
		lines[number[who]] = lines[number[who]] "[" number[who] "] " $0 "\n"
	} END { for (i = 0; i < count; i++) printf "%s", lines[i] }' "$1" | sed -E -z -f "$here/strace.sed" >"$2"
}
"$build/bin/pl-machine" run -- sh -c "cd /host$build/tests/strace && ./ld-linux-riscv64-lp64d.so.1 --library-path . ./strace -f -o /host$out/linux.out /host$program" >/dev/null 2>&1
"$build/bin/pl-run" --strace -o "$out/enclave.out" "$program" >/dev/null 2>&1
said "$out/linux.out" "$out/linux.txt"
said "$out/enclave.out" "$out/enclave.txt"
grep -q 'killed by SIGTERM' "$out/linux.txt" || { cat "$out/linux.txt"; exit 2; }
diff "$out/linux.txt" "$out/enclave.txt"
