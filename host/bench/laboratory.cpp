// SPDX-License-Identifier: BSD-2-Clause
#include "bench/laboratory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "bench/ballast.h"
#include "bench/counter.h"
#include "bench/stage.h"

namespace pl::bench {
namespace {

constexpr size_t kArena = 32 << 20;  // for hundreds of windows
constexpr const char* kCopies = "/tmp/pl-bench";

OrFailure<Measured> finished(const Ending& ending, Stage& stage, uint64_t start, uint64_t end) {
  Failure described = describe(ending);
  if (!described.message.empty()) return std::unexpected(described);
  return Measured{end - start, 0, start, described.status, content(stage.output)};
}

}  // namespace

OrFailure<Laboratory> Laboratory::open(const std::string& programs) {
  std::error_code error;
  std::filesystem::create_directories(kCopies, error);
  auto files = HostFiles::from_environment();
  if (!files) return std::unexpected(failed("PENGLAI_ROOT", files.error()));
  for (const char* name : {"bench-calls", "bench-calls-glibc", "bench-sqlite", "bench-first", "bench-main", "bench-call", "bench-copies", "bench-hello", "bench-hello-glibc", "bench-nonce"}) {
    auto file = files->open(programs + "/" + name, O_RDONLY);
    if (!file) return std::unexpected(failed(programs + "/" + name, file.error()));
    auto bytes = read_file(file->get(), 64 << 20);
    if (!bytes) return std::unexpected(failed(name, bytes.error()));
    const std::string copy = std::string(kCopies) + "/" + name;
    Descriptor out(::open(copy.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
    if (out.get() < 0 || ::write(out.get(), bytes->data(), bytes->size()) != static_cast<ssize_t>(bytes->size()))
      return std::unexpected(failed(copy, errno));
  }
  auto device = Device::open(PL_DEVICE, kArena);
  if (!device) return std::unexpected(failed(PL_DEVICE, device.error()));
  auto observer = Device::open(PL_DEVICE, 64 << 10);
  if (!observer) return std::unexpected(failed(PL_DEVICE, observer.error()));
  Laboratory laboratory(std::move(*device), std::move(*observer));
  laboratory.programs_ = kCopies;
  return laboratory;
}

// None was made in advance, and none beside the one that is measured.
OrFailure<void> Laboratory::count_one(uint64_t before) {
  ++forks_asked_;
  const uint64_t made = monitor_forks() - before;
  if (made == 1) return {};
  return failure(kOwnFailure, fmt::format("the monitor counted {} forks in an interval that has one", made));
}

OrFailure<std::string> Laboratory::program_with_ballast(uint64_t megabytes) {
  const std::string name = fmt::format("bench-hello-{}m", megabytes), copy = programs_ + "/" + name;
  if (std::filesystem::exists(copy)) return name;
  Descriptor plain(::open((programs_ + "/bench-hello").c_str(), O_RDONLY | O_CLOEXEC));
  auto bytes = read_file(plain.get(), 64 << 20);
  if (!bytes) return std::unexpected(failed("bench-hello", bytes.error()));
  auto made = with_ballast({reinterpret_cast<const unsigned char*>(bytes->data()), reinterpret_cast<const unsigned char*>(bytes->data()) + bytes->size()},
                           megabytes << 20);
  if (!made) return failure(kOwnFailure, "bench-hello: " + made.error());
  Descriptor out(::open(copy.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
  for (size_t done = 0; done < made->size();) {
    const ssize_t n = ::write(out.get(), made->data() + done, made->size() - done);
    if (n <= 0) return std::unexpected(failed(copy, errno));
    done += static_cast<size_t>(n);
  }
  return name;
}

OrFailure<void> Laboratory::keep_instances(const std::string& program, size_t count) {
  auto id = template_of(program);
  if (!id) return std::unexpected(id.error());
  while (kept_.size() > count) kept_.pop_back();
  while (kept_.size() < count) {
    auto made = Stage::make(device_, program, {});
    if (!made) return std::unexpected(made.error());
    Server server(device_, nullptr, nullptr);
    server.keep_ended();
    server.add_fork((*made)->instance, *id, (*made)->piece.place(), 0);
    ++forks_asked_;
    Ending ending = server.next();
    if (Failure described = describe(ending); !described.message.empty()) return std::unexpected(described);
    // Its window goes back when it is gone.
    kept_.push_back({std::move(*made), std::make_unique<Enclave>(device_, ending.handle)});
  }
  return {};
}

OrFailure<uint64_t> Laboratory::hashed_bytes(const std::string& program) const {
  auto wanted = plan(program, false);
  if (!wanted) return std::unexpected(wanted.error());
  auto image = wanted->image();
  if (!image) return std::unexpected(image.error());
  return image->bytes().size();
}

OrFailure<Plan> Laboratory::plan(const Subject& subject, bool shadow, bool explain) const {
  RunOptions options;
  options.shadow_point = subject.point;
  options.explain = explain;
  options.shadow = shadow;
  options.program = programs_ + "/" + subject.program;
  auto files = HostFiles::at("/", "/");
  if (!files) return std::unexpected(failed("/", files.error()));
  auto found = find_program(*files, options.program, "");
  if (!found) return std::unexpected(found.error());
  const char* named = std::getenv("PENGLAI_LIBOS");
  const std::string path = named ? named : "/usr/lib/penglai/libos.bin";
  Descriptor libos(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (libos.get() < 0) return std::unexpected(failed(path, errno));
  return Plan::make(options, {}, std::move(*found), std::move(libos));
}

OrFailure<uint64_t> Laboratory::template_of(const Subject& subject) {
  if (auto known = templates_.find(subject); known != templates_.end()) return known->second;
  auto wanted = plan(subject, true);
  if (!wanted) return std::unexpected(wanted.error());
  auto key = wanted->key(ContentDigests(kCopies));
  if (!key) return std::unexpected(key.error());
  auto id = find_or_build_template(device_, *wanted, *key, [](std::string_view) {});
  if (id) templates_[subject] = *id;
  return id;
}

OrFailure<Measured> Laboratory::fork(const Subject& subject, const std::vector<std::string>& arguments) {
  auto id = template_of(subject);
  if (!id) return std::unexpected(id.error());
  auto made = Stage::make(device_, subject.program, arguments);
  if (!made) return std::unexpected(made.error());
  return fork(*id, **made);
}

OrFailure<Measured> Laboratory::fork(uint64_t template_id, Stage& stage) {
  Server server(device_, nullptr, nullptr);
  server.add_fork(stage.instance, template_id, stage.piece.place(), 0);
  const uint64_t forks = monitor_forks();
  const uint64_t start = instructions();
  Ending ending = server.next();
  const uint64_t end = instructions();
  if (auto counted = count_one(forks); !counted) return std::unexpected(counted.error());
  return finished(ending, stage, start, end);
}

OrFailure<Measured> Laboratory::cold(const std::string& program) {
  auto wanted = plan(program, false);
  if (!wanted) return std::unexpected(wanted.error());
  auto made = Stage::make(device_, program, {});
  if (!made) return std::unexpected(made.error());
  Stage& stage = **made;
  const uint64_t start = instructions();
  auto image = wanted->image();
  if (!image) return std::unexpected(image.error());
  auto enclave = make_enclave(device_, *wanted, *image, stage.piece.place());
  if (!enclave) return std::unexpected(enclave.error());
  Server server(device_, nullptr, nullptr);
  server.add_enclave(stage.instance, enclave->release());
  Ending ending = server.next();
  const uint64_t end = instructions();
  return finished(ending, stage, start, end);
}

OrFailure<Measured> Laboratory::make_template(const std::string& program) {
  auto wanted = plan(program, true);
  if (!wanted) return std::unexpected(wanted.error());
  Digest key{};  // of nothing else here: the template is removed below
  key[0] = 1;
  const uint64_t start = instructions();
  auto id = find_or_build_template(device_, *wanted, key, [](std::string_view) {});
  const uint64_t end = instructions();
  if (!id) return std::unexpected(id.error());
  if (int code = pl_template_remove(device_.get(), *id); code < 0) return std::unexpected(failed("remove", -code));
  return Measured{end - start, 0, start, 0, {}};
}

OrFailure<double> Laboratory::hash_byte(const std::string& program) {
  auto wanted = plan(program, false);
  if (!wanted) return std::unexpected(wanted.error());
  auto image = wanted->image();
  if (!image) return std::unexpected(image.error());
  pl_ioc_create create = wanted->create();
  auto enclave = Enclave::create(device_, create);
  if (!enclave) return std::unexpected(failed("create", enclave.error()));
  const size_t bytes = image->bytes().size() / 2 / PL_PAGE_SIZE * PL_PAGE_SIZE;
  if (auto added = enclave->add(image->bytes().first(bytes)); !added) return std::unexpected(failed("add", added.error()));
  const uint64_t start = instructions();
  auto added = enclave->add(image->bytes().subspan(bytes));
  const uint64_t end = instructions();
  if (!added) return std::unexpected(failed("add", added.error()));
  return static_cast<double>(end - start) / static_cast<double>(image->bytes().size() - bytes);
}

OrFailure<uint64_t> Laboratory::private_bytes(const Subject& subject) {
  auto id = template_of(subject);
  if (!id) return std::unexpected(id.error());
  auto made = Stage::make(device_, subject.program, {});
  if (!made) return std::unexpected(made.error());
  Stage& stage = **made;
  Server server(device_, nullptr, nullptr);
  server.keep_ended();
  server.add_fork(stage.instance, *id, stage.piece.place(), 0);
  const uint64_t forks = monitor_forks();
  Ending ending = server.next();
  Enclave enclave(device_, ending.handle);
  if (auto counted = count_one(forks); !counted) return std::unexpected(counted.error());
  if (Failure described = describe(ending); !described.message.empty()) return std::unexpected(described);
  pl_ioc_inspect inspect{};
  inspect.handle = enclave.handle();
  if (int code = pl_enclave_inspect(device_.get(), &inspect); code < 0) return std::unexpected(failed("inspect", -code));
  return inspect.private_bytes;
}

OrFailure<Measured> Laboratory::process(const std::string& program, const std::vector<std::string>& arguments, bool keep_output) {
  return process_at("", programs_ + "/" + program, arguments, keep_output);
}

OrFailure<Measured> Laboratory::process_at(const std::string& root, const std::string& path, const std::vector<std::string>& arguments, bool keep_output) {
  std::vector<char*> argv{const_cast<char*>(path.c_str())};
  for (auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  Descriptor output = keep_output ? memory_file() : Descriptor(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  // Standard output is in place before, so that the child does nothing but execve, and chroot before it.
  Descriptor before(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  std::fflush(stdout);
  dup2(output.get(), STDOUT_FILENO);
  const uint64_t time = monotonic_now(), start = instructions();
  pid_t child = vfork();
  if (child == 0) {
    if (!root.empty() && (chroot(root.c_str()) < 0 || chdir("/") < 0)) _exit(127);
    execve(path.c_str(), argv.data(), environment);
    _exit(127);
  }
  int status = 0;
  const pid_t waited = child > 0 ? waitpid(child, &status, 0) : -1;
  const uint64_t end = instructions(), took = monotonic_now() - time;
  dup2(before.get(), STDOUT_FILENO);
  if (waited != child) return std::unexpected(failed(path, errno));
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
  return Measured{end - start, took, start, code, keep_output ? content(output) : std::string()};
}

pl_ioc_stat Laboratory::stat() {
  pl_ioc_stat stat{};
  pl_device_stat(observer_.get(), &stat);
  return stat;
}

}  // namespace pl::bench
