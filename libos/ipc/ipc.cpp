// SPDX-License-Identifier: BSD-2-Clause
#include "ipc/ipc.h"

#include <cstring>

#include "fs/context.h"

namespace pl::ipc {

ErrorOr<void> Object::check(uint32_t wanted) const {
  FileCredentials who = current_file_credentials();
  if (who.has(Capability::IpcOwner)) return {};
  uint32_t granted = permissions.mode & 7;
  if (who.uid == permissions.uid || who.uid == permissions.creator_uid) granted = permissions.mode >> 6 & 7;
  else if (who.in_group(permissions.gid) || who.in_group(permissions.creator_gid)) granted = permissions.mode >> 3 & 7;
  uint32_t asked = (wanted >> 6 | wanted >> 3 | wanted) & 7;
  return asked & ~granted ? fail(Errno::Access) : ErrorOr<void>();
}

ErrorOr<void> Object::check_owner() const {
  FileCredentials who = current_file_credentials();
  bool owner = who.has(Capability::Administration) || who.uid == permissions.uid || who.uid == permissions.creator_uid;
  return owner ? ErrorOr<void>() : fail(Errno::Perm);
}

void Object::set_owner(const Permissions& from) {
  permissions.uid = from.uid;
  permissions.gid = from.gid;
  permissions.mode = (permissions.mode & ~0777u) | (from.mode & 0777);
}

Object* Table::find_key(int key) const {
  for (unsigned i = 0; slots_ && i < Capacity; i++)
    if (slots_[i] && slots_[i]->permissions.key == key && !slots_[i]->removed) return slots_[i];
  return nullptr;
}

ErrorOr<Object*> Table::find_object(int id) const {
  if (id < 0) return fail(Errno::Invalid);
  Object* found = at(unsigned(id) % SequenceStep);
  if (!found || found->id != id) return fail(found ? Errno::IdentifierRemoved : Errno::Invalid);
  return found;
}

ErrorOr<void> Table::add(Ref<Object> object, int key, uint32_t flags) {
  if (!slots_) {
    void* memory = heap_allocate(Capacity * sizeof(Object*), alignof(Object*));
    if (!memory) return fail(Errno::NoMemory);
    std::memset(memory, 0, Capacity * sizeof(Object*));
    slots_ = static_cast<Object**>(memory);
  }
  unsigned index = 0;
  while (index < Capacity && slots_[index]) ++index;
  if (index == Capacity) return fail(Errno::NoSpace);
  FileCredentials who = current_file_credentials();
  Permissions& p = object->permissions;
  p = {};
  p.key = key;
  p.uid = p.creator_uid = who.uid;
  p.gid = p.creator_gid = who.gid;
  p.mode = flags & 0777;
  p.sequence = sequence_++ % (INT32_MAX / SequenceStep);
  object->id = int(p.sequence * SequenceStep + index);
  slots_[index] = object.leak();
  ++count_;
  return {};
}

void Table::remove(Object& object) {
  unsigned index = unsigned(object.id) % SequenceStep;
  if (at(index) != &object) return;
  slots_[index] = nullptr;
  --count_;
  object.removed = true;
  Ref<Object>::adopt(&object);
}

int Table::highest() const {
  for (int i = Capacity - 1; i >= 0; i--)
    if (at(unsigned(i))) return i;
  return 0;
}

}  // namespace pl::ipc
