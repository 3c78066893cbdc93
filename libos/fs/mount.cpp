// SPDX-License-Identifier: BSD-2-Clause
#include "fs/mount.h"

#include <cstring>

#include "base/log.h"
#include "fs/abi.h"
#include "fs/descriptors.h"
#include "fs/device.h"
#include "fs/erofs/image.h"
#include "fs/host/host_inode.h"
#include "fs/path.h"
#include "fs/proc/proc.h"
#include "fs/stream.h"
#include "fs/terminal/devpts.h"
#include "fs/tmpfs/tmpfs.h"
#include "ocall/ring.h"
#include "penglai/ocall.h"
#include "process/environment.h"

namespace pl::fs {

namespace {

constexpr unsigned MaxMounts = 40;
[[clang::no_destroy]] constinit Mount mounts[MaxMounts] = {};
constinit unsigned mount_count = 0;
constinit std::string_view program;
[[clang::no_destroy]] constinit ErofsImage root_image;
constinit const pl_record_start* start = nullptr;
constinit const pl_config* configuration = nullptr;

// The records, one by one, each within the configuration.
class Records {
 public:
  explicit Records(const pl_config& config)
      : at_(reinterpret_cast<const char*>(&config) + sizeof config), end_(reinterpret_cast<const char*>(&config) + config.size), left_(config.records) {}

  // Null at the end; EINVAL where one does not fit.
  ErrorOr<const pl_record*> next() {
    if (left_ == 0) return nullptr;
    --left_;
    if (size_t(end_ - at_) < sizeof(pl_record)) return fail(Errno::Invalid);
    auto record = reinterpret_cast<const pl_record*>(at_);
    if (record->size < sizeof(pl_record) || record->size % 8 || record->size > size_t(end_ - at_)) return fail(Errno::Invalid);
    at_ += record->size;
    return record;
  }

  // A record as its type, with `bytes` of text behind it.
  template <class T>
  static ErrorOr<const T*> as(const pl_record* record) {
    if (record->size < sizeof(T)) return fail(Errno::Invalid);
    return reinterpret_cast<const T*>(record);
  }
  template <class T>
  static ErrorOr<std::string_view> text(const T* typed, const char* start, size_t offset, size_t length) {
    size_t room = reinterpret_cast<const char*>(typed) + typed->record.size - start;
    if (offset > room || length > room - offset) return fail(Errno::Invalid);
    return std::string_view(start + offset, length);
  }

 private:
  const char* at_;
  const char* end_;
  uint32_t left_;
};

// The directory that `path` goes into, its missing parents made; `name` is the last component.
ErrorOr<Ref<Inode>> parent_directory(std::string_view path, std::string_view& name) {
  if (path.empty() || path[0] != '/') return fail(Errno::Invalid);
  Ref<Inode> at = root();
  for (;;) {
    while (!path.empty() && path[0] == '/') path.remove_prefix(1);
    size_t n = 0;
    while (n < path.size() && path[n] != '/') ++n;
    std::string_view component(path.data(), n);
    if (component.empty() || component.size() > MaxName || component == "." || component == "..") return fail(Errno::Invalid);
    path.remove_prefix(n);
    if (path.empty()) {
      name = component;
      return at;
    }
    auto next = at->lookup(component);
    if (!next) {
      if (next.error() != Errno::NoEntry) return fail(next.error());
      next = at->create(component, file_mode::Directory | 0755, 0, 0, 0);
      if (!next) return fail(next.error());
    }
    while ((*next)->is_mount_point()) next = mount_on(**next)->root;
    at = *std::move(next);
  }
}

ErrorOr<void> add_file(const pl_record_file& file, PhysicalAddress& contents) {
  std::string_view path = TRY(Records::text(&file, file.text, 0, file.path_length));
  std::string_view target = TRY(Records::text(&file, file.text, file.path_length, file.target_length));
  std::string_view name;
  Ref<Inode> parent = TRY(parent_directory(path, name));
  if (parent->file_system_identity() != root()->file_system_identity()) return fail(Errno::Invalid);  // nothing goes into a mount
  switch (file.mode & file_mode::Type) {
    case file_mode::Directory: {
      auto there = parent->lookup(name);
      if (there && (*there)->is_directory()) return (*there)->set_mode(file.mode);
      TRY(parent->create(name, file.mode, 0, 0, 0));
      return {};
    }
    case file_mode::Link: return parent->symlink(name, target, 0, 0);
    case file_mode::Regular: {
      if (file.size > MaxFileSize) return fail(Errno::Invalid);
      auto inode = TRY(make<TmpRegular>(file.mode, contents, file.size));
      contents += round_up(file.size, PageSize);
      return static_cast<TmpDirectory&>(*parent).insert(name, Ref<TmpInode>(std::move(inode)));
    }
    default: return fail(Errno::Invalid);
  }
}

// The root directory of a measured image, with what will be written in memory above it.
ErrorOr<Ref<Inode>> open_root(const pl_record_root& record, uint32_t handle) {
  if (record.salt_length > PL_SALT_MAX) return fail(Errno::Invalid);
  TRY(Records::text(&record, reinterpret_cast<const char*>(record.salt), 0, record.salt_length));
  TRY(root_image.open(record, handle));
  Lower lower{&root_image, root_image.root()};
  LowerNode node = TRY(root_image.node(lower.number));
  if ((node.mode & file_mode::Type) != file_mode::Directory) return fail(Errno::Invalid);
  return Ref<Inode>(TRY(make<TmpDirectory>(node, lower)));
}

// A directory (or an empty file) to mount on.
ErrorOr<Ref<Inode>> mount_point(std::string_view path, uint32_t type) {
  std::string_view name;
  Ref<Inode> parent = TRY(parent_directory(path, name));
  auto there = parent->lookup(name);
  if (!there) return TRY(parent->create(name, type | (type == file_mode::Directory ? 0755 : 0644), 0, 0, 0));
  if ((*there)->type() != type) return fail(type == file_mode::Directory ? Errno::NotDirectory : Errno::IsDirectory);
  return there;
}

}  // namespace

Ref<Inode> root() { return mounts[0].root; }
bool has_root_image() { return root_image.root() != 0; }
void keep_blocks() { root_image.keep_blocks(); }

const Mount* mount_at(unsigned index) { return index < mount_count ? &mounts[index] : nullptr; }

const Mount* mount_on(const Inode& covered) {
  for (unsigned i = 0; i < mount_count; i++)
    if (mounts[i].covered.get() == &covered) return &mounts[i];
  return nullptr;
}

const Mount* mount_of_root(const Inode& root) {
  for (unsigned i = 0; i < mount_count; i++)
    if (mounts[i].root.get() == &root) return &mounts[i];
  return nullptr;
}

ErrorOr<void> add_mount(Ref<Inode> covered, Ref<Inode> root, const char* type, const char* source, uint32_t flags) {
  if (mount_count == MaxMounts) return fail(Errno::NoSpace);
  if (covered) covered->set_mount_point();
  root->set_mount_root();
  mounts[mount_count++] = Mount{std::move(covered), std::move(root), type, source, flags};
  return {};
}

std::string_view program_path() { return program; }

std::string_view prefetched_path(unsigned index) {
  Records records(*configuration);
  for (auto record = records.next(); record && *record; record = records.next()) {
    if ((*record)->kind != PL_RECORD_PREFETCH || index-- > 0) continue;
    auto prefetch = reinterpret_cast<const pl_record_prefetch*>(*record);
    return {prefetch->path, prefetch->path_length};
  }
  return {};
}

const pl_record_start* template_start() { return start; }

ErrorOr<void> initialize(const pl_config& config, PhysicalAddress contents) {
  if (config.magic != PL_CONFIG_MAGIC || config.version != PL_CONFIG_VERSION || config.size < sizeof config) return fail(Errno::Invalid);
  Records records(config);
  configuration = &config;
  TmpDirectory::choose_secret();
  uint32_t host_handle = PL_HANDLE_MOUNT;
  const pl_record* record = TRY(records.next());
  if (record && record->kind == PL_RECORD_ROOT) {
    TRY(add_mount(nullptr, TRY(open_root(*TRY(Records::as<pl_record_root>(record)), host_handle++)), "overlay", "rootfs", 0));
    record = TRY(records.next());
  } else {
    TRY(add_mount(nullptr, TRY(TmpDirectory::create_root(0755)), "tmpfs", "rootfs", 0));
  }
  for (const char* directory : {"/dev", "/proc", "/etc"}) TRY(mount_point(directory, file_mode::Directory));
  TRY(TRY(mount_point("/tmp", file_mode::Directory))->set_mode(01777));

  auto devices = TRY(TmpDirectory::create_root(0755, TmpInode::FileSystem::Devices));
  TRY(populate_devices(*devices));
  TRY(add_mount(TRY(mount_point("/dev", file_mode::Directory)), devices, "devtmpfs", "dev", 0));
  TRY(add_mount(TRY(mount_point("/dev/pts", file_mode::Directory)), TRY(create_devpts_root()), "devpts", "devpts", 0));
  TRY(add_mount(TRY(mount_point("/proc", file_mode::Directory)), TRY(create_proc_root()), "proc", "proc", 0));

  for (; record; record = TRY(records.next())) {
    switch (record->kind) {
      case PL_RECORD_FILE: TRY(add_file(*TRY(Records::as<pl_record_file>(record)), contents)); break;
      case PL_RECORD_MOUNT: {
        auto mount = TRY(Records::as<pl_record_mount>(record));
        std::string_view path = TRY(Records::text(mount, mount->path, 0, mount->path_length));
        uint32_t type = mount->flags & PL_MOUNT_FILE ? file_mode::Regular : file_mode::Directory;
        auto host = TRY(create_host_root(host_handle++, type, mount->flags));
        auto point = mount_point(path, type);
        if (!point) log_line("%.*s: nothing can be shown there (errno %d; no link may be on the way)", int(path.size()), path.data(), int(point.error()));
        TRY(add_mount(TRY(std::move(point)), std::move(host), "host", "host", mount->flags));
        break;
      }
      case PL_RECORD_ENVIRONMENT: {
        auto e = TRY(Records::as<pl_record_environment>(record));
        allow_environment(TRY(Records::text(e, e->name, 0, e->length)));
        break;
      }
      case PL_RECORD_PROGRAM: {
        auto p = TRY(Records::as<pl_record_program>(record));
        program = TRY(Records::text(p, p->path, 0, p->path_length));
        break;
      }
      case PL_RECORD_PREFETCH: {
        auto p = TRY(Records::as<pl_record_prefetch>(record));
        TRY(Records::text(p, p->path, 0, p->path_length));
        break;
      }
      case PL_RECORD_START:
        start = TRY(Records::as<pl_record_start>(record));
        TRY(Records::text(start, start->text, 0, start->length));
        break;
      default: return fail(Errno::Invalid);
    }
  }
  return {};
}

ErrorOr<void> open_standard_streams(Descriptors& descriptors) {
  for (uint32_t i = 0; i < 3; i++)
    TRY(descriptors.install(Ref<File>(TRY(make<StreamFile>(i, open_flag::ReadWrite))), OnExec::Keep));
  return {};
}

void prepare_freeze() {
  keep_blocks();
  forget_host_directories();
  ocall::flush();
}

}  // namespace pl::fs
