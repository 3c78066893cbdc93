// SPDX-License-Identifier: BSD-2-Clause
// Container images: the archives of `docker save` and OCI image layouts (image-spec, layer.md and image-layout.md).
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace pl {

// Fills `root`, an empty directory, with the layers of the image in the tar file `archive`, one over the other; `work` is for work.
// Entries that lead out of the root are refused; device nodes are left out.
std::expected<void, std::string> unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& root,
                                                const std::filesystem::path& work);

}  // namespace pl
