// SPDX-License-Identifier: BSD-2-Clause
// The measured steps. A program is measured as pl-run runs it: the same plan, template, window and server.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/device.hpp"
#include "bench/stage.h"
#include "run/failure.h"
#include "run/launch.h"
#include "run/plan.h"

namespace pl::bench {

struct Measured {
  uint64_t instructions = 0;  // of this one run
  uint64_t nanoseconds = 0;   // likewise, of a process
  uint64_t started = 0;       // the counter just before it
  int status = 0;             // exit status, as pl-run's
  std::string output;         // what it wrote to standard output
};

// Where the instructions of one run went, and what its private pages are (of a fork).
struct Account {
  struct Step {
    std::string name;
    uint64_t count;
    uint64_t budget;  // 0: none
  };
  std::vector<Step> steps;
  std::vector<std::string> pages;
};
enum class Start : uint8_t { Cold, Forked };

// A program, and where its template freezes.
struct Subject {
  Subject(std::string name, ShadowPoint at = ShadowPoint::Entry) : program(std::move(name)), point(at) {}
  Subject(const char* name, ShadowPoint at = ShadowPoint::Entry) : program(name), point(at) {}
  auto operator<=>(const Subject&) const = default;
  std::string program;
  ShadowPoint point;
};

class Laboratory {
 public:
  // `programs`: the directory of the benchmark's programs; each is copied to memory here, so that no run reads a disk.
  static OrFailure<Laboratory> open(const std::string& programs);

  // A fork: from before the one ioctl to after the destroy. The window is filled before, as the host program's own work is not measured.
  OrFailure<Measured> fork(const Subject& subject, const std::vector<std::string>& arguments = {});
  // Of a template that has been made elsewhere, on its own stage.
  OrFailure<Measured> fork(uint64_t template_id, Stage& stage);
  // create, add, hash, seal, boot, load, run, destroy: all in the measured time.
  OrFailure<Measured> cold(const std::string& program);
  // A template from nothing: create to publish. It is removed afterwards.
  OrFailure<Measured> make_template(const std::string& program);
  // Instructions for each byte that is added and hashed.
  OrFailure<double> hash_byte(const std::string& program);
  // Pool memory that a fork holds when its program has ended, before it is destroyed.
  OrFailure<uint64_t> private_bytes(const Subject& subject);
  // Of an enclave whose libOS says where it is (PL_CONFIG_EXPLAIN): otherwise measured as fork() and cold() are.
  OrFailure<Account> explain(const Subject& subject, Start how);
  // A fork of a template that was made so.
  OrFailure<Account> explain(uint64_t template_id, Stage& stage);

  // vfork, execve, exit and wait of the same file, standard output to /dev/null (or kept).
  OrFailure<Measured> process(const std::string& program, const std::vector<std::string>& arguments = {}, bool keep_output = false);
  // The same of a path below the directory `root`, which is the process's root then; empty: below no other than its own.
  OrFailure<Measured> process_at(const std::string& root, const std::string& path, const std::vector<std::string>& arguments, bool keep_output);

  // A copy of bench-hello with so much more memory, which it does not touch; its name.
  OrFailure<std::string> program_with_ballast(uint64_t megabytes);
  // So many forks of `program` that have ended and are still there, with all their memory.
  OrFailure<void> keep_instances(const std::string& program, size_t count);
  // Bytes that a cold run of `program` copies in and hashes.
  OrFailure<uint64_t> hashed_bytes(const std::string& program) const;

  uint64_t monitor_forks() { return stat().forks; }
  // Forks asked for since open().
  uint64_t forks_asked() const { return forks_asked_; }

  // For measurements of other shapes: they count the forks that they ask for.
  Device& device() { return device_; }
  OrFailure<uint64_t> template_of(const Subject& subject);
  void count_forks(uint64_t count) { forks_asked_ += count; }
  pl_ioc_stat stat();

 private:
  Laboratory(Device device, Device observer) : device_(std::move(device)), observer_(std::move(observer)) {}
  OrFailure<Plan> plan(const Subject& subject, bool shadow, bool explain = false) const;
  OrFailure<void> count_one(uint64_t before);

  Device device_;
  Device observer_;  // for statistics
  std::string programs_;
  std::map<Subject, uint64_t> templates_;
  uint64_t forks_asked_ = 0;
  struct Kept {
    std::unique_ptr<Stage> stage;
    std::unique_ptr<Enclave> enclave;  // ends first
  };
  std::vector<Kept> kept_;
};

}  // namespace pl::bench
