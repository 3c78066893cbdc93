// SPDX-License-Identifier: BSD-2-Clause
#include <algorithm>
#include <cstring>

#include "arch/monitor.h"
#include "base/hot.h"
#include "base/log.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "fs/terminal/host_terminal.h"
#include "memory/heap.h"
#include "ocall/ring.h"
#include "penglai/ocall.h"
#include "process/debug.h"
#include "process/instance.h"
#include "process/prefetch.h"
#include "process/program.h"
#include "process/scheduler.h"
#include "process/send.h"
#include "process/trap.h"
#include "shadow/shadow.h"
#include "time/clock.h"

namespace pl {

LoadedProgram first_program;
std::string_view first_path;
const ArgumentStrings* first_script;

namespace {

constexpr uint32_t FirstUmask = 022;

char first_path_text[MaxPath];

const char* in_words(Errno error) {
  switch (error) {
    case Errno::NoEntry: return "it, or the interpreter that it names, does not exist";
    case Errno::NotExecutable: return "not a riscv64 Linux executable, or a damaged one";
    case Errno::Access: return "no permission to execute it";
    case Errno::NoMemory: return "out of memory";
    case Errno::TooBig: return "arguments and environment are too long";
    default: return "it cannot be loaded";
  }
}

}  // namespace

void give_up(const char* what, Errno error) {
  log_line("%s: %s (errno %d)", what, in_words(error), int(error));
  monitor::exit((error == Errno::NoEntry ? 127u : 126u) << 8);
}

ErrorOr<void> set_directory(FileContext& context, std::string_view path) {
  if (path.empty() || (path.size() == 1 && path[0] == '/')) return {};
  auto directory = TRY(resolve(context.root, path, LastLink::Follow));
  if (directory->type() != file_mode::Directory) return fail(Errno::NotDirectory);
  context.directory = std::move(directory);
  return {};
}

namespace {

ErrorOr<void> apply_instance(const InstanceCopy& instance) {
  const pl_instance& head = instance.head();
  Process& process = Process::first();
  anchor_realtime(head.realtime);
  set_host_terminals(head.terminals);
  process.credentials.begin_as(head.uid, head.gid);
  host_terminal().session = process.session;
  host_terminal().foreground = process.group;
  if (uint32_t mask = head.umask & 0777; mask != process.file_context->umask) process.file_context->umask = mask;
  TRY(instance.strings(head.directory_offset, 1, [&](std::string_view path) -> ErrorOr<void> {
    auto set = set_directory(*process.file_context, path);
    if (!set) log_line("working directory %.*s: errno %d", int(path.size()), path.data(), int(set.error()));
    return set;
  }));

  ArgumentStrings arguments, environment;
  TRY(instance.strings(head.arguments_offset, head.arguments, [&](std::string_view s) { return arguments.append(s); }));
  if (!arguments.count()) TRY(arguments.append(first_path));
  TRY(allowed_environment(instance, [&](std::string_view s) { return environment.append(s); }));
  if (first_script) arguments.drop_first();
  return prepare_start(first_program, {first_script, arguments, environment, first_path});
}

// The process, but for its program.
ErrorOr<void> prepare_first_process() {
  start_clocks(boot_parameters().timebase);
  Process& process = make_first_process();
  Thread& thread = first_thread_of_instance();
  adopt_running_thread(thread);
  process.actions = TRY(make<SignalActions>());
  process.descriptors = TRY(make<Descriptors>());
  process.file_context = TRY(make<FileContext>(fs::root(), fs::root(), FirstUmask));
  {
    HotObjects hot;
    process.address_space = TRY(AddressSpace::create());
  }
  thread.address_space = process.address_space.get();
  thread.address_space->activate();
  return fs::open_standard_streams(*process.descriptors);
}

// Finds what the first process executes, and maps it.
ErrorOr<void> load_program(std::string_view path) {
  Thread& thread = first_thread_of_instance();
  Program* program = heap_new<Program>();
  if (!program) return fail(Errno::NoMemory);
  Guard release([&] { heap_delete(program); });
  first_path = path;
  Ref<Inode> inode = TRY(find_program(first_path, first_path_text));
  if (first_path.data() != first_path_text) {
    if (first_path.size() > sizeof(first_path_text)) return fail(Errno::NameTooLong);
    memcpy(first_path_text, first_path.data(), first_path.size());
    first_path = std::string_view(first_path_text, first_path.size());
  }
  set_program_name(thread, first_path);
  Scripts* scripts = heap_new<Scripts>();
  if (!scripts) return fail(Errno::NoMemory);
  std::string_view interpreter = first_path;
  if (TRY(follow_scripts(inode, interpreter, *scripts))) first_script = &scripts->words;
  else heap_delete(scripts);
  TRY(read_program(std::move(inode), *program));
  first_program = TRY(map_program(*program));
  return {};
}

}  // namespace

ErrorOr<void> load_first_program(const char* path) {
  TRY(prepare_first_process());
  return load_program(path);
}

ErrorOr<void> prepare_for_any_program() {
  TRY(prepare_first_process());
  if (fs::has_root_image()) prefetch_loaders();
  return {};
}

void prefetch_first_program() {
  if (fs::has_root_image()) prefetch_executable(Process::first().executable);
}

void prefetch_named_paths() {
  for (unsigned i = 0;; i++) {
    std::string_view path = fs::prefetched_path(i);
    if (path.empty()) return;
    if (auto found = prefetch_path(path); !found) panic("prefetch %.*s: not in the root image (errno %d)", int(path.size()), path.data(), int(found.error()));
  }
}

namespace {

// Of a template that has no program: each fork finds and maps the one that the host names, in a layout of its own.
[[gnu::noinline]] void load_named_program(const InstanceCopy& instance) {
  auto loaded = instance.strings(instance.head().program_offset, 1, [](std::string_view path) -> ErrorOr<void> {
    if (auto loaded = load_program(path); !loaded) give_up(path.data(), loaded.error());
    shadow::mark(shadow::Step::Loaded);
    return {};
  });
  if (!loaded) give_up("malformed instance parameters", loaded.error());
}

}  // namespace

void continue_fork(const pl_instance* host, uint32_t readable_bytes) {
  Thread& thread = first_thread_of_instance();
  adopt_running_thread(thread);
  const pl_boot& boot = boot_parameters();
  const bool forked = boot.flags & PL_BOOT_FORKED;
  if (forked) resume_clocks(boot.frozen_at);
  thread.process->started_at = ticks_now();
  {
    InstanceCopy instance(host, readable_bytes);
    if (!instance.valid()) give_up("malformed instance parameters", Errno::Invalid);
    if (!forked) ocall::release_start();
    if (!first_program.start) load_named_program(instance);
    auto applied = apply_instance(instance);
    if (!applied) give_up("cannot start the program", applied.error());
  }
  reset_floats(thread);
  thread.work = 0;
  if (debug::enabled()) {
    debug::stop(PL_STOP_START);
    finish_trap(thread);
  }
  shadow::mark(shadow::Step::Program);
  return_to_user(thread.frame);
}

void start_first_process(const char* path, const pl_instance* instance, uint32_t readable_bytes) {
  auto loaded = load_first_program(path);
  if (!loaded) give_up(path, loaded.error());
  continue_fork(instance, readable_bytes);
}

}  // namespace pl
