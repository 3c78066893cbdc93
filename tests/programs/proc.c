// SPDX-License-Identifier: BSD-2-Clause
// What programs read in /proc and find in /dev. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static char text[65536];
static const char *content(const char *path) {
  int fd = open(path, O_RDONLY);
  ssize_t n = 0, more;
  text[0] = 0;
  if (fd < 0) return text;
  while (n < (ssize_t)sizeof text - 1 && (more = read(fd, text + n, sizeof text - 1 - (size_t)n)) > 0) n += more;
  text[n > 0 ? n : 0] = 0;
  close(fd);
  return text;
}
#define HOLDS(path, what) do { if (!strstr(content(path), what)) { printf("line %d: %s without %s: %.200s\n", __LINE__, path, what, text); failures++; } } while (0)
static long number_after(const char *path, const char *name) {
  const char *at = strstr(content(path), name);
  return at ? atol(at + strlen(name)) : -1;
}
static const char *link_of(const char *path) {
  ssize_t n = readlink(path, text, sizeof text - 1);
  text[n > 0 ? n : 0] = 0;
  return text;
}

static void the_process(int count, char **arguments) {
  char self[256], path[64], wanted[64];
  CHECK(atoi(link_of("/proc/self")) == getpid());
  strcpy(self, link_of("/proc/self/exe"));
  CHECK(self[0] == '/' && strstr(self, "proc"));
  CHECK(count >= 1 && !strcmp(content("/proc/self/cmdline"), arguments[0]));
  CHECK(prctl(PR_SET_NAME, "renamed") == 0);
  CHECK(!strcmp(content("/proc/self/comm"), "renamed\n"));
  int fd = open("/proc/self/comm", O_WRONLY);
  CHECK(fd >= 0 && write(fd, "through-proc", 12) == 12 && prctl(PR_GET_NAME, wanted) == 0 && !strcmp(wanted, "through-proc"));
  close(fd);
  CHECK(chdir("/tmp") == 0 && !strcmp(link_of("/proc/self/cwd"), "/tmp") && !strcmp(link_of("/proc/self/root"), "/"));
  fd = open("/tmp/proc-file", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
  CHECK(write(fd, "12345", 5) == 5 && lseek(fd, 3, SEEK_SET) == 3);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CHECK(!strcmp(link_of(path), "/tmp/proc-file"));
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  HOLDS(path, "pos:\t3\n");
  HOLDS(path, "flags:\t02102002\n");
  HOLDS(path, "mnt_id:\t");
  unlink("/tmp/proc-file");
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CHECK(strstr(link_of(path), " (deleted)"));
  close(fd);
  int p[2];
  CHECK(pipe(p) == 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
  CHECK(!strncmp(link_of(path), "pipe:[", 6));
  close(p[0]), close(p[1]);

  char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(page, 4096, PROT_READ);
  snprintf(wanted, sizeof wanted, "%lx-%lx r--p 00000000 00:00 0", (long)page, (long)page + 4096);
  HOLDS("/proc/self/maps", wanted);
  HOLDS("/proc/self/maps", "[stack]");
  HOLDS("/proc/self/maps", " r-xp ");
  HOLDS("/proc/self/maps", self);
  HOLDS("/proc/self/status", "Name:\tthrough-proc\n");
  HOLDS("/proc/self/status", "State:\tR (running)\n");
  snprintf(wanted, sizeof wanted, "\nPid:\t%d\nPPid:\t%d\n", getpid(), getppid());
  HOLDS("/proc/self/status", wanted);
  for (const char **name = (const char *[]){"Umask:\t0022", "Tgid:\t", "Uid:\t0\t0\t0\t0", "Gid:\t", "FDSize:\t", "Groups:\t", "VmPeak:\t", "VmSize:\t", "VmRSS:\t", "VmData:\t", "VmStk:\t", "VmExe:\t", "Threads:\t1",
                                           "SigQ:\t", "SigPnd:\t0000000000000000", "ShdPnd:\t", "SigBlk:\t0000000000000000", "SigIgn:\t", "SigCgt:\t", "CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t",
                                           "NoNewPrivs:\t0", "Cpus_allowed:\t", "voluntary_ctxt_switches:\t", NULL}; *name; name++)
    HOLDS("/proc/self/status", *name);
  int pid, ppid, group, session, fields = 0;
  char state;
  CHECK(sscanf(content("/proc/self/stat"), "%d (through-proc) %c %d %d %d", &pid, &state, &ppid, &group, &session) == 5 && pid == getpid() && state == 'R' && ppid == getppid() && group == getpgrp() && session == getsid(0));
  for (const char *at = text; *at; at++) fields += *at == ' ' || *at == '\n';
  CHECK(fields == 52);
  long size, resident;
  CHECK(sscanf(content("/proc/self/statm"), "%ld %ld", &size, &resident) == 2 && size >= resident && resident > 0);
  HOLDS("/proc/self/limits", "Max open files            ");
  HOLDS("/proc/self/limits", "Max stack size            ");
  HOLDS("/proc/self/mountinfo", " - proc proc ");
  HOLDS("/proc/self/mounts", "proc /proc proc ");
  fd = open("/proc/self/auxv", O_RDONLY);
  uint64_t pairs[80] = {0}, page_size = 0;
  CHECK(read(fd, pairs, sizeof pairs) >= 16 * 10);
  for (int i = 0; i < 78 && pairs[i]; i += 2)
    if (pairs[i] == AT_PAGESZ) page_size = pairs[i + 1];
  CHECK(page_size == 4096);
  close(fd);
  CHECK(access("/proc/99999", F_OK) == -1 && errno == ENOENT && open("/proc/self/none", O_RDONLY) == -1 && errno == ENOENT);
  CHECK(open("/proc/none", O_CREAT | O_WRONLY, 0600) == -1 && mkdir("/proc/x", 0700) == -1);
  CHECK(!strcmp(content("/proc/self/oom_score_adj"), "0\n"));
}

// proc(5): inherited, and lowered below what it was only with CAP_SYS_RESOURCE.
static ssize_t put(const char *path, const char *what) {
  int fd = open(path, O_WRONLY);
  ssize_t n = write(fd, what, strlen(what));
  int error = errno;
  close(fd);
  errno = error;
  return n;
}
static void the_score_for_killing(void) {
  const char *path = "/proc/self/oom_score_adj";
  int status;
  CHECK(put(path, "100\n") == 4 && !strcmp(content(path), "100\n") && put(path, "-500") == 4 && !strcmp(content(path), "-500\n"));
  CHECK(put(path, "1001") == -1 && errno == EINVAL && put(path, "-1001") == -1 && errno == EINVAL && put(path, "many") == -1 && errno == EINVAL && put(path, "\n") == -1);
  pid_t pid = fork();
  if (!pid) {
    CHECK(!strcmp(content(path), "-500\n"));
    CHECK(setuid(1000) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
    CHECK(put(path, "300") == 3 && put(path, "-500") == 4 && put(path, "-501") == -1 && errno == EACCES && !strcmp(content(path), "-500\n"));
    _exit(failures);
  }
  CHECK(waitpid(pid, &status, 0) == pid && status == 0 && put(path, "0") == 1);
}

static void the_environment(char *self) {
  pid_t pid = fork();
  if (!pid) {
    execve(self, (char *[]){"first", "second word", "", NULL}, (char *[]){"A=1", "B=2", NULL});
    _exit(99);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}
static int executed(void) {
  int fd = open("/proc/self/cmdline", O_RDONLY);
  ssize_t n = read(fd, text, sizeof text);
  CHECK(n == 19 && !memcmp(text, "first\0second word\0", 19));
  fd = open("/proc/self/environ", O_RDONLY);
  n = read(fd, text, sizeof text);
  CHECK(n == 8 && !memcmp(text, "A=1\0B=2", 8));
  return failures;
}

static pthread_barrier_t ready;
static void *name_myself(void *unused) {
  prctl(PR_SET_NAME, "second");
  pthread_barrier_wait(&ready);
  pthread_barrier_wait(&ready);
  return unused;
}
static void threads(void) {
  pthread_t thread;
  pthread_barrier_init(&ready, NULL, 2);
  pthread_create(&thread, NULL, name_myself, NULL);
  pthread_barrier_wait(&ready);
  DIR *d = opendir("/proc/self/task");
  int count = 0, other = 0;
  for (struct dirent *e; d && (e = readdir(d));)
    if (e->d_name[0] != '.') count++, other = atoi(e->d_name) != getpid() ? atoi(e->d_name) : other;
  closedir(d);
  CHECK(count == 2);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/comm", other);
  CHECK(!strcmp(content(path), "second\n"));
  snprintf(path, sizeof path, "/proc/%d/task/%d/stat", getpid(), other);
  CHECK(atoi(content(path)) == other);
  snprintf(path, sizeof path, "/proc/self/task/%d/status", other);
  HOLDS(path, "Threads:\t2\n");
  CHECK(number_after("/proc/self/status", "Threads:\t") == 2);
  char link[64];
  snprintf(link, sizeof link, "%d/task/%d", getpid(), gettid());
  CHECK(!strcmp(link_of("/proc/thread-self"), link));
  pthread_barrier_wait(&ready);
  pthread_join(thread, NULL);
}

static void the_system(void) {
  struct sysinfo info;
  CHECK(sysinfo(&info) == 0 && info.totalram > 0 && info.mem_unit > 0 && info.procs > 0);
  long total = number_after("/proc/meminfo", "MemTotal:"), available = number_after("/proc/meminfo", "MemAvailable:"), unused = number_after("/proc/meminfo", "MemFree:");
  CHECK(total > 0 && available > 0 && unused > 0 && unused <= total && number_after("/proc/meminfo", "SwapTotal:") == 0 && number_after("/proc/meminfo", "Cached:") >= 0);
  HOLDS("/proc/cpuinfo", "processor\t: 0\n");
  HOLDS("/proc/cpuinfo", "isa\t\t: rv64ima");
  HOLDS("/proc/mounts", " / ");
  HOLDS("/proc/stat", "cpu  ");
  HOLDS("/proc/stat", "cpu0 ");
  HOLDS("/proc/stat", "\nbtime ");
  HOLDS("/proc/stat", "\nprocesses ");
  double up, idle;
  CHECK(sscanf(content("/proc/uptime"), "%lf %lf", &up, &idle) == 2 && up > 0);
  float one, five, fifteen;
  int running, all, last;
  CHECK(sscanf(content("/proc/loadavg"), "%f %f %f %d/%d %d", &one, &five, &fifteen, &running, &all, &last) == 6 && running >= 1 && all >= 1);
  CHECK(!strncmp(content("/proc/version"), "Linux version ", 14));
  HOLDS("/proc/filesystems", "nodev\tproc\n");
  HOLDS("/proc/filesystems", "nodev\ttmpfs\n");
  for (const char **path = (const char *[]){"/proc/sys/kernel/ostype", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/hostname", "/proc/sys/kernel/pid_max", "/proc/sys/kernel/cap_last_cap", "/proc/sys/kernel/random/boot_id",
                                           "/proc/sys/kernel/random/uuid", "/proc/sys/kernel/random/entropy_avail", "/proc/sys/kernel/threads-max", "/proc/sys/kernel/ngroups_max", "/proc/sys/fs/file-max", "/proc/sys/fs/nr_open", "/proc/sys/fs/pipe-max-size",
                                           "/proc/sys/fs/inotify/max_user_watches", "/proc/sys/vm/overcommit_memory", "/proc/sys/vm/max_map_count", "/proc/sys/net/core/somaxconn", "/proc/sys/net/ipv4/ip_local_port_range", "/proc/sys/kernel/shmmax",
                                           "/proc/sys/kernel/sem", "/proc/sys/fs/mqueue/msg_max", NULL}; *path; path++)
    if (!*content(*path)) printf("%s is empty or not there\n", *path), failures++;
  HOLDS("/proc/sys/kernel/ostype", "Linux\n");
  char first[64];
  strcpy(first, content("/proc/sys/kernel/random/uuid"));
  CHECK(strlen(first) == 37 && strcmp(first, content("/proc/sys/kernel/random/uuid")));
  strcpy(first, content("/proc/sys/kernel/random/boot_id"));
  CHECK(!strcmp(first, content("/proc/sys/kernel/random/boot_id")));
  DIR *d = opendir("/proc");
  int mine = 0, self = 0;
  for (struct dirent *e; (e = readdir(d));) mine += atoi(e->d_name) == getpid(), self += !strcmp(e->d_name, "self");
  closedir(d);
  CHECK(mine == 1 && self == 1);
}

static void devices(void) {
  static const struct { const char *name; unsigned major, minor; } nodes[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}, {"ptmx", 5, 2}};
  struct stat st;
  char path[64], bytes[64] = {1};
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    snprintf(path, sizeof path, "/dev/%s", nodes[i].name);
    CHECK(stat(path, &st) == 0 && S_ISCHR(st.st_mode) && (st.st_mode & 0777) == 0666 && st.st_rdev == (nodes[i].major << 8 | nodes[i].minor));
  }
  CHECK(!strcmp(link_of("/dev/fd"), "/proc/self/fd") && !strcmp(link_of("/dev/stdin"), "/proc/self/fd/0"));
  CHECK(stat("/dev/shm", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 01777) == 01777 && stat("/dev/pts", &st) == 0 && S_ISDIR(st.st_mode));
  int fd = open("/dev/zero", O_RDWR);
  CHECK(read(fd, bytes, sizeof bytes) == sizeof bytes && bytes[0] == 0 && write(fd, bytes, 5) == 5 && lseek(fd, 7, SEEK_SET) >= 0);
  close(fd);
  fd = open("/dev/full", O_RDWR);
  CHECK(read(fd, bytes, 5) == 5 && write(fd, bytes, 5) == -1 && errno == ENOSPC);
  close(fd);
  fd = open("/dev/urandom", O_RDWR);
  CHECK(read(fd, bytes, 64) == 64 && write(fd, bytes, 64) == 64);
  int bits = -1;
  CHECK(ioctl(fd, 0x80045200, &bits) == 0 && bits >= 0);  // RNDGETENTCNT
  close(fd);
}

static void bring_up_loopback(void) {
  struct ifreq lo = {.ifr_name = "lo"};
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (ioctl(s, SIOCGIFFLAGS, &lo) == 0 && !(lo.ifr_flags & IFF_UP)) {
    lo.ifr_flags |= IFF_UP;
    ioctl(s, SIOCSIFFLAGS, &lo);
  }
  close(s);
}

static unsigned long inode_of(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 ? (unsigned long)st.st_ino : 0;
}
// The line of a socket in one of the tables, by its inode: "local remote state".
static const char *row_of(const char *path, int fd) {
  static char row[128];
  char wanted[32];
  snprintf(wanted, sizeof wanted, " %lu ", inode_of(fd));
  row[0] = 0;
  for (char *line = strtok((char *)content(path), "\n"); line; line = strtok(NULL, "\n")) {
    char local[64], remote[64], state[8];
    if (strstr(line, wanted) && sscanf(line, " %*d: %63s %63s %7s", local, remote, state) == 3) snprintf(row, sizeof row, "%.40s %.40s %s", local, remote, state);
  }
  return row;
}
static int port_of(int s) {
  struct sockaddr_in a;
  socklen_t length = sizeof a;
  getsockname(s, (struct sockaddr *)&a, &length);
  return ntohs(a.sin_port);
}
#define SAYS(path, fd, ...) do { char want[128]; snprintf(want, sizeof want, __VA_ARGS__); const char *row = row_of(path, fd); if (strcmp(row, want)) { printf("line %d: %s: \"%s\", not \"%s\"\n", __LINE__, path, row, want); failures++; } } while (0)

static void sockets(void) {
  bring_up_loopback();
  HOLDS("/proc/net/tcp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
  HOLDS("/proc/net/udp", "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops");
  HOLDS("/proc/net/unix", "Num       RefCount Protocol Flags    Type St Inode Path");
  struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), u = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(bind(server, (struct sockaddr *)&any, sizeof any) == 0 && listen(server, 3) == 0);
  any.sin_port = htons((uint16_t)port_of(server));
  CHECK(connect(client, (struct sockaddr *)&any, sizeof any) == 0);
  int accepted = accept(server, NULL, NULL);
  SAYS("/proc/net/tcp", server, "0100007F:%04X 00000000:0000 0A", port_of(server));
  SAYS("/proc/net/tcp", client, "0100007F:%04X 0100007F:%04X 01", port_of(client), port_of(server));
  SAYS("/proc/net/tcp", accepted, "0100007F:%04X 0100007F:%04X 01", port_of(server), port_of(client));
  CHECK(bind(u, (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET}, sizeof any) == 0);
  SAYS("/proc/net/udp", u, "00000000:%04X 00000000:0000 07", port_of(u));
  int local = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0proc-test"};
  CHECK(bind(local, (struct sockaddr *)&name, sizeof(sa_family_t) + 10) == 0 && listen(local, 1) == 0);
  char wanted[64];
  snprintf(wanted, sizeof wanted, ": 00000002 00000000 00010000 0001 01 %5lu @proc-test\n", inode_of(local));
  HOLDS("/proc/net/unix", wanted);
  close(server), close(client), close(accepted), close(u), close(local);
  HOLDS("/proc/net/dev", "    lo:");
}

int main(int count, char **arguments) {
  if (count == 3) return executed();
  char self[256];
  strcpy(self, link_of("/proc/self/exe"));
  umask(022);
  the_process(count, arguments);
  the_environment(self);
  the_score_for_killing();
  threads();
  the_system();
  devices();
  sockets();
  printf("%d failures\n", failures);
  return failures != 0;
}
