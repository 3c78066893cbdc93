// SPDX-License-Identifier: BSD-2-Clause
// What a client hands to the daemon that it starts, as JSON in the argument of --configuration.
#pragma once

#include <expected>
#include <string>

#include "settings.h"

namespace pl::machine {

struct Configuration {
  Settings settings;
  Images images;
  // Of the settings without what `pl-machine start` overrides, so that later commands do not find the machine outdated.
  std::string fingerprint;
};

std::string encode(const Configuration& configuration);
std::expected<Configuration, std::string> decode_configuration(const std::string& text);

}  // namespace pl::machine
