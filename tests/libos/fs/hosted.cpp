// SPDX-License-Identifier: BSD-2-Clause
#include "hosted.h"

#include "fs/shadow_device.h"
#include "penglai/sbi.h"
#include "process/vdso.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "base/lock.h"
#include "base/log.h"
#include "base/random.h"
#include "fs/async.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "fs/proc/proc.h"
#include "fs/terminal/devpts.h"
#include "fs/terminal/pty.h"
#include "fs/tmpfs/tmpfs.h"
#include "memory/frame.h"
#include "memory/frame_allocator.h"
#include "ocall/leave.h"
#include "ocall/ring.h"
#include "process/wait.h"
#include "time/clock.h"

namespace pl {

static uint32_t locks_held = 0;

// ---- memory ----

void* heap_allocate(size_t bytes, size_t) {
  if (hosted::allocations_left == 0) return nullptr;
  if (hosted::allocations_left > 0) --hosted::allocations_left;
  return std::malloc(bytes ? bytes : 1);
}
void heap_free(void* pointer, size_t, size_t) { std::free(pointer); }
bool is_frozen(const void* object) {
  return std::find(hosted::frozen_objects.begin(), hosted::frozen_objects.end(), object) != hosted::frozen_objects.end();
}

namespace {
struct Frame {
  alignas(4096) std::byte bytes[4096];
};
std::vector<std::pair<Frame*, uint32_t>>& frames_of_tests() {
  static std::vector<std::pair<Frame*, uint32_t>> all;
  return all;
}
auto find_frame(PhysicalAddress a) {
  auto& all = frames_of_tests();
  return std::find_if(all.begin(), all.end(), [&](auto& f) { return uint64_t(f.first) == a.value; });
}
}  // namespace

ErrorOr<PhysicalAddress> allocate_frame() {
  if (hosted::allocations_left == 0) return fail(Errno::NoMemory);
  if (hosted::allocations_left > 0) --hosted::allocations_left;
  auto f = static_cast<Frame*>(std::aligned_alloc(4096, 4096));
  std::memset(f, 0, 4096);
  frames_of_tests().push_back({f, 1});
  return PhysicalAddress(uint64_t(f));
}
void ref_frame(PhysicalAddress a) {
  if (auto f = find_frame(a); f != frames_of_tests().end()) ++f->second;
}
void unref_frame(PhysicalAddress a) {
  auto f = find_frame(a);
  if (f == frames_of_tests().end() || --f->second) return;
  std::free(f->first);
  frames_of_tests().erase(f);
}
bool frame_is_frozen(PhysicalAddress a) { return find_frame(a) == frames_of_tests().end(); }
frames::Totals frames::totals() { return {0, 0, hosted::memory_limit}; }
frames::Immortals frames::detail::immortals{};
uint32_t frames::detail::counted(PhysicalAddress a) {
  auto f = find_frame(a);
  return f == frames_of_tests().end() ? ~0u : uint32_t(f->second);
}
void* frame_pointer(PhysicalAddress a) { return reinterpret_cast<void*>(a.value); }

const pl_boot& boot_parameters() { return hosted::boot; }

// ---- the program's memory: ours, but for the first page, which is not there ----

static bool bad(UserAddress a) { return a.value < 4096; }
ErrorOr<void> copy_from_user(void* to, UserAddress from, size_t n) {
  if (locks_held) std::abort();
  if (bad(from)) return fail(Errno::Fault);
  std::memcpy(to, reinterpret_cast<void*>(from.value), n);
  return {};
}
ErrorOr<void> copy_to_user(UserAddress to, const void* from, size_t n) {
  if (locks_held) std::abort();
  if (bad(to)) return fail(Errno::Fault);
  std::memcpy(reinterpret_cast<void*>(to.value), from, n);
  return {};
}
ErrorOr<void> zero_user(UserAddress to, size_t n) {
  if (bad(to)) return fail(Errno::Fault);
  std::memset(reinterpret_cast<void*>(to.value), 0, n);
  return {};
}
ErrorOr<size_t> copy_string_from_user(char* to, UserAddress from, size_t capacity) {
  if (bad(from)) return fail(Errno::Fault);
  size_t n = strnlen(reinterpret_cast<char*>(from.value), capacity);
  if (n == capacity) return fail(Errno::NameTooLong);
  std::memcpy(to, reinterpret_cast<char*>(from.value), n + 1);
  return n;
}

// ---- sleeping ----

void WaitQueue::add(Waiter& w) {
  if (w.queue) w.queue->waiters_.remove(&w);
  w.queue = this;
  waiters_.push_back(&w);
}
void WaitQueue::remove(Waiter& w) {
  if (w.queue != this) return;
  waiters_.remove(&w);
  w.queue = nullptr;
}
void WaitQueue::wake_all() {
  while (Waiter* w = waiters_.pop_front()) w->queue = nullptr;
}
void WaitQueue::wake_one() {
  if (Waiter* w = waiters_.pop_front()) w->queue = nullptr;
}
ErrorOr<void> sleep(uint64_t deadline, Sleep kind) {
  if (locks_held) std::abort();
  if (hosted::interrupted && kind == Sleep::Interruptible) {
    hosted::interrupted = false;
    return fail(Errno::Interrupted);
  }
  if (!hosted::while_asleep || !hosted::while_asleep()) {
    if (deadline != NoDeadline) return fail(Errno::TimedOut);
    // Nobody will ever wake it: the test would hang.
    throw std::string("deadlock");
  }
  return {};
}

// ---- the rest ----

static Ref<Descriptors> table;
static Ref<FileContext> context;
FileContext& current_file_context() { return *context; }
Descriptors& current_descriptors() { return *table; }
FileCredentials current_file_credentials() {
  FileCredentials who = hosted::credentials;
  if (!who.uid) who.effective = CapabilitySet::all();
  return who;
}
FileCredentials current_real_credentials() { return current_file_credentials(); }
uint64_t current_file_size_limit() { return ~uint64_t(0); }
void signal_broken_pipe() { ++hosted::broken_pipes; }
void signal_file_size() {}
bool signal_pending() { return false; }
void allow_environment(std::string_view) {}
bool shadow_point_wanted() { return false; }
bool shadow_point_reached() { return false; }
InstanceAccount instance_account() {
  static const uint8_t measurement[PL_MEASUREMENT_SIZE] = {0xab};
  return {false, "none", true, 7, 7, measurement};
}
ErrorOr<Ref<Inode>> vdso_file() { return fail(Errno::NoDevice); }
int64_t realtime_nanoseconds() {
  static int64_t now = 1'000'000'000'000;
  return ++now;
}
uint64_t ticks_now() { return hosted::ticks; }
const TickRate& tick_rate() {
  static const TickRate rate;
  return rate;
}
void log_line(const char* text, ...) {
  char line[256];
  va_list arguments;
  va_start(arguments, text);
  std::vsnprintf(line, sizeof line, text, arguments);
  va_end(arguments);
  hosted::log.emplace_back(line);
}
void random::fill(void* to, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) static_cast<uint8_t*>(to)[i] = uint8_t(std::rand());
}
uint64_t random::word() {
  uint64_t w;
  fill(&w, sizeof w);
  return w;
}

// ---- locks: taken in the order of their ranks, none twice, none across a sleep ----

std::atomic<uint32_t> detail::lock_words[unsigned(Rank::Count)][WordsPerRank];
void detail::check_acquire(Rank rank) {
  if (locks_held >> unsigned(rank)) std::abort();
  locks_held |= 1u << unsigned(rank);
}
void detail::check_release(Rank rank) { locks_held &= ~(1u << unsigned(rank)); }

ErrorOr<uint64_t> terminal_ioctl(Terminal&, uint32_t, UserAddress) { return fail(Errno::NotTerminal); }
ErrorOr<void> check_background(Terminal&, int) { return {}; }
Terminal* controlling_terminal() { return nullptr; }
ErrorOr<Ref<File>> open_pty_master(Ref<Inode>, uint32_t) { return fail(Errno::NoDeviceAddress); }
ErrorOr<Ref<File>> open_pty_slave(Pty&, Ref<Inode>, uint32_t) { return fail(Errno::Io); }
Pty* pty_of_session(int) { return nullptr; }
ErrorOr<Ref<Inode>> pts_inode(Pty&) { return fail(Errno::NoEntry); }
ErrorOr<Ref<Inode>> create_devpts_root() { return Ref<Inode>(TRY(TmpDirectory::create_root(0755))); }
ErrorOr<Ref<Inode>> create_proc_root() { return Ref<Inode>(TRY(TmpDirectory::create_root(0555))); }

namespace ocall {
void leave_doorbell() { if (hosted::on_doorbell) hosted::on_doorbell(); }
void leave_idle(uint64_t) { if (hosted::on_doorbell) hosted::on_doorbell(); }
void end_instance_for_host() { throw hosted::InstanceEnded(); }
}  // namespace ocall

}  // namespace pl

namespace pl {
// Nobody owns a file here (fs/async.h).
unsigned async::watched_files;
void async::tell_urgent(const File&) {}
void File::forget_owner() {}
}  // namespace pl

namespace hosted {

using namespace pl;

pl_ring& ring() { return *reinterpret_cast<pl_ring*>(window); }

void make_window(size_t bytes) {
  std::free(window);
  window = static_cast<std::byte*>(std::aligned_alloc(4096, bytes));
  std::memset(window, 0, bytes);
  ring().magic = PL_OCALL_MAGIC;
  ring().version = PL_OCALL_VERSION;
  ring().window_size = uint32_t(bytes);
  ocall::attach(window, bytes);
}

std::vector<pl_request> take_requests() {
  std::vector<pl_request> all;
  while (ring().request_head != ring().request_tail) {
    all.push_back(reinterpret_cast<pl_request*>(window + PL_RING_REQUESTS)[ring().request_head % PL_RING_ENTRIES]);
    ++ring().request_head;
  }
  return all;
}

void push_reply(const pl_reply& r) {
  reinterpret_cast<pl_reply*>(window + PL_RING_REPLIES)[ring().reply_tail % PL_RING_ENTRIES] = r;
  ++ring().reply_tail;
}

void reply(const pl_request& to, int32_t result, uint64_t value) { push_reply({to.slot, to.generation, result, value}); }

void serve(std::function<void(const pl_request&)> answer) {
  on_doorbell = [answer] {
    for (auto& r : take_requests()) answer(r);
  };
}

void make_tree(const std::vector<std::byte>& configuration) {
  pl_config config{PL_CONFIG_MAGIC, PL_CONFIG_VERSION, sizeof(pl_config), 0, 0, 0};
  std::vector<std::byte> bytes = configuration;
  if (bytes.empty()) {
    bytes.resize(sizeof config);
    std::memcpy(bytes.data(), &config, sizeof config);
  }
  make_tree_in_place(bytes);
}

void make_tree_with_mount() {
  constexpr std::string_view path = "/host";
  std::vector<std::byte> bytes(sizeof(pl_config) + 24);
  pl_config head{PL_CONFIG_MAGIC, PL_CONFIG_VERSION, uint32_t(bytes.size()), 1, 0, 0};
  pl_record_mount mount{{PL_RECORD_MOUNT, 24}, 0, uint16_t(path.size()), 0};
  std::memcpy(bytes.data(), &head, sizeof head);
  std::memcpy(bytes.data() + sizeof head, &mount, sizeof mount);
  std::memcpy(bytes.data() + sizeof head + sizeof mount, path.data(), path.size());
  make_tree(bytes);
}

void make_tree_in_place(const std::vector<std::byte>& configuration) {
  if (auto made = fs::initialize(*reinterpret_cast<const pl_config*>(configuration.data()), PhysicalAddress()); !made)
    throw "no tree: error " + std::to_string(int(made.error()));
  table = *make<Descriptors>();
  context = *make<FileContext>(fs::root(), fs::root(), 022u);
  credentials = {};
}

Buffer buffer(std::string& text) { return Buffer::kernel(text.data(), text.size()); }

std::string read_all(File& file, size_t at_once) {
  std::string all, piece(at_once, 0);
  for (;;) {
    Buffer to = buffer(piece);
    auto n = file.read(to);
    if (!n) return "error " + std::to_string(int(n.error()));
    if (*n == 0) return all;
    all.append(piece, 0, *n);
  }
}

Ref<Inode> cwd() { return current_file_context().directory; }

std::string contents(std::string_view path) {
  auto file = open_path(cwd(), path, open_flag::ReadOnly, 0);
  return file ? read_all(**file) : "error " + std::to_string(int(file.error()));
}

bool write_file(std::string_view path, std::string_view text) {
  auto file = open_path(cwd(), path, open_flag::WriteOnly | open_flag::Create | open_flag::Truncate, 0644);
  if (!file) return false;
  std::string copy(text);
  Buffer from = buffer(copy);
  auto n = (*file)->write(from);
  return n && *n == text.size();
}

}  // namespace hosted
