// SPDX-License-Identifier: BSD-2-Clause
// Capabilities (capabilities(7)), with Linux's numbers: those that something here asks for.
#pragma once

#include <cstdint>

namespace pl {

enum class Capability : uint8_t {
  ChangeOwner = 0,      // CAP_CHOWN
  OverrideAccess = 1,   // CAP_DAC_OVERRIDE
  ReadAndSearch = 2,    // CAP_DAC_READ_SEARCH
  FileOwner = 3,        // CAP_FOWNER
  KeepSetId = 4,        // CAP_FSETID
  Kill = 5,
  SetGid = 6,
  SetUid = 7,
  SetCapabilities = 8,  // CAP_SETPCAP
  Immutable = 9,        // CAP_LINUX_IMMUTABLE
  BindService = 10,     // CAP_NET_BIND_SERVICE
  NetworkAdministration = 12,
  RawNetwork = 13,
  LockMemory = 14,      // CAP_IPC_LOCK
  IpcOwner = 15,
  ChangeRoot = 18,      // CAP_SYS_CHROOT
  Trace = 19,           // CAP_SYS_PTRACE
  Administration = 21,  // CAP_SYS_ADMIN
  Nice = 23,
  Resource = 24,
  Time = 25,
  MakeNode = 27,        // CAP_MKNOD
  MandatoryOverride = 32,  // CAP_MAC_OVERRIDE
  Last = 40,
};

struct CapabilitySet {
  uint64_t bits = 0;

  static constexpr CapabilitySet all() { return {(uint64_t(2) << unsigned(Capability::Last)) - 1}; }
  template <class... C>
  static constexpr CapabilitySet of(C... capability) { return {((uint64_t(1) << unsigned(capability)) | ...)}; }

  constexpr bool has(Capability c) const { return bits >> unsigned(c) & 1; }
  constexpr bool within(CapabilitySet other) const { return !(bits & ~other.bits); }
  constexpr CapabilitySet operator|(CapabilitySet other) const { return {bits | other.bits}; }
  constexpr CapabilitySet operator&(CapabilitySet other) const { return {bits & other.bits}; }
  constexpr CapabilitySet operator~() const { return {~bits & all().bits}; }
};

}  // namespace pl
