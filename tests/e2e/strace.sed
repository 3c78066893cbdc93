# SPDX-License-Identifier: BSD-2-Clause
# What may differ between two accounts of tests/programs/traced-calls; sed -E -z.
s/(^|\n)(\[pid +3\]|pl-run:|execve\("[^"]*traced-calls")[^\n]*//g
s/(^|\n)\[pid +[0-9]+\] /\1/g
s/ <unfinished \.\.\.>\n<\.\.\. [a-z0-9_]+ resumed>//g
s/0x[0-9a-f]{5,}/ADDRESS/g
s/(pid=|P_PID, |kill\(|rt_sigqueueinfo\()[0-9]+/\1PID/g
s/((getpid\(\)|set_tid_address\(ADDRESS\)|clone\([^\n]*\)) += )[0-9]+/\1PID/g
s/(, si_[us]time=[0-9]+( \/\* [0-9.]+ s \*\/)?)+//g
s/\) += /) = /g
s/^\n+//
