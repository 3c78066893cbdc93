// SPDX-License-Identifier: BSD-2-Clause
// How a serving process is asked about its instances, and asked to do something with them: a JSON object a packet, each
// answered by one.
//
//   {"do": "list", "from": 0}               -> {"process", "program", "created", "count", "instances": [...], "next"}
//   {"do": "signal", "signal": 15, "index": 3}   index: of one instance, none: all  -> {"done": 1}
//   {"do": "wait"}                          -> {"status": 0, "message": ""} at the end
//
// An instance is {"index", "id", "state", "private", "shared", "ocalls", "age"}: bytes and seconds. "next" is there when not
// all fitted: ask again from there. An error is {"error": "..."}.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "device/descriptor.h"

namespace pl {

constexpr size_t kControlMessage = 128 * 1024;

// The serving side. Never blocks; SIGIO says when attend() is worth a call.
class Control {
 public:
  using Answer = std::function<std::string(const std::string& request)>;
  Control(int listener, Answer answer);
  void attend();
  // To those who wait for the end.
  void tell(const std::string& text);

 private:
  struct Connection {
    Descriptor socket;
    bool waits = false;
  };
  bool serve(Connection& connection);
  int listener_;
  Answer answer_;
  std::vector<Connection> connections_;
};

// The asking side. ETIMEDOUT: no answer within a few seconds, as of a process that is stopped; ECONNRESET: it is gone.
enum class Patience : uint8_t { Seconds, Endless };
std::expected<std::string, int> ask(int connection, const std::string& request, Patience patience = Patience::Seconds);
std::expected<std::string, int> receive(int connection, Patience patience);

}  // namespace pl
