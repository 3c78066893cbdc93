// SPDX-License-Identifier: BSD-2-Clause
// The user's own folder for what runs: socket, locks, log. Who can enter it can use the machine as that user, so nobody else may.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

namespace pl::machine {

struct Directory {
  std::filesystem::path path;

  std::filesystem::path socket() const { return path / "machine.sock"; }
  std::filesystem::path qmp() const { return path / "qmp.sock"; }
  std::filesystem::path log() const { return path / "machine.log"; }
  std::filesystem::path old_log() const { return path / "machine.log.1"; }
  std::filesystem::path start_lock() const { return path / "start.lock"; }   // held by a client while it starts a daemon
  std::filesystem::path daemon_lock() const { return path / "daemon.lock"; }  // held by the daemon as long as it lives; its process id
};

// PENGLAI_RUNTIME_DIR, or penglai below XDG_RUNTIME_DIR, or /tmp/penglai-UID; made if it is not there. The error is for the user.
std::expected<Directory, std::string> runtime_directory();

}  // namespace pl::machine
