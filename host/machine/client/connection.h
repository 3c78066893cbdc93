// SPDX-License-Identifier: BSD-2-Clause
// A client's connection to the daemon; makes the daemon start if it is not there.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>

#include "../system/descriptor.h"
#include "../wire/message.h"
#include "configuration.h"
#include "directory.h"

namespace pl::machine {

struct Welcome {
  std::string log;
  bool outdated = false;  // settings or images have changed since the machine was started, and it is in use
  size_t commands = 0;
  bool up = false;
};

class Connection {
 public:
  // An error is a line for the user.
  template <typename Value>
  using Result = std::expected<Value, std::string>;

  // To the machine that is running, or nothing. Does not mind old settings.
  static Result<std::optional<Connection>> find(const Directory& directory);
  // To a machine with these settings and images: starts one if none is running, or if the one that is has others and is idle.
  static Result<Connection> open(const Directory& directory, const Configuration& configuration);

  const Welcome& welcome() const { return welcome_; }
  int fd() const { return fd_.get(); }
  FrameReader& reader() { return reader_; }

  // Blocking, for the short exchanges around commands. Nothing comes when the daemon has gone.
  bool send(Type type, std::span<const std::byte> payload = {});
  std::optional<Frame> receive();

 private:
  Descriptor fd_;
  FrameReader reader_;
  Welcome welcome_;
};

}  // namespace pl::machine
