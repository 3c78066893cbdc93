// SPDX-License-Identifier: BSD-2-Clause
// What the compiler expects of a C++ runtime (Itanium C++ ABI) and what never happens here.
#include <cstddef>
#include <new>

#include "base/log.h"

extern "C" void __cxa_pure_virtual() { pl::panic("pure virtual function called"); }
extern "C" [[noreturn]] void abort() { pl::panic("abort"); }

// A virtual destructor's deleting form refers to it; objects are freed by heap_free() only.
void operator delete(void*) noexcept { pl::panic("operator delete"); }
void operator delete(void*, size_t) noexcept { pl::panic("operator delete"); }
void operator delete(void*, size_t, std::align_val_t) noexcept { pl::panic("operator delete"); }

namespace std {
[[noreturn]] void __throw_bad_alloc() { pl::panic("bad_alloc"); }
[[noreturn]] void __throw_length_error(const char* what) { pl::panic("%s", what); }
[[noreturn]] void __throw_logic_error(const char* what) { pl::panic("%s", what); }
[[noreturn]] void __throw_out_of_range_fmt(const char* what, ...) { pl::panic("%s", what); }
[[noreturn]] void __throw_bad_optional_access() { pl::panic("empty optional"); }
[[noreturn]] void __throw_bad_function_call() { pl::panic("empty function"); }
[[noreturn]] void __glibcxx_assert_fail(const char* file, int line, const char*, const char* condition) noexcept {
  pl::panic("%s:%d: %s", file, line, condition);
}
}  // namespace std
