// SPDX-License-Identifier: BSD-2-Clause
#include "process/signal_file.h"

#include "fs/abi.h"
#include "fs/text.h"
#include "process/process.h"

namespace pl {

namespace {

struct Record {  // struct signalfd_siginfo
  uint32_t number;
  int32_t error, code;
  uint32_t pid, uid;
  int32_t descriptor;
  uint32_t timer, band, overrun, trap;
  int32_t status, value;
  uint64_t pointer, user_time, system_time, address;
  uint16_t address_bits, pad1;
  int32_t call;
  uint64_t call_address;
  uint32_t architecture;
  uint8_t pad2[28];
};
static_assert(sizeof(Record) == 128);

Record record_of(const SignalInfo& info) {
  Record r{};
  r.number = uint32_t(info.number);
  r.error = info.error;
  r.code = info.code;
  if (info.code == sigcode::Timer) {
    r.timer = uint32_t(info.timer.id);
    r.overrun = uint32_t(info.timer.overrun);
    r.pointer = info.timer.value;
    r.value = int32_t(info.timer.value);
  } else if (info.code <= 0 || info.code == sigcode::Kernel) {
    r.pid = uint32_t(info.sender.pid);
    r.uid = info.sender.uid;
    r.pointer = info.sender.value;
    r.value = int32_t(info.sender.value);
  } else if (info.number == sig::Child) {
    r.pid = uint32_t(info.child.pid);
    r.uid = info.child.uid;
    r.status = info.child.status;
    r.user_time = uint64_t(info.child.utime);
    r.system_time = uint64_t(info.child.stime);
  } else {
    r.address = info.fault.address;
  }
  return r;
}

SignalActions& watched() {
  SignalActions& actions = *current_process().actions;
  actions.watched = true;
  return actions;
}

bool any_pending(SignalSet mask) {
  const Thread& thread = current_thread();
  return !((thread.pending.set() | thread.process->pending.set()) & mask).empty();
}

}  // namespace

void SignalFile::set_mask(SignalSet mask) {
  mask_ = mask & ~Unblockable;
  watched().arrived.wake_all();
}

ErrorOr<size_t> SignalFile::read(Buffer& to) {
  if (to.left() < sizeof(Record)) return fail(Errno::Invalid);
  size_t done = 0;
  while (to.left() >= sizeof(Record)) {
    Thread& thread = current_thread();
    SignalInfo info;
    if (!thread.pending.take(mask_, info) && !thread.process->pending.take(mask_, info)) {
      if (done) break;
      if (nonblocking()) return fail(Errno::Again);
      TRY(wait_for(watched().arrived, NoDeadline, Sleep::Interruptible, [&] { return any_pending(mask_); }));
      continue;
    }
    Record record = record_of(info);
    if (auto moved = to.put(&record, sizeof record); !moved) return done ? ErrorOr<size_t>(done) : fail(moved.error());
    done += sizeof record;
  }
  return done;
}

uint32_t SignalFile::poll(PollTable* table) {
  if (table) table->watch(watched().arrived);
  return any_pending(mask_) ? poll_event::In : 0;
}

uint64_t SignalFile::activity() { return watched().arrivals; }

size_t SignalFile::describe(char* out, size_t capacity) {
  TextSpan text(out, capacity);
  text << "anon_inode:[signalfd]";
  return text.length();
}

}  // namespace pl
