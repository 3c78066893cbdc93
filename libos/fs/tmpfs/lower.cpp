// SPDX-License-Identifier: BSD-2-Clause
// From a node below to the inode that stands for it.
#include "base/hot.h"
#include "fs/abi.h"
#include "fs/tmpfs/tmpfs.h"
#include "memory/heap.h"

namespace pl {

namespace {

// Files with several names are found here once one of them was seen: what is written by one name is read by all.
struct Linked {
  uint64_t number;
  Ref<TmpInode> inode;
  Linked* next;
};
constexpr unsigned Heads = 64;
[[clang::no_destroy]] constinit Linked* linked[Heads] = {};

Linked* find_linked(uint64_t number) {
  for (Linked* l = linked[number % Heads]; l; l = l->next)
    if (l->number == number) return l;
  return nullptr;
}

ErrorOr<Ref<TmpInode>> make_inode(const LowerNode& node, const Lower& lower) {
  switch (node.mode & file_mode::Type) {
    case file_mode::Regular: return Ref<TmpInode>(TRY(make<TmpRegular>(node, lower)));
    case file_mode::Directory: return Ref<TmpInode>(TRY(make<TmpDirectory>(node, lower)));
    case file_mode::Link: return TmpLink::create(node, lower);
    default: return Ref<TmpInode>(TRY(make<TmpNode>(node, lower)));
  }
}

}  // namespace

ErrorOr<Ref<TmpInode>> TmpInode::of(const Lower& lower) {
  if (Linked* known = find_linked(lower.number)) return known->inode;
  LowerNode node = TRY(lower.files->node(lower.number));
  Ref<TmpInode> inode = TRY(make_inode(node, lower));
  if (inode->is_directory() || node.links == 1) return inode;
  // Reading the node may have slept.
  if (Linked* known = find_linked(lower.number)) return known->inode;
  auto entry = heap_new<Linked>(Linked{lower.number, inode, linked[lower.number % Heads]});
  if (!entry) return fail(Errno::NoMemory);
  linked[lower.number % Heads] = entry;
  return inode;
}

}  // namespace pl
