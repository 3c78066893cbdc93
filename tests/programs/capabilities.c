// SPDX-License-Identifier: BSD-2-Clause
// Capabilities: the sets, what changes them, and what asks for them. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define ONE(capability) (UINT64_C(1) << (capability))
static const uint64_t All = (UINT64_C(1) << (CAP_LAST_CAP + 1)) - 1;

struct sets { uint64_t effective, permitted, inheritable; };

static char directory[] = "/capabilities-XXXXXX", self[256];

static void apart(void (*check)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    check();
    fflush(stdout);
    _exit(failures);
  }
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
  failures += WEXITSTATUS(status);
}

static struct sets get(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  CHECK(syscall(SYS_capget, &header, data) == 0);
  return (struct sets){data[0].effective | (uint64_t)data[1].effective << 32, data[0].permitted | (uint64_t)data[1].permitted << 32,
                       data[0].inheritable | (uint64_t)data[1].inheritable << 32};
}
static int set(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++)
    data[i] = (struct __user_cap_data_struct){(uint32_t)(effective >> 32 * i), (uint32_t)(permitted >> 32 * i), (uint32_t)(inheritable >> 32 * i)};
  return (int)syscall(SYS_capset, &header, data);
}
static int are(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct sets now = get();
  return now.effective == effective && now.permitted == permitted && now.inheritable == inheritable;
}
static int ambient(int what, unsigned long capability) { return prctl(PR_CAP_AMBIENT, what, capability, 0, 0); }

static uint64_t shown(const char *name) {
  char line[256];
  unsigned long long bits = 1;
  FILE *f = fopen("/proc/self/status", "r");
  while (f && fgets(line, sizeof line, f))
    if (!strncmp(line, name, strlen(name))) sscanf(line + strlen(name) + 1, "%llx", &bits);
  if (f) fclose(f);
  return bits;
}

static void three_versions(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_1, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {7, 7, 7}};
  CHECK(syscall(SYS_capget, &header, data) == 0 && data[0].effective == (uint32_t)All && data[1].effective == 7);
  header.version = _LINUX_CAPABILITY_VERSION_2;
  CHECK(syscall(SYS_capget, &header, data) == 0 && data[1].effective == All >> 32 && data[1].inheritable == 0);
  header.version = 5;
  CHECK(syscall(SYS_capget, &header, data) == -1 && errno == EINVAL && header.version == _LINUX_CAPABILITY_VERSION_3);
  header.version = 5;
  CHECK(syscall(SYS_capget, &header, NULL) == 0 && header.version == _LINUX_CAPABILITY_VERSION_3);
  header.version = 5;
  CHECK(syscall(SYS_capset, &header, data) == -1 && errno == EINVAL && header.version == _LINUX_CAPABILITY_VERSION_3);
  header.pid = -1;
  CHECK(syscall(SYS_capget, &header, data) == -1 && errno == EINVAL && syscall(SYS_capget, &header, NULL) == 0);
  header.pid = 99999;
  CHECK(syscall(SYS_capget, &header, data) == -1 && errno == ESRCH);
  header.pid = getppid();
  CHECK(syscall(SYS_capget, &header, data) == 0 && data[0].permitted == (uint32_t)All);
  CHECK(syscall(SYS_capset, &header, data) == -1 && errno == EPERM);
  CHECK(syscall(SYS_capget, NULL, data) == -1 && errno == EFAULT);
  // What the first version has no word for is given up.
  header = (struct __user_cap_header_struct){_LINUX_CAPABILITY_VERSION_1, getpid()};
  data[0] = (struct __user_cap_data_struct){~0u, ~0u, 0};
  CHECK(syscall(SYS_capset, &header, data) == 0 && are((uint32_t)All, (uint32_t)All, 0));
}

static void sets_shrink(void) {
  CHECK(are(All, All, 0));
  CHECK(set(0, All, 0) == 0 && are(0, All, 0) && set(All, All, 0) == 0);
  CHECK(set(All, All & ~ONE(CAP_CHOWN), 0) == -1 && errno == EPERM);
  CHECK(set(ONE(CAP_KILL), ONE(CAP_KILL) | ONE(CAP_SETUID), ONE(CAP_SETUID)) == 0 && are(ONE(CAP_KILL), ONE(CAP_KILL) | ONE(CAP_SETUID), ONE(CAP_SETUID)));
  CHECK(set(0, ONE(CAP_CHOWN), 0) == -1 && errno == EPERM);
  // What can be inherited: what is permitted, or was inherited already.
  CHECK(set(0, ONE(CAP_KILL), ONE(CAP_SETUID)) == 0 && set(0, ONE(CAP_KILL), ONE(CAP_SETUID) | ONE(CAP_KILL)) == 0);
  CHECK(set(0, ONE(CAP_KILL), ONE(CAP_CHOWN)) == -1 && errno == EPERM);
  CHECK(shown("CapInh") == (ONE(CAP_SETUID) | ONE(CAP_KILL)) && shown("CapPrm") == ONE(CAP_KILL) && shown("CapEff") == 0);
  CHECK(shown("CapBnd") == All && shown("CapAmb") == 0);
}

static void bounds(void) {
  CHECK(prctl(PR_CAPBSET_READ, CAP_CHOWN) == 1 && prctl(PR_CAPBSET_READ, CAP_LAST_CAP + 1) == -1 && errno == EINVAL);
  CHECK(prctl(PR_CAPBSET_DROP, CAP_CHOWN) == 0 && prctl(PR_CAPBSET_READ, CAP_CHOWN) == 0 && are(All, All, 0));
  CHECK(prctl(PR_CAPBSET_DROP, 99) == -1 && errno == EINVAL && shown("CapBnd") == (All & ~ONE(CAP_CHOWN)));
  CHECK(set(All, All, ONE(CAP_CHOWN)) == -1 && errno == EPERM);
  CHECK(set(All & ~ONE(CAP_SETPCAP), All, 0) == 0 && prctl(PR_CAPBSET_DROP, CAP_KILL) == -1 && errno == EPERM);
}

static void users_change(void) {
  // Out of user 0 and back, as far as the saved id goes.
  CHECK(setresuid(0, 1000, 0) == 0 && are(0, All, 0));
  CHECK(setresuid(-1, 0, -1) == 0 && are(All, All, 0));
  // The file system's user takes the capabilities of files along.
  uint64_t files = ONE(CAP_CHOWN) | ONE(CAP_MKNOD) | ONE(CAP_DAC_OVERRIDE) | ONE(CAP_DAC_READ_SEARCH) | ONE(CAP_FOWNER) | ONE(CAP_FSETID) |
                   ONE(CAP_LINUX_IMMUTABLE) | ONE(CAP_MAC_OVERRIDE);
  CHECK(setfsuid(1000) == 0 && are(All & ~files, All, 0));
  CHECK(setfsuid(0) == 1000 && are(All, All, 0));
  // Kept: permitted, not effective, until the next program.
  CHECK(prctl(PR_SET_KEEPCAPS, 2) == -1 && errno == EINVAL && prctl(PR_GET_KEEPCAPS) == 0);
  CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_GET_KEEPCAPS) == 1 && prctl(PR_GET_SECUREBITS) == SECBIT_KEEP_CAPS);
  CHECK(setuid(1000) == 0 && are(0, All, 0) && set(ONE(CAP_SETUID), ONE(CAP_SETUID), 0) == 0);
  // With CAP_SETUID alone any id is to be had, and with that of user 0 what is permitted.
  CHECK(setgid(5) == -1 && errno == EPERM && setresuid(0, 0, 0) == 0 && are(ONE(CAP_SETUID), ONE(CAP_SETUID), 0));
  CHECK(prctl(PR_SET_KEEPCAPS, 0) == 0 && setresuid(7, 7, 7) == 0 && are(0, 0, 0) && setuid(0) == -1 && errno == EPERM);
}

static void secure_bits(void) {
  CHECK(prctl(PR_SET_SECUREBITS, 1 << 8) == -1 && errno == EPERM);
  CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED) == 0);
  CHECK(prctl(PR_SET_SECUREBITS, 0) == -1 && errno == EPERM && prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP_LOCKED) == -1 && errno == EPERM);
  CHECK(prctl(PR_GET_SECUREBITS) == (SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED));
  CHECK(prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS) | SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED) == 0);
  CHECK(prctl(PR_SET_KEEPCAPS, 0) == -1 && errno == EPERM);
  CHECK(setresuid(1000, 1000, 1000) == 0 && are(All, All, 0) && setfsuid(5) == 1000 && are(All, All, 0));
  CHECK(set(0, All, 0) == 0 && prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS)) == -1 && errno == EPERM);
}

static void ambient_ones(void) {
  CHECK(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL) == 0 && ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == -1 && errno == EPERM);
  CHECK(ambient(PR_CAP_AMBIENT_RAISE, 99) == -1 && errno == EINVAL && ambient(9, CAP_KILL) == -1 && errno == EINVAL);
  CHECK(ambient(PR_CAP_AMBIENT_CLEAR_ALL, 1) == -1 && errno == EINVAL);
  CHECK(set(All, All, ONE(CAP_KILL) | ONE(CAP_CHOWN)) == 0 && ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0 && ambient(PR_CAP_AMBIENT_RAISE, CAP_CHOWN) == 0);
  CHECK(ambient(PR_CAP_AMBIENT_IS_SET, CAP_KILL) == 1 && shown("CapAmb") == (ONE(CAP_KILL) | ONE(CAP_CHOWN)));
  CHECK(ambient(PR_CAP_AMBIENT_LOWER, CAP_CHOWN) == 0 && shown("CapAmb") == ONE(CAP_KILL));
  CHECK(set(All, All, 0) == 0 && shown("CapAmb") == 0);
  CHECK(set(All, All, ONE(CAP_KILL)) == 0 && prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE) == 0);
  CHECK(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == -1 && errno == EPERM && prctl(PR_SET_SECUREBITS, 0) == 0);
  CHECK(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0 && prctl(PR_SET_KEEPCAPS, 1) == 0 && setuid(1000) == 0 && shown("CapAmb") == 0);
}

// ---- execve ----

static int run(const char *program, uint64_t effective, uint64_t permitted, uint64_t inheritable, uint64_t ambient_ones, uid_t effective_user, int secure) {
  char words[6][32];
  uint64_t numbers[] = {effective, permitted, inheritable, ambient_ones, effective_user, (uint64_t)secure};
  for (int i = 0; i < 6; i++) snprintf(words[i], sizeof words[i], "%llx", (unsigned long long)numbers[i]);
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    execl(program, program, "--sets", words[0], words[1], words[2], words[3], words[4], words[5], NULL);
    _exit(99);
  }
  int status;
  return waitpid(pid, &status, 0) == pid && status == 0;
}
static int compare(char **words) {
  uint64_t wanted[6];
  for (int i = 0; i < 6; i++) wanted[i] = strtoull(words[i], NULL, 16);
  struct sets now = get();
  int same = now.effective == wanted[0] && now.permitted == wanted[1] && now.inheritable == wanted[2] && shown("CapAmb") == wanted[3] &&
             geteuid() == wanted[4] && getauxval(AT_SECURE) == wanted[5] && prctl(PR_GET_KEEPCAPS) == 0;
  if (!same)
    printf("execve: %llx %llx %llx %llx, user %u, secure %lu\n", (unsigned long long)now.effective, (unsigned long long)now.permitted,
           (unsigned long long)now.inheritable, (unsigned long long)shown("CapAmb"), geteuid(), getauxval(AT_SECURE));
  return !same;
}

static void programs_of_user_0(void) {
  CHECK(run(self, All, All, 0, 0, 0, 0));
  // It gets back what it gave up, but for what is out of bounds.
  CHECK(prctl(PR_CAPBSET_DROP, CAP_CHOWN) == 0 && set(ONE(CAP_SETPCAP), ONE(CAP_SETPCAP), ONE(CAP_SETPCAP)) == 0);
  CHECK(run(self, All & ~ONE(CAP_CHOWN), All & ~ONE(CAP_CHOWN), ONE(CAP_SETPCAP), 0, 0, 0));
  CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT) == 0 && run(self, 0, 0, ONE(CAP_SETPCAP), 0, 0, 0));
}
static void programs_of_others(void) {
  CHECK(set(All, All, ONE(CAP_KILL)) == 0 && prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0 && setresuid(1000, 1000, 1000) == 0);
  CHECK(are(All, All, ONE(CAP_KILL)) && run(self, 0, 0, ONE(CAP_KILL), 0, 1000, 0));
  CHECK(ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0 && run(self, ONE(CAP_KILL), ONE(CAP_KILL), ONE(CAP_KILL), ONE(CAP_KILL), 1000, 0));
}
static void programs_with_set_user_id(void) {
  char path[64], bytes[4096];
  snprintf(path, sizeof path, "%s/root", directory);
  int from = open(self, O_RDONLY), to = open(path, O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;) CHECK(write(to, bytes, (size_t)n) == n);
  close(from), close(to);
  CHECK(chmod(path, 04755) == 0);
  CHECK(set(All, All, ONE(CAP_KILL)) == 0 && ambient(PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0);
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    CHECK(setresuid(1000, 1000, 1000) == 0 && run(path, All, All, ONE(CAP_KILL), 0, 0, 1));
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && run(path, 0, 0, ONE(CAP_KILL), 0, 1000, 0));
    fflush(stdout);
    _exit(failures);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  // Real user 0 with another effective one: permitted, not effective; what may gain nothing is its real self.
  CHECK(setresuid(0, 1000, 1000) == 0 && run(self, 0, All, ONE(CAP_KILL), 0, 1000, 1));
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && run(self, 0, All, ONE(CAP_KILL), 0, 0, 1));
}

// ---- what asks for them ----

static void user_0_without_any(void) {
  char path[64];
  snprintf(path, sizeof path, "%s/theirs", directory);
  int fd = open(path, O_CREAT | O_RDWR, 0600);
  struct stat st;
  CHECK(fchown(fd, 1000, 1000) == 0 && fchmod(fd, 04700) == 0);
  CHECK(write(fd, "x", 1) == 1 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 04700);
  CHECK(set(All & ~ONE(CAP_FSETID), All, 0) == 0 && write(fd, "x", 1) == 1 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0700);
  CHECK(set(ONE(CAP_DAC_READ_SEARCH), All, 0) == 0);
  CHECK(open(path, O_RDONLY) >= 0 && open(path, O_RDWR) == -1 && errno == EACCES);
  CHECK(access(path, R_OK | W_OK) == 0 && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == -1 && errno == EACCES);  // real user 0: what is permitted
  CHECK(set(0, All, 0) == 0 && open(path, O_RDONLY) == -1 && errno == EACCES);
  CHECK(chown(path, 0, 0) == -1 && errno == EPERM && chmod(path, 0600) == -1 && errno == EPERM);
  CHECK(setuid(5) == -1 && errno == EPERM && setgid(5) == -1 && errno == EPERM);
  CHECK(chroot("/") == -1 && errno == EPERM && sethostname("x", 1) == -1 && errno == EPERM);
  struct timespec now;
  CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0 && clock_settime(CLOCK_REALTIME, &now) == -1 && errno == EPERM);
  struct rlimit l;
  CHECK(getrlimit(RLIMIT_NOFILE, &l) == 0);
  l.rlim_max++;
  CHECK(setrlimit(RLIMIT_NOFILE, &l) == -1 && errno == EPERM && setpriority(PRIO_PROCESS, 0, -1) == -1 && errno == EACCES);
  CHECK(socket(AF_INET, SOCK_RAW, 1) == -1 && errno == EPERM);
  CHECK(mknod("/capability-node", S_IFBLK | 0600, 1) == -1 && errno == EPERM);
}
static void another_user_with_one(void) {
  char path[64];
  snprintf(path, sizeof path, "%s/given", directory);
  close(open(path, O_CREAT | O_RDWR, 0600));
  pid_t other = fork();
  if (!other) {
    pause();
    _exit(0);
  }
  CHECK(prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(1000, 1000, 1000) == 0);
  CHECK(kill(other, SIGTERM) == -1 && errno == EPERM && chown(path, 1000, 0) == -1 && errno == EPERM);
  CHECK(set(ONE(CAP_KILL) | ONE(CAP_CHOWN), All, 0) == 0 && kill(other, SIGTERM) == 0 && chown(path, 1000, 0) == 0);
  CHECK(set(ONE(CAP_SYS_NICE), All, 0) == 0 && setpriority(PRIO_PROCESS, 0, -1) == 0);
  CHECK(waitpid(other, NULL, 0) == other);
}

int main(int count, char **arguments) {
  if (count == 8 && !strcmp(arguments[1], "--sets")) return compare(arguments + 2);
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0 && mkdtemp(directory) && chmod(directory, 0777) == 0);
  apart(three_versions);
  apart(sets_shrink);
  apart(bounds);
  apart(users_change);
  apart(secure_bits);
  apart(ambient_ones);
  apart(programs_of_user_0);
  apart(programs_of_others);
  apart(programs_with_set_user_id);
  apart(user_0_without_any);
  apart(another_user_with_one);
  printf("%d failures\n", failures);
  return failures != 0;
}
