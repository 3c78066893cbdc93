// SPDX-License-Identifier: BSD-2-Clause
#include "fs/shadow_device.h"

#include <algorithm>

#include "memory/address_space.h"
#include "penglai/sbi.h"
#include "process/vdso.h"

namespace pl {

namespace {

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
    if (offset == 0 || length_ == 0) make_text();
    if (offset >= length_) return 0;
    size_t n = std::min(to.left(), size_t(length_ - offset));
    TRY(to.put(text_ + offset, n));
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
  void make_text() {
    Text text;
    text << "frozen " << (shadow_point_reached() ? "1" : "0") << "\n";
    describe_instance(text);
    length_ = text.read(0, text_, sizeof text_);
  }

  Ref<Inode> node_;
  uint64_t offset_ = 0;
  size_t length_ = 0;
  char text_[256];
};

}  // namespace

void describe_instance(Text& text) {
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

ErrorOr<Ref<File>> open_shadow_device(Ref<Inode> node, uint32_t flags) {
  return Ref<File>(TRY(make<ShadowFile>(std::move(node), flags)));
}

}  // namespace pl
