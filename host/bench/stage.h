// SPDX-License-Identifier: BSD-2-Clause
// What one measured instance needs around it.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "run/failure.h"
#include "run/launch.h"
#include "server/invocation.h"
#include "server/server.h"

namespace pl::bench {

inline Failure failed(const std::string& what, int error) { return {kOwnFailure, fmt::format("{}: {}", what, std::strerror(error))}; }

inline Descriptor memory_file() { return Descriptor(memfd_create("output", MFD_CLOEXEC)); }

inline std::string content(const Descriptor& file) {
  std::string text;
  char buffer[4096];
  off_t at = 0;
  for (ssize_t n; (n = pread(file.get(), buffer, sizeof buffer, at)) > 0; at += n) text.append(buffer, static_cast<size_t>(n));
  return text;
}

// One enclave's window, server side and standard streams.
struct Stage {
  static OrFailure<std::unique_ptr<Stage>> make(Device& device, const std::string& program, const std::vector<std::string>& arguments) {
    auto piece = WindowPiece::take(device, PL_WINDOW_DEFAULT);
    if (!piece) return std::unexpected(failed("window", piece.error()));
    auto stage = std::unique_ptr<Stage>(new Stage(std::move(*piece)));
    stage->output = memory_file();
    stage->null = Descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
    stage->instance.handles().set_stream(0, stage->null.get());
    stage->instance.handles().set_stream(1, stage->output.get());
    stage->instance.handles().set_stream(2, stage->output.get());
    Invocation invocation;
    invocation.program = program;
    invocation.arguments = {program};
    invocation.arguments.insert(invocation.arguments.end(), arguments.begin(), arguments.end());
    prepare_window(stage->instance.window(), invocation);
    return stage;
  }

  WindowPiece piece;
  Instance instance;
  Descriptor output, null;
  std::string log;

 private:
  explicit Stage(WindowPiece taken) : piece(std::move(taken)), instance(piece.bytes()) {}
};

}  // namespace pl::bench
