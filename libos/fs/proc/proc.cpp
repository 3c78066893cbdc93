// SPDX-License-Identifier: BSD-2-Clause
#include "fs/proc/proc.h"

#include <algorithm>
#include <cstring>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/anonymous_inode.h"
#include "fs/descriptors.h"
#include "fs/mount.h"
#include "fs/open_file.h"
#include "fs/path.h"
#include "fs/pipe.h"
#include "fs/proc/node.h"
#include "process/process.h"

namespace pl {

namespace {

using proc::process_node_count;
using proc::process_nodes;
using proc::system_node_count;
using proc::system_nodes;

const char the_identity = 0;

// What an inode of /proc stands for.
enum class What : uint8_t { System, Self, ThreadSelf, Process, ProcessText, Executable, WorkingDirectory, Root, Descriptors, Descriptor, Infos, Info, Tasks };

struct Name {
  What what;
  uint32_t index = 0;  // of a row, or the descriptor
  int pid = 0;
  int task = 0;        // below task/: the thread
};

// Fixed names in a process's directory, besides the texts.
constexpr struct { std::string_view name; What what; uint32_t mode; bool in_task; } Fixed[] = {
    {"exe", What::Executable, file_mode::Link | 0777, true},        {"cwd", What::WorkingDirectory, file_mode::Link | 0777, true},
    {"root", What::Root, file_mode::Link | 0777, true},             {"fd", What::Descriptors, file_mode::Directory | 0500, true},
    {"fdinfo", What::Infos, file_mode::Directory | 0500, true},
    {"task", What::Tasks, file_mode::Directory | 0555, false},
};

uint32_t mode_of(const Name& n) {
  switch (n.what) {
    case What::System: return system_nodes[n.index].kind == proc::Kind::Directory ? file_mode::Directory | 0555 : file_mode::Regular | 0444;
    case What::ProcessText: return file_mode::Regular | process_nodes[n.index].mode;
    case What::Process: return file_mode::Directory | 0555;
    case What::Self:
    case What::ThreadSelf: return file_mode::Link | 0777;
    case What::Descriptor: return file_mode::Link | 0700;
    case What::Info: return file_mode::Regular | 0400;
    default:
      for (auto& f : Fixed)
        if (f.what == n.what) return f.mode;
      return file_mode::Regular;
  }
}

class ProcInode : public Inode {
 public:
  explicit ProcInode(const Name& name) : Inode(mode_of(name) & file_mode::Type), name_(name) {}

  ErrorOr<Attributes> attributes() override;
  ErrorOr<Ref<File>> open(Ref<Inode> self, uint32_t flags) override;
  ErrorOr<Ref<Inode>> lookup(std::string_view name) override;
  ErrorOr<Ref<Inode>> create(std::string_view, uint32_t, uint64_t, uint32_t, uint32_t) override { return fail(Errno::NoEntry); }
  ErrorOr<void> unlink(std::string_view, bool) override { return fail(Errno::Perm); }
  ErrorOr<void> symlink(std::string_view, std::string_view, uint32_t, uint32_t) override { return fail(Errno::NoEntry); }
  ErrorOr<void> truncate(uint64_t) override { return {}; }
  ErrorOr<bool> list(uint64_t cookie, size_t, bool (*visit)(void*, const DirectoryEntry&), void* context) override;
  ErrorOr<size_t> readlink(char* out, size_t capacity) override;
  ErrorOr<Ref<Inode>> follow() override;
  ErrorOr<Ref<File>> follow_open(uint32_t flags) override;
  ErrorOr<FileSystemStatus> file_system() override {
    FileSystemStatus s;
    s.type = 0x9fa0;  // PROC_SUPER_MAGIC
    return s;
  }
  bool grants(uint32_t) override;
  Ref<Inode> parent() override;
  ErrorOr<size_t> name(char* out) override;
  const void* file_system_identity() const override { return &the_identity; }

  ErrorOr<void> write_text(Text& text);
  ErrorOr<size_t> set_text(Buffer& from);

 private:
  ErrorOr<Process*> process() const;
  ErrorOr<Ref<File>> file() const;
  uint64_t number(const Name& n) const { return uint64_t(n.pid) << 32 | uint64_t(n.task ? 1 : 0) << 31 | uint64_t(n.what) << 20 | (n.index + 1); }
  static ErrorOr<Ref<Inode>> create(const Name& n) { return Ref<Inode>(TRY(make<ProcInode>(n))); }

  Name name_;
};

// A text is made when it is read from the start, and stays what it was until then.
class ProcFile : public File {
 public:
  ProcFile(Ref<ProcInode> inode, uint32_t flags) : File(flags), inode_(std::move(inode)) {}
  ErrorOr<size_t> read(Buffer& to) override {
    size_t n = TRY(read_at(offset_, to));
    offset_ += n;
    return n;
  }
  ErrorOr<size_t> read_at(uint64_t offset, Buffer& to) override {
    if (!readable()) return fail(Errno::BadDescriptor);
    if (offset == 0 || !made_) {
      text_.clear();
      TRY(inode_->write_text(text_));
      if (text_.failed()) return fail(Errno::NoMemory);
      made_ = true;
    }
    size_t done = 0;
    while (to.left()) {
      char piece[256];
      size_t n = text_.read(offset + done, piece, std::min(sizeof piece, to.left()));
      if (n == 0) break;
      TRY(to.put(piece, n));
      done += n;
    }
    return done;
  }
  ErrorOr<size_t> write(Buffer& from) override { return writable() ? inode_->set_text(from) : fail(Errno::BadDescriptor); }
  ErrorOr<uint64_t> seek(int64_t offset, int whence) override {
    if (whence == SeekCurrent) offset += int64_t(offset_);
    else if (whence != SeekSet) return fail(Errno::Invalid);
    if (offset < 0) return fail(Errno::Invalid);
    return offset_ = uint64_t(offset);
  }
  ErrorOr<Attributes> attributes() override { return inode_->attributes(); }
  Ref<Inode> inode() override { return Ref<Inode>(inode_); }

 private:
  Ref<ProcInode> inode_;
  Text text_;
  uint64_t offset_ = 0;
  bool made_ = false;
};

// The mounted one: ".." from it leads out of /proc.
Ref<Inode> the_root() {
  for (unsigned i = 0; const Mount* m = fs::mount_at(i); i++)
    if (m->root->file_system_identity() == &the_identity) return m->root;
  return {};
}

bool parse_number(std::string_view s, uint32_t& value) {
  if (s.empty() || s.size() > 9 || (s[0] == '0' && s.size() > 1)) return false;
  value = 0;
  for (char c : s) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + uint32_t(c - '0');
  }
  return true;
}

ErrorOr<Process*> ProcInode::process() const {
  Process* p = find_process(name_.pid);
  if (!p || (name_.task && (!find_thread(name_.task) || find_thread(name_.task)->process != p))) return fail(Errno::NoEntry);
  return p;
}

ErrorOr<void> may_look(const Process& p) {
  const FileCredentials who = current_file_credentials();
  const Credentials& c = p.credentials;
  const bool same = who.uid == c.uid && who.uid == c.euid && who.uid == c.suid && who.gid == c.gid && who.gid == c.egid && who.gid == c.sgid;
  if (&p == &current_process() || who.has(Capability::Trace) || (same && p.is_dumpable() && c.permitted.within(who.effective))) return {};
  return fail(Errno::Access);
}

// What a process has open it may look at whoever it has become.
bool ProcInode::grants(uint32_t) {
  return (name_.what == What::Descriptors || name_.what == What::Infos) && name_.pid == current_process().pid;
}

ErrorOr<Ref<File>> ProcInode::file() const {
  Process* p = TRY(process());
  TRY(may_look(*p));
  if (!p->descriptors) return fail(Errno::NoEntry);
  auto file = p->descriptors->get(int(name_.index));
  if (!file) return fail(Errno::NoEntry);
  return file;
}

ErrorOr<Attributes> ProcInode::attributes() {
  Attributes a;
  a.inode = number(name_);
  a.device = make_device(0, 20);
  a.mode = mode_of(name_);
  a.links = is_directory() ? 2 : 1;
  if (name_.pid) {
    Process* p = TRY(process());
    // proc(5), /proc/PID: what is not everybody's to look at is user 0's where nobody may dump.
    if (p->is_dumpable() || a.mode == (file_mode::Directory | 0555)) {
      const Credentials& c = name_.task ? *find_thread(name_.task)->credentials : p->credentials;
      a.uid = c.euid;
      a.gid = c.egid;
    }
  }
  a.atime = a.mtime = a.ctime = realtime_nanoseconds();
  return a;
}

ErrorOr<Ref<File>> ProcInode::open(Ref<Inode> self, uint32_t flags) {
  if (is_directory()) return Ref<File>(TRY(make<DirectoryFile>(std::move(self), flags)));
  if (is_link()) return fail(Errno::LinkLoop);
  if (name_.pid) {
    Process* p = TRY(process());
    if (name_.what == What::ProcessText && process_nodes[name_.index].of_memory) TRY(may_look(*p));
  }
  return Ref<File>(TRY(make<ProcFile>(Ref<ProcInode>(this), flags)));
}

ErrorOr<void> ProcInode::write_text(Text& text) {
  if (name_.what == What::System) {
    system_nodes[name_.index].write(text);
    return {};
  }
  if (name_.what == What::Info) {
    Ref<File> f = TRY(file());
    auto position = f->seek(0, SeekCurrent);
    bool closes = TRY(process())->descriptors->on_exec(int(name_.index)).value_or(OnExec::Keep) == OnExec::Close;
    text << "pos:\t" << (position ? *position : 0) << "\nflags:\t0";
    text.number(f->flags() | (f->inode() ? open_flag::LargeFile : 0) | (closes ? open_flag::CloseOnExec : 0), 8, 0) << "\nmnt_id:\t20\n";
    return {};
  }
  process_nodes[name_.index].write(text, *TRY(process()), name_.task ? find_thread(name_.task) : nullptr);
  return {};
}

ErrorOr<size_t> ProcInode::set_text(Buffer& from) {
  if (name_.what != What::ProcessText || !process_nodes[name_.index].set) return fail(Errno::Invalid);
  Process& p = *TRY(process());
  char text[64];  // more than any of them takes
  size_t all = from.left(), n = std::min(all, sizeof text);
  TRY(from.take(text, n));
  TRY(process_nodes[name_.index].set({text, n}, p, name_.task ? find_thread(name_.task) : nullptr));
  return all;
}

ErrorOr<Ref<Inode>> ProcInode::lookup(std::string_view name) {
  uint32_t value;
  switch (name_.what) {
    case What::System:
      if (!name_.index) {  // first what is asked for most
        if (name == "self") return create({What::Self});
        if (name == "thread-self") return create({What::ThreadSelf});
        if (parse_number(name, value) && find_process(int(value))) return create({What::Process, 0, int(value)});
      }
      for (unsigned i = 1; i < system_node_count; i++)
        if (system_nodes[i].parent == name_.index && system_nodes[i].name == name) return create({What::System, i});
      break;
    case What::Process:
      TRY(process());
      for (unsigned i = 0; i < process_node_count; i++)
        if (process_nodes[i].name == name) return create({What::ProcessText, i, name_.pid, name_.task});
      for (auto& f : Fixed)
        if (f.name == name && (f.in_task || !name_.task)) return create({f.what, 0, name_.pid, name_.task});
      break;
    case What::Tasks:
      if (parse_number(name, value)) {
        Thread* t = find_thread(int(value));
        if (t && t->process->pid == name_.pid) return create({What::Process, 0, name_.pid, int(value)});
      }
      break;
    case What::Infos:
    case What::Descriptors: {
      Process* p = TRY(process());
      TRY(may_look(*p));
      What each = name_.what == What::Infos ? What::Info : What::Descriptor;
      if (parse_number(name, value) && p->descriptors && p->descriptors->get(int(value))) return create({each, value, name_.pid, name_.task});
      break;
    }
    default: return fail(Errno::NotDirectory);
  }
  return fail(Errno::NoEntry);
}

// Cookies: rows count from 1, numbers (pids, threads, descriptors) follow from 1000 on.
ErrorOr<bool> ProcInode::list(uint64_t cookie, size_t, bool (*visit)(void*, const DirectoryEntry&), void* context) {
  constexpr uint64_t Numbers = 1000;
  auto show = [&](uint64_t position, const Name& n, std::string_view name) {
    return position <= cookie || visit(context, {number(n), position, uint8_t(mode_of(n) >> 12), name});
  };
  auto show_number = [&](uint64_t value, const Name& n) {
    char digits[24];
    TextSpan text(digits, sizeof digits);
    text << value;
    return show(Numbers + value, n, text.view());
  };
  uint64_t position = 0;
  switch (name_.what) {
    case What::System: {
      for (unsigned i = 1; i < system_node_count; i++)
        if (++position, system_nodes[i].parent == name_.index && !show(position, {What::System, i}, system_nodes[i].name)) return false;
      if (name_.index) return true;
      if (!show(++position, {What::Self}, "self") || !show(++position, {What::ThreadSelf}, "thread-self")) return false;
      // In the order of their numbers, one after the other: processes come and go between two calls.
      uint64_t after = cookie > Numbers ? cookie - Numbers : 0;
      for (;;) {
        uint64_t least = ~uint64_t(0);
        for_each_process([&](Process& p) {
          if (uint64_t(p.pid) > after && uint64_t(p.pid) < least) least = uint64_t(p.pid);
          return true;
        });
        if (least == ~uint64_t(0)) return true;
        if (!show_number(least, {What::Process, 0, int(least)})) return false;
        after = least;
      }
    }
    case What::Process:
      TRY(process());
      for (unsigned i = 0; i < process_node_count; i++)
        if (!show(++position, {What::ProcessText, i, name_.pid, name_.task}, process_nodes[i].name)) return false;
      for (auto& f : Fixed)
        if (++position, (f.in_task || !name_.task) && !show(position, {f.what, 0, name_.pid, name_.task}, f.name)) return false;
      return true;
    case What::Tasks:
      for (Thread& t : TRY(process())->threads)
        if (!show_number(uint64_t(t.tid), {What::Process, 0, name_.pid, t.tid})) return false;
      return true;
    case What::Infos:
    case What::Descriptors: {
      Process* p = TRY(process());
      TRY(may_look(*p));
      What each = name_.what == What::Infos ? What::Info : What::Descriptor;
      if (!p->descriptors) return true;
      for (int d = p->descriptors->next(0); d >= 0; d = p->descriptors->next(d + 1))
        if (!show_number(uint64_t(d), {each, uint32_t(d), name_.pid, name_.task})) return false;
      return true;
    }
    default: return fail(Errno::NotDirectory);
  }
}

ErrorOr<Ref<Inode>> ProcInode::follow() {
  switch (name_.what) {
    case What::Executable: {
      Process* p = TRY(process());
      TRY(may_look(*p));
      if (!p->executable) return fail(Errno::NoEntry);
      return p->executable;
    }
    case What::WorkingDirectory:
    case What::Root: {
      Process* p = TRY(process());
      TRY(may_look(*p));
      if (!p->file_context) return fail(Errno::NoEntry);
      return name_.what == What::Root ? p->file_context->root : p->file_context->directory;
    }
    case What::Descriptor: {
      Ref<File> f = TRY(file());
      if (Ref<Inode> inode = f->inode()) return inode;
      return AnonymousInode::create(std::move(f));
    }
    default: return Ref<Inode>();
  }
}

// What has no inode is opened by sharing or renewing the description.
ErrorOr<Ref<File>> ProcInode::follow_open(uint32_t flags) {
  if (name_.what != What::Descriptor) return Ref<File>();
  Ref<File> f = TRY(file());
  if (f->inode()) return Ref<File>();
  if (PipeFile* pipe = f->as_pipe()) return Ref<File>(TRY(make<PipeFile>(Ref<Pipe>(&pipe->pipe()), Ref<Inode>(), flags & (open_flag::AccessMode | open_flag::NonBlock))));
  return f;
}

ErrorOr<size_t> ProcInode::readlink(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  switch (name_.what) {
    case What::Self: text << current_process().pid; return text.length();
    case What::ThreadSelf: text << current_process().pid << "/task/" << current_thread().tid; return text.length();
    case What::Descriptor: {
      Ref<File> f = TRY(file());
      if (!f->inode()) return f->describe(out, capacity);
      break;
    }
    default: break;
  }
  Ref<Inode> target = TRY(follow());
  if (!target) return fail(Errno::Invalid);
  auto n = shown_path_of(*target, current_file_context().root, out, capacity);
  if (n) return n;
  if (n.error() == Errno::Range) return fail(Errno::NameTooLong);
  text << "/ (deleted)";
  return text.length();
}

Ref<Inode> ProcInode::parent() {
  ErrorOr<Ref<Inode>> up = Ref<Inode>();
  switch (name_.what) {
    case What::System:
      if (name_.index == 0) return {};
      if (system_nodes[name_.index].parent == 0) up = the_root();
      else up = create({What::System, system_nodes[name_.index].parent});
      break;
    case What::Self:
    case What::ThreadSelf: up = the_root(); break;
    case What::Process:
      if (name_.task) up = create({What::Tasks, 0, name_.pid});
      else up = the_root();
      break;
    case What::Info: up = create({What::Infos, 0, name_.pid, name_.task}); break;
    case What::Descriptor: up = create({What::Descriptors, 0, name_.pid, name_.task}); break;
    default: up = create({What::Process, 0, name_.pid, name_.task}); break;
  }
  return up ? *up : Ref<Inode>();
}

ErrorOr<size_t> ProcInode::name(char* out) {
  TextSpan text(out, NameCapacity);
  switch (name_.what) {
    case What::System:
      if (name_.index == 0) return fail(Errno::NoEntry);
      text << system_nodes[name_.index].name;
      break;
    case What::Self: text << "self"; break;
    case What::ThreadSelf: text << "thread-self"; break;
    case What::Process: text << (name_.task ? name_.task : name_.pid); break;
    case What::ProcessText: text << process_nodes[name_.index].name; break;
    case What::Info:
    case What::Descriptor: text << name_.index; break;
    default:
      for (auto& f : Fixed)
        if (f.what == name_.what) text << f.name;
  }
  return text.length();
}

}  // namespace

ErrorOr<Ref<Inode>> create_proc_root() { return Ref<Inode>(TRY(make<ProcInode>(Name{What::System}))); }

}  // namespace pl
