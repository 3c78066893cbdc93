// SPDX-License-Identifier: BSD-2-Clause
// Tests that register themselves, are sentences, and run in the order of their files. A failed check ends its test.
#pragma once

#include <cstdint>
#include <cstdio>
#include <vector>

namespace pl::test {

// Which machine a test is for: penglai.ko, penglai.ko with kUserLimit, penglai-faults.ko, or one with pl-run in it.
enum class Machine { Usual, Limited, Faulty, Serving };

struct Case {
  const char* sentence;
  void (*body)();
  Machine machine;
};

constexpr unsigned long long kUserLimit = 9 << 20;

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Registration {
  Registration(const char* sentence, void (*body)(), Machine machine) { cases().push_back({sentence, body, machine}); }
};

struct Failure {};

// How many processes the tests of killed ones kill, and how often a thousand forks are made at once.
inline unsigned kill_rounds = 100;
inline unsigned crowd_rounds = 2;

inline void check(bool holds, const char* what, const char* file, int line) {
  if (holds) return;
  std::printf("    %s:%d: %s\n", file, line, what);
  throw Failure{};
}

template <typename A, typename B>
void check_equal(const A& got, const B& wanted, const char* what, const char* file, int line) {
  if (static_cast<int64_t>(got) == static_cast<int64_t>(wanted)) return;
  std::printf("    %s:%d: %s is %lld, not %lld\n", file, line, what, static_cast<long long>(got),
              static_cast<long long>(wanted));
  throw Failure{};
}

// Runs the body in a child that has this user and group: 0 if every check held.
int as_user(unsigned uid, unsigned gid, void (*body)());

}  // namespace pl::test

#define PL_JOIN2(a, b) a##b
#define PL_JOIN(a, b) PL_JOIN2(a, b)
#define PL_TEST(sentence, machine)                                                                                   \
  static void PL_JOIN(body_, __LINE__)();                                                                            \
  static const pl::test::Registration PL_JOIN(registration_, __LINE__)(sentence, PL_JOIN(body_, __LINE__), machine); \
  static void PL_JOIN(body_, __LINE__)()
#define TEST(sentence) PL_TEST(sentence, pl::test::Machine::Usual)
#define LIMITED_TEST(sentence) PL_TEST(sentence, pl::test::Machine::Limited)
#define FAULTY_TEST(sentence) PL_TEST(sentence, pl::test::Machine::Faulty)
#define SERVING_TEST(sentence) PL_TEST(sentence, pl::test::Machine::Serving)
#define CHECK(condition) pl::test::check(static_cast<bool>(condition), #condition, __FILE_NAME__, __LINE__)
#define CHECK_EQUAL(got, wanted) pl::test::check_equal((got), (wanted), #got, __FILE_NAME__, __LINE__)
