// SPDX-License-Identifier: BSD-2-Clause
// A machine for the monitor's logic: a pool and some host memory in this process, and a hart whose enclave is a function.
#pragma once

#include <functional>
#include <vector>

#include "host/calls.h"
#include "world/harts.h"

struct Fake {
  // What the enclave does when it is entered: looks at the context's registers, leaves new ones, and traps.
  std::function<pl::Trap(pl::Hart&, pl::Context&)> inside;
  // Calls in order, for tests of order: "reload", "fence", "install", "uninstall", "interrupt".
  std::vector<const char*> log;
  bool host_interrupt = false;
  pl::u64 time = 1000;

  static constexpr pl::u64 kPool = pl::u64{32} << 20;
  static constexpr pl::u64 kHost = pl::u64{1} << 20;
  static constexpr pl::u64 kForkSize = pl::u64{52} << 10;  // not a power of two

  Fake();
  ~Fake();
  Fake(const Fake&) = delete;
  Fake& operator=(const Fake&) = delete;

  pl::Hart& hart() { return pl::harts[0]; }
  pl::u64 host_page(unsigned n) const { return host_ + n * pl::kPageSize; }
  template <typename T>
  T* host(unsigned page) const {
    return reinterpret_cast<T*>(host_page(page));
  }
  pl::Reply call(pl::u64 function, pl::u64 a = 0, pl::u64 b = 0, pl::u64 c = 0, pl::u64 d = 0);

  // An enclave call from inside: what the registers hold at an ecall.
  static pl::Trap ecall(pl::Context& context, pl::u64 function, pl::u64 a = 0, pl::u64 b = 0, pl::u64 c = 0);

  pl::u64 make_created(pl::u32 flags = 0, pl::u64 reserve = pl::u64{1} << 20, pl::u64 limit = 0, pl::u32 contexts = 1);
  pl::u64 make_sealed(pl::u32 flags = 0, pl::u64 reserve = pl::u64{1} << 20, pl::u64 limit = 0, pl::u32 contexts = 1);
  pl::u64 make_template();
  // Runs it through one enclave call; the call's answer.
  pl::Reply inside_call(pl::u64 id, pl::u64 function, pl::u64 a = 0, pl::u64 b = 0, pl::u64 c = 0);
  bool destroy(pl::u64 id);

 private:
  pl::u64 pool_, host_;
  pl::u64 mapping_size_;
  void* mapping_;
};

extern Fake* fake;
