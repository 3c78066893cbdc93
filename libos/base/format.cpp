// SPDX-License-Identifier: BSD-2-Clause
#include <cstdint>

#include "base/log.h"

namespace pl {
namespace {

struct Output {
  char* to;
  size_t capacity;
  size_t length = 0;

  void put(char c) {
    if (length + 1 < capacity) to[length] = c;
    length++;
  }
};

struct Directive {
  bool left = false, zero = false;
  int width = 0, precision = -1;
};

void put_padded(Output& out, const Directive& d, const char* prefix, const char* text, size_t length) {
  size_t prefix_length = 0;
  while (prefix[prefix_length]) prefix_length++;
  size_t pad = size_t(d.width) > length + prefix_length ? size_t(d.width) - length - prefix_length : 0;
  if (!d.left && !d.zero)
    for (; pad; pad--) out.put(' ');
  while (*prefix) out.put(*prefix++);
  if (!d.left)
    for (; pad; pad--) out.put('0');
  for (size_t i = 0; i < length; i++) out.put(text[i]);
  for (; pad; pad--) out.put(' ');
}

void put_number(Output& out, const Directive& d, const char* prefix, uint64_t value, unsigned base, bool capital) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    unsigned digit = value % base;
    digits[--at] = digit < 10 ? char('0' + digit) : char((capital ? 'A' : 'a') + digit - 10);
    value /= base;
  } while (value);
  put_padded(out, d, prefix, digits + at, sizeof digits - at);
}

}  // namespace

size_t format_list(char* to, size_t capacity, const char* text, va_list arguments) {
  Output out{to, capacity};
  for (; *text; text++) {
    if (*text != '%') {
      out.put(*text);
      continue;
    }
    Directive d;
    text++;
    for (; *text == '-' || *text == '0'; text++) (*text == '-' ? d.left : d.zero) = true;
    if (*text == '*') {
      d.width = va_arg(arguments, int);
      text++;
    }
    for (; *text >= '0' && *text <= '9'; text++) d.width = d.width * 10 + (*text - '0');
    if (*text == '.') {
      text++;
      d.precision = 0;
      if (*text == '*') {
        d.precision = va_arg(arguments, int);
        text++;
      }
      for (; *text >= '0' && *text <= '9'; text++) d.precision = d.precision * 10 + (*text - '0');
    }
    bool wide = false;
    for (; *text == 'l' || *text == 'z' || *text == 'j'; text++) wide = true;
    switch (*text) {
      case 'd':
      case 'i': {
        int64_t value = wide ? va_arg(arguments, int64_t) : va_arg(arguments, int);
        put_number(out, d, value < 0 ? "-" : "", value < 0 ? -uint64_t(value) : uint64_t(value), 10, false);
        break;
      }
      case 'u': put_number(out, d, "", wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned), 10, false); break;
      case 'o': put_number(out, d, "", wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned), 8, false); break;
      case 'x':
      case 'X': put_number(out, d, "", wide ? va_arg(arguments, uint64_t) : va_arg(arguments, unsigned), 16, *text == 'X'); break;
      case 'p': put_number(out, d, "0x", reinterpret_cast<uintptr_t>(va_arg(arguments, void*)), 16, false); break;
      case 'c': {
        char c = static_cast<char>(va_arg(arguments, int));
        put_padded(out, d, "", &c, 1);
        break;
      }
      case 's': {
        const char* s = va_arg(arguments, const char*);
        if (!s) s = "(null)";
        size_t length = 0;
        while ((d.precision < 0 || length < size_t(d.precision)) && s[length]) length++;
        put_padded(out, d, "", s, length);
        break;
      }
      case '%': out.put('%'); break;
      case 0: text--; break;
      default: out.put('%'), out.put(*text);
    }
  }
  if (capacity) to[out.length < capacity ? out.length : capacity - 1] = 0;
  return out.length;
}

size_t format(char* to, size_t capacity, const char* text, ...) {
  va_list arguments;
  va_start(arguments, text);
  size_t length = format_list(to, capacity, text, arguments);
  va_end(arguments);
  return length;
}

}  // namespace pl
