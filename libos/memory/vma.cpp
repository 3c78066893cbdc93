// SPDX-License-Identifier: BSD-2-Clause
#include "memory/vma.h"

#include <new>
#include <utility>

namespace pl {

bool Vma::continues_in(const Vma& next) const {
  if (end != next.start || !(inode == next.inode) || name != next.name || protection != next.protection ||
      max_protection != next.max_protection || sharing != next.sharing || grows_down != next.grows_down ||
      not_in_child != next.not_in_child || wiped_in_child != next.wiped_in_child || locked != next.locked)
    return false;
  return !inode || offset + (end - start) == next.offset;
}

VmaList::~VmaList() {
  for (size_t i = 0; i < size_; i++) vmas_[i].~Vma();
  heap_free(vmas_, capacity_ * sizeof(Vma), alignof(Vma));
}

size_t VmaList::find(uint64_t address) const {
  size_t low = 0, high = size_;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (vmas_[middle].end > address)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

ErrorOr<void> VmaList::reserve(size_t additional) {
  if (size_ + additional <= capacity_) return {};
  size_t capacity = capacity_ ? capacity_ * 2 : 16;
  if (capacity < size_ + additional) capacity = size_ + additional;
  auto* vmas = static_cast<Vma*>(heap_allocate(capacity * sizeof(Vma), alignof(Vma)));
  if (!vmas) return fail(Errno::NoMemory);
  for (size_t i = 0; i < size_; i++) {
    new (&vmas[i]) Vma(std::move(vmas_[i]));
    vmas_[i].~Vma();
  }
  heap_free(vmas_, capacity_ * sizeof(Vma), alignof(Vma));
  vmas_ = vmas;
  capacity_ = capacity;
  return {};
}

void VmaList::insert(size_t at, Vma&& vma) {
  if (at == size_) {
    new (&vmas_[size_++]) Vma(std::move(vma));
    return;
  }
  new (&vmas_[size_]) Vma(std::move(vmas_[size_ - 1]));
  for (size_t i = size_ - 1; i > at; i--) vmas_[i] = std::move(vmas_[i - 1]);
  vmas_[at] = std::move(vma);
  size_++;
}

Vma VmaList::take(size_t at) {
  Vma taken = std::move(vmas_[at]);
  for (size_t i = at; i + 1 < size_; i++) vmas_[i] = std::move(vmas_[i + 1]);
  vmas_[--size_].~Vma();
  return taken;
}

void VmaList::split(uint64_t address) {
  size_t i = find(address);
  if (i == size_ || vmas_[i].start >= address) return;
  Vma upper = vmas_[i];
  upper.start = address;
  upper.offset += address - vmas_[i].start;
  vmas_[i].end = address;
  insert(i + 1, std::move(upper));
}

void VmaList::join(size_t i) {
  if (i == 0 || i >= size_ || !vmas_[i - 1].continues_in(vmas_[i])) return;
  vmas_[i - 1].end = vmas_[i].end;
  take(i);
}

uint64_t VmaList::find_gap_below(uint64_t low, uint64_t high, uint64_t bytes) const {
  if (bytes > high) return 0;
  size_t i = find(high - 1);
  for (uint64_t top = high;; i--) {
    if (i < size_ && vmas_[i].start < top) top = vmas_[i].start;
    uint64_t bottom = i > 0 ? vmas_[i - 1].end : 0;
    if (bottom < low) bottom = low;
    if (top >= bottom && top - bottom >= bytes) return top - bytes;
    if (i == 0) return 0;
  }
}

}  // namespace pl
