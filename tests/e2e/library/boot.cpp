// SPDX-License-Identifier: BSD-2-Clause
// The same in C++, several at once.
#include <iostream>
#include <penglai/penglai.hpp>

int main(int argc, char** argv) try {
  if (argc < 2) return 2;
  penglai::Runtime runtime;
  penglai::Program program;
  program.rootfs = argv[1];
  program.point = PENGLAI_BOOT;
  const auto id = runtime.build(program);
  if (!runtime.inspect(id).program_chosen) return 1;
  const auto before = runtime.inspect(id).forks;
  std::vector<penglai::Instance> forks;
  for (const char* path : {"cat", "/bin/cat", "sh"}) {
    program.path = path;
    penglai::Start start;
    start.arguments = *path == 's' ? std::vector<std::string>{"sh", "-c", "cat motd; exit 7"} : std::vector<std::string>{path, "motd"};
    start.directory = "/etc";
    start.output = penglai::Stream::memory();
    forks.push_back(runtime.run(program, start));
  }
  int status = 0;
  for (auto& fork : forks) {
    status += fork.wait().status;
    std::cout << fork.output();
  }
  if (runtime.inspect(id).forks - before != 3) return 1;
  program.prefetch = {"/nowhere"};
  try {
    runtime.build(program);
    return 1;
  } catch (const penglai::Error& error) {
    if (error.status() != PENGLAI_FAILED) throw;
  }
  return status;
} catch (const penglai::Error& error) {
  std::cerr << error.what() << "\n";
  return error.status();
}
