// SPDX-License-Identifier: BSD-2-Clause
#include "fs/terminal/devpts.h"

#include "base/hot.h"
#include "fs/abi.h"
#include "fs/device.h"
#include "fs/open_file.h"
#include "fs/terminal/pty.h"
#include "fs/text.h"

namespace pl {

namespace {

constexpr uint64_t Device = make_device(0, 14);

FileSystemStatus the_file_system() {
  FileSystemStatus s;
  s.type = 0x1cd1;  // DEVPTS_SUPER_MAGIC
  return s;
}

constexpr uint32_t MasterNode = 2;  // inode numbers, as Linux has them: the root, ptmx, then the slaves
constexpr uint32_t FirstSlave = 3;
const char the_identity = 0;

PL_HOT constinit Inode* the_root = nullptr;  // lives as long as the tree

class PtsInode final : public Inode {
 public:
  explicit PtsInode(Ref<Pty> pty) : Inode(file_mode::Character), pty_(std::move(pty)) {}
  ErrorOr<Attributes> attributes() override {
    Attributes a;
    a.inode = FirstSlave + uint64_t(pty_->number);
    a.device = Device;
    a.rdev = pty_->device();
    a.mode = file_mode::Character | pty_->mode;
    a.uid = pty_->owner;
    a.gid = pty_->group;
    return a;
  }
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override { return open_pty_slave(*pty_, std::move(self), flags); }
  ErrorOr<void> set_mode(uint32_t mode) override {
    pty_->mode = mode & file_mode::Permissions;
    return {};
  }
  ErrorOr<void> set_owner(uint32_t uid, uint32_t gid) override {
    if (uid != ~0u) pty_->owner = uid;
    if (gid != ~0u) pty_->group = gid;
    return {};
  }
  ErrorOr<void> set_times(int64_t, int64_t) override { return {}; }
  Ref<Inode> parent() override { return Ref<Inode>(the_root); }
  ErrorOr<size_t> name(char* out) override {
    TextSpan text(out, NameCapacity);
    text << uint64_t(pty_->number);
    return text.length();
  }
  ErrorOr<FileSystemStatus> file_system() override { return the_file_system(); }
  const void* file_system_identity() const override { return &the_identity; }

 private:
  Ref<Pty> pty_;
};

class MasterNodeInode final : public Inode {
 public:
  MasterNodeInode() : Inode(file_mode::Character) {}
  ErrorOr<Attributes> attributes() override {
    Attributes a;
    a.inode = MasterNode;
    a.device = Device;
    a.rdev = make_device(5, 2);
    a.mode = file_mode::Character | 0666;
    return a;
  }
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override { return open_pty_master(std::move(self), flags); }
  Ref<Inode> parent() override { return Ref<Inode>(the_root); }
  ErrorOr<size_t> name(char* out) override {
    TextSpan text(out, NameCapacity);
    text << "ptmx";
    return text.length();
  }
  ErrorOr<FileSystemStatus> file_system() override { return the_file_system(); }
  const void* file_system_identity() const override { return &the_identity; }
};

class PtsRoot final : public Inode {
 public:
  PtsRoot() : Inode(file_mode::Directory) {}
  ErrorOr<Attributes> attributes() override {
    Attributes a;
    a.inode = 1;
    a.device = Device;
    a.mode = file_mode::Directory | 0755;
    a.links = 2;
    return a;
  }
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override { return Ref<File>(TRY(make<DirectoryFile>(std::move(self), flags))); }
  ErrorOr<Ref<Inode>> lookup(std::string_view name) override {
    if (name == "ptmx") return Ref<Inode>(TRY(make<MasterNodeInode>()));
    int number = 0;
    if (name.size() > 4 || (name[0] == '0' && name.size() > 1)) return fail(Errno::NoEntry);
    for (char c : name) {
      if (c < '0' || c > '9') return fail(Errno::NoEntry);
      number = number * 10 + (c - '0');
    }
    Pty* pty = find_pty(number);
    if (!pty) return fail(Errno::NoEntry);
    return pts_inode(*pty);
  }
  // Cookies: 1 behind ptmx, then two more than the slave's number.
  ErrorOr<bool> list(uint64_t cookie, size_t, bool (*visit)(void*, const DirectoryEntry&), void* context) override {
    if (cookie == 0 && !visit(context, {MasterNode, 1, uint8_t(file_mode::Character >> 12), "ptmx"})) return false;
    for (int number = cookie < 2 ? -1 : int(cookie) - 2;;) {
      Pty* pty = pty_after(number);
      if (!pty) return true;
      number = pty->number;
      char name[16];
      TextSpan text(name, sizeof name);
      text << uint64_t(number);
      if (!visit(context, {FirstSlave + uint64_t(number), uint64_t(number) + 2, uint8_t(file_mode::Character >> 12), {name, text.length()}})) return false;
    }
  }
  ErrorOr<FileSystemStatus> file_system() override { return the_file_system(); }
  const void* file_system_identity() const override { return &the_identity; }
};

}  // namespace

ErrorOr<Ref<Inode>> create_devpts_root() {
  auto root = TRY(make<PtsRoot>());
  the_root = root.get();
  return Ref<Inode>(std::move(root));
}

ErrorOr<Ref<Inode>> pts_inode(Pty& pty) { return Ref<Inode>(TRY(make<PtsInode>(Ref<Pty>(&pty)))); }

}  // namespace pl
