// SPDX-License-Identifier: BSD-2-Clause
#include "fs/device.h"

#include <algorithm>

#include "base/random.h"
#include "fs/abi.h"
#include "fs/shadow_device.h"
#include "fs/stream.h"
#include "fs/terminal/devpts.h"
#include "fs/terminal/host_terminal.h"
#include "fs/terminal/pty.h"
#include "fs/tmpfs/tmpfs.h"
#include "fs/window_file.h"
#include "memory/address_space.h"

namespace pl {

namespace {

constexpr uint64_t Null = make_device(1, 3), Zero = make_device(1, 5), Full = make_device(1, 7), Random = make_device(1, 8),
                   Urandom = make_device(1, 9), ControllingTerminal = make_device(5, 0), MasterTerminal = make_device(5, 2), Console = make_device(5, 1),
                   Shadow = make_device(10, 250);  // among the misc devices, a number that Linux gives to none

class MemoryDevice : public File {
 public:
  MemoryDevice(Ref<Inode> node, uint64_t number, uint32_t flags) : File(flags), node_(std::move(node)), number_(number) {}

  ErrorOr<size_t> read(Buffer& to) override {
    if (!readable()) return fail(Errno::BadDescriptor);
    size_t n = to.left();
    if (number_ == Null) return 0;
    if (number_ == Zero || number_ == Full) {
      TRY(to.put_zeros(n));
      return n;
    }
    uint8_t bytes[256];
    for (size_t left = n; left;) {
      size_t part = std::min(left, sizeof bytes);
      random::fill(bytes, part);
      if (auto moved = to.put(bytes, part); !moved) return left < n ? ErrorOr<size_t>(n - left) : fail(moved.error());
      left -= part;
    }
    return n;
  }

  ErrorOr<size_t> write(Buffer& from) override {
    if (!writable()) return fail(Errno::BadDescriptor);
    if (number_ == Full) return fail(Errno::NoSpace);
    return from.left();  // what is written to the random devices adds nothing that can be trusted
  }

  ErrorOr<size_t> read_at(uint64_t, Buffer& to) override { return read(to); }
  ErrorOr<size_t> write_at(uint64_t, Buffer& from) override { return write(from); }
  ErrorOr<uint64_t> seek(int64_t, int) override { return 0; }
  ErrorOr<uint64_t> ioctl(uint32_t command, UserAddress argument) override {
    constexpr uint32_t EntropyCount = 0x80045200;  // RNDGETENTCNT (random(4))
    if (command != EntropyCount || (number_ != Random && number_ != Urandom)) return fail(Errno::NotTerminal);
    TRY(UserOut<int>{argument}.write(256));
    return 0;
  }
  bool can_be_awaited() override { return number_ == Random || number_ == Urandom; }
  ErrorOr<Attributes> attributes() override { return node_->attributes(); }
  Ref<Inode> inode() override { return node_; }

  ErrorOr<void> prepare_map(MappingRequest& request) override {
    if (number_ != Zero) return fail(Errno::NoDevice);
    request.inode = nullptr;  // anonymous memory is what a mapping of zeros is
    request.offset = 0;
    return {};
  }

 private:
  Ref<Inode> node_;
  uint64_t number_;
};

}  // namespace

ErrorOr<Ref<File>> open_device(Ref<Inode> node, uint64_t number, uint32_t flags) {
  switch (number) {
    case Null:
    case Zero:
    case Full:
    case Random:
    case Urandom: return Ref<File>(TRY(make<MemoryDevice>(std::move(node), number, flags & ~open_flag::NoTerminal)));
    case MasterTerminal: return open_pty_master(std::move(node), flags);
    case ControllingTerminal: {
      Terminal* terminal = controlling_terminal();
      if (!terminal) return fail(Errno::NoDeviceAddress);
      if (terminal != &host_terminal()) {
        Pty& pty = *pty_of_session(terminal->session);
        return open_pty_slave(pty, TRY(pts_inode(pty)), flags);
      }
      [[fallthrough]];
    }
    case Console: {
      int handle = host_terminal_handle();
      if (handle < 0) return fail(Errno::NoDeviceAddress);
      return Ref<File>(TRY(make<StreamFile>(uint32_t(handle), flags & ~open_flag::NoTerminal, std::move(node))));
    }
    case Shadow: return open_shadow_device(std::move(node), flags);
    default: return fail(Errno::NoDeviceAddress);
  }
}

ErrorOr<void> populate_devices(TmpDirectory& directory) {
  struct { std::string_view name; uint64_t number; uint32_t mode; } nodes[] = {
      {"null", Null, 0666}, {"zero", Zero, 0666}, {"full", Full, 0666}, {"random", Random, 0666}, {"urandom", Urandom, 0666},
      {"tty", ControllingTerminal, 0666}, {"ptmx", MasterTerminal, 0666}, {"console", Console, 0600}, {"shadow", Shadow, 0444},
  };
  for (auto& n : nodes) TRY(directory.create(n.name, file_mode::Character | n.mode, n.number, 0, 0));
  struct { std::string_view name, target; } links[] = {
      {"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}};
  for (auto& l : links) TRY(directory.symlink(l.name, l.target, 0, 0));
  TRY(directory.create("pts", file_mode::Directory | 0755, 0, 0, 0));
  TRY(populate_windows(directory));
  TRY(directory.create("shm", file_mode::Directory | 01777, 0, 0, 0));
  return {};
}

}  // namespace pl
