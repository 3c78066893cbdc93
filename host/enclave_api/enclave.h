// SPDX-License-Identifier: BSD-2-Clause
// What an enclave id means: a shadow, or an instance (one that was forked from a shadow, or one for itself).
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "enclave_api/penglai-enclave.h"
#include "enclave_api/session.h"
#include "image/sha256.h"
#include "run/plan.h"
#include "server/server.h"

namespace pl::enclave_api {

using Measurement = std::array<uint8_t, PL_MEASUREMENT_SIZE>;

// A program that was checked, and what an enclave of it would be.
OrErrno<Plan> plan_of(const elf_args& elf, const enclave_args& args, std::string& name);

// A template of its own kind: its key is that of no other command's. Two shadows of one program are one template in the device, which
// goes with the last of this process; if another process's was the same, that one makes it anew when it forks next.
class Shadow {
 public:
  static OrErrno<std::shared_ptr<Shadow>> create(Plan plan, std::string name);
  ~Shadow() { remove(); }
  // Its forks live on; there are no more.
  void remove();

  const std::shared_ptr<Session>& session() const { return session_; }
  const std::string& name() const { return name_; }
  // The template's id: it may have given way to a need for memory, and is made again then. ESRCH: it was removed.
  OrErrno<uint64_t> make();
  const Measurement& measurement() const { return measurement_; }

  Shadow(std::shared_ptr<Session> session, Plan plan, std::string name, Digest key)
      : session_(std::move(session)), plan_(std::move(plan)), name_(std::move(name)), key_(key) {}

 private:
  std::shared_ptr<Session> session_;
  Plan plan_;
  std::string name_;
  Digest key_;
  Measurement measurement_{};  // the same each time it is made
  bool counted_ = false, removed_ = false;
};

// What an instance is run with. Segments are kept until it has ended.
struct Memory {
  std::shared_ptr<Segment> shared, relay;
  pl_ioc_window shared_window{}, relay_window{};
};

class Enclave {
 public:
  // A fork of `shadow` when it is run, with these windows.
  static OrErrno<std::shared_ptr<Enclave>> fork(std::shared_ptr<Shadow> shadow, Memory memory, std::string variable);
  // Measured and sealed; give() it memory before it is run.
  static OrErrno<std::shared_ptr<Enclave>> create(const Plan& plan, std::string name);
  ~Enclave();

  // To the end (RETURN_USER_EXIT_ENCL) or the relay page (RETURN_USER_RELAY_PAGE).
  OrErrno<int> run(unsigned long& status);
  // 0, or an errno. Before the first run of one for itself.
  int give(Memory memory, std::string variable);
  void stop();
  void resume();
  void destroy();
  bool started() const { return started_; }
  const Measurement& measurement() const { return measurement_; }

  Enclave(std::shared_ptr<Session> session, WindowPiece piece, std::string name);

 private:
  OrErrno<int> run_on(unsigned long& status);
  void start();
  void prepare();

  std::shared_ptr<Session> session_;
  std::shared_ptr<Shadow> shadow_;  // of a fork
  Memory memory_;
  WindowPiece piece_;
  std::string name_, variable_;
  Measurement measurement_{};
  pl::Instance instance_;
  Interruption interruption_;
  Server server_;
  int handle_ = -1;
  bool started_ = false;

  std::mutex lock_;
  std::condition_variable changed_;
  bool running_ = false;   // a thread is in run()
  bool off_ = false;       // and waits there, stopped
  bool stopped_ = false, over_ = false;
};

}  // namespace pl::enclave_api
