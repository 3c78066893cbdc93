// SPDX-License-Identifier: BSD-2-Clause
// The same in C++.
#include <csignal>
#include <iostream>
#include <penglai/penglai.hpp>

int main(int argc, char** argv) try {
  if (argc < 2) return 2;
  penglai::Runtime runtime;
  penglai::Program program;
  program.path = argv[1];
  const auto id = runtime.build(program);
  std::vector<penglai::Instance> forks;
  for (int i = 0; i < 3; ++i) {
    penglai::Start start;
    start.arguments = {"fork", "first", std::to_string(i)};
    start.output = penglai::Stream::memory();
    forks.push_back(runtime.fork(id, start));
  }
  for (int i = 0; i < 3; ++i) {
    if (const auto end = forks[i].wait(); end.status) throw penglai::Error(end.status, end.message);
    std::cout << i << ": " << forks[i].output() << "\n";
  }
  if (runtime.inspect(id).forks < 3) return 1;
  try {
    program.path = "/none";
    runtime.build(program);
    return 1;
  } catch (const penglai::Error& error) {
    if (error.status() != PENGLAI_NOT_FOUND) throw;
  }
  return 0;
} catch (const penglai::Error& error) {
  std::cerr << error.what() << "\n";
  return error.status();
}
