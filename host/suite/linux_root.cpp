// SPDX-License-Identifier: BSD-2-Clause
#include "suite/linux_root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pl::suite {
namespace {

constexpr const char* kPlace = "/tmp/pl-suite";  // where each has its memory mounted, unseen by others

using Failed = std::unexpected<std::string>;
Failed failed(const std::string& what) { return Failed(what + ": " + std::strerror(errno)); }

bool write_text(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  const bool done = file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) close(file);
  return done;
}

}  // namespace

std::expected<void, std::string> prepare_roots() {
  if (mkdir(kPlace, 0777) < 0 && errno != EEXIST) return failed(kPlace);
  return {};
}

std::expected<void, std::string> enter_root(const std::string& lower, const std::string& directory, uint32_t user, uint32_t group) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  int spaces = CLONE_NEWNS | CLONE_NEWIPC;
  // Who is no superuser here becomes one in a user name space, which has no other user.
  if (uid != 0) {
    spaces |= CLONE_NEWUSER;
    if (user != 0 || group != 0) return Failed("-u: with --native, only the superuser can be another user");
  }
  if (unshare(spaces) < 0) return failed("unshare");
  if (uid != 0 && (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", fmt::format("0 {} 1", uid)) ||
                   !write_text("/proc/self/gid_map", fmt::format("0 {} 1", gid))))
    return failed("user name space");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) return failed("mount /");
  if (mount("tmpfs", kPlace, "tmpfs", 0, "mode=755") < 0) return failed(kPlace);
  const std::string place = kPlace, root = place + "/root";
  for (const char* name : {"/upper", "/work", "/root"})
    if (mkdir((place + name).c_str(), 0755) < 0) return failed(place + name);
  const std::string layers = fmt::format("lowerdir={},upperdir={}/upper,workdir={}/work{}", lower, place, place, uid ? ",userxattr" : "");
  if (mount("overlay", root.c_str(), "overlay", 0, layers.c_str()) < 0) return failed("mount " + layers);
  for (const char* shown : {"/dev", "/proc"})
    if (mount(shown, (root + shown).c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0) return failed("mount " + root + shown);
  const std::string memory = root + "/dev/shm";
  if (mkdir(memory.c_str(), 01777) < 0 && errno != EEXIST) return failed(memory);
  if (mount("tmpfs", memory.c_str(), "tmpfs", 0, "mode=1777") < 0) return failed(memory);
  if (chroot(root.c_str()) < 0) return failed("chroot");
  if (uid == 0 && (setgroups(0, nullptr) < 0 || setresgid(group, group, group) < 0 || setresuid(user, user, user) < 0)) return failed("-u");
  if (chdir(directory.c_str()) < 0) return failed("working directory " + directory);
  return {};
}

}  // namespace pl::suite
