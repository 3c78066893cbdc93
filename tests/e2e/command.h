// SPDX-License-Identifier: BSD-2-Clause
// Runs what a user types, in a shell, at the top of the tree, and says what came of it.
#pragma once

#include <chrono>
#include <string>
#include <thread>

namespace e2e {

struct Result {
  int status = -1;  // as the shell's $?; -1 when it did not end in time
  std::string out;
  std::string err;
  double seconds = 0;
};

struct Options {
  std::string input;           // standard input; empty: /dev/null
  int seconds = 120;           // then it is killed, with its process group, and the status is -1
};

Result shell(const std::string& command, const Options& options = {});

// Standard error without what pl-run says of the pool: which templates gave way depends on what ran before.
std::string without_pool(const std::string& err);

// Where the first line begins in which the two differ.
size_t parts_at(const std::string& one, const std::string& other);

// A command that goes on while the test does something else. Killed when the object goes.
class Background {
 public:
  explicit Background(const std::string& command);
  ~Background();
  Background(const Background&) = delete;
  // Reads standard output until `text` has come; false after `seconds`.
  bool wait_for(const std::string& text, int seconds = 60);
  void signal(int number);  // to the command's first process alone
  void type(const std::string& text);
  void close_input();
  int wait(int seconds = 60);  // the shell's status, or -1
  const std::string& out() const { return out_; }
  int pid() const { return pid_; }

 private:
  int pid_ = -1, in_ = -1, out_fd_ = -1, status_ = -2;
  std::string out_;
};

// A directory of the test's own, removed at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, const std::string& content, int mode = 0644) const;

 private:
  std::string path_;
};

// Asks until it is so; false if it is still not after `seconds`.
template <typename Condition>
bool wait_until(Condition is_so, int seconds = 60) {
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds); !is_so();) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

// A machine of the test's own, for what counts or changes what else is in one; stopped at the end.
class OwnMachine {
 public:
  OwnMachine();
  ~OwnMachine();
  OwnMachine(const OwnMachine&) = delete;

 private:
  Scratch folder_;
};

// Templates of that name that are kept now.
int templates_named(const std::string& name);

std::string program(const std::string& name);  // a test program (tests/programs) as a path for pl-run

}  // namespace e2e

// Criterion's own macro keeps pointers into temporaries; this one keeps the strings, and shows them from where they part.
#define EXPECT_TEXT(actual, wanted)                                                                                            \
  do {                                                                                                                         \
    const std::string is = (actual), should = (wanted);                                                                        \
    const size_t from = e2e::parts_at(is, should);                                                                             \
    cr_expect(is == should, "from character %zu: '%.300s' instead of '%.300s'", from, is.c_str() + from, should.c_str() + from); \
  } while (0)
