// SPDX-License-Identifier: BSD-2-Clause
#include "enclave_api/enclave.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "run/launch.h"
#include "server/invocation.h"

namespace pl::enclave_api {
namespace {

constexpr const char* kLibos = "/usr/lib/penglai/libos.bin";
constexpr std::string_view kKeyPrefix = "penglai-enclave.h shadow 1";

void enclave_says(std::string_view text) { say("enclave: " + std::string(text)); }

int errno_of(const Failure& failure) {
  say(failure.message);
  return failure.status == kCannotRun ? ENOEXEC : EIO;
}

// The file itself, or one made of the bytes.
Descriptor file_of(const elf_args& elf) {
  if (elf.fd >= 0) return Descriptor(fcntl(elf.fd, F_DUPFD_CLOEXEC, 0));
  Descriptor file(memfd_create("program", MFD_CLOEXEC));
  if (!elf.ptr || file.get() < 0) return Descriptor();
  for (unsigned long done = 0; done < elf.size;) {
    ssize_t written = pwrite(file.get(), static_cast<const char*>(elf.ptr) + done, elf.size - done, static_cast<off_t>(done));
    if (written <= 0) return Descriptor();
    done += static_cast<unsigned long>(written);
  }
  fchmod(file.get(), 0700);
  return file;
}

// How many shadows of this process are one template.
std::mutex shadows_lock;
std::map<Digest, unsigned> shadows;

}  // namespace

OrErrno<Plan> plan_of(const elf_args& elf, const enclave_args& args, std::string& name) {
  Program program;
  program.file = file_of(elf);
  if (program.file.get() < 0 || fstat(program.file.get(), &program.status) < 0) return std::unexpected(EBADF);
  char path[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(program.file.get());
  const ssize_t length = readlink(link.c_str(), path, sizeof path);
  name.assign(path, length > 0 ? static_cast<size_t>(length) : 0);
  name = name.substr(name.rfind('/') + 1);
  if (elf.fd < 0 || name.empty()) name = "program";
  program.name = name;

  RunOptions options;
  options.shadow = args.type == SHADOW_ENCLAVE;
  options.program = name;
  options.name = std::string(args.name, strnlen(args.name, NAME_LEN));
  const char* other = std::getenv("PENGLAI_LIBOS");
  const char* libos = other && *other ? other : kLibos;
  Descriptor image(open(libos, O_RDONLY | O_CLOEXEC));
  if (image.get() < 0) {
    say(std::string(libos) + ": " + std::strerror(errno));
    return std::unexpected(EIO);
  }
  auto plan = Plan::make(options, {}, std::move(program), std::move(image));
  if (!plan) return std::unexpected(errno_of(plan.error()));
  return std::move(*plan);
}

OrErrno<std::shared_ptr<Shadow>> Shadow::create(Plan plan, std::string name) {
  auto session = Session::get();
  if (!session) return std::unexpected(session.error());
  auto content = plan.key(ContentDigests(ContentDigests::default_directory()));
  if (!content) return std::unexpected(errno_of(content.error()));
  Sha256 hash;
  hash.update(std::as_bytes(std::span(kKeyPrefix)));
  hash.update(std::as_bytes(std::span(*content)));
  auto shadow = std::make_shared<Shadow>(std::move(*session), std::move(plan), std::move(name), hash.finish());
  {
    std::lock_guard guard(shadows_lock);
    ++shadows[shadow->key_];
    shadow->counted_ = true;
  }
  for (int attempt = 0;; ++attempt) {
    if (auto made = shadow->make(); !made) return std::unexpected(made.error());
    pl_ioc_template found{};
    std::ranges::copy(shadow->key_, found.key);
    int code = pl_template_find(shadow->session_->device.get(), &found);
    if (code == 0) {
      shadow->measurement_ = std::to_array(found.measurement);
      return shadow;
    }
    // Another process may have taken it away in between.
    if (code != -ENOENT || attempt) return std::unexpected(-code);
  }
}

void Shadow::remove() {
  std::lock_guard building(session_->building);
  removed_ = true;
  if (!std::exchange(counted_, false)) return;
  std::lock_guard guard(shadows_lock);
  if (--shadows[key_]) return;
  shadows.erase(key_);
  pl_ioc_template found{};
  std::ranges::copy(key_, found.key);
  if (pl_template_find(session_->device.get(), &found) == 0) pl_template_remove(session_->device.get(), found.template_id);
}

OrErrno<uint64_t> Shadow::make() {
  std::lock_guard guard(session_->building);
  if (removed_) return std::unexpected(ESRCH);
  auto found = find_or_build_template(session_->device, plan_, key_, enclave_says);
  if (!found) return std::unexpected(errno_of(found.error()));
  return *found;
}

Enclave::Enclave(std::shared_ptr<Session> session, WindowPiece piece, std::string name)
    : session_(std::move(session)), piece_(std::move(piece)), name_(std::move(name)), instance_(piece_.bytes()),
      server_(session_->device, nullptr, [](pl::Instance&, std::string_view text) { enclave_says(text); }) {
  server_.set_interruption(&interruption_);
  instance_.allow_relay();
  for (int stream = 0; stream < 3; ++stream)
    if (fcntl(stream, F_GETFD) >= 0) instance_.handles().set_stream(static_cast<uint32_t>(stream), stream);
}

// Nobody is in run(), or has it any more: whoever is has a reference.
Enclave::~Enclave() {
  if (!started_ && handle_ >= 0) pl_enclave_destroy(session_->device.get(), handle_);
}

OrErrno<std::shared_ptr<Enclave>> Enclave::fork(std::shared_ptr<Shadow> shadow, Memory memory, std::string variable) {
  auto session = shadow->session();
  auto piece = WindowPiece::take(session->device, PL_WINDOW_DEFAULT);
  if (!piece) return std::unexpected(piece.error());
  auto enclave = std::make_shared<Enclave>(session, std::move(*piece), shadow->name());
  enclave->measurement_ = shadow->measurement();
  enclave->shadow_ = std::move(shadow);
  enclave->memory_ = std::move(memory);
  enclave->variable_ = std::move(variable);
  return enclave;
}

OrErrno<std::shared_ptr<Enclave>> Enclave::create(const Plan& plan, std::string name) {
  auto session = Session::get();
  if (!session) return std::unexpected(session.error());
  auto image = plan.image();
  if (!image) return std::unexpected(errno_of(image.error()));
  auto piece = WindowPiece::take((*session)->device, PL_WINDOW_DEFAULT);
  if (!piece) return std::unexpected(piece.error());
  auto made = make_enclave((*session)->device, plan, *image, piece->place());
  if (!made) return std::unexpected(errno_of(made.error()));
  pl_ioc_inspect inspect{};
  inspect.handle = made->handle();
  if (int code = pl_enclave_inspect((*session)->device.get(), &inspect); code < 0) return std::unexpected(-code);
  auto enclave = std::make_shared<Enclave>(std::move(*session), std::move(*piece), std::move(name));
  enclave->handle_ = made->release();
  enclave->measurement_ = std::to_array(inspect.measurement);
  return enclave;
}

int Enclave::give(Memory memory, std::string variable) {
  const struct {
    uint32_t which;
    pl_ioc_window window;
    std::shared_ptr<Segment>&from, &to;
  } given[] = {{PL_WINDOW_SHARED, memory.shared_window, memory.shared, memory_.shared}, {PL_WINDOW_RELAY, memory.relay_window, memory.relay, memory_.relay}};
  for (auto& [which, window, from, to] : given) {
    if (!window.size || to) continue;  // it has it from an attempt before
    if (int code = pl_enclave_window(session_->device.get(), handle_, which, window); code < 0) return -code;
    to = from;
  }
  variable_ = std::move(variable);
  return 0;
}

void Enclave::prepare() {
  Invocation invocation;
  invocation.arguments = {name_};
  invocation.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
  if (!variable_.empty()) invocation.environment.push_back("PENGLAI_NAME=" + variable_);
  for (int stream = 0; stream < 3; ++stream) {
    auto terminal = Terminal::get(stream);
    if (!terminal) continue;
    if (!invocation.terminals) invocation.terminal = *terminal;
    invocation.terminals |= 1u << stream;
  }
  prepare_window(instance_.window(), invocation);
}

OrErrno<int> Enclave::run(unsigned long& status) {
  {
    std::lock_guard guard(lock_);
    if (over_) return std::unexpected(ECANCELED);
    if (running_ || stopped_) return std::unexpected(EBUSY);
    running_ = true;
  }
  auto result = run_on(status);
  std::lock_guard guard(lock_);
  running_ = false;
  if (!result || *result == RETURN_USER_EXIT_ENCL) over_ = true;
  // What a hand-over could not do now can be tried again.
  if (!result && result.error() == EAGAIN) over_ = false;
  changed_.notify_all();
  return result;
}

OrErrno<int> Enclave::run_on(unsigned long& status) {
  if (instance_.relay_is_back()) {
    // Some thread of ours still has the page in a system call.
    if (pl_enclave_relay(session_->device.get(), handle_, PL_RELAY_ENCLAVE) < 0) return std::unexpected(EAGAIN);
    server_.resume(instance_);
  }
  for (bool again = true;;) {
    if (!started_) {
      prepare();
      started_ = true;
      if (shadow_) {
        auto id = shadow_->make();
        if (!id) return std::unexpected(id.error());
        server_.add_fork(instance_, *id, {piece_.place(), memory_.shared_window, memory_.relay_window}, 0);
      } else {
        server_.add_enclave(instance_, handle_);
      }
    }
    const Ending ending = server_.next();
    switch (ending.kind) {
      case Ending::Kind::Relay:
        handle_ = ending.handle;
        if (int code = pl_enclave_relay(session_->device.get(), handle_, PL_RELAY_HOST); code < 0) return std::unexpected(-code);
        return RETURN_USER_RELAY_PAGE;
      case Ending::Kind::Interrupted: {
        std::unique_lock guard(lock_);
        interruption_.clear();
        off_ = true;
        changed_.notify_all();
        changed_.wait(guard, [&] { return !stopped_ || over_; });
        off_ = false;
        if (!over_) break;
        server_.end(instance_);
        return std::unexpected(ECANCELED);
      }
      case Ending::Kind::Exited: status = static_cast<unsigned long>(describe(ending).status); return RETURN_USER_EXIT_ENCL;
      case Ending::Kind::Failed:
        // The template gave way to something else between its making and the fork.
        if (ending.detail == ENOENT && shadow_ && std::exchange(again, false)) {
          started_ = false;
          break;
        }
        return std::unexpected(static_cast<int>(ending.detail));
      default: say(describe(ending).message); return std::unexpected(EIO);
    }
  }
}

void Enclave::stop() {
  std::unique_lock guard(lock_);
  stopped_ = true;
  if (!running_) return;
  interruption_.ask();
  changed_.wait(guard, [&] { return off_ || !running_ || !stopped_; });
}

void Enclave::resume() {
  std::lock_guard guard(lock_);
  stopped_ = false;
  changed_.notify_all();
}

void Enclave::destroy() {
  std::unique_lock guard(lock_);
  over_ = true;
  changed_.notify_all();
  if (running_) {
    interruption_.ask();
    changed_.wait(guard, [&] { return !running_; });
  } else if (started_) {
    server_.end(instance_);
  }
}

}  // namespace pl::enclave_api
