// SPDX-License-Identifier: BSD-2-Clause
// Several instances on one simulated device, and what they share of an output.
#include "run/job.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <unistd.h>

#include "fake_libos.h"
#include "run/output.h"
#include "simulated_device.h"

using namespace pl;
using namespace pl::test;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string drain(int descriptor) {
  std::string text(65536, '\0');
  ssize_t size = read(descriptor, text.data(), text.size());
  text.resize(size > 0 ? static_cast<size_t>(size) : 0);
  return text;
}

struct Place {
  SimulatedDevice simulated;
  Runtime runtime{simulated.open(), [](std::string_view) {}};
  void fork(Job& job, uint64_t template_id = 1) {
    job.template_id = template_id;
    job.invocation.arguments = {"x"};
    cr_assert(runtime.launch(job).has_value());
  }
};

}  // namespace

Test(output, lines_of_several_writers_stay_whole) {
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  SharedOutput output(ends[1], nullptr);
  LineChannel one(output, "[1] "), two(output, "[2] ");
  cr_assert_eq(one.write(bytes("a")), 1);
  cr_assert_eq(two.write(bytes("b\nc")), 3);
  cr_assert_eq(one.write(bytes("\n\nlast")), 6);
  one.finish();
  two.finish();
  const std::string written = drain(ends[0]);
  cr_expect_str_eq(written.c_str(), "[2] b\n[1] a\n[1] \n[1] last\n[2] c\n");
}

Test(output, without_a_reader_is_an_error_for_its_writers) {
  signal(SIGPIPE, SIG_IGN);
  int ends[2];
  cr_assert_eq(pipe(ends), 0);
  SharedOutput output(ends[1], nullptr);
  LineChannel one(output, "");
  close(ends[0]);
  one.write(bytes("a\n"));
  cr_expect_eq(one.write(bytes("b\n")), -EPIPE);
}

Test(output, in_memory_has_a_limit_and_input_an_end) {
  MemoryOutput output(3);
  cr_expect_eq(output.write(bytes("ab")), 2);
  cr_expect_eq(output.write(bytes("cd")), 1);
  cr_expect_eq(output.write(bytes("e")), -ENOSPC);
  cr_expect_str_eq(output.text().c_str(), "abc");
  MemoryInput input(bytes("xyz"));
  std::byte buffer[2];
  cr_expect_eq(input.read(buffer), 2);
  cr_expect_eq(input.read(buffer), 1);
  cr_expect_eq(input.read(buffer), 0);
}

Test(jobs, each_ends_with_its_own_status, .timeout = 10) {
  Place place;
  place.simulated.forks[1] = [](auto, auto) { return Left{PL_LEFT_EXIT, 1 << 8}; };
  place.simulated.forks[2] = [](auto, auto) { return Left{PL_LEFT_FAULT, PL_FAULT_MEMORY}; };
  Job one, two;
  two.memory = 4 << 20;
  place.fork(one, 1);
  place.fork(two, 2);
  place.runtime.finish(two);
  place.runtime.finish(one);
  cr_expect_eq(one.result.status, 1);
  cr_expect_eq(two.result.status, 137);
  cr_expect(two.result.message.find("4096 KiB") != std::string::npos, "%s", two.result.message.c_str());
  cr_expect(place.runtime.running().empty());
}

Test(jobs, one_that_is_late_is_asked_to_end_and_then_ended, .timeout = 10) {
  Place place;
  uint32_t asked = 0;
  place.simulated.forks[1] = [&](std::byte* window, auto) {
    asked |= reinterpret_cast<pl_ring*>(window)->signals;
    return Left{PL_LEFT_IDLE, ~uint64_t{0}};
  };
  Job job;
  job.timeout_milliseconds = 20;
  place.fork(job);
  cr_expect_eq(&place.runtime.next(), &job);
  cr_expect_eq(job.result.status, 124);
  cr_expect_eq(asked, 1u << SIGTERM);
  cr_expect_eq(place.simulated.alive(), 0);
}

Test(jobs, one_that_is_killed_is_told_and_leaves_nothing, .timeout = 10) {
  Place place;
  place.simulated.forks[1] = [](auto, auto) { return Left{PL_LEFT_IDLE, ~uint64_t{0}}; };
  Job job, other;
  place.fork(job);
  place.fork(other);
  cr_expect_null(place.runtime.next_until(monotonic_now() + 20'000'000));
  cr_expect(place.runtime.inspect(job).waiting);
  place.runtime.kill(job);
  cr_expect_eq(&place.runtime.next(), &job);
  cr_expect_eq(job.result.status, 137);
  cr_expect_eq(place.simulated.alive(), 1);
}
