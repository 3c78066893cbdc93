// SPDX-License-Identifier: BSD-2-Clause
// The functions of penglai-enclave.h, and what their numbers mean.
#include <sys/mman.h>

#include <cerrno>
#include <map>
#include <string>

#include "enclave_api/enclave.h"
#include "enclave_api/penglai-enclave.h"
#include "image/elf.h"

namespace {

using namespace pl::enclave_api;

struct Tables {
  std::mutex lock;
  std::shared_ptr<Session> open;  // by PLenclave_init(), until a PLenclave_destruct()
  std::map<unsigned long, std::shared_ptr<Shadow>> shadows;
  std::map<unsigned long, std::shared_ptr<Enclave>> enclaves;
  unsigned long last_enclave = 0;
  std::map<int, std::shared_ptr<Segment>> segments;
  int last_segment = 0;
};

// Never destroyed: a thread may be in here while the process ends.
Tables& tables() {
  static Tables& all = *new Tables;
  return all;
}

int failed(int error) {
  errno = error;
  return -1;
}

template <class T>
std::shared_ptr<T> find(std::map<unsigned long, std::shared_ptr<T>>& all, unsigned long id) {
  std::lock_guard guard(tables().lock);
  auto found = all.find(id);
  return found == all.end() ? nullptr : found->second;
}

template <class T>
unsigned long add(std::map<unsigned long, std::shared_ptr<T>>& all, std::shared_ptr<T> object) {
  std::lock_guard guard(tables().lock);
  all[++tables().last_enclave] = std::move(object);
  return tables().last_enclave;
}

// Out of its table; the last reference is the caller's to drop, without the lock.
template <class Key, class T>
std::shared_ptr<T> take(std::map<Key, std::shared_ptr<T>>& all, Key id) {
  std::lock_guard guard(tables().lock);
  auto node = all.extract(id);
  return node.empty() ? nullptr : std::move(node.mapped());
}

std::shared_ptr<Segment> segment(int id, Segment::Kind kind) {
  std::lock_guard guard(tables().lock);
  auto found = tables().segments.find(id);
  return found == tables().segments.end() || found->second->kind() != kind ? nullptr : found->second;
}

// What the parameters ask for: EINVAL.
OrErrno<Memory> memory_of(const penglai_enclave_user_param& param) {
  Memory memory;
  if (param.shmid > 0) {
    memory.shared = segment(param.shmid, Segment::Kind::Shared);
    if (!memory.shared) return std::unexpected(EINVAL);
    auto window = memory.shared->window(param.shm_offset, param.shm_size);
    if (!window) return std::unexpected(window.error());
    memory.shared_window = *window;
  }
  if (param.schrodinger_id > 0) {
    memory.relay = segment(param.schrodinger_id, Segment::Kind::Relay);
    if (!memory.relay) return std::unexpected(EINVAL);
    auto window = memory.relay->window(param.schrodinger_offset, param.schrodinger_size);
    if (!window) return std::unexpected(window.error());
    memory.relay_window = *window;
  }
  return memory;
}

std::string name_of(const penglai_enclave_user_param& param) { return std::string(param.name, strnlen(param.name, NAME_LEN)); }

// A server behind a pipe that nobody reads gets EPIPE, and the process does not end of it.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoBrokenPipe() {
    const timespec now{};
    const int error = errno;
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

int get_segment(Segment::Kind kind, unsigned long size) {
  auto made = Segment::create(kind, size);
  if (!made) return failed(made.error());
  std::lock_guard guard(tables().lock);
  tables().segments[++tables().last_segment] = std::move(*made);
  return tables().last_segment;
}

void* attach(Segment::Kind kind, int id) {
  if (auto found = segment(id, kind)) return found->address();
  errno = EINVAL;
  return reinterpret_cast<void*>(-1);
}

int detach(Segment::Kind kind, int id, void* address) {
  auto found = segment(id, kind);
  return found && found->address() == address ? 0 : failed(EINVAL);
}

int free_segment(Segment::Kind kind, int id) { return segment(id, kind) && take(tables().segments, id) ? 0 : failed(EINVAL); }

int run(PLenclave& enclave, std::shared_ptr<Enclave> instance) {
  penglai_enclave_user_param& param = enclave.user_param;
  const unsigned long id = param.eid;
  if (!instance->started() && !param.isShadow) {
    auto memory = memory_of(param);
    if (!memory) return failed(memory.error());
    if (int error = instance->give(std::move(*memory), name_of(param))) return failed(error);
  }
  NoBrokenPipe guard;
  auto result = instance->run(param.retval);
  if (result && *result == RETURN_USER_RELAY_PAGE) return *result;
  const bool gone = result || (result.error() != EBUSY && result.error() != EAGAIN);
  if (gone) take(tables().enclaves, id);
  return result ? *result : failed(result.error());
}

}  // namespace

extern "C" {

int elf_args_init(elf_args* elf, char* path) {
  *elf = {-1, 0, nullptr};
  struct stat status;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  void* mapped = MAP_FAILED;
  if (fstat(file, &status) == 0 && status.st_size > 0)
    mapped = mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  if (mapped == MAP_FAILED) {
    close(file);
    return failed(ENOEXEC);
  }
  *elf = {file, static_cast<unsigned long>(status.st_size), mapped};
  return 0;
}

int elf_args_destroy(elf_args* elf) {
  if (elf->fd >= 0) {
    if (elf->ptr) munmap(elf->ptr, elf->size);
    close(elf->fd);
  }
  *elf = {-1, 0, nullptr};
  return 0;
}

bool elf_valid(elf_args* elf) {
  return elf->ptr && pl::check_elf({static_cast<const std::byte*>(elf->ptr), elf->size}).has_value();
}

int enclave_args_init(enclave_args* args) {
  *args = {};
  args->type = NORMAL_ENCLAVE;
  args->stack_size = DEFAULT_STACK_SIZE;
  return 0;
}

int PLenclave_init(PLenclave* enclave) {
  *enclave = {};
  enclave->eid = -1;
  enclave->fd = -1;
  auto session = Session::get();
  if (!session) return failed(session.error());
  enclave->fd = pl_device_descriptor((*session)->device.get());
  std::lock_guard guard(tables().lock);
  tables().open = std::move(*session);
  return 0;
}

int PLenclave_destruct(PLenclave* enclave) {
  enclave->fd = -1;
  std::shared_ptr<Session> last;  // maybe: closed without the lock
  std::lock_guard guard(tables().lock);
  last.swap(tables().open);
  return 0;
}

int PLenclave_create(PLenclave* enclave, elf_args* elf, enclave_args* args) {
  if (args->type != NORMAL_ENCLAVE && args->type != SHADOW_ENCLAVE) return failed(ENOTSUP);
  penglai_enclave_user_param param{};
  memcpy(param.name, args->name, NAME_LEN);
  param.type = args->type;
  param.elf_ptr = reinterpret_cast<unsigned long>(elf->ptr);
  param.elf_size = static_cast<long>(elf->size);
  param.stack_size = static_cast<long>(args->stack_size);
  param.shmid = args->shmid;
  param.shm_offset = args->shm_offset;
  param.shm_size = args->shm_size;
  // What no instance could have is refused here.
  if (auto memory = memory_of(param); !memory) return failed(memory.error());
  std::string name;
  auto plan = plan_of(*elf, *args, name);
  if (!plan) return failed(plan.error());
  if (args->type == SHADOW_ENCLAVE) {
    auto shadow = Shadow::create(std::move(*plan), std::move(name));
    if (!shadow) return failed(shadow.error());
    param.eid = add(tables().shadows, std::move(*shadow));
  } else {
    auto made = Enclave::create(*plan, std::move(name));
    if (!made) return failed(made.error());
    param.eid = add(tables().enclaves, std::move(*made));
  }
  enclave->elffile = elf;
  enclave->eid = static_cast<int>(param.eid);
  enclave->user_param = param;
  return 0;
}

int PLenclave_run(PLenclave* enclave) {
  penglai_enclave_user_param& param = enclave->user_param;
  if (auto instance = find(tables().enclaves, param.eid)) return run(*enclave, std::move(instance));
  auto shadow = find(tables().shadows, param.eid);
  if (!shadow) return failed(ESRCH);
  auto memory = memory_of(param);
  if (!memory) return failed(memory.error());
  auto instance = Enclave::fork(std::move(shadow), std::move(*memory), name_of(param));
  if (!instance) return failed(instance.error());
  // Before it runs, so that another thread can stop it.
  const unsigned long of = param.eid;
  param.eid = add(tables().enclaves, *instance);
  param.isShadow = 1;
  const int result = run(*enclave, *instance);
  // There never was one: the next run is to fork.
  if (result < 0 && errno != ECANCELED && errno != EIO) {
    take(tables().enclaves, param.eid);
    param.eid = of;
    param.isShadow = 0;
  }
  return result;
}

int PLenclave_attest(PLenclave* enclave, uintptr_t nonce) {
  const penglai_enclave_user_param& param = enclave->user_param;
  Measurement measurement;
  if (auto shadow = find(tables().shadows, param.eid))
    measurement = shadow->measurement();
  else if (auto instance = find(tables().enclaves, param.eid))
    measurement = instance->measurement();
  else
    return failed(ESRCH);
  penglai_enclave_attest_param& told = enclave->attest_param;
  told = {};
  told.eid = static_cast<int>(param.eid);
  told.isShadow = param.isShadow;
  told.nonce = nonce;
  told.report.enclave.nonce = nonce;
  static_assert(HASH_SIZE <= PL_MEASUREMENT_SIZE);
  memcpy(told.report.enclave.hash, measurement.data(), HASH_SIZE);
  return 0;
}

int PLenclave_stop(PLenclave* enclave) {
  auto instance = find(tables().enclaves, enclave->user_param.eid);
  if (!instance) return failed(ESRCH);
  instance->stop();
  return 0;
}

int PLenclave_resume(PLenclave* enclave) {
  auto instance = find(tables().enclaves, enclave->user_param.eid);
  if (!instance) return failed(ESRCH);
  instance->resume();
  return 0;
}

int PLenclave_destroy(PLenclave* enclave) {
  const unsigned long id = enclave->user_param.eid;
  if (auto shadow = take(tables().shadows, id)) {
    shadow->remove();
    return 0;
  }
  if (auto instance = take(tables().enclaves, id)) {
    instance->destroy();
    return 0;
  }
  std::lock_guard guard(tables().lock);
  return id && id <= tables().last_enclave ? 0 : failed(ESRCH);
}

int PLenclave_shmget(unsigned long size) { return get_segment(Segment::Kind::Shared, size); }
void* PLenclave_shmat(int id, void*) { return attach(Segment::Kind::Shared, id); }
int PLenclave_shmdt(int id, void* address) { return detach(Segment::Kind::Shared, id, address); }
int PLenclave_shmctl(int id) { return free_segment(Segment::Kind::Shared, id); }

int PLenclave_set_shm(PLenclave* enclave, int id, unsigned long offset, unsigned long size) {
  enclave->user_param.shmid = id;
  enclave->user_param.shm_offset = offset;
  enclave->user_param.shm_size = size;
  return 0;
}

int PLenclave_schrodinger_get(unsigned long size) { return get_segment(Segment::Kind::Relay, size); }
void* PLenclave_schrodinger_at(int id, void*) { return attach(Segment::Kind::Relay, id); }
int PLenclave_schrodinger_dt(int id, void* address) { return detach(Segment::Kind::Relay, id, address); }
int PLenclave_schrodinger_ctl(int id) { return free_segment(Segment::Kind::Relay, id); }

int PLenclave_set_mem_arg(PLenclave* enclave, int id, unsigned long offset, unsigned long size) {
  enclave->user_param.schrodinger_id = id;
  enclave->user_param.schrodinger_offset = offset;
  enclave->user_param.schrodinger_size = size;
  return 0;
}

int PLenclave_set_rerun_arg(PLenclave* enclave, int reason) {
  if (reason != RETURN_USER_RELAY_PAGE) return failed(EINVAL);
  enclave->user_param.rerun_reason = reason;
  return 0;
}

}  // extern "C"
