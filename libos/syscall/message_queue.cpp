// SPDX-License-Identifier: BSD-2-Clause
// POSIX message queues (mq_overview(7)).
#include <algorithm>
#include <cstring>

#include "fs/abi.h"
#include "fs/descriptors.h"
#include "fs/path.h"
#include "ipc/queue_file.h"
#include "net/socket.h"
#include "process/process.h"
#include "syscall/restart.h"
#include "syscall/table.h"

namespace pl {

namespace {

// The C library takes the slash away that a name begins with.
ErrorOr<std::string_view> checked_name(PathName& name, UserAddress from) {
  TRY(name.read(from));
  std::string_view text = name.view();
  if (text.empty()) return fail(Errno::NoEntry);
  if (text.size() > MaxName) return fail(Errno::NameTooLong);
  if (text.find('/') != std::string_view::npos || text == "." || text == "..") return fail(Errno::Access);
  return text;
}

ErrorOr<void> check_queue_access(const PosixQueue& queue, uint32_t wanted) {
  FileCredentials who = current_file_credentials();
  if (who.has(Capability::OverrideAccess)) return {};
  uint32_t granted = who.uid == queue.uid ? queue.mode >> 6 : who.in_group(queue.gid) ? queue.mode >> 3 : queue.mode;
  return wanted & ~granted & 7 ? fail(Errno::Access) : ErrorOr<void>();
}

ErrorOr<Ref<File>> queue_file(int descriptor) {
  Ref<File> file = TRY(current_descriptors().get(descriptor));
  if (!file->as_queue()) return fail(Errno::BadDescriptor);
  return file;
}

// The timeouts are moments of CLOCK_REALTIME.
ErrorOr<uint64_t> moment(UserIn<TimeSpec> deadline) {
  if (!deadline) return NoDeadline;
  TimeSpec t = TRY(deadline.read());
  if (!t.valid()) return fail(Errno::Invalid);
  return deadline_of(ClockRealtime, t);
}

}  // namespace

Result sys_mq_open(UserAddress from, uint32_t flags, uint32_t mode, UserIn<MessageQueueAttributes> attributes) {
  PathName name;
  uint32_t access = flags & open_flag::AccessMode;
  if (access == 3) return fail(Errno::Invalid);
  MessageQueueAttributes wanted{0, PosixQueue::DefaultMessages, PosixQueue::DefaultBytes, 0, {}};
  if (attributes && flags & open_flag::Create) wanted = TRY(attributes.read());
  std::string_view text = TRY(checked_name(name, from));
  Ref<PosixQueue> queue = posix_queues::find(text);
  if (queue) {
    if (flags & open_flag::Create && flags & open_flag::Exclusive) return fail(Errno::Exists);
    TRY(check_queue_access(*queue, access == open_flag::ReadOnly ? AccessRead : access == open_flag::WriteOnly ? AccessWrite : AccessRead | AccessWrite));
  } else {
    if (!(flags & open_flag::Create)) return fail(Errno::NoEntry);
    FileCredentials who = current_file_credentials();
    bool privileged = who.has(Capability::Resource);
    if (wanted.most_messages <= 0 || wanted.message_bytes <= 0 ||
        wanted.most_messages > (privileged ? PosixQueue::MostMessages : PosixQueue::DefaultMessages) ||
        wanted.message_bytes > (privileged ? PosixQueue::MostBytes : PosixQueue::DefaultBytes))
      return fail(Errno::Invalid);
    queue = TRY(make<PosixQueue>(mode & 0777 & ~current_file_context().umask, who.uid, who.gid, wanted.most_messages, wanted.message_bytes));
    TRY(posix_queues::add(queue, text));
  }
  Ref<File> file = TRY(make<QueueFile>(std::move(queue), access | (flags & open_flag::NonBlock)));
  return uint64_t(TRY(current_descriptors().install(std::move(file), flags & open_flag::CloseOnExec ? OnExec::Close : OnExec::Keep)));
}

Result sys_mq_unlink(UserAddress from) {
  PathName name;
  Ref<PosixQueue> queue = posix_queues::find(TRY(checked_name(name, from)));
  if (!queue) return fail(Errno::NoEntry);
  FileCredentials who = current_file_credentials();
  if (!who.has(Capability::FileOwner) && who.uid != queue->uid) return fail(Errno::Access);
  posix_queues::remove(*queue);
  return 0;
}

Result sys_mq_timedsend(int descriptor, UserAddress message, size_t bytes, uint32_t priority, UserIn<TimeSpec> deadline) {
  if (priority >= PosixQueue::Priorities) return fail(Errno::Invalid);
  uint64_t until = TRY(moment(deadline));
  Ref<File> file = TRY(queue_file(descriptor));
  PosixQueue& queue = file->as_queue()->queue();
  if (!file->writable()) return fail(Errno::BadDescriptor);
  if (bytes > uint64_t(queue.message_bytes)) return fail(Errno::MessageSize);
  TRY(restartable(queue.send(Buffer::user(message, bytes), priority, !file->nonblocking(), until)));
  return 0;
}

Result sys_mq_timedreceive(int descriptor, UserAddress message, size_t bytes, UserOut<uint32_t> priority, UserIn<TimeSpec> deadline) {
  uint64_t until = TRY(moment(deadline));
  Ref<File> file = TRY(queue_file(descriptor));
  PosixQueue& queue = file->as_queue()->queue();
  if (!file->readable()) return fail(Errno::BadDescriptor);
  if (bytes < uint64_t(queue.message_bytes)) return fail(Errno::MessageSize);
  auto taken = TRY(restartable(queue.receive(Buffer::user(message, std::min(bytes, MaxTransfer)), !file->nonblocking(), until)));
  if (priority) TRY(priority.write(taken.priority));
  return taken.bytes;
}

Result sys_mq_notify(int descriptor, UserIn<SignalEvent> event) {
  constexpr int BySignal = 0, ByNothing = 1, ByThread = 2;
  PosixQueue::Notice notice;
  SignalEvent e{};
  if (event) {
    e = TRY(event.read());
    if (e.notify != BySignal && e.notify != ByNothing && e.notify != ByThread) return fail(Errno::Invalid);
    if (e.notify == BySignal && (e.signal < 0 || e.signal > sig::Count)) return fail(Errno::Invalid);
  }
  Ref<File> file = TRY(queue_file(descriptor));
  PosixQueue& queue = file->as_queue()->queue();
  Descriptors* owner = &current_descriptors();
  if (!event) {
    queue.withdraw_notice(owner);
    return 0;
  }
  notice.owner = owner;
  notice.pid = current_process().pid;
  notice.signal = e.notify == BySignal ? e.signal : 0;
  notice.value = e.value;
  if (e.notify == ByThread) {
    // The C library's thread waits on this socket for the bytes it gave.
    Ref<Socket> socket = TRY(current_socket(e.signal));
    if (socket->endpoint().family != family::Netlink) return fail(Errno::Invalid);
    TRY(copy_from_user(notice.cookie, UserAddress(e.value), sizeof notice.cookie));
    notice.socket = Ref<File>(std::move(socket));
  }
  TRY(queue.register_notice(std::move(notice)));
  return 0;
}

Result sys_mq_getsetattr(int descriptor, UserIn<MessageQueueAttributes> in, UserOut<MessageQueueAttributes> out) {
  Ref<File> file = TRY(queue_file(descriptor));
  PosixQueue& queue = file->as_queue()->queue();
  MessageQueueAttributes old{int64_t(file->flags() & open_flag::NonBlock), queue.most_messages, queue.message_bytes, queue.count(), {}};
  if (in) {
    auto wanted = TRY(in.read());
    if (wanted.flags & ~int64_t(open_flag::NonBlock)) return fail(Errno::Invalid);
    TRY(file->set_flags((file->flags() & ~open_flag::NonBlock) | uint32_t(wanted.flags)));
  }
  if (out) TRY(out.write(old));
  return 0;
}

}  // namespace pl
