# SPDX-License-Identifier: BSD-2-Clause
# What may differ between two accounts of tests/programs/traced-calls; sed -E -z.
s/(^|\n)\[0\] execve\("[^"]*traced-calls"[^\n]*//g
s/0x[0-9a-f]{5,}/ADDRESS/g
s/(pid=|P_PID, |kill\(|rt_sigqueueinfo\(|wait4\()[0-9]+/\1PID/g
s/((getpid\(\)|gettid\(\)|wait4\([^\n]*\)|set_tid_address\(ADDRESS\)|clone\([^\n]*\)) += )[0-9]+/\1PID/g
s/parent_tid=\[[0-9]+\]/parent_tid=[PID]/g
s/(, si_[us]time=[0-9]+( \/\* [0-9.]+ s \*\/)?)+//g
s/\) += /) = /g
s/^\n+//
