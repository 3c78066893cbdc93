// SPDX-License-Identifier: BSD-2-Clause
#include "fs/async.h"

#include "fs/abi.h"
#include "fs/terminal/terminal.h"
#include "memory/heap.h"
#include "process/process.h"
#include "process/send.h"

namespace pl {

namespace async {
PL_HOT constinit unsigned watched_files;
}

void File::forget_owner() { async::forget(*this); }

namespace {

// The queues of a file's poll: the first is its readers', but of a pipe's write end.
class Watch final : public PollTable {
 public:
  explicit Watch(File& of) : file(&of) {}
  ~Watch() { disarm(); }
  void watch(WaitQueue& queue) override {
    if (used_ == Queues) return;
    waiters_[used_].note = true;
    queue.add(waiters_[used_++]);
  }
  void disarm() {
    for (Waiter& w : waiters_)
      if (w.queue) w.queue->remove(w);
    used_ = 0;
  }
  uint32_t arm() {
    disarm();
    return file->poll(this);
  }
  void set_owner(async::Owner new_owner) {
    owner = new_owner;
    uid = current_credentials().uid;
    euid = current_credentials().euid;
  }
  bool woken(unsigned i) const { return i < used_ && !waiters_[i].queue; }

  File* file;
  async::Owner owner;
  int signal = 0, descriptor = -1;
  uint32_t uid = 0, euid = 0;  // of who set the owner
  ListLink<Watch> link;

 private:
  static constexpr unsigned Queues = 2;
  Waiter waiters_[Queues];
  unsigned used_ = 0;
};

PL_HOT constinit List<Watch, &Watch::link> watches_of_files;

Watch* find(const File& file) {
  if (async::watched_files)
    for (Watch& w : watches_of_files)
      if (w.file == &file) return &w;
  return nullptr;
}

ErrorOr<Watch*> find_or_make(File& file) {
  if (Watch* w = find(file)) return w;
  Watch* w = heap_new<Watch>(file);
  if (!w) return fail(Errno::NoMemory);
  watches_of_files.push_back(w);
  ++async::watched_files;
  return w;
}

// What kill(2) would demand of who set the owner.
bool may_tell(const Watch& w, const Credentials& other) {
  return w.euid == 0 || w.euid == other.suid || w.euid == other.uid || w.uid == other.suid || w.uid == other.uid;
}

void send(const Watch& w, const SignalInfo& info) {
  auto to_process = [&](Process& p) {
    // A queue that is full: at least that something happened.
    if (may_tell(w, p.credentials) && !send_signal(p, info)) (void)send_signal(p, SignalInfo::kernel(sig::Io));
  };
  switch (w.owner.kind) {
    case async::Owner::Thread:
      if (Thread* t = find_thread(w.owner.id); t && may_tell(w, *t->credentials)) (void)send_signal(*t, info);
      break;
    case async::Owner::Process:
      if (Process* p = find_process(w.owner.id)) to_process(*p);
      break;
    default:
      for_each_process([&](Process& p) {
        if (p.group == w.owner.id) to_process(p);
        return true;
      });
  }
}

// Why, as sigaction(2) names it: POLL_IN and its like, with the events of poll(2). Code 0: it is not worth a signal.
struct Reason { int code; uint64_t band; };
Reason reason_of(const Watch& w, uint32_t events) {
  constexpr Reason In{1, 0x41}, Out{2, 0x304}, HangUp{6, 0x18};
  if (w.file->as_pipe()) return w.file->readable() ? In : Out;
  if (w.woken(0) && events & poll_event::HangUp && w.file->as_socket()) return HangUp;
  if (w.woken(0) && events & poll_event::Readable) return In;
  return w.file->tells_of_room() ? Out : Reason{};
}

}  // namespace

namespace async {

Owner owner_of(const File& file) {
  const Watch* w = find(file);
  return w ? w->owner : Owner{};
}

ErrorOr<void> set_owner(File& file, Owner owner) {
  bool there = owner.id == 0;
  switch (owner.kind) {
    case Owner::Thread: there = there || find_thread(owner.id); break;
    case Owner::Process: there = there || find_process(owner.id); break;
    case Owner::Group:
      for_each_process([&](Process& p) { return !(there = there || p.group == owner.id); });
      break;
    default: return fail(Errno::Invalid);
  }
  if (!there) return fail(Errno::NoProcess);
  Watch* w = TRY(find_or_make(file));
  w->set_owner(owner);
  return {};
}

int signal_of(const File& file) {
  const Watch* w = find(file);
  return w ? w->signal : 0;
}

ErrorOr<void> set_signal(File& file, int number) {
  if (number < 0 || number > sig::Count) return fail(Errno::Invalid);
  TRY(find_or_make(file))->signal = number;
  return {};
}

ErrorOr<void> turn(File& file, int descriptor, bool on) {
  if (!on) {
    if (Watch* w = find(file)) w->disarm();
    return {};
  }
  Watch* w = TRY(find_or_make(file));
  w->descriptor = descriptor;
  // Of a terminal the foreground is told, or who asked.
  if (Terminal* terminal = file.as_terminal(); terminal && !w->owner.id)
    w->set_owner(terminal->foreground ? async::Owner{async::Owner::Group, terminal->foreground} : async::Owner{async::Owner::Process, current_process().pid});
  w->arm();
  return {};
}

void tell_urgent(const File& file) {
  if (const Watch* w = find(file); w && w->owner.id) send(*w, SignalInfo::kernel(sig::Urgent));
}

void look() {
  for (Watch& w : watches_of_files) {
    if (!w.woken(0) && !w.woken(1)) continue;
    uint32_t events = w.file->poll(nullptr);
    Reason reason = reason_of(w, events);
    w.arm();
    if (!w.owner.id || !reason.code) continue;
    SignalInfo info = SignalInfo::kernel(w.signal ? w.signal : sig::Io);
    if (w.signal) {
      info.code = reason.code;
      info.words[0] = reason.band;
      info.words[1] = uint32_t(w.descriptor);
    }
    send(w, info);
  }
}

void forget(File& file) {
  Watch* w = find(file);
  if (!w) return;
  watches_of_files.remove(w);
  heap_delete(w);
  --watched_files;
}

}  // namespace async

}  // namespace pl
