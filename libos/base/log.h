// SPDX-License-Identifier: BSD-2-Clause
// Words for the user, in the ocall window: both end up on pl-run's standard error. Nothing secret goes in.
#pragma once

#include <cstdarg>
#include <cstddef>

namespace pl {

// printf's %s %c %d %u %x %lx %ld %lu %zu %p %%, widths, zero padding, %.*s. Always NUL-terminated; returns the length that it would
// have had, as snprintf does.
[[gnu::format(printf, 3, 4)]] size_t format(char* to, size_t capacity, const char* text, ...);
size_t format_list(char* to, size_t capacity, const char* text, va_list arguments);

// Appends a line to the window's log area (dropped when that is full until the next doorbell).
[[gnu::format(printf, 1, 2)]] void log_line(const char* text, ...);

// Ends the instance: the reason goes into the window, the monitor tells the host that there is one.
[[noreturn, gnu::format(printf, 1, 2)]] void panic(const char* text, ...);

}  // namespace pl
