// SPDX-License-Identifier: BSD-2-Clause
// What an enclave is to be, before there is one: everything that is measured, and the key that finds its template again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/configuration.h"
#include "image/image.h"
#include "image/sha256.h"
#include "penglai/ioctl.h"
#include "run/content_digest.h"
#include "run/failure.h"
#include "run/host_files.h"
#include "run/options.h"
#include "run/program.h"
#include "run/root_file.h"

namespace pl {

// An open host directory or file that -v named.
struct Mount {
  Descriptor root;
  std::string guest;
  bool read_only = false, is_file = false;
};
OrFailure<std::vector<Mount>> open_mounts(const std::vector<MountOption>& options, const HostFiles& files);

class Plan {
 public:
  // `libos` is an open libos.bin. With a root image, `program` has only its name, as it is to be looked for in there.
  // `template_environment` is of a template that runs its program.
  static OrFailure<Plan> make(const RunOptions& options, const std::vector<Mount>& mounts, Program program, Descriptor libos,
                              std::optional<RootFile> root = {}, std::vector<std::string> template_environment = {});

  const std::string& name() const { return name_; }
  std::string path_inside() const { return root_ ? program_.name : "/bin/" + program_.name; }
  // Of the host, as who named it would open it; empty with a root image.
  const std::string& path_outside() const { return program_.path; }
  // A descriptor of the root image, or -1: it goes with each window that an enclave of this plan is served through.
  int root() const { return root_ ? root_->file.get() : -1; }
  pl_ioc_create create() const { return create_; }
  ShadowPoint shadow_point() const { return point_; }
  // PL_SHADOW_*
  uint32_t point_number() const;
  const std::vector<std::string>& prefetch() const { return prefetch_; }
  // Its template does, before it freezes.
  bool runs_program() const { return shadow_ && (point_ == ShadowPoint::Main || point_ == ShadowPoint::Call); }
  // No: its template is for every program of the image, and each instance is told which (Invocation::program).
  bool has_program() const { return !(shadow_ && point_ == ShadowPoint::Boot); }
  // Names a template: content of libOS and program, configuration, limits.
  OrFailure<Digest> key(const ContentDigests& digests) const;
  // All pages; reads and checks the program.
  OrFailure<Pages> image() const;

 private:
  Plan() = default;
  // Of the program, and of each of its libraries.
  using Contents = std::vector<std::vector<std::byte>>;
  OrFailure<Contents> read_contents() const;
  Configuration configuration(const Contents& contents) const;

  std::string shown_, name_;
  Program program_;
  std::optional<RootFile> root_;
  Descriptor libos_;
  struct stat libos_status_ {};
  bool shadow_ = false;
  ShadowPoint point_ = ShadowPoint::Entry;
  std::vector<std::string> template_arguments_, template_environment_;  // of a template that runs its program
  uint32_t user_ = 0, group_ = 0;
  uint32_t flags_ = 0;  // PL_CONFIG_*
  std::vector<std::string> prefetch_;  // paths of the root image
  std::vector<std::pair<std::string, uint32_t>> mounts_;  // path inside, PL_MOUNT_*
  pl_ioc_create create_{};
};

}  // namespace pl
