// SPDX-License-Identifier: BSD-2-Clause
// Why pl-run ends without running anything: what to say, and its exit status.
#pragma once

#include <expected>
#include <string>

namespace pl {

struct Failure {
  int status;
  std::string message;
};
inline constexpr int kOwnFailure = 125, kCannotRun = 126, kNotFound = 127, kTimeUp = 124, kSignalBase = 128;

template <class T>
using OrFailure = std::expected<T, Failure>;
inline std::unexpected<Failure> failure(int status, std::string message) {
  return std::unexpected(Failure{status, std::move(message)});
}

}  // namespace pl
