// SPDX-License-Identifier: BSD-2-Clause
// Part of every unit test: what the sanitizers find in Criterion itself is not ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libcriterion.so\n"; }
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }
