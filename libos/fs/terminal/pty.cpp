// SPDX-License-Identifier: BSD-2-Clause
#include "fs/terminal/pty.h"

#include <algorithm>

#include "base/hot.h"
#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/terminal/devpts.h"
#include "fs/text.h"
#include "process/send.h"
#include "time/clock.h"

namespace pl {

namespace {

constexpr uint32_t GetNumber = 0x80045430, SetLock = 0x40045431, GetLock = 0x80045439, SetPackets = 0x5420, GetPackets = 0x80045438,
                   OpenPeer = 0x5441, SendSignal = 0x40045436, GetGroup = 0x540f, GetSession = 0x5429, Flush = 0x540b, BytesReadable = 0x541b;
// TIOCPKT_*: what the status byte says.
constexpr uint8_t PacketFlushRead = 1, PacketFlushWrite = 2, PacketStop = 4, PacketStart = 8;

constexpr size_t Chunk = 256;  // moved at once between the program's memory and the discipline

PL_HOT constinit List<Pty, &Pty::link> ptys;  // by number

// A write of either end: `take` says how many of some bytes it took; while that is not all, the writer sleeps on `room` until `has_room`.
template <class Take, class HasRoom>
ErrorOr<size_t> write_in_pieces(Buffer& from, bool nonblocking, bool& wants_room, WaitQueue& room, Take take, HasRoom has_room) {
  size_t done = 0;
  uint8_t chunk[Chunk];
  auto end = [&](Errno error) { return done ? ErrorOr<size_t>(done) : ErrorOr<size_t>(fail(error)); };
  while (from.left()) {
    Buffer copy = from;
    const size_t n = std::min(from.left(), sizeof chunk);
    if (auto copied = copy.take(chunk, n); !copied) return end(copied.error());
    const ErrorOr<size_t> went = take(chunk, n);
    if (!went) return end(went.error());
    done += *went;
    if (*went == n) {
      from = copy;
      continue;
    }
    if (*went) (void)from.take(chunk, *went);  // moves on by what was taken: the same bytes, readable a moment ago
    wants_room = true;
    if (nonblocking) return end(Errno::Again);
    if (auto woken = wait_for(room, NoDeadline, Sleep::Interruptible, has_room); !woken) return end(woken.error());
  }
  return done;
}

int free_number() {
  int number = 0;
  for (Pty& pty : ptys) {
    if (pty.number != number) break;
    ++number;
  }
  return number;
}

class MasterFile final : public File {
 public:
  MasterFile(Ref<Pty> pty, Ref<Inode> node, uint32_t flags) : File(flags & ~open_flag::NoTerminal), pty_(std::move(pty)), node_(std::move(node)) {}
  ~MasterFile() override;
  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer& from) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return pty_->shown + pty_->typed; }
  bool raises_signals() override { return true; }
  bool tells_of_room() override { return pty_->master_wants_room && pty_->discipline.takes_input() && std::exchange(pty_->master_wants_room, false); }
  Terminal* as_terminal() override { return pty_.get(); }
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override;
  ErrorOr<Attributes> attributes() override { return node_->attributes(); }
  Ref<Inode> inode() override { return node_; }
  size_t describe(char* out, size_t capacity) override {
    TextSpan text(out, capacity);
    text << "/dev/ptmx";
    return text.length();
  }

 private:
  bool hung_up() const { return pty_->slave_was_open && !pty_->slaves; }
  Ref<Pty> pty_;
  Ref<Inode> node_;
};

class SlaveFile final : public File {
 public:
  SlaveFile(Ref<Pty> pty, Ref<Inode> node, uint32_t flags) : File(flags & ~open_flag::NoTerminal), pty_(std::move(pty)), node_(std::move(node)) {
    ++pty_->slaves;
    pty_->slave_was_open = true;
  }
  ~SlaveFile() override;
  ErrorOr<size_t> read(Buffer& to) override;
  ErrorOr<size_t> write(Buffer& from) override;
  uint32_t poll(PollTable* table) override;
  uint64_t activity() override { return pty_->typed + pty_->shown; }
  bool raises_signals() override { return true; }
  bool tells_of_room() override { return pty_->slave_wants_room && pty_->discipline.takes_output() && std::exchange(pty_->slave_wants_room, false); }
  Terminal* as_terminal() override { return pty_.get(); }
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override;
  ErrorOr<Attributes> attributes() override { return node_->attributes(); }
  Ref<Inode> inode() override { return node_; }
  size_t describe(char* out, size_t capacity) override {
    TextSpan text(out, capacity);
    text << "/dev/pts/" << uint64_t(pty_->number);
    return text.length();
  }

 private:
  bool has_input() const;
  ErrorOr<void> wait_for_input();
  Ref<Pty> pty_;
  Ref<Inode> node_;
};

}  // namespace

// ---- the pair ----

Pty::~Pty() {
  if (link.linked) ptys.remove(this);
}

uint64_t Pty::device() const { return make_device(PtyMajor, uint32_t(number)); }

ErrorOr<void> Pty::set_modes(const TerminalModes& modes, Apply when) {
  if (when == Apply::Flushed) discard(true, false);
  discipline.set_modes(modes);
  ++typed;
  reading.wake_all();  // what is readable may have changed
  typing.wake_all();
  screen_changed();
  return {};
}

ErrorOr<void> Pty::set_size(TerminalSize size) {
  const bool changed = size.rows != size_.rows || size.columns != size_.columns || size.x != size_.x || size.y != size_.y;
  size_ = size;
  if (changed && foreground) (void)send_signal_to_group(foreground, SignalInfo::kernel(sig::WindowChange));
  return {};
}

void Pty::discard(bool input, bool output) {
  if (input) discipline.discard_input(), status |= PacketFlushRead;
  if (output) discipline.discard_output(), status |= PacketFlushWrite;
  typing.wake_all();
  writing.wake_all();
  screen.wake_all();
}

void Pty::stop_output(bool stop) {
  if (stop) discipline.stop();
  else discipline.start();
  status = uint8_t((status & ~(PacketStop | PacketStart)) | (stop ? PacketStop : PacketStart));
  screen_changed();
  writing.wake_all();
}

ErrorOr<void> Pty::drain() {
  return wait_for(writing, NoDeadline, Sleep::Interruptible, [&] { return discipline.to_screen() == 0 || !master_open; });
}

size_t Pty::type(const uint8_t* bytes, size_t count) {
  size_t done = 0;
  const size_t before = discipline.to_screen();
  while (done < count && discipline.takes_input()) {
    if (int signal = discipline.receive(bytes[done++])) {
      if (!(discipline.modes().local & local_mode::NoFlush)) status |= PacketFlushRead | PacketFlushWrite;
      if (foreground) (void)send_signal_to_group(foreground, SignalInfo::kernel(signal));
      writing.wake_all();
    }
  }
  ++typed;
  reading.wake_all();
  if (discipline.to_screen() != before) screen_changed();  // echo, or ^Q
  return done;
}

void Pty::screen_read() {
  ++shown;
  if (!writing.empty()) writing.wake_all();
}

void Pty::discard_shown() {
  discipline.discard_output();
  screen_read();
}

void Pty::screen_changed() {
  ++shown;
  if (!screen.empty()) screen.wake_all();
}

Pty* find_pty(int number) {
  for (Pty& pty : ptys)
    if (pty.number == number) return pty.master_open ? &pty : nullptr;
  return nullptr;
}

Pty* pty_after(int number) {
  for (Pty& pty : ptys)
    if (pty.number > number && pty.master_open) return &pty;
  return nullptr;
}

Pty* pty_of_session(int session) {
  for (Pty& pty : ptys)
    if (pty.session == session) return &pty;
  return nullptr;
}

ErrorOr<Ref<File>> open_pty_master(Ref<Inode> node, uint32_t flags) {
  const int number = free_number();
  if (number >= Pty::MaxPtys) return fail(Errno::NoSpace);
  auto pty = TRY(make<Pty>());
  const FileCredentials who = current_file_credentials();
  pty->number = number;
  pty->owner = who.uid;
  pty->group = 5;  // tty
  Ref<File> file = TRY(make<MasterFile>(pty, std::move(node), flags));
  Pty* behind = ptys.first();
  while (behind && behind->number < number) behind = ptys.next(behind);
  ptys.insert_before(pty.get(), behind);
  return file;
}

ErrorOr<Ref<File>> open_pty_slave(Pty& pty, Ref<Inode> node, uint32_t flags) {
  if (!pty.master_open || pty.locked) return fail(Errno::Io);
  if (pty.exclusive && pty.slaves && !current_file_credentials().has(Capability::Administration)) return fail(Errno::Busy);
  Ref<File> file = TRY(make<SlaveFile>(Ref<Pty>(&pty), std::move(node), flags));
  if (!(flags & open_flag::NoTerminal)) offer_terminal(pty);
  return file;
}

// ---- the master ----

MasterFile::~MasterFile() {
  pty_->master_open = false;
  if (pty_->session || pty_->foreground) hang_up(*pty_);
  pty_->reading.wake_all();
  pty_->writing.wake_all();
}

ErrorOr<size_t> MasterFile::read(Buffer& to) {
  if (!readable()) return fail(Errno::BadDescriptor);
  if (!to.left()) return 0;
  auto some = [&] { return pty_->discipline.to_screen() || (pty_->packets && pty_->status) || hung_up(); };
  if (!some()) {
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait_for(pty_->screen, NoDeadline, Sleep::Interruptible, some));
  }
  if (pty_->packets) {
    const uint8_t status = std::exchange(pty_->status, uint8_t(0));
    TRY(to.put(&status, 1));
    if (status) return 1;
  }
  if (!pty_->discipline.to_screen()) return fail(Errno::Io);  // every slave is closed
  size_t done = 0;
  uint8_t chunk[Chunk];
  while (to.left()) {
    const size_t n = pty_->discipline.take_screen(chunk, std::min(to.left(), sizeof chunk));
    if (!n) break;
    TRY(to.put(chunk, n));
    done += n;
  }
  pty_->screen_read();
  return done + (pty_->packets ? 1 : 0);
}

ErrorOr<size_t> MasterFile::write(Buffer& from) {
  if (!writable()) return fail(Errno::BadDescriptor);
  return write_in_pieces(from, nonblocking(), pty_->master_wants_room, pty_->typing, [&](const uint8_t* bytes, size_t n) -> ErrorOr<size_t> { return pty_->type(bytes, n); },
                         [&] { return pty_->discipline.takes_input(); });
}

uint32_t MasterFile::poll(PollTable* table) {
  if (table) {
    table->watch(pty_->screen);
    table->watch(pty_->typing);
  }
  uint32_t events = 0;
  if (pty_->discipline.to_screen()) events |= poll_event::Readable;
  if (pty_->packets && pty_->status) events |= poll_event::Readable | poll_event::Priority;
  if (pty_->discipline.takes_input()) events |= poll_event::Writable;
  if (hung_up()) events |= poll_event::HangUp;
  return events;
}

ErrorOr<uint64_t> MasterFile::ioctl(uint32_t command, UserAddress argument) {
  switch (command) {
    // The master's side asks about the other's, whosever terminal that is.
    case GetGroup: TRY(UserOut<int>{argument}.write(pty_->foreground)); return 0;
    case GetSession:
      if (!pty_->session) return fail(Errno::NotTerminal);
      TRY(UserOut<int>{argument}.write(pty_->session));
      return 0;
    case BytesReadable: TRY(UserOut<int>{argument}.write(int(pty_->discipline.to_screen()))); return 0;
    case GetNumber: TRY(UserOut<int>{argument}.write(pty_->number)); return 0;
    case SetLock: pty_->locked = TRY(UserIn<int>{argument}.read()) != 0; return 0;
    case GetLock: TRY(UserOut<int>{argument}.write(pty_->locked)); return 0;
    case SetPackets:
      pty_->packets = TRY(UserIn<int>{argument}.read()) != 0;
      pty_->status = 0;
      return 0;
    case GetPackets: TRY(UserOut<int>{argument}.write(pty_->packets)); return 0;
    // What can be read here is what the slave wrote, and what was written here is the slave's already.
    case Flush:
      if (argument.value > 2) return fail(Errno::Invalid);
      if (argument.value != 1) pty_->discard_shown();
      return 0;
    case SendSignal: {
      if (argument.value == 0 || argument.value > uint64_t(sig::Count)) return fail(Errno::Invalid);
      if (pty_->foreground) (void)send_signal_to_group(pty_->foreground, SignalInfo::kernel(int(argument.value)));
      return 0;
    }
    case OpenPeer: {
      const auto flags = uint32_t(argument.value);
      auto node = TRY(pts_inode(*pty_));
      auto file = TRY(open_pty_slave(*pty_, std::move(node), flags & ~open_flag::CloseOnExec));
      return uint64_t(TRY(current_descriptors().install(std::move(file), flags & open_flag::CloseOnExec ? OnExec::Close : OnExec::Keep)));
    }
    default: return terminal_ioctl(*pty_, command, argument);
  }
}

// ---- the slave ----

SlaveFile::~SlaveFile() {
  if (--pty_->slaves) return;
  pty_->screen_changed();
  pty_->typing.wake_all();
}

bool SlaveFile::has_input() const {
  const LineDiscipline& d = pty_->discipline;
  return d.modes().local & local_mode::Canonical ? d.has_line() : d.readable() > 0;
}

// POSIX 11.1.7, cases A to D: VMIN bytes, VTIME tenths of a second.
ErrorOr<void> SlaveFile::wait_for_input() {
  const TerminalModes modes = pty_->discipline.modes();
  const bool canonical = modes.local & local_mode::Canonical;
  const size_t minimum = canonical ? 1 : modes.characters[control_character::Minimum];
  const uint64_t time = canonical ? 0 : milliseconds_to_ticks(modes.characters[control_character::Time] * 100u);
  auto sleep_for = [&](uint64_t deadline, size_t wanted) {
    return wait_for(pty_->reading, deadline, Sleep::Interruptible,
                    [&] { return !pty_->master_open || (canonical ? has_input() : pty_->discipline.readable() >= wanted); });
  };
  if (minimum == 0) {
    if (!time) return {};
    auto woken = sleep_for(ticks_now() + time, 1);
    return !woken && woken.error() == Errno::TimedOut ? ErrorOr<void>() : woken;
  }
  TRY(sleep_for(NoDeadline, time || canonical ? 1 : minimum));
  // Each further byte within its time.
  while (time && pty_->master_open && pty_->discipline.readable() < minimum) {
    auto woken = sleep_for(ticks_now() + time, pty_->discipline.readable() + 1);
    if (!woken) return woken.error() == Errno::TimedOut ? ErrorOr<void>() : woken;
  }
  return {};
}

ErrorOr<size_t> SlaveFile::read(Buffer& to) {
  if (!readable()) return fail(Errno::BadDescriptor);
  if (!to.left()) return 0;
  TRY(check_background(*pty_, sig::TerminalInput));
  if (!has_input()) {
    if (!pty_->master_open) return 0;
    if (nonblocking()) return fail(Errno::Again);
    TRY(wait_for_input());
    TRY(check_background(*pty_, sig::TerminalInput));
  }
  size_t done = 0;
  uint8_t chunk[Chunk];
  const bool canonical = pty_->discipline.modes().local & local_mode::Canonical;
  while (to.left()) {
    const size_t n = pty_->discipline.take(chunk, std::min(to.left(), sizeof chunk));
    if (!n) break;
    TRY(to.put(chunk, n));
    done += n;
    if (n < sizeof chunk || (canonical && chunk[n - 1] == '\n')) break;
  }
  if (!pty_->typing.empty()) pty_->typing.wake_all();
  return done;
}

ErrorOr<size_t> SlaveFile::write(Buffer& from) {
  if (!writable()) return fail(Errno::BadDescriptor);
  TRY(check_background_write(*pty_));
  auto show = [&](const uint8_t* bytes, size_t n) -> ErrorOr<size_t> {
    if (!pty_->master_open) return fail(Errno::Io);
    const size_t went = pty_->discipline.write(bytes, n);
    if (went) pty_->screen_changed();
    return went;
  };
  return write_in_pieces(from, nonblocking(), pty_->slave_wants_room, pty_->writing, show, [&] { return pty_->discipline.takes_output() || !pty_->master_open; });
}

uint32_t SlaveFile::poll(PollTable* table) {
  if (table) {
    table->watch(pty_->reading);
    table->watch(pty_->writing);
  }
  uint32_t events = 0;
  if (!pty_->master_open) return poll_event::Readable | poll_event::Writable | poll_event::HangUp | poll_event::Error;
  if (has_input()) events |= poll_event::Readable;
  if (pty_->discipline.takes_output()) events |= poll_event::Writable;
  return events;
}

ErrorOr<uint64_t> SlaveFile::ioctl(uint32_t command, UserAddress argument) {
  if (!pty_->master_open) return fail(Errno::Io);
  return terminal_ioctl(*pty_, command, argument);
}

}  // namespace pl
