// SPDX-License-Identifier: BSD-2-Clause
// Extents, growth, limits, exhaustion, and that what is handed out is zero.
#include "host.h"

namespace {

constexpr u64 kCanary = 0xc0ffee11c0ffee11;

bool is_error(u64 value, long error) { return static_cast<long>(value) == error; }

}  // namespace

void test_memory() {
  const u64 free = query(PL_QUERY_POOL_FREE);
  Agent agent = make_agent(0, 1, 4 << 20);
  agent.ecall(PL_ENCLAVE_EXTENT_GET, 1 << 20);
  const u64 extent = agent.command().result[1];
  check(agent.command().result[0] == 0 && extent % (1 << 20) == 0, "an extent is naturally aligned");
  check_equal(agent.call(kIsZero, extent, 1 << 20), 1, "and zero");
  agent.call(kFill, extent, 1 << 20, kCanary);
  check_equal(agent.call(kRead, extent + (1 << 20) - 8), kCanary, "and the enclave's to write");
  bool refused = true;
  for (const u64 size : {u64{0}, u64{1}, u64{2048}, u64{12288}, ~u64{0}}) {
    refused &= is_error(agent.ecall(PL_ENCLAVE_EXTENT_GET, size), PL_ERR_INVALID);
  }
  check(refused, "an extent that is not a power of two of at least a page is refused");
  check(is_error(agent.ecall(PL_ENCLAVE_EXTENT_GET, u64{1} << 63), PL_ERR_NO_MEMORY), "and for one larger than the pool there is no memory");
  refused = is_error(agent.ecall(PL_ENCLAVE_EXTENT_PUT, extent + 4096), PL_ERR_ADDRESS) && is_error(agent.ecall(PL_ENCLAVE_EXTENT_PUT, 0), PL_ERR_ADDRESS);
  check(refused, "only a whole extent can be given back");
  check(is_error(agent.ecall(PL_ENCLAVE_FREEZE, 0), PL_ERR_STATE), "an enclave that may not become a template cannot freeze");
  agent.ecall(PL_ENCLAVE_EXTENT_GET, 4096);
  check_equal(agent.ecall(PL_ENCLAVE_EXTENT_PUT, extent), 0, "an extent is given back");
  agent.call(kPutAndRead, agent.ecall(PL_ENCLAVE_EXTENT_GET, 4096) == 0 ? agent.command().result[1] : 0);
  check(agent.reason() == PL_LEFT_FAULT, "and out of reach at once");
  agent.destroy();

  // The same memory comes back zero, to whomever.
  Agent next = make_agent(0, 1, 4 << 20);
  bool zero = true;
  for (int i = 0; i < 10; ++i) {
    next.ecall(PL_ENCLAVE_EXTENT_GET, 1 << 20);
    const u64 base = next.command().result[1];
    zero &= next.call(kIsZero, base, 1 << 20) == 1;
    next.call(kFill, base, 1 << 20, kCanary);
  }
  check(zero, "memory that an enclave gave back is zero for the next");
  check(is_error(next.ecall(PL_ENCLAVE_EXTENT_GET, 4096), PL_ERR_NO_ENTRY), "an eleventh extent finds no PMP entry");
  next.ecall(PL_ENCLAVE_GROW, 1 << 20);
  const u64 block = next.call(kCsr, kSscratch) - 1024;
  next.call(kFill, block + 4096, 1 << 20, kCanary);
  next.destroy();
  check_equal(query(PL_QUERY_POOL_FREE), free, "destroy frees extents and the base region");
  // Search all of it that can be had: one enclave with extents and a region over what was just used.
  Agent searcher = make_agent(0, 1, 64 << 20);
  zero = true;
  for (u64 size = 32 << 20; size >= 4096; size /= 4) {
    if (searcher.ecall(PL_ENCLAVE_EXTENT_GET, size) != 0) continue;
    zero &= searcher.call(kIsZero, searcher.command().result[1], size) == 1;
  }
  searcher.ecall(PL_ENCLAVE_GROW, 32 << 20);
  const u64 own = searcher.call(kCsr, kSscratch) - 1024;
  zero &= searcher.call(kIsZero, own + 4096, 32 << 20) == 1;
  check(zero, "no canary is left in memory that was freed");
  check(is_error(searcher.ecall(PL_ENCLAVE_GROW, 64 << 20), PL_ERR_NO_MEMORY), "a region grows only within its reservation");
  check(is_error(searcher.ecall(PL_ENCLAVE_GROW, 100), PL_ERR_INVALID), "by whole pages");
  check(is_error(searcher.ecall(PL_ENCLAVE_GROW, ~u64{0} & ~u64{4095}), PL_ERR_NO_MEMORY), "without wrapping");
  searcher.destroy();

  Agent limited = make_agent(0, 1, 4 << 20, 256 << 10);
  check(is_error(limited.ecall(PL_ENCLAVE_EXTENT_GET, 512 << 10), PL_ERR_NO_MEMORY), "a memory limit holds for extents");
  check(is_error(limited.ecall(PL_ENCLAVE_GROW, 512 << 10), PL_ERR_NO_MEMORY), "and for growth");
  check_equal(limited.ecall(PL_ENCLAVE_EXTENT_GET, 128 << 10), 0, "and allows what is below it");
  limited.destroy();

  // Everything there is.
  Agent hog = make_agent(0, 1, 1 << 20);
  bool asked = false, told = false;
  for (int i = 0; i < 12 && !told; ++i) {
    const u64 size = query(PL_QUERY_POOL_SIZE) / 2;
    hog.set(kEcall, PL_SBI_EXTENSION, PL_ENCLAVE_EXTENT_GET, size);
    hog.run();
    while (hog.error == PL_OK && hog.reason() == PL_LEFT_INTERRUPT) hog.run();
    if (hog.reason() == PL_LEFT_MEMORY) {
      asked = hog.detail() == size;
      hog.run();
      told = hog.reason() == PL_LEFT_DOORBELL && is_error(hog.command().result[0], PL_ERR_NO_MEMORY);
    }
  }
  check(asked, "when the pool is used up, the host is asked for memory");
  check(told, "and the enclave told if it has none");
  hog.destroy();
  check_equal(query(PL_QUERY_POOL_FREE), free, "nothing is lost");
}
