// SPDX-License-Identifier: BSD-2-Clause
// What this process has of the device: one descriptor with its arena, for as long as anything is made of it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string_view>

#include "device/device.hpp"

namespace pl::enclave_api {

template <class T>
using OrErrno = std::expected<T, int>;

class Session {
 public:
  explicit Session(Device device) : device(std::move(device)) {}
  // This process's: the one there is, or a new one.
  static OrErrno<std::shared_ptr<Session>> get();

  Device device;
  std::mutex building;  // one template at a time
};

// One line for the user, on standard error.
void say(std::string_view line);

// Memory of the arena that the program uses too. Whoever gives it to an instance keeps it until that has ended.
class Segment {
 public:
  enum class Kind : uint8_t { Shared, Relay };
  static OrErrno<std::shared_ptr<Segment>> create(Kind kind, uint64_t bytes);

  Kind kind() const { return kind_; }
  void* address() const { return piece_.bytes().data(); }
  // [offset, offset + bytes), widened to what a window can be. EINVAL: that is none, or not within.
  OrErrno<pl_ioc_window> window(uint64_t offset, uint64_t bytes) const;

  Segment(std::shared_ptr<Session> session, Kind kind, WindowPiece piece)
      : session_(std::move(session)), kind_(kind), piece_(std::move(piece)) {}

 private:
  std::shared_ptr<Session> session_;
  Kind kind_;
  WindowPiece piece_;
};

}  // namespace pl::enclave_api
