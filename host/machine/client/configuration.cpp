// SPDX-License-Identifier: BSD-2-Clause
#include "configuration.h"

#include <nlohmann/json.hpp>

namespace pl::machine {

std::string encode(const Configuration& configuration) {
  return nlohmann::json{{"settings", to_json(configuration.settings)},
                        {"firmware", configuration.images.firmware.string()},
                        {"kernel", configuration.images.kernel.string()},
                        {"initramfs", configuration.images.initramfs.string()},
                        {"fingerprint", configuration.fingerprint}}
      .dump();
}

std::expected<Configuration, std::string> decode_configuration(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    const auto settings = settings_from_json(json.at("settings"));
    if (!settings) return std::unexpected(settings.error());
    return Configuration{*settings,
                         {json.at("firmware").get<std::string>(), json.at("kernel").get<std::string>(), json.at("initramfs").get<std::string>()},
                         json.at("fingerprint").get<std::string>()};
  } catch (const nlohmann::json::exception& problem) {
    return std::unexpected(problem.what());
  }
}

}  // namespace pl::machine
