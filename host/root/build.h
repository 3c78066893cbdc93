// SPDX-License-Identifier: BSD-2-Clause
// From a directory to a root image.
#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <string>

#include "image/sha256.h"

namespace pl {

enum class Owners : uint8_t { Root, Kept };

// Makes or replaces `image`, in one step: it is whole or as it was. The same files give the same bytes. An error is a line for the user.
std::expected<void, std::string> build_image(const std::filesystem::path& directory, const std::filesystem::path& image, Owners owners);

// The image that `build` makes of what has this fingerprint: made, or found as it was made. One is kept for each directory and use of it,
// below the cache directory.
using Fingerprint = std::function<std::expected<Digest, std::string>()>;
using BuildImage = std::function<std::expected<void, std::string>(const std::filesystem::path& image)>;
std::expected<std::filesystem::path, std::string> kept_image(const std::filesystem::path& directory, const std::string& use, const Fingerprint& fingerprint, const BuildImage& build);

// The image of a directory as it is now: made, or found as it was made when nothing of the directory has changed since (names, modes,
// owners, sizes, times of every file).
std::expected<std::filesystem::path, std::string> image_of_directory(const std::filesystem::path& directory);

}  // namespace pl
