// SPDX-License-Identifier: BSD-2-Clause
// The registry of a user's instances: a folder for each process that serves some, with the socket through which it is
// asked. Nobody watches: a process that is gone does not answer, and what it left is taken away by who finds it.
//
//   NAME/control     SOCK_SEQPACKET, see control.h
//   NAME/entry.json  of a detached one: what it is, and once it has ended how
//   NAME/out, err    of a detached one: what it wrote
//
// A folder is made under a name that begins with a dot and renamed when all is in it, so that a name is taken once.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "device/descriptor.h"

namespace pl {

enum class Kept : uint8_t { No, AfterTheEnd };

struct Description {
  std::string program;
  std::vector<std::string> arguments;
  uint32_t count = 1;     // of instances
  uint64_t created = 0;   // CLOCK_REALTIME seconds
  uint64_t ended = 0;     // 0: it runs
  int process = 0;
  int status = 0;         // as the command's exit status, once it has ended
  std::string message;    // likewise: what there was to say
};

class Entry {
 public:
  // `name` empty: PROGRAM-PID is taken. An error is a line for the user.
  static std::expected<Entry, std::string> make(const std::string& name, const Description& description, Kept kept);
  Entry(Entry&& other) noexcept = default;
  Entry& operator=(Entry&&) = delete;
  // Takes the folder away, unless it is kept.
  ~Entry();

  const std::string& name() const { return name_; }
  int listener() const { return listener_.get(); }
  const Descriptor& out() const { return out_; }
  const Descriptor& err() const { return err_; }
  // For those that come later. Not kept after all: `discard`.
  void ended(int status, const std::string& message);
  void discard() { kept_ = Kept::No; }

 private:
  Entry() = default;
  std::string folder_, name_;
  Description description_;
  Kept kept_ = Kept::No;
  Descriptor listener_, out_, err_;
};

// Those that are there, dead or alive; `description` is of detached ones.
struct Found {
  std::string name;
  std::optional<Description> description;
  Descriptor connection;  // to the living
  bool alive() const { return connection.get() >= 0; }
};
// What an attached process that is gone left is taken away on the way.
std::expected<std::vector<Found>, int> list_entries();
// ENOENT: there is none.
std::expected<Found, int> find_entry(const std::string& name);
// Only one that is dead.
std::expected<void, int> remove_entry(const std::string& name);
std::expected<std::string, int> entry_folder(const std::string& name);

}  // namespace pl
