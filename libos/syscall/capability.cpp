// SPDX-License-Identifier: BSD-2-Clause
// Capability sets: capget, capset, and what prctl has about them (capabilities(7)).
#include "syscall/capability.h"

#include "process/process.h"
#include "syscall/table.h"

namespace pl {

namespace {

constexpr uint32_t Version1 = 0x19980330, Version2 = 0x20071026, Version3 = 0x20080522;

Credentials& own() { return current_credentials(); }
bool is_capability(uint64_t number) { return number <= unsigned(Capability::Last); }

// Words of the data array, or the version to prefer and EINVAL.
ErrorOr<unsigned> read_header(UserAddress address, CapabilityHeader& header) {
  header = TRY(UserIn<CapabilityHeader>{address}.read());
  if (header.version == Version1) return 1;
  if (header.version == Version2 || header.version == Version3) return 2;
  header.version = Version3;
  TRY(UserOut<CapabilityHeader>{address}.write(header));
  return fail(Errno::Invalid);
}

}  // namespace

Result sys_capget(UserAddress address, UserOut<CapabilityData> data) {
  CapabilityHeader header;
  auto words = read_header(address, header);
  if (!words) return data || words.error() != Errno::Invalid ? fail(words.error()) : Result(0);
  if (!data) return 0;
  if (header.pid < 0) return fail(Errno::Invalid);
  const Thread* thread = header.pid ? find_thread(header.pid) : &current_thread();
  if (!thread) return fail(Errno::NoProcess);
  const Credentials& who = *thread->credentials;
  for (unsigned i = 0; i < *words; ++i) {
    auto word = [i](CapabilitySet set) { return uint32_t(set.bits >> (32 * i)); };
    TRY(data.write({word(who.effective), word(who.permitted), word(who.inheritable)}, i));
  }
  return 0;
}

Result sys_capset(UserAddress address, UserIn<CapabilityData> data) {
  CapabilityHeader header;
  unsigned words = TRY(read_header(address, header));
  if (header.pid && header.pid != current_thread().tid) return fail(Errno::Perm);
  CapabilitySet effective, permitted, inheritable;
  for (unsigned i = 0; i < words; ++i) {
    auto d = TRY(data.read(i));
    effective.bits |= uint64_t(d.effective) << (32 * i);
    permitted.bits |= uint64_t(d.permitted) << (32 * i);
    inheritable.bits |= uint64_t(d.inheritable) << (32 * i);
  }
  effective = effective & CapabilitySet::all();
  permitted = permitted & CapabilitySet::all();
  inheritable = inheritable & CapabilitySet::all();
  Credentials& c = *TRY(changeable_credentials());
  if (!c.has(Capability::SetCapabilities) && !inheritable.within(c.inheritable | c.permitted)) return fail(Errno::Perm);
  if (!inheritable.within(c.inheritable | c.bounding) || !permitted.within(c.permitted) || !effective.within(permitted)) return fail(Errno::Perm);
  c.effective = effective;
  c.permitted = permitted;
  c.inheritable = inheritable;
  c.ambient = c.ambient & permitted & inheritable;
  return 0;
}

Result read_bounding(uint64_t number) {
  if (!is_capability(number)) return fail(Errno::Invalid);
  return own().bounding.has(Capability(number));
}

Result drop_bounding(uint64_t number) {
  Credentials& c = *TRY(changeable_credentials());
  if (!c.has(Capability::SetCapabilities)) return fail(Errno::Perm);
  if (!is_capability(number)) return fail(Errno::Invalid);
  c.bounding = c.bounding & ~CapabilitySet::of(Capability(number));
  return 0;
}

Result set_keep_capabilities(uint64_t keep) {
  Credentials& c = *TRY(changeable_credentials());
  if (keep > 1) return fail(Errno::Invalid);
  if (c.secure_bits & secure_bit::KeepCapabilities << 1) return fail(Errno::Perm);
  c.secure_bits = (c.secure_bits & ~secure_bit::KeepCapabilities) | (keep ? secure_bit::KeepCapabilities : 0);
  return 0;
}

Result set_secure_bits(uint64_t bits) {
  Credentials& c = *TRY(changeable_credentials());
  uint32_t locked = (c.secure_bits & secure_bit::Locks) >> 1, unlocked = c.secure_bits & secure_bit::Locks & ~uint32_t(bits);
  if ((locked & (c.secure_bits ^ bits)) || unlocked || bits & ~uint64_t(secure_bit::All | secure_bit::Locks) || !c.has(Capability::SetCapabilities))
    return fail(Errno::Perm);
  c.secure_bits = uint32_t(bits);
  return 0;
}

Result change_ambient(uint64_t what, uint64_t number, uint64_t rest) {
  enum { IsSet = 1, Raise = 2, Lower = 3, ClearAll = 4 };
  Credentials& c = *TRY(changeable_credentials());
  if (what == ClearAll) {
    if (number || rest) return fail(Errno::Invalid);
    c.ambient = {};
    return 0;
  }
  if (!is_capability(number) || rest) return fail(Errno::Invalid);
  auto one = CapabilitySet::of(Capability(number));
  switch (what) {
    case IsSet: return c.ambient.has(Capability(number));
    case Raise:
      if (!one.within(c.permitted & c.inheritable) || c.secure_bits & secure_bit::NoAmbientRaise) return fail(Errno::Perm);
      c.ambient = c.ambient | one;
      return 0;
    case Lower:
      c.ambient = c.ambient & ~one;
      return 0;
    default: return fail(Errno::Invalid);
  }
}

}  // namespace pl
