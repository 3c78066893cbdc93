// SPDX-License-Identifier: BSD-2-Clause
#include "gdb/breakpoints.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pl::gdb {
namespace {

constexpr std::array kShort = {std::byte{0x02}, std::byte{0x90}};                                    // c.ebreak
constexpr std::array kLong = {std::byte{0x73}, std::byte{0x00}, std::byte{0x10}, std::byte{0x00}};  // ebreak

std::span<const std::byte> instruction(uint32_t bytes) { return bytes == kShort.size() ? std::span<const std::byte>(kShort) : std::span<const std::byte>(kLong); }

}  // namespace

Breakpoints::Memory& Breakpoints::of(uint32_t process) {
  auto& memory = of_process_[process];
  if (!memory) memory = std::make_shared<Memory>();
  return *memory;
}

std::expected<void, int> Breakpoints::plant(uint32_t process, uint64_t address, uint32_t bytes) { return debuggee_.write(process, address, instruction(bytes)); }

bool Breakpoints::stands(uint32_t process, uint64_t address, const Planted& planted) {
  std::array<std::byte, 4> now;
  const auto part = std::span(now).first(planted.bytes);
  const auto got = debuggee_.read(process, address, part);
  return got && *got == planted.bytes && std::ranges::equal(part, instruction(planted.bytes));
}

std::expected<void, int> Breakpoints::insert(uint32_t process, uint64_t address, uint32_t bytes) {
  if ((bytes != kShort.size() && bytes != kLong.size()) || address % 2) return std::unexpected(EINVAL);
  if (auto removed = remove(process, address); !removed) return removed;
  Planted planted{bytes, {}};
  const auto got = debuggee_.read(process, address, std::span(planted.original).first(bytes));
  if (!got) return std::unexpected(got.error());
  if (*got != bytes) return std::unexpected(EFAULT);
  if (auto done = plant(process, address, bytes); !done) return done;
  of(process)[address] = planted;
  return {};
}

std::expected<void, int> Breakpoints::remove(uint32_t process, uint64_t address) {
  Memory& memory = of(process);
  const auto found = memory.find(address);
  if (found == memory.end()) return {};
  const Planted planted = found->second;
  memory.erase(found);
  if (!stands(process, address, planted)) return {};
  return debuggee_.write(process, address, std::span(planted.original).first(planted.bytes));
}

void Breakpoints::remove_all(uint32_t process) {
  take_out(process);
  of(process).clear();
}

void Breakpoints::take_out(uint32_t process) {
  for (const auto& [address, planted] : of(process))
    if (stands(process, address, planted)) (void)debuggee_.write(process, address, std::span(planted.original).first(planted.bytes));
}

void Breakpoints::put_back(uint32_t process) {
  for (const auto& [address, planted] : of(process)) (void)plant(process, address, planted.bytes);
}

void Breakpoints::forked(uint32_t parent, uint32_t child, bool same_memory) {
  Memory& memory = of(parent);
  of_process_[child] = same_memory ? of_process_[parent] : std::make_shared<Memory>(memory);
}

std::expected<size_t, int> Breakpoints::read(uint32_t thread, uint32_t process, uint64_t address, std::span<std::byte> to) {
  const auto got = debuggee_.read(thread, address, to);
  if (!got) return got;
  for (const auto& [place, planted] : of(process)) {
    if (place - address >= *got && address - place >= planted.bytes) continue;
    if (!stands(process, place, planted)) continue;
    for (uint32_t i = 0; i < planted.bytes; ++i)
      if (place + i - address < *got) to[place + i - address] = planted.original[i];
  }
  return got;
}

std::expected<void, int> Breakpoints::write(uint32_t thread, uint32_t process, uint64_t address, std::span<const std::byte> from) {
  if (auto done = debuggee_.write(thread, address, from); !done) return done;
  for (auto& [place, planted] : of(process)) {
    bool touched = false;
    for (uint32_t i = 0; i < planted.bytes; ++i) {
      if (place + i - address >= from.size()) continue;
      planted.original[i] = from[place + i - address];
      touched = true;
    }
    if (!touched) continue;
    if (auto done = plant(process, place, planted.bytes); !done) return done;
  }
  return {};
}

}  // namespace pl::gdb
