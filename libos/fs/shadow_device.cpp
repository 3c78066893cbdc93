// SPDX-License-Identifier: BSD-2-Clause
#include "fs/shadow_device.h"

#include <algorithm>

#include "memory/address_space.h"
#include "penglai/sbi.h"
#include "process/vdso.h"

namespace pl {

namespace {

template <class Out>
void tell(Out& text) {
  InstanceAccount account = instance_account();
  text << "fork " << (account.fork ? "1" : "0") << "\npoint " << std::string_view(account.point) << "\nprogram "
       << (account.program_measured ? "measured" : "chosen") << "\nid " << account.id << "\ngeneration "
       << account.generation << "\nmeasurement ";
  for (unsigned i = 0; i < PL_MEASUREMENT_SIZE; i++) {
    const char hex[3] = {"0123456789abcdef"[account.measurement[i] >> 4], "0123456789abcdef"[account.measurement[i] & 15], 0};
    text << std::string_view(hex, 2);
  }
  text << "\n";
}

class ShadowFile : public File {
 public:
  ShadowFile(Ref<Inode> node, uint32_t flags) : File(flags), node_(std::move(node)) {}

  ErrorOr<size_t> read(Buffer& to) override {
    size_t n = TRY(read_at(offset_, to));
    offset_ += n;
    return n;
  }
  ErrorOr<size_t> read_at(uint64_t offset, Buffer& to) override {
    if (!readable()) return fail(Errno::BadDescriptor);
    if (to.left() == 0 || shadow_point_wanted()) return 0;
    if (bool frozen = offset == 0 ? shadow_point_reached() : frozen_; frozen != frozen_) frozen_ = frozen;
    // Made anew for each read, and not kept: a fork's first one follows its point, and writes no more pages than it must.
    char memory[320];
    TextSpan text(memory, sizeof memory);
    text << "frozen " << (frozen_ ? "1" : "0") << "\n";
    tell(text);
    if (offset >= text.length()) return 0;
    size_t n = std::min(to.left(), size_t(text.length() - offset));
    TRY(to.put(memory + offset, n));
    return n;
  }
  ErrorOr<Attributes> attributes() override { return node_->attributes(); }
  Ref<Inode> inode() override { return node_; }

  // One page, read-only: the word at VdsoGenerationOffset is the instance's generation, another in each fork.
  ErrorOr<void> prepare_map(MappingRequest& request) override {
    if (request.offset != 0 || request.bytes > PageSize) return fail(Errno::Invalid);
    request.inode = TRY(vdso_file());
    request.offset = PageSize;
    request.max_protection &= ProtectionRead;
    return {};
  }

 private:
  Ref<Inode> node_;
  uint64_t offset_ = 0;
  bool frozen_ = false;  // by the read that began at 0
};

}  // namespace

void describe_instance(Text& text) { tell(text); }

ErrorOr<Ref<File>> open_shadow_device(Ref<Inode> node, uint32_t flags) {
  return Ref<File>(TRY(make<ShadowFile>(std::move(node), flags)));
}

}  // namespace pl
