// SPDX-License-Identifier: BSD-2-Clause
// The image that --rootfs names, open.
#pragma once

#include <string>

#include "image/root_image.h"
#include "run/failure.h"
#include "run/host_files.h"

namespace pl {

struct RootFile {
  Descriptor file;
  RootImage image;
};

OrFailure<RootFile> open_root_file(const HostFiles& files, const std::string& path);

// Reads a descriptor's file for image/.
ReadAt reader_of(int descriptor);

}  // namespace pl
