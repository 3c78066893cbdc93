// SPDX-License-Identifier: BSD-2-Clause
// The parts of libbacktrace that read debugging information in memory (cmake/sources.txt); lines.cpp gives them that memory.
#include <dwarf.c>
#include <sort.c>
