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
#include <sstream>

#include "bench/counter.h"
#include "server/invocation.h"
#include "server/server.h"

namespace pl::bench {
namespace {

constexpr size_t kArena = 1 << 20;
constexpr const char* kCopies = "/tmp/pl-bench";

Failure failed(const std::string& what, int error) { return {kOwnFailure, fmt::format("{}: {}", what, std::strerror(error))}; }

Descriptor memory_file() { return Descriptor(memfd_create("output", MFD_CLOEXEC)); }

std::string content(const Descriptor& file) {
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
  for (const char* name : {"bench-calls", "bench-first", "bench-hello", "bench-hello-glibc", "bench-nonce"}) {
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

OrFailure<Plan> Laboratory::plan(const std::string& program, bool shadow, bool explain) const {
  RunOptions options;
  options.explain = explain;
  options.shadow = shadow;
  options.program = programs_ + "/" + program;
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

OrFailure<uint64_t> Laboratory::template_of(const std::string& program) {
  if (auto known = templates_.find(program); known != templates_.end()) return known->second;
  auto wanted = plan(program, true);
  if (!wanted) return std::unexpected(wanted.error());
  auto key = wanted->key(ContentDigests(kCopies));
  if (!key) return std::unexpected(key.error());
  auto id = find_or_build_template(device_, *wanted, *key, [](std::string_view) {});
  if (id) templates_[program] = *id;
  return id;
}

OrFailure<Measured> Laboratory::fork(const std::string& program, const std::vector<std::string>& arguments) {
  auto id = template_of(program);
  if (!id) return std::unexpected(id.error());
  auto made = Stage::make(device_, program, arguments);
  if (!made) return std::unexpected(made.error());
  Stage& stage = **made;
  Server server(device_, nullptr, nullptr);
  server.add_fork(stage.instance, *id, stage.piece.place(), 0);
  ++forks_asked_;
  const uint64_t start = instructions();
  Ending ending = server.next();
  const uint64_t end = instructions();
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

OrFailure<uint64_t> Laboratory::private_bytes(const std::string& program) {
  auto id = template_of(program);
  if (!id) return std::unexpected(id.error());
  auto made = Stage::make(device_, program, {});
  if (!made) return std::unexpected(made.error());
  Stage& stage = **made;
  Server server(device_, nullptr, nullptr);
  server.keep_ended();
  server.add_fork(stage.instance, *id, stage.piece.place(), 0);
  ++forks_asked_;
  Ending ending = server.next();
  Enclave enclave(device_, ending.handle);
  if (Failure described = describe(ending); !described.message.empty()) return std::unexpected(described);
  pl_ioc_inspect inspect{};
  inspect.handle = enclave.handle();
  if (int code = pl_enclave_inspect(device_.get(), &inspect); code < 0) return std::unexpected(failed("inspect", -code));
  return inspect.private_bytes;
}

OrFailure<Account> Laboratory::explain(const std::string& program, Start how) {
  auto wanted = plan(program, how == Start::Forked, true);
  if (!wanted) return std::unexpected(wanted.error());
  uint64_t id = 0;
  if (how == Start::Forked) {
    auto key = wanted->key(ContentDigests(kCopies));
    if (!key) return std::unexpected(key.error());
    auto found = find_or_build_template(device_, *wanted, *key, [](std::string_view) {});
    if (!found) return std::unexpected(found.error());
    id = *found;
  }
  auto made = Stage::make(device_, program, {});
  if (!made) return std::unexpected(made.error());
  Stage& stage = **made;
  std::string log;
  Server server(device_, nullptr, [&](Instance&, std::string_view text) { log.append(text).append("\n"); });
  server.keep_ended();

  Account account;
  uint64_t last = instructions();
  auto step = [&](std::string name, uint64_t now) {
    account.steps.emplace_back(std::move(name), now - last);
    last = now;
  };
  if (how == Start::Forked) {
    server.add_fork(stage.instance, id, stage.piece.place(), 0);
    ++forks_asked_;
    last = instructions();
  } else {
    auto image = wanted->image();
    if (!image) return std::unexpected(image.error());
    step("host: read the program, write the configuration", instructions());
    pl_ioc_create create = wanted->create();
    create.window[PL_WINDOW_OCALL] = stage.piece.place();
    auto enclave = Enclave::create(device_, create);
    if (!enclave) return std::unexpected(failed("create", enclave.error()));
    step("create", instructions());
    if (auto added = enclave->add(image->bytes()); !added) return std::unexpected(failed("add", added.error()));
    step(fmt::format("add: copy and hash {} bytes", image->bytes().size()), instructions());
    if (auto sealed = enclave->seal(); !sealed) return std::unexpected(failed("seal", sealed.error()));
    step("seal", instructions());
    server.add_enclave(stage.instance, enclave->release());
  }
  Ending ending = server.next();
  Enclave enclave(device_, ending.handle);
  if (Failure described = describe(ending); !described.message.empty()) return std::unexpected(described);

  std::map<std::string, uint64_t> counters;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    char name[16];
    unsigned long long count;
    if (std::sscanf(line.c_str(), "step: %15s %llu", name, &count) == 2) counters[name] = count;
    else if (!line.empty()) account.pages.push_back(line);
  }
  if (counters.size() != 4) return failure(kOwnFailure, "the libOS told no steps: " + log);
  step("ioctl, driver, monitor: to the libOS's first line", counters["entered"]);
  step(how == Start::Forked ? "libOS: tables, hot pages, frames, entropy, ring" : "libOS: tables, heap, ring, first tree", counters["ready"]);
  step(how == Start::Forked ? "libOS: arguments, stack, places" : "libOS: load the program, arguments, stack", counters["program"]);
  step("program, its calls and faults, its output", counters["ending"]);
  const uint64_t before = instructions();
  enclave.destroy();
  account.steps.emplace_back("destroy: scrub and give back", instructions() - before);
  return account;
}

OrFailure<Measured> Laboratory::process(const std::string& program, const std::vector<std::string>& arguments, bool keep_output) {
  const std::string path = programs_ + "/" + program;
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  Descriptor output = keep_output ? memory_file() : Descriptor(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  // Standard output is in place before, so that the child does nothing but execve.
  Descriptor before(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  std::fflush(stdout);
  dup2(output.get(), STDOUT_FILENO);
  const uint64_t time = monotonic_now(), start = instructions();
  pid_t child = vfork();
  if (child == 0) {
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
