// SPDX-License-Identifier: BSD-2-Clause
#include "run/root_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pl {

ReadAt reader_of(int descriptor) {
  return [descriptor](uint64_t offset, std::span<std::byte> to) {
    while (!to.empty()) {
      ssize_t got = pread(descriptor, to.data(), to.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      offset += static_cast<uint64_t>(got);
      to = to.subspan(static_cast<size_t>(got));
    }
    return true;
  };
}

OrFailure<RootFile> open_root_file(const HostFiles& files, const std::string& path) {
  auto fail = [&](const std::string& why) { return failure(kOwnFailure, "--rootfs " + path + ": " + why); };
  auto file = files.open(path, O_RDONLY);
  if (!file) return fail(std::strerror(file.error()));
  struct stat status;
  if (fstat(file->get(), &status) < 0) return fail(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return fail("a directory: pl-image build makes an image of it");
  if (!S_ISREG(status.st_mode)) return fail("not a regular file");
  auto image = read_root_image(reader_of(file->get()), static_cast<uint64_t>(status.st_size));
  if (!image) return fail(image.error());
  return RootFile{std::move(*file), std::move(*image)};
}

}  // namespace pl
