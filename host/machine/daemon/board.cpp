// SPDX-License-Identifier: BSD-2-Clause
#include "board.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace pl::machine {
namespace {

constexpr const char* kEmulator = "qemu-system-riscv64";

// In QEMU's option syntax a comma ends a value unless it is doubled.
std::string quoted(const std::string& value) {
  std::string out;
  for (char c : value) out += c == ',' ? std::string(",,") : std::string(1, c);
  return out;
}

std::vector<std::string> command_line(const Configuration& configuration, const Directory& directory, int port) {
  const Settings& settings = configuration.settings;
  std::string append = "console=ttyS0 quiet loglevel=4 panic=-1 init_on_alloc=0";
  if (settings.pool) append += fmt::format(" penglai.pool={}", settings.pool);
  std::vector<std::string> line = {
      kEmulator, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-name", "penglai",
      "-M", "virt", "-cpu", "rv64", "-smp", std::to_string(settings.harts), "-m", fmt::format("{}M", settings.memory >> 20),
      "-bios", configuration.images.firmware.string(),
      "-kernel", configuration.images.kernel.string(),
      "-initrd", configuration.images.initramfs.string(),
      "-append", append,
      "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
      "-global", "virtio-mmio.force-legacy=false",
      "-chardev", fmt::format("socket,id=port,fd={}", port),
      "-device", "virtio-serial-device,max_ports=2", "-device", "virtserialport,chardev=port,name=penglai.0,nr=1",
      "-fsdev", "local,id=host,path=/,security_model=none,multidevs=remap",
      "-device", "virtio-9p-device,fsdev=host,mount_tag=host",
      "-device", "virtio-rng-device",
      "-qmp", fmt::format("unix:{},server=on,wait=off", quoted(directory.qmp().string())),
  };
  if (!settings.icount.empty()) line.insert(line.end(), {"-icount", settings.icount});
  return line;
}

[[noreturn]] void become_emulator(const std::vector<std::string>& line, int console, int port, int failure, pid_t daemon) {
  // QEMU must not outlive the daemon: nobody could reach it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != daemon) ::_exit(125);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, STDIN_FILENO);
  ::dup2(console, STDOUT_FILENO);
  ::dup2(console, STDERR_FILENO);
  ::fcntl(port, F_SETFD, 0);
  std::vector<char*> arguments;
  for (const std::string& argument : line) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(failure, &error, sizeof(error));
  ::_exit(125);
}

}  // namespace

std::expected<Board, std::string> start_board(const Configuration& configuration, const Directory& directory) {
  int port[2], console[2], failure[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, port) != 0) return std::unexpected(std::strerror(errno));
  Board board;
  board.port = Descriptor(port[0]);
  const Descriptor far_port(port[1]);
  if (::pipe2(console, O_CLOEXEC) != 0) return std::unexpected(std::strerror(errno));
  board.console = Descriptor(console[0]);
  const Descriptor far_console(console[1]);
  if (::pipe2(failure, O_CLOEXEC) != 0) return std::unexpected(std::strerror(errno));
  const Descriptor news(failure[0]);
  Descriptor far_news(failure[1]);
  // More on the way at once: fewer turns between this process and QEMU.
  const int size = 1 << 20;
  for (int end : port) ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));

  const std::vector<std::string> line = command_line(configuration, directory, far_port.get());
  const pid_t self = ::getpid();
  ::unlink(directory.qmp().c_str());
  board.process = ::fork();
  if (board.process < 0) return std::unexpected(std::strerror(errno));
  if (board.process == 0) become_emulator(line, far_console.get(), far_port.get(), far_news.get(), self);
  far_news.reset();
  int error = 0;
  if (::read(news.get(), &error, sizeof(error)) == sizeof(error)) {
    return std::unexpected(error == ENOENT ? fmt::format("{} is not installed (Debian: qemu-system-misc)", kEmulator)
                                           : fmt::format("cannot start {}: {}", kEmulator, std::strerror(error)));
  }
  board.pidfd = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, board.process, 0)));
  set_nonblocking(board.port);
  set_nonblocking(board.console);
  return board;
}

void quit_board(const Directory& directory) {
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, directory.qmp().c_str(), sizeof(address.sun_path) - 1);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
  constexpr std::string_view kQuit = "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n";
  // No answer is awaited: the process's end is the answer.
  [[maybe_unused]] const ssize_t sent = ::send(socket.get(), kQuit.data(), kQuit.size(), MSG_NOSIGNAL);
}

}  // namespace pl::machine
