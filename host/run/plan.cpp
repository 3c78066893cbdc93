// SPDX-License-Identifier: BSD-2-Clause
#include "run/plan.h"

#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "penglai/sbi.h"
#include "run/system_files.h"

namespace pl {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;
constexpr size_t kLibosMax = 256 * kMegabyte;
// With a root image: the blocks that a template reads before it freezes are its own memory, and how many is not known here.
constexpr uint64_t kImageReserve = 64 * kMegabyte;
// Half of a template's memory may be blocks that it was told to read (libos/process/prefetch.h).
constexpr uint64_t kPrefetchReserveMax = 256 * kMegabyte;
// An image of so many blocks is read whole at boot, if nothing else is said: 8 MiB, checked once in less time than a big program loads.
constexpr uint64_t kWholeImageBlocks = 2048;
constexpr uint64_t kRunningReserve = 128 * kMegabyte;
constexpr uint32_t kContexts = 1;
// Changes when the same input is to give another template.
constexpr std::string_view kKeyVersion = "penglai template 1";

// Room for the libOS, the program and its libraries, and what they need until the first instruction, with a margin: what is not used
// is given back at a freeze.
uint64_t default_reserve(uint64_t libos_size, uint64_t program_size) {
  return std::bit_ceil(std::max(16 * kMegabyte, 4 * (libos_size + program_size) + 8 * kMegabyte));
}

}  // namespace

OrFailure<std::vector<Mount>> open_mounts(const std::vector<MountOption>& options, const HostFiles& files) {
  std::vector<Mount> mounts;
  for (const MountOption& option : options) {
    auto fail = [&](const char* why) { return failure(kOwnFailure, "-v " + option.host + ": " + why); };
    struct stat status;
    // Looked at by path alone first: opening a FIFO or a device can have an effect.
    auto found = files.open(option.host, O_PATH);
    if (!found) return fail(std::strerror(found.error()));
    if (fstat(found->get(), &status) < 0) return fail(std::strerror(errno));
    Mount mount{Descriptor(), option.guest, option.read_only, S_ISREG(status.st_mode)};
    if (!mount.is_file && !S_ISDIR(status.st_mode)) return fail("neither a directory nor a regular file");
    auto root = files.open(option.host, mount.is_file && !mount.read_only ? O_RDWR : O_RDONLY);
    // A file that may not be written is shown as what it is.
    if (!root && mount.is_file && !mount.read_only) {
      root = files.open(option.host, O_RDONLY);
      mount.read_only = true;
    }
    if (!root) return fail(std::strerror(root.error()));
    struct stat opened;
    if (fstat(root->get(), &opened) < 0 || (opened.st_mode & S_IFMT) != (status.st_mode & S_IFMT))
      return fail("changed while it was opened");
    mount.root = std::move(*root);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

OrFailure<Plan> Plan::make(const RunOptions& options, const std::vector<Mount>& mounts, Program program, Descriptor libos,
                           std::optional<RootFile> root, std::vector<std::string> template_environment) {
  Plan plan;
  plan.shown_ = options.program;
  plan.name_ = (options.template_name.empty() ? program.name : options.template_name).substr(0, PL_NAME_SIZE - 1);
  plan.program_ = std::move(program);
  plan.root_ = std::move(root);
  plan.libos_ = std::move(libos);
  if (fstat(plan.libos_.get(), &plan.libos_status_) < 0)
    return failure(kOwnFailure, std::string("libos.bin: ") + std::strerror(errno));
  plan.shadow_ = options.shadow;
  plan.point_ = options.shadow_point;
  if (plan.runs_program()) {
    plan.template_arguments_.push_back(options.program);
    plan.template_arguments_.insert(plan.template_arguments_.end(), options.arguments.begin(),
                                    options.arguments.begin() + options.template_arguments);
    plan.template_environment_ = std::move(template_environment);
    plan.user_ = options.user;
    plan.group_ = options.group;
  }
  plan.flags_ = (options.explain ? PL_CONFIG_EXPLAIN : 0) | (options.strace ? PL_CONFIG_TRACE : 0) | (options.is_debug() ? PL_CONFIG_DEBUG : 0);
  for (const Mount& mount : mounts)
    plan.mounts_.emplace_back(mount.guest, (mount.read_only ? PL_MOUNT_READ_ONLY : 0) | (mount.is_file ? PL_MOUNT_FILE : 0));

  auto program_size = static_cast<uint64_t>(plan.program_.status.st_size);
  for (const Library& library : plan.program_.libraries) program_size += static_cast<uint64_t>(library.status.st_size);
  plan.create_.reserve = default_reserve(static_cast<uint64_t>(plan.libos_status_.st_size), program_size);
  if (plan.root_ && plan.shadow_) {
    plan.create_.reserve = kImageReserve;
    plan.prefetch_ = options.prefetch;
    const uint64_t blocks = plan.root_->image.data_blocks;
    if (!plan.prefetch_.empty()) plan.create_.reserve = std::bit_ceil(std::clamp(2 * blocks * kImageBlock, kImageReserve, kPrefetchReserveMax));
    else if (plan.point_ == ShadowPoint::Boot && blocks <= kWholeImageBlocks) plan.prefetch_ = {"/"};
  }
  // A template cannot have more than it reserved, and its program has not been seen yet.
  if (plan.runs_program())
    plan.create_.reserve = std::max<uint64_t>(plan.create_.reserve, std::bit_ceil(options.memory ? options.memory : kRunningReserve));
  plan.create_.memory_limit = options.memory;
  plan.create_.contexts = kContexts;
  plan.create_.flags = (plan.shadow_ ? PL_CREATE_FREEZABLE : 0) | (options.is_debug() ? PL_CREATE_DEBUG : 0);
  plan.create_.handle = -1;
  return plan;
}

uint32_t Plan::point_number() const {
  if (!shadow_) return PL_SHADOW_NONE;
  switch (point_) {
    case ShadowPoint::Main: return PL_SHADOW_MAIN;
    case ShadowPoint::Call: return PL_SHADOW_CALL;
    case ShadowPoint::Boot: return PL_SHADOW_BOOT;
    default: return PL_SHADOW_ENTRY;
  }
}

Configuration Plan::configuration(const Contents& contents) const {
  Configuration configuration(point_number(), flags_);
  if (root_) {
    configuration.add_root(root_->image);
  } else {
    configuration.add_directory("/root", 0700);
    // Without contents, what there is in which place: for the key, which has the digests beside it.
    auto content = [&](size_t index) { return contents.empty() ? std::span<const std::byte>{} : std::span(contents[index]); };
    configuration.add_file(path_inside(), 0755, content(0));
    for (size_t i = 0; i < program_.libraries.size(); ++i) configuration.add_file(program_.libraries[i].path, 0755, content(i + 1));
    for (const SystemFile& file : kSystemFiles) configuration.add_file(file.path, 0644, file.content);
  }
  for (const auto& [path, flags] : mounts_) configuration.add_mount(path, flags);
  for (const std::string& path : prefetch_) configuration.add_prefetch(path);
  if (has_program()) configuration.set_program(path_inside());
  if (runs_program()) configuration.set_start(template_arguments_, template_environment_, user_, group_);
  return configuration;
}

OrFailure<Plan::Contents> Plan::read_contents() const {
  Contents contents;
  if (root_) return contents;
  auto program = read_program(program_, shown_);
  if (!program) return std::unexpected(program.error());
  contents.push_back(std::move(*program));
  for (const Library& library : program_.libraries) {
    auto content = read_library(library);
    if (!content) return std::unexpected(content.error());
    contents.push_back(std::move(*content));
  }
  return contents;
}

OrFailure<Digest> Plan::key(const ContentDigests& digests) const {
  auto libos = digests.of(libos_.get(), libos_status_);
  if (!libos) return failure(kOwnFailure, std::string("libos.bin: ") + std::strerror(libos.error()));
  Sha256 hash;
  auto add = [&](std::span<const std::byte> part) {
    const uint64_t size = part.size();
    hash.update(std::as_bytes(std::span(&size, 1)));
    hash.update(part);
  };
  add(std::as_bytes(std::span(kKeyVersion)));
  add(std::as_bytes(std::span(*libos)));
  auto add_content = [&](const Descriptor& file, const struct stat& status, const std::string& shown) -> OrFailure<void> {
    auto digest = digests.of(file.get(), status);
    if (!digest) return failure(kCannotRun, shown + ": " + std::strerror(digest.error()));
    add(std::as_bytes(std::span(*digest)));
    return {};
  };
  if (!root_) {
    if (auto added = add_content(program_.file, program_.status, shown_); !added) return std::unexpected(added.error());
    for (const Library& library : program_.libraries)
      if (auto added = add_content(library.file, library.status, library.shown); !added) return std::unexpected(added.error());
  }
  add(configuration({}).serialize());
  if (!root_)
    for (const SystemFile& file : kSystemFiles) add(std::as_bytes(std::span(file.content)));
  const uint64_t limits[] = {create_.reserve, create_.memory_limit, create_.contexts, create_.flags};
  add(std::as_bytes(std::span(limits)));
  return hash.finish();
}

OrFailure<Pages> Plan::image() const {
  auto contents = read_contents();
  if (!contents) return std::unexpected(contents.error());
  auto fail = [](const std::string& why) { return failure(kOwnFailure, "libos.bin: " + why); };
  auto file = read_file(libos_.get(), kLibosMax);
  if (!file) return fail(std::strerror(file.error()));
  auto libos = libos_pages(*file);
  if (!libos) return fail(libos.error());
  auto pages = build_image(*libos, configuration(*contents));
  if (!pages) return failure(kOwnFailure, pages.error());
  return std::move(*pages);
}

}  // namespace pl
