// SPDX-License-Identifier: BSD-2-Clause
#include "process/program.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "fs/path.h"
#include "memory/heap.h"
#include "memory/user.h"
#include "process/debug.h"
#include "process/exit.h"
#include "process/futex.h"
#include "process/scheduler.h"
#include "process/send.h"
#include "process/stack.h"
#include "process/vdso.h"
#include "shadow/shadow.h"

namespace pl {

namespace {

constexpr uint64_t ClockTicksPerSecond = 100;
// Bit n for the n-th letter: the program may use I, M, A, F, D, C.
constexpr uint64_t Capabilities = 1 << ('I' - 'A') | 1 << ('M' - 'A') | 1 << ('A' - 'A') | 1 << ('F' - 'A') | 1 << ('D' - 'A') | 1 << ('C' - 'A');

constexpr uint64_t RandomPages = 1 << 18;       // stack and mappings: 1 GiB each
constexpr uint64_t RandomBreakPages = 1 << 13;  // 32 MiB
constexpr uint64_t IndependentBase = UserTop / 3 * 2;
constexpr uint64_t MaxStack = 64u << 20, MinStack = 128u << 10, StackGuard = 1u << 20;
constexpr uint64_t FirstStack = 33 * PageSize;  // mapped at once, so that a program need not fault for it; more grows

ErrorOr<void> read_image(Inode& inode, std::span<std::byte> scratch, ElfImage& image) {
  if (inode.type() != file_mode::Regular) return fail(Errno::Access);
  uint64_t file_bytes = TRY(inode.attributes()).size;
  auto first = scratch.first(ElfHeaderSize);
  size_t got = TRY(read_at(inode, 0, first.data(), first.size()));
  auto place = TRY(find_elf_headers(first.first(got), file_bytes));
  auto headers = scratch.subspan(ElfHeaderSize, place.count * ElfProgramHeaderSize);
  if (TRY(read_at(inode, place.offset, headers.data(), headers.size())) != headers.size()) return fail(Errno::NotExecutable);
  return parse_elf(first.first(got), headers, file_bytes, image);
}

ErrorOr<void> map_segment(const Ref<Inode>& inode, const ElfSegment& s, uint64_t bias) {
  AddressSpace& space = *current_thread().address_space;
  uint64_t start = s.address + bias, page = start / PageSize * PageSize;
  uint64_t file_end = start + s.file_bytes, memory_end = start + s.memory_bytes;
  uint64_t file_pages_end = s.file_bytes ? round_up(file_end, PageSize) : page;
  MappingRequest request;
  request.placement = Placement::Fixed;
  request.protection = s.protection;
  if (s.file_bytes) {
    request.address = UserAddress(page);
    request.bytes = file_pages_end - page;
    request.inode = inode;
    request.offset = s.offset - (start - page);
    TRY(space.map(request));
    // The rest of the last page belongs to the file's next part, but must read as zeros: up to its end, which loaders use as memory.
    if (memory_end > file_end && file_end < file_pages_end && (s.protection & ProtectionWrite))
      TRY(zero_user(UserAddress(file_end), file_pages_end - file_end));
  }
  if (memory_end > file_pages_end) {
    request.inode = {};
    request.offset = 0;
    request.address = UserAddress(file_pages_end);
    request.bytes = round_up(memory_end, PageSize) - file_pages_end;
    TRY(space.map(request));
  }
  return {};
}

// Linux's end_data less its start_data.
uint64_t data_bytes(const ElfImage& image) {
  uint64_t start = 0, end = 0;
  for (unsigned i = 0; i < image.segment_count; ++i) {
    const ElfSegment& s = image.segments[i];
    start = std::max(start, s.address);
    end = std::max(end, s.address + s.file_bytes);
  }
  return end - start;
}

ErrorOr<void> map_image(const Ref<Inode>& inode, const ElfImage& image, uint64_t bias) {
  for (unsigned i = 0; i < image.segment_count; ++i) TRY(map_segment(inode, image.segments[i], bias));
  return {};
}

// 32 bits are enough for every place below.
uint64_t random_below(uint64_t limit) {
  if (current_process().fixed_layout) return 0;
  uint32_t bits;
  random::fill(&bits, sizeof(bits));
  return bits % limit;
}

// A place for `image`: below the mmap base, where the address space puts it.
ErrorOr<uint64_t> reserve_place(const ElfImage& image) {
  MappingRequest request;
  request.bytes = image.high - image.low + image.alignment;
  AddressSpace& space = *current_thread().address_space;
  uint64_t place = TRY(space.map(request)).value;
  TRY(space.unmap(UserAddress(place), request.bytes));
  return round_up(place, image.alignment) - image.low;
}

}  // namespace

ErrorOr<size_t> read_at(Inode& inode, uint64_t offset, void* to, size_t bytes) {
  Buffer buffer = Buffer::kernel(to, bytes);
  size_t done = 0;
  while (done < bytes) {
    size_t n = TRY(inode.read(offset + done, buffer));
    if (!n) break;
    done += n;
  }
  return done;
}

ErrorOr<void> read_program(Ref<Inode> inode, Program& program) {
  TRY(read_image(*inode, program.scratch, program.image));
  program.inode = std::move(inode);
  if (!program.image.interpreter_bytes) return {};
  char path[512];
  size_t bytes = program.image.interpreter_bytes;
  if (bytes > sizeof(path) || TRY(read_at(*program.inode, program.image.interpreter_offset, path, bytes)) != bytes || path[bytes - 1])
    return fail(Errno::NotExecutable);
  program.interpreter_inode = TRY(open_executable(std::string_view(path)));
  TRY(read_image(*program.interpreter_inode, program.scratch, program.interpreter));
  if (!program.interpreter.position_independent) return fail(Errno::NotExecutable);
  program.has_interpreter = true;
  return {};
}

ErrorOr<Ref<Inode>> find_program(std::string_view& name, std::span<char> place) {
  if (name.find('/') != name.npos) return open_executable(name);
  Errno error = Errno::NoEntry;
  for (std::string_view directory : {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    if (directory.size() + 1 + name.size() > place.size()) return fail(Errno::NameTooLong);
    memcpy(place.data(), directory.data(), directory.size());
    place[directory.size()] = '/';
    memcpy(place.data() + directory.size() + 1, name.data(), name.size());
    std::string_view path(place.data(), directory.size() + 1 + name.size());
    auto found = open_executable(path);
    if (found) {
      name = path;
      return found;
    }
    // As execvp(3) has it: one that may not be executed is passed over, but not forgotten.
    if (found.error() != Errno::NoEntry && found.error() != Errno::NotDirectory) error = found.error();
  }
  return fail(error);
}

ErrorOr<LoadedProgram> map_program(const Program& program) {
  const ElfImage& image = program.image;
  AddressSpace& space = *current_thread().address_space;
  // Until choose_bases() says otherwise; what is mapped now may stay there.
  space.set_mmap_base(UserAddress(UserTop - (2 * RandomPages + random_below(RandomPages)) * PageSize));
  uint64_t bias = 0;
  if (image.position_independent) {
    bias = round_up(IndependentBase + random_below(RandomPages) * PageSize, image.alignment) - image.low;
    if (image.high + bias >= UserTop - (4 * RandomPages) * PageSize) return fail(Errno::NoMemory);
  }
  TRY(map_image(program.inode, image, bias));

  LoadedProgram loaded;
  loaded.entry = loaded.start = image.entry + bias;
  loaded.headers = image.headers ? image.headers + bias : 0;
  loaded.header_count = image.header_count;
  loaded.end = image.high + bias;
  loaded.data_bytes = data_bytes(image);
  loaded.executable_stack = image.executable_stack;
  if (program.has_interpreter) {
    uint64_t interpreter_bias = TRY(reserve_place(program.interpreter));
    TRY(map_image(program.interpreter_inode, program.interpreter, interpreter_bias));
    loaded.interpreter_base = program.interpreter.low + interpreter_bias;
    loaded.start = program.interpreter.entry + interpreter_bias;
  }
  loaded.vdso = TRY(map_vdso(space)).value;
  current_process().signal_trampoline = UserAddress(loaded.vdso + vdso_sigreturn_offset());
  current_process().executable = program.inode;
  return loaded;
}

ErrorOr<Bases> choose_bases(const LoadedProgram& loaded, uint64_t stack_limit) {
  AddressSpace& space = *current_thread().address_space;
  uint64_t most_bytes = round_up(std::clamp(stack_limit, MinStack, MaxStack), PageSize);
  // A page more than the limit: where the first frame starts is random, below.
  uint64_t stack_bytes = std::min(stack_limit, FirstStack - PageSize) / PageSize * PageSize + PageSize;
  // One word for all four: with AT_RANDOM's two, a fork's generator has one left that it need not compute, for what a libc asks first.
  uint64_t bits = current_process().fixed_layout ? 0 : random::word();
  auto draw = [&](uint64_t limit) {  // a power of two
    uint64_t drawn = bits % limit;
    bits /= limit;
    return drawn;
  };
  static_assert(RandomPages * RandomPages <= (uint64_t(1) << 57) / RandomBreakPages);
  uint64_t top = UserTop - PageSize - draw(RandomPages) * PageSize;
  space.set_mmap_base(UserAddress(UserTop - RandomPages * PageSize - most_bytes - StackGuard - draw(RandomPages) * PageSize));
  space.initialize_break(UserAddress(loaded.end + draw(RandomBreakPages) * PageSize), loaded.data_bytes);

  MappingRequest stack;
  stack.address = UserAddress(top - stack_bytes);
  stack.bytes = stack_bytes;
  stack.placement = Placement::Fixed;
  stack.protection = ProtectionRead | ProtectionWrite | (loaded.executable_stack ? ProtectionExecute : 0u);
  stack.grows_down = true;
  stack.name = "[stack]";
  TRY(space.map(stack));
  // The first frame starts at a random place in the page too, 16 bytes apart.
  return Bases{top - draw(128) * 16};
}

// In line: what a fork executes at its entry does not pay for what a template needs.
[[gnu::always_inline]] static inline ErrorOr<void> prepare_below(uint64_t stack_top, const LoadedProgram& loaded, const Start& start) {
  Thread& thread = current_thread();
  Process& process = *thread.process;
  shadow::mark(shadow::Step::Places);
  const Credentials& who = *thread.credentials;
  const AuxiliaryEntry auxv[] = {
      {auxiliary::SystemPage, loaded.vdso},
      {auxiliary::Capabilities, Capabilities},
      {auxiliary::PageSize, PageSize},
      {auxiliary::ClockTicks, ClockTicksPerSecond},
      {auxiliary::ProgramHeaders, loaded.headers},
      {auxiliary::ProgramHeaderSize, ElfProgramHeaderSize},
      {auxiliary::ProgramHeaderCount, loaded.header_count},
      {auxiliary::Base, loaded.interpreter_base},
      {auxiliary::Flags, 0},
      {auxiliary::Entry, loaded.entry},
      {auxiliary::Uid, who.uid},
      {auxiliary::EffectiveUid, who.euid},
      {auxiliary::Gid, who.gid},
      {auxiliary::EffectiveGid, who.egid},
      {auxiliary::Secure, start.secure},
      {auxiliary::Capabilities2, 0},
  };
  StackContents contents{start.script, start.arguments, start.environment, start.name, auxv, std::size(auxv), {}};
  random::fill(contents.random, sizeof(contents.random));
  StackLayout layout = TRY(write_stack(UserAddress(stack_top), contents));
  shadow::mark(shadow::Step::Stack);
  process.arguments_start = UserAddress(layout.strings);
  process.arguments_end = process.environment_start = UserAddress(layout.environment_strings);
  process.environment_end = UserAddress(layout.name);
  process.auxiliary = UserAddress(layout.auxiliary);
  process.auxiliary_end = UserAddress(layout.random);
  initialize_frame(thread.frame, loaded.start, layout.sp);
  return {};
}

ErrorOr<void> prepare_start(const LoadedProgram& loaded, const Start& start) {
  shadow::mark(shadow::Step::Parameters);
  Bases bases = TRY(choose_bases(loaded, current_process().limit(Limits::Stack)));
  return prepare_below(bases.stack_top, loaded, start);
}

ErrorOr<UserAddress> prepare_template_start(const LoadedProgram& loaded, const Start& start, size_t room) {
  Bases bases = TRY(choose_bases(loaded, current_process().limit(Limits::Stack)));
  uint64_t place = UserAddress(bases.stack_top).page().value - room;
  TRY(prepare_below(place, loaded, start));
  return UserAddress(place);
}

void set_program_name(Thread& thread, std::string_view path) {
  Process& process = *thread.process;
  size_t slash = path.rfind('/');
  std::string_view last = slash == path.npos ? path : path.substr(slash + 1);
  size_t n = std::min(last.size(), sizeof(thread.name) - 1);
  memset(thread.name, 0, sizeof(thread.name));
  memcpy(thread.name, last.data(), n);
  memcpy(process.name, thread.name, sizeof(thread.name));
  n = std::min(path.size(), sizeof(process.executable_path) - 1);
  memcpy(process.executable_path, path.data(), n);
  process.executable_path[n] = 0;
}

// ---- execve ----

namespace {

constexpr unsigned MaxScripts = 5;
constexpr size_t ScriptLine = Scripts::Line;

// "#!interpreter [argument]" (execve(2)). False: no script.
struct ScriptLineParts { std::string_view interpreter, argument; };
ErrorOr<bool> parse_script_line(std::string_view line, ScriptLineParts& parts) {
  if (!line.starts_with("#!")) return false;
  size_t end = line.find('\n');
  // A longer line is cut; it must not be an interpreter's path that is cut.
  bool whole = end != line.npos || line.size() < ScriptLine;
  line = line.substr(2, std::min(end, ScriptLine - 1) - 2);
  auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && blank(line.back())) line.remove_suffix(1);
  size_t n = 0;
  while (n < line.size() && !blank(line[n])) ++n;
  if (!n || (!whole && n == line.size())) return fail(Errno::NotExecutable);
  parts.interpreter = line.substr(0, n);
  line.remove_prefix(n);
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  parts.argument = line;
  return true;
}

// What of the old program a new one does not inherit (execve(2), "the following process attributes").
void reset_attributes(Thread& thread, Process& process) {
  thread.alternate_stack = {};
  thread.clear_child_tid = {};
  thread.robust_list = {};
  thread.restart = {};
  thread.restore_blocked = false;
  thread.frame_replaced = true;
  thread.work |= WorkSignal;  // clears frame_replaced
  process.timers.stop_posix();
  process.executed = true;
  process.exit_signal = sig::Child;
}

// Set-user-ID and set-group-ID bits of the file. Returns whether the program is more than its caller (AT_SECURE).
bool apply_set_id(Process& process, const Attributes& file) {
  Credentials& who = process.credentials;
  uint32_t uid = who.euid, gid = who.egid;
  if (!who.no_new_privileges) {
    if (file.mode & file_mode::SetUser) uid = file.uid;
    if ((file.mode & (file_mode::SetGroup | 010)) == (file_mode::SetGroup | 010)) gid = file.gid;
  }
  // Whoever shares the working directory with it (CLONE_FS) could lead it astray.
  bool watched = process.file_context->references() > 1;
  return who.execute(uid, gid, who.no_new_privileges ? Credentials::Gains::Forbidden
                               : watched ? Credentials::Gains::Restricted : Credentials::Gains::Granted);
}

}  // namespace

ErrorOr<bool> follow_scripts(Ref<Inode>& inode, std::string_view& name, Scripts& scripts) {
  if (name.size() >= sizeof(scripts.name)) return fail(Errno::NameTooLong);
  memcpy(scripts.name, name.data(), name.size());
  name = std::string_view(scripts.name, name.size());
  for (unsigned depth = 0;; ++depth) {
    size_t got = TRY(read_at(*inode, 0, scripts.line, sizeof(scripts.line)));
    ScriptLineParts parts;
    if (!TRY(parse_script_line(std::string_view(scripts.line, got), parts))) return depth != 0;
    if (scripts.closed) return fail(Errno::NoEntry);
    if (depth == MaxScripts) return fail(Errno::LinkLoop);
    // argv[0] gives way to: interpreter, its argument, the script; an outer script's words come behind the inner one's.
    ArgumentStrings* outer = heap_new<ArgumentStrings>();
    if (!outer) return fail(Errno::NoMemory);
    Guard drop([&] { heap_delete(outer); });
    bool first = true;
    TRY(scripts.words.for_each_string([&](std::string_view s) -> ErrorOr<void> {
      // The outer interpreter's own name becomes the script's name below.
      if (!first) TRY(outer->append(s));
      first = false;
      return {};
    }));
    scripts.words.clear();
    TRY(scripts.words.append(parts.interpreter));
    if (!parts.argument.empty()) TRY(scripts.words.append(parts.argument));
    TRY(scripts.words.append(name));
    TRY(outer->for_each_string([&](std::string_view s) { return scripts.words.append(s); }));
    memcpy(scripts.name, parts.interpreter.data(), parts.interpreter.size());
    name = std::string_view(scripts.name, parts.interpreter.size());
    inode = TRY(open_executable(name));
  }
}

ErrorOr<void> execute(Ref<Inode> inode, std::string_view path, bool closed, ArgumentStrings& arguments, ArgumentStrings& environment) {
  Thread& thread = current_thread();
  Process& process = *thread.process;
  // Large, and a kernel stack is not: on the heap.
  struct Work {
    Program program;
    Scripts scripts;
  };
  Work* work = heap_new<Work>();
  if (!work) return fail(Errno::NoMemory);
  Guard release([&] { heap_delete(work); });
  std::string_view name = path;
  work->scripts.closed = closed;
  if (TRY(follow_scripts(inode, name, work->scripts))) arguments.drop_first();
  Attributes file = TRY(inode->attributes());
  if (!inode->honours_set_id()) file.mode &= ~(file_mode::SetUser | file_mode::SetGroup);
  TRY(read_program(inode, work->program));
  auto space = TRY(AddressSpace::create());
  // prctl(2), PR_SET_DUMPABLE.
  auto may_read = [](Inode* file) { return !file || check_access(*file, AccessRead, current_file_credentials()); };
  const Ids old_ids = *thread.credentials;
  space->dumpable = old_ids.uid == old_ids.euid && old_ids.gid == old_ids.egid && may_read(inode.get()) &&
                    may_read(work->program.interpreter_inode.get());
  auto actions = TRY(make<SignalActions>());

  // The point of no return: what fails from here on ends the process, as on Linux.
  TRY(become_only_thread());
  release_futexes(thread, FutexOwner::Executes);
  if (thread.clear_child_tid && process.address_space->references() > 1) {
    int zero = 0;
    if (copy_to_user(thread.clear_child_tid, &zero, sizeof(zero))) (void)wake_futex(thread.clear_child_tid, 1);
  }
  process.note_resident();
  Ref<AddressSpace> old = std::exchange(process.address_space, std::move(space));
  thread.address_space = process.address_space.get();
  thread.address_space->activate();
  old = {};
  release_vfork(process);
  actions->copy_from(*process.actions);
  actions->reset_handlers();
  process.actions = std::move(actions);
  reset_attributes(thread, process);
  bool secure = apply_set_id(process, file);
  credentials_changed(old_ids);
  if (secure) thread.death_signal = 0;
  if (process.descriptors->references() > 1) {
    // CLONE_FILES ends with execve.
    auto own = process.descriptors->clone();
    if (own) process.descriptors = *own;
  }
  process.descriptors->close_for_exec();
  set_program_name(thread, path);

  auto loaded = map_program(work->program);
  ErrorOr<void> prepared = loaded ? prepare_start(*loaded, {work->scripts.words.count() ? &work->scripts.words : nullptr, arguments, environment, path, secure})
                                  : fail(loaded.error());
  if (!prepared) {
    release.disarm();
    heap_delete(work);
    force_fatal_signal(sig::Segv);
    return {};
  }
  reset_floats(thread);
  debug::executed();
  return {};
}

}  // namespace pl
