// SPDX-License-Identifier: BSD-2-Clause
// What the host asks of an instance (struct pl_instance), in our own memory.
#pragma once

#include <cstring>
#include <string_view>

#include "base/error.h"
#include "memory/heap.h"
#include "penglai/ocall.h"
#include "process/environment.h"
#include "process/process.h"
#include "process/program.h"

namespace pl {

// One private copy of what the host wrote, so that nothing is looked at twice. Small ones fit on the stack.
class InstanceCopy {
 public:
  InstanceCopy(const pl_instance* host, uint32_t readable) {
    if (readable < sizeof(pl_instance)) return;
    size_ = *const_cast<const volatile uint32_t*>(&host->size);
    if (size_ < sizeof(pl_instance) || size_ > readable || size_ > MaxBytes) return;
    bytes_ = size_ <= sizeof(small_) ? small_ : static_cast<char*>(heap_allocate(size_, 8));
    if (!bytes_) return;
    memcpy(bytes_, host, size_);
    valid_ = head().size == size_;  // the host's may have changed since
  }
  ~InstanceCopy() {
    if (bytes_ && bytes_ != small_) heap_free(bytes_, size_, 8);
  }
  bool valid() const { return valid_; }
  const pl_instance& head() const { return *reinterpret_cast<const pl_instance*>(bytes_); }

  // Calls visit(string) for `count` strings from `offset` on; EINVAL when they do not end inside.
  template <class Visit>
  ErrorOr<void> strings(uint32_t offset, uint32_t count, Visit visit) const {
    if (offset > size_) return fail(Errno::Invalid);
    std::string_view rest(bytes_ + offset, size_ - offset);
    for (uint32_t i = 0; i < count; ++i) {
      size_t end = rest.find('\0');
      if (end == rest.npos) return fail(Errno::Invalid);
      TRY(visit(rest.substr(0, end)));
      rest.remove_prefix(end + 1);
    }
    return {};
  }

 private:
  static constexpr uint32_t MaxBytes = 1u << 20;
  bool valid_ = false;
  uint32_t size_ = 0;
  char* bytes_ = nullptr;
  alignas(8) char small_[640];
};

// What load_first_program() found out.
extern LoadedProgram first_program;
extern std::string_view first_path;
extern const ArgumentStrings* first_script;  // when it is one: the words before the arguments

ErrorOr<void> set_directory(FileContext& context, std::string_view path);
// Calls append(string) for each of the instance's variables that the policy lets through.
template <class Append>
ErrorOr<void> allowed_environment(const InstanceCopy& instance, Append append) {
  return instance.strings(instance.head().environment_offset, instance.head().environment, [&](std::string_view s) -> ErrorOr<void> {
    return environment_allowed(s.substr(0, s.find('='))) ? append(s) : ErrorOr<void>{};
  });
}

}  // namespace pl
