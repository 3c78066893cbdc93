// SPDX-License-Identifier: BSD-2-Clause
#include "boot.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "penglai/ioctl.h"

namespace pl::machine::agent {
namespace {

constexpr const char* kModule = "/lib/modules/penglai.ko";
constexpr const char* kPortName = "penglai.0";

void mount_at(const char* source, const char* target, const char* type, unsigned long flags, const char* options) {
  ::mkdir(target, 0755);
  if (::mount(source, target, type, flags, options) != 0 && errno != EBUSY) {
    log(std::string("cannot mount ") + target + ": " + std::strerror(errno));
  }
}

void write_if_absent(const char* path, const char* text) {
  const Descriptor file(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file && ::write(file.get(), text, std::strlen(text)) < 0) log(std::string("cannot write ") + path);
}

}  // namespace

void log(const std::string& line) {
  const std::string text = "pl-agent: " + line + "\n";
  // Nothing could be done about a console that does not take it.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

void mount_file_systems() {
  ::umask(0);
  mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
  if (::fcntl(STDERR_FILENO, F_GETFD) < 0) {
    // An initramfs without /dev/console starts init without descriptors.
    const int console = ::open("/dev/console", O_RDWR | O_NOCTTY);
    for (int fd = 0; fd <= STDERR_FILENO; ++fd) ::dup2(console, fd);
    if (console > STDERR_FILENO) ::close(console);
  }
  mount_at("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  mount_at("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666");
  mount_at("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_at("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_at("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
  // cache=none: the host changes its files while they are open here, and what it wrote must be what is read.
  mount_at("host", "/host", "9p", MS_NOSUID | MS_NODEV, "trans=virtio,version=9p2000.L,msize=512000,cache=none,access=client");
  // Where each user has a folder of his own, see make_user_folder().
  ::mkdir("/run/penglai", 0755);
  ::symlink("/proc/self/fd", "/dev/fd");
  ::symlink("/proc/self/fd/0", "/dev/stdin");
  ::symlink("/proc/self/fd/1", "/dev/stdout");
  ::symlink("/proc/self/fd/2", "/dev/stderr");
  ::mkdir("/etc", 0755);
  write_if_absent("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n");
  write_if_absent("/etc/group", "root:x:0:\npenglai:x:900:\n");
  ::umask(022);
  ::sethostname("penglai", 7);
  const rlimit files{65536, 65536};
  ::setrlimit(RLIMIT_NOFILE, &files);
}

void make_user_folder(uint32_t user, uint32_t group) {
  const std::string path = "/run/penglai/" + std::to_string(user);
  if (::mkdir(path.c_str(), 0700) == 0 && ::chown(path.c_str(), user, group) != 0) log("cannot give " + path + " to its user: " + std::strerror(errno));
}

void load_driver() {
  const Descriptor module(::open(kModule, O_RDONLY | O_CLOEXEC));
  if (!module) {
    log(std::string("no driver: ") + kModule + ": " + std::strerror(errno));
    return;
  }
  if (::syscall(SYS_finit_module, module.get(), "", 0) != 0) {
    log(std::string("cannot load the driver: ") + std::strerror(errno));
    return;
  }
  if (::chown(PL_DEVICE, 0, kPenglaiGroup) != 0 || ::chmod(PL_DEVICE, 0660) != 0) {
    log(std::string("cannot give " PL_DEVICE " to its group: ") + std::strerror(errno));
  }
  // The name that programs of the tutorial's API open.
  ::symlink("penglai", "/dev/penglai_enclave_dev");
}

void bring_up_loopback() {
  const Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return;  // a kernel without IPv4
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) log(std::string("loopback: ") + std::strerror(errno));
}

Descriptor open_port() {
  constexpr const char* kClass = "/sys/class/virtio-ports";
  // The port is announced by a message of the device, so it may come a little later than init does.
  for (int attempt = 0; attempt < 5000; ++attempt, ::usleep(1000)) {
    DIR* directory = ::opendir(kClass);
    if (!directory) continue;
    std::string found;
    while (const dirent* entry = ::readdir(directory)) {
      std::string name;
      std::ifstream(std::string(kClass) + "/" + entry->d_name + "/name") >> name;
      if (name == kPortName) found = entry->d_name;
    }
    ::closedir(directory);
    if (found.empty()) continue;
    Descriptor port(::open(("/dev/" + found).c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (port) return port;
  }
  return Descriptor();
}

Pool read_pool() {
  const Descriptor device(::open(PL_DEVICE, O_RDWR | O_CLOEXEC));
  pl_ioc_stat stat{};
  if (!device || ::ioctl(device.get(), PL_IOC_STAT, &stat) != 0) return {};
  return {stat.pool_size, stat.pool_free, stat.pool_largest, stat.enclaves, stat.templates, stat.forks};
}

void set_clock(uint64_t nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kTolerated = kSecond / 20;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const int64_t difference = static_cast<int64_t>(nanoseconds) - (now.tv_sec * kSecond + now.tv_nsec);
  if (difference > -kTolerated && difference < kTolerated) return;
  const timespec time{static_cast<time_t>(nanoseconds / kSecond), static_cast<long>(nanoseconds % kSecond)};
  ::clock_settime(CLOCK_REALTIME, &time);
}

void power_off() {
  ::sync();
  ::reboot(RB_POWER_OFF);
  // Without a way to power off, init's end is a panic, and the daemon sees that.
  std::_Exit(1);
}

}  // namespace pl::machine::agent
