// SPDX-License-Identifier: BSD-2-Clause
// libpenglai for C++17: owners for what penglai.h hands out. A failure is thrown as penglai::Error.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "penglai/penglai.h"

namespace penglai {

class Error : public std::runtime_error {
 public:
  Error(int status, const std::string& text) : std::runtime_error(text), status_(status) {}
  int status() const { return status_; }  // PENGLAI_FAILED, ...

 private:
  int status_;
};

struct Program {
  std::string path, name;
  std::vector<std::string> volumes;
  std::uint64_t memory = 0;
  bool cold = false;
  std::string rootfs = {};                // a root image; empty: none
  penglai_point point = PENGLAI_ENTRY;
  std::vector<std::string> prefetch = {};  // paths of the image
};

struct Stream {
  static Stream nothing() { return {}; }
  static Stream closed() { return {{PENGLAI_CLOSED, -1, nullptr, 0}}; }
  static Stream descriptor(int number) { return {{PENGLAI_DESCRIPTOR, number, nullptr, 0}}; }
  // Output that is kept; input, which stays the caller's until the instance has ended.
  static Stream memory(std::size_t limit = 0) { return {{PENGLAI_MEMORY, -1, nullptr, limit}}; }
  static Stream memory(std::string_view input) { return {{PENGLAI_MEMORY, -1, input.data(), input.size()}}; }
  penglai_stream raw{};
};

struct Start {
  std::vector<std::string> arguments;    // argv; empty: the program's path
  std::vector<std::string> environment;  // NAME=value; empty: PATH and HOME
  std::string directory;
  std::uint32_t user = 0, group = 0;
  Stream input, output, error;
  std::uint64_t memory = 0, timeout_milliseconds = 0;
};

struct End {
  int status;
  std::string message;
};

class Runtime;

class Instance {
 public:
  Instance(Instance&& other) noexcept : runtime_(other.runtime_), instance_(std::exchange(other.instance_, nullptr)) {}
  Instance& operator=(Instance&& other) noexcept {
    std::swap(runtime_, other.runtime_);
    std::swap(instance_, other.instance_);
    return *this;
  }
  ~Instance() { penglai_free(runtime_, instance_); }

  End wait() {
    penglai_end end{};
    check(penglai_wait(runtime_, instance_, &end));
    return {end.status, end.message};
  }
  void signal(int number) { check(penglai_signal(runtime_, instance_, number)); }
  penglai_figures inspect() {
    penglai_figures figures{};
    check(penglai_inspect(runtime_, instance_, &figures));
    return figures;
  }
  std::string output() const { return text(1); }
  std::string error() const { return text(2); }
  penglai_instance* get() const { return instance_; }

 private:
  friend class Runtime;
  Instance(penglai_handle* runtime, penglai_instance* instance) : runtime_(runtime), instance_(instance) {}
  void check(int status) const {
    if (status) throw Error(status, penglai_error(runtime_));
  }
  std::string text(int stream) const {
    std::size_t size = 0;
    const char* start = penglai_output(instance_, stream, &size);
    return start ? std::string(start, size) : std::string();
  }
  penglai_handle* runtime_;
  penglai_instance* instance_;
};

// Everything of one open device. Instances are gone before it.
class Runtime {
 public:
  explicit Runtime(std::uint32_t at_once = 0) {
    const int status = penglai_open(at_once, &handle_);
    if (!status) return;
    const std::string text = handle_ ? penglai_error(handle_) : "out of memory";
    penglai_close(handle_);
    throw Error(status, text);
  }
  Runtime(const Runtime&) = delete;
  ~Runtime() { penglai_close(handle_); }

  std::uint64_t build(const Program& program) {
    const Raw raw(program);
    std::uint64_t id = 0;
    check(penglai_template_build(handle_, &raw.program, &id));
    return id;
  }
  penglai_template inspect(std::uint64_t id) {
    penglai_template info{};
    check(penglai_template_inspect(handle_, id, &info));
    return info;
  }
  std::vector<penglai_template> templates() {
    std::vector<penglai_template> infos;
    for (std::size_t count = 0;;) {
      check(penglai_template_list(handle_, infos.data(), infos.size(), &count));
      const bool whole = count <= infos.size();
      infos.resize(count);
      if (whole) return infos;
    }
  }
  void remove(std::uint64_t id) { check(penglai_template_remove(handle_, id)); }

  Instance fork(std::uint64_t id, const Start& start) { return begin(nullptr, id, start); }
  Instance run(const Program& program, const Start& start) {
    const Raw raw(program);
    return begin(&raw.program, 0, start);
  }
  penglai_handle* get() const { return handle_; }

 private:
  struct Raw {
    explicit Raw(const Program& from) {
      for (const std::string& volume : from.volumes) volumes.push_back(volume.c_str());
      volumes.push_back(nullptr);
      for (const std::string& path : from.prefetch) prefetch.push_back(path.c_str());
      prefetch.push_back(nullptr);
      program.prefetch = prefetch.data();
      program.path = from.path.empty() ? nullptr : from.path.c_str();
      program.rootfs = from.rootfs.empty() ? nullptr : from.rootfs.c_str();
      program.point = from.point;
      program.name = from.name.empty() ? nullptr : from.name.c_str();
      program.volumes = volumes.data();
      program.memory = from.memory;
      program.cold = from.cold;
    }
    std::vector<const char*> volumes, prefetch;
    penglai_program program{};
  };
  static std::vector<const char*> list(const std::vector<std::string>& texts) {
    std::vector<const char*> raw;
    for (const std::string& text : texts) raw.push_back(text.c_str());
    raw.push_back(nullptr);
    return raw;
  }
  Instance begin(const penglai_program* program, std::uint64_t id, const Start& start) {
    const auto arguments = list(start.arguments), environment = list(start.environment);
    struct penglai_start raw{};
    raw.program = program;
    raw.template_id = id;
    raw.arguments = start.arguments.empty() ? nullptr : arguments.data();
    raw.environment = start.environment.empty() ? nullptr : environment.data();
    raw.directory = start.directory.empty() ? nullptr : start.directory.c_str();
    raw.user = start.user;
    raw.group = start.group;
    raw.streams[0] = start.input.raw;
    raw.streams[1] = start.output.raw;
    raw.streams[2] = start.error.raw;
    raw.memory = start.memory;
    raw.timeout_milliseconds = start.timeout_milliseconds;
    penglai_instance* instance = nullptr;
    check(penglai_start(handle_, &raw, &instance));
    return Instance(handle_, instance);
  }
  void check(int status) const {
    if (status) throw Error(status, penglai_error(handle_));
  }
  penglai_handle* handle_ = nullptr;
};

}  // namespace penglai
