// SPDX-License-Identifier: BSD-2-Clause
// What an enclave is to be, before there is one: everything that is measured, and the key that finds its template again.
#pragma once

#include <cstdint>
#include <memory>
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
  // `libos` is an open libos.bin.
  static OrFailure<Plan> make(const RunOptions& options, const std::vector<Mount>& mounts, Program program,
                              Descriptor libos);

  const std::string& name() const { return name_; }
  std::string path_inside() const { return "/bin/" + program_.name; }
  pl_ioc_create create() const { return create_; }
  // Names a template: content of libOS and program, configuration, limits.
  OrFailure<Digest> key(const ContentDigests& digests) const;
  // All pages; reads and checks the program.
  OrFailure<Pages> image() const;

 private:
  Plan() = default;
  Configuration configuration(std::span<const std::byte> program) const;

  std::string shown_, name_;
  Program program_;
  Descriptor libos_;
  struct stat libos_status_ {};
  bool shadow_ = false;
  uint32_t flags_ = 0;  // PL_CONFIG_*
  std::vector<std::pair<std::string, uint32_t>> mounts_;  // path inside, PL_MOUNT_*
  pl_ioc_create create_{};
};

}  // namespace pl
