// SPDX-License-Identifier: BSD-2-Clause
// From a directory to a root image.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace pl {

enum class Owners : uint8_t { Root, Kept };

// Makes or replaces `image`, in one step: it is whole or as it was. The same files give the same bytes. An error is a line for the user.
std::expected<void, std::string> build_image(const std::filesystem::path& directory, const std::filesystem::path& image, Owners owners);

// The image of a directory as it is now: made, or found as it was made when nothing of the directory has changed since (names, modes,
// owners, sizes, times of every file). One is kept for each directory, below the cache directory.
std::expected<std::filesystem::path, std::string> image_of_directory(const std::filesystem::path& directory);

}  // namespace pl
