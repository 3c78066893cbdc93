// SPDX-License-Identifier: BSD-2-Clause
// Files in the finer points: ways of opening, holes, seals, locks, mappings, large directories. In the directory that
// is named, or one of its own; with a second word the named one is a directory of the host's, where some of it is refused. Exits with 0 when
// everything is as Linux has it.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static int bound;  // the directory is one of the host's
static char bytes[65536];
static int file(const char *name, const char *text) {
  int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  return fd;
}

static void ways_of_opening(void) {
  struct stat st;
  int fd = file("opened", "0123456789");
  close(fd);
  fd = open("opened", O_PATH);
  CHECK(fcntl(fd, F_GETFL) == O_PATH || fcntl(fd, F_GETFL) == (O_PATH | 0100000));
  CHECK(write(fd, "x", 1) == -1 && errno == EBADF && ioctl(fd, 0x5401, bytes) == -1 && errno == EBADF && mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EBADF);
  CHECK(fchdir(fd) == -1 && errno == ENOTDIR && fstat(fd, &st) == 0 && st.st_size == 10);
  int copy = dup(fd);
  CHECK(copy >= 0);
  close(copy);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  copy = open(path, O_RDWR);
  CHECK(copy >= 0 && read(copy, bytes, 4) == 4);
  close(copy), close(fd);
  CHECK(symlink("opened", "link-to-opened") == 0);
  fd = open("link-to-opened", O_PATH | O_NOFOLLOW);
  CHECK(fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode) && readlinkat(fd, "", bytes, sizeof bytes) == 6);
  close(fd);
  CHECK(open(".", O_TMPFILE | O_RDONLY, 0600) == -1 && errno == EINVAL && open("opened", O_TMPFILE | O_RDWR, 0600) == -1 && errno == ENOTDIR);
  fd = open(".", O_TMPFILE | O_RDWR, 0600);
  if (bound) CHECK(fd == -1 && errno == EOPNOTSUPP);
  else CHECK(linkat(fd, "", AT_FDCWD, "by-descriptor", AT_EMPTY_PATH) == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1);
  close(fd);
  fd = open("opened", O_RDWR | O_DSYNC | O_NOATIME);
  CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & (O_DSYNC | O_NOATIME)) == (O_DSYNC | O_NOATIME));
  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(fd, F_GETFL) & (O_APPEND | O_NOATIME | O_DSYNC)) == (O_APPEND | O_DSYNC));
  CHECK(pwrite(fd, "end", 3, 0) == 3 && fstat(fd, &st) == 0 && st.st_size == 13);
  struct iovec v = {"now", 3};
  CHECK(syscall(SYS_pwritev2, fd, &v, 1, 0, 0, 0) == 3 && fstat(fd, &st) == 0 && st.st_size == 16);
  close(fd);
  fd = open("opened", O_RDWR);
  CHECK(syscall(SYS_pwritev2, fd, &v, 1, 0, 0, 0x10) == 3 && fstat(fd, &st) == 0 && st.st_size == 19);  // RWF_APPEND
  CHECK(syscall(SYS_pwritev2, fd, &v, 1, -1, -1, 2) == 3 && lseek(fd, 0, SEEK_CUR) == 3);             // RWF_DSYNC, at the position
  CHECK(syscall(SYS_preadv2, fd, &v, 1, 0, 0, 0x100) == -1 && errno == EOPNOTSUPP);
  close(fd);
  CHECK(open("opened", O_RDONLY | O_DIRECTORY | O_CREAT, 0600) == -1);
  CHECK(open("opened/", O_CREAT | O_RDWR, 0600) == -1 && errno == EISDIR);
}

static void times(void) {
  struct stat before, after;
  int fd = file("times", "x");
  struct timespec t[2] = {{100, 1}, {200, 2}};
  CHECK(futimens(fd, t) == 0 && fstat(fd, &before) == 0 && before.st_atim.tv_sec == 100 && before.st_mtim.tv_sec == 200 && (bound || before.st_mtim.tv_nsec == 2));
  t[0].tv_nsec = UTIME_NOW, t[1].tv_nsec = UTIME_OMIT;
  CHECK(futimens(fd, t) == 0 && fstat(fd, &after) == 0 && after.st_atim.tv_sec > 1000000 && after.st_mtim.tv_sec == 200);
  t[0].tv_nsec = UTIME_OMIT;
  CHECK(futimens(fd, t) == 0);
  CHECK(symlink("times", "times-link") == 0);
  t[0] = t[1] = (struct timespec){300, 0};
  CHECK(utimensat(AT_FDCWD, "times-link", t, AT_SYMLINK_NOFOLLOW) == 0 && stat("times", &after) == 0 && after.st_mtim.tv_sec == 200);
  CHECK(lstat("times-link", &after) == 0 && after.st_mtim.tv_sec == 300);
  usleep(10000);
  CHECK(write(fd, "y", 1) == 1 && fstat(fd, &after) == 0 && after.st_mtim.tv_sec > 1000000 && after.st_ctim.tv_sec == after.st_mtim.tv_sec);
  struct statx x;
  CHECK(statx(fd, "", AT_EMPTY_PATH, 0xfff, &x) == 0 && (x.stx_mask & 0x7ff) == 0x7ff && x.stx_size == 2 && x.stx_nlink == 1 && x.stx_ino == after.st_ino);
  CHECK(statx(fd, "", AT_EMPTY_PATH | 0x6000, 0x7ff, &x) == -1 && errno == EINVAL);
  CHECK(statx(fd, "", AT_EMPTY_PATH, 0x80000000, &x) == -1 && errno == EINVAL);
  close(fd);
}

static void access_is_checked(void) {
  close(file("secret", "x"));
  CHECK(chmod("secret", 0400) == 0);
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    CHECK(setresuid(1000, 0, 0) == 0);
    CHECK(syscall(SYS_faccessat2, AT_FDCWD, "secret", R_OK, 0) == -1 && errno == EACCES);
    CHECK(syscall(SYS_faccessat2, AT_FDCWD, "secret", R_OK, AT_EACCESS) == 0);
    CHECK(syscall(SYS_faccessat2, AT_FDCWD, "secret", R_OK, 1) == -1 && errno == EINVAL);
    CHECK(symlink("none", "dangles") == 0 && syscall(SYS_faccessat2, AT_FDCWD, "dangles", F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    fflush(stdout);
    _exit(failures);
  }
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void holes(void) {
  struct stat st;
  int fd = file("holes", "");
  CHECK(ftruncate(fd, 1 << 20) == 0 && pwrite(fd, "x", 1, 512 << 10) == 1);
  if (!bound) {
    CHECK(lseek(fd, 0, SEEK_DATA) == 512 << 10 && lseek(fd, 512 << 10, SEEK_HOLE) == (512 << 10) + 4096 && lseek(fd, 0, SEEK_HOLE) == 0);
    CHECK(lseek(fd, 600 << 10, SEEK_DATA) == -1 && errno == ENXIO && lseek(fd, 600 << 10, SEEK_HOLE) == 600 << 10 && lseek(fd, 1 << 20, SEEK_HOLE) == -1 && errno == ENXIO);
    CHECK(fstat(fd, &st) == 0 && st.st_blocks == 8);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 << 20) == 0 && fstat(fd, &st) == 0 && st.st_size == 1 << 20);
    CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 512 << 10, 4096) == 0 && pread(fd, bytes, 1, 512 << 10) == 1 && bytes[0] == 0);
  } else {
    // lseek(2): a file system may know no holes. Room for a file is made by the host's file system, or not.
    CHECK(lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 0, SEEK_HOLE) == 1 << 20 && lseek(fd, 1 << 20, SEEK_DATA) == -1 && errno == ENXIO);
    CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 << 20) == 0 || errno == EOPNOTSUPP);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 1 << 20);
  }
  CHECK(fallocate(fd, 8 /* FALLOC_FL_COLLAPSE_RANGE */, 0, 4096) == -1 && errno == EOPNOTSUPP);
  CHECK(fallocate(fd, 0, -1, 5) == -1 && errno == EINVAL && fallocate(fd, 0x100, 0, 5) == -1 && errno == EOPNOTSUPP);
  int other = file("copied", "0123456789");
  off_t from = 2, to = 20;
  CHECK(copy_file_range(other, &from, fd, &to, 5, 0) == 5 && from == 7 && to == 25 && pread(fd, bytes, 5, 20) == 5 && !memcmp(bytes, "23456", 5));
  CHECK(copy_file_range(other, &(off_t){100}, fd, NULL, 5, 0) == 0);
  int append = open("copied", O_WRONLY | O_APPEND);
  CHECK(copy_file_range(fd, NULL, append, NULL, 5, 0) == -1 && errno == EBADF);
  CHECK(sendfile(append, fd, NULL, 5) == -1 && errno == EINVAL);
  close(fd), close(other), close(append);
}

static void locks(void) {
  int fd = file("locks", "0123456789"), other = open("locks", O_RDWR), p[2], q[2];
  char c;
  CHECK(pipe(p) == 0 && pipe(q) == 0);
  struct flock first = {.l_type = F_WRLCK, .l_len = 1}, second = {.l_type = F_WRLCK, .l_start = 1, .l_len = 1};
  CHECK(fcntl(fd, F_SETLK, &first) == 0);
  pid_t pid = fork();
  if (!pid) {
    struct flock mine = second;
    int ok = fcntl(fd, F_SETLK, &mine) == 0;
    write(p[1], "x", 1);
    mine = first;
    ok &= fcntl(fd, F_SETLKW, &mine) == 0;  // waits for the parent, which is told of the deadlock
    _exit(!ok);
  }
  CHECK(read(p[0], &c, 1) == 1);
  usleep(30000);
  CHECK(fcntl(fd, F_SETLKW, &second) == -1 && errno == EDEADLK);
  first.l_type = F_UNLCK;
  CHECK(fcntl(fd, F_SETLK, &first) == 0);
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  // An open file description's own.
  struct flock ofd = {.l_type = F_WRLCK, .l_start = 2, .l_len = 2};
  CHECK(fcntl(fd, F_OFD_SETLK, &ofd) == 0 && fcntl(other, F_OFD_SETLK, &ofd) == -1 && errno == EAGAIN);
  struct flock seen = {.l_type = F_RDLCK, .l_start = 0, .l_len = 0};
  CHECK(fcntl(other, F_OFD_GETLK, &seen) == 0 && seen.l_type == F_WRLCK && seen.l_start == 2 && seen.l_len == 2 && seen.l_pid == -1);
  ofd.l_pid = 7;
  CHECK(fcntl(fd, F_OFD_SETLK, &ofd) == -1 && errno == EINVAL);
  close(fd);
  ofd.l_pid = 0;
  CHECK(fcntl(other, F_OFD_SETLK, &ofd) == 0);
  // A process's go with any of its descriptors.
  struct flock mine = {.l_type = F_WRLCK, .l_start = 8, .l_len = 1};
  CHECK(fcntl(other, F_SETLK, &mine) == 0);
  close(open("locks", O_RDONLY));
  pid = fork();
  if (!pid) _exit(fcntl(other, F_SETLK, &mine) != 0);
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  // On the share of the host's files Linux makes a record lock of it, which those of another description are in the way of.
  if (bound) CHECK(fcntl(other, F_OFD_SETLK, &(struct flock){.l_type = F_UNLCK}) == 0);
  CHECK(flock(other, LOCK_SH) == 0 && flock(other, LOCK_EX | LOCK_NB) == 0);
  int reader = open("locks", O_RDONLY);
  CHECK(flock(reader, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK);
  mine.l_start = 0, mine.l_type = F_WRLCK;
  CHECK(fcntl(reader, F_SETLK, &mine) == -1 && errno == EBADF);
  close(reader), close(other);
  for (int i = 0; i < 2; i++) close(p[i]), close(q[i]);
}

static void seals(void) {
  int fd = memfd_create("sealed", MFD_ALLOW_SEALING), plain = memfd_create("plain", 0);
  CHECK(fcntl(plain, F_GET_SEALS) == F_SEAL_SEAL && fcntl(plain, F_ADD_SEALS, F_SEAL_GROW) == -1 && errno == EPERM);
  CHECK(ftruncate(fd, 8192) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0 && ftruncate(fd, 8193) == -1 && errno == EPERM && pwrite(fd, "x", 1, 8192) == -1 && errno == EPERM);
  CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 8192, 1) == -1 && errno == EPERM);
  char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY && fcntl(fd, F_GET_SEALS) == F_SEAL_GROW);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
  map[0] = 'y';  // the mapping that there was may go on
  CHECK(mprotect(map, 8192, PROT_READ) == 0 && mprotect(map, 8192, PROT_READ | PROT_WRITE) == 0);
  map[4096] = 'z';
  CHECK(write(fd, "x", 1) == -1 && errno == EPERM && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == -1 && errno == EPERM);
  CHECK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EPERM);
  // One that mprotect could make writable counts, and whosever it is: the child's is the last.
  CHECK(mprotect(map, 8192, PROT_READ) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY);
  int p[2], status;
  char c;
  CHECK(pipe(p) == 0);
  pid_t pid = fork();
  if (!pid) close(p[1]), read(p[0], &c, 1), _exit(0);
  munmap(map, 8192);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EBUSY);
  close(p[1]), close(p[0]);
  CHECK(waitpid(pid, &status, 0) == pid && status == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
  CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == -1 && errno == EPERM && fallocate(fd, 0, 0, 8192) == 0);
  map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
  CHECK(map != MAP_FAILED && map[0] == 'y' && map[4096] == 'z' && mprotect(map, 8192, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
  char *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(own != MAP_FAILED && (own[0] = 'p') && map[0] == 'y');
  CHECK(mmap(map, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED && errno == EPERM);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 && fcntl(fd, F_ADD_SEALS, 0x100) == -1 && errno == EINVAL);
  CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == -1 && errno == EPERM);
  // Who cannot write cannot seal, nor does what only looks hold a seal back.
  int seen = memfd_create("seen", MFD_ALLOW_SEALING);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", seen);
  int reader = open(path, O_RDONLY);
  CHECK(ftruncate(seen, 4096) == 0 && mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 0) != MAP_FAILED && fcntl(reader, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
  CHECK(fcntl(seen, F_ADD_SEALS, F_SEAL_WRITE) == 0);
  CHECK(fcntl(open("/dev/null", O_RDWR), F_GET_SEALS) == -1 && errno == EINVAL);
  CHECK(memfd_create("x", 0x80) == -1 && errno == EINVAL);
  close(fd), close(plain), close(seen), close(reader);
}

static void mappings(void) {
  int fd = file("mapped", "");
  CHECK(ftruncate(fd, 16384) == 0);
  char *map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (bound) {
    CHECK(map == MAP_FAILED && errno == ENODEV && pwrite(fd, "written", 7, 8192) == 7);
    map = mmap(NULL, 16384, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(mprotect(map, 16384, PROT_READ | PROT_WRITE) == -1 && errno == EACCES);
    char *own = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(!strcmp(own + 8192, "written") && (own[8192] = 'W') && pread(fd, bytes, 1, 8192) == 1 && bytes[0] == 'w');
  } else {
    strcpy(map + 8192, "written");
  }
  CHECK(msync(map, 16384, MS_SYNC) == 0 && pread(fd, bytes, 7, 8192) == 7 && !memcmp(bytes, "written", 7));
  CHECK(msync(map, 16384, MS_SYNC | MS_ASYNC) == -1 && errno == EINVAL && msync(map + 1, 1, MS_SYNC) == -1 && errno == EINVAL);
  CHECK(munmap(map + 4096, 4096) == 0 && msync(map, 16384, MS_SYNC) == -1 && errno == ENOMEM);
  char *moved = mremap(map + 8192, 8192, 16384, MREMAP_MAYMOVE);
  CHECK(moved != MAP_FAILED && !strcmp(moved, "written"));
  char *anonymous = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *place = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(anonymous, "fixed");
  CHECK(mremap(anonymous, 16384, 32768, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place && !strcmp(place, "fixed") && place[32767] == 0);
  CHECK(mremap(place, 32768, 4096, 0) == place && mremap(place, 4096, 0, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(place + 1, 1, 1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mremap(place, 4096, 1 << 20, 0) == MAP_FAILED && errno == ENOMEM);
  char *kept = mremap(place, 4096, 4096, MREMAP_MAYMOVE | 4);  // MREMAP_DONTUNMAP
  CHECK(kept != MAP_FAILED && kept != place && !strcmp(kept, "fixed") && place[0] == 0);
  strcpy(kept, "again");
  CHECK(madvise(kept, 4096, MADV_DONTNEED) == 0 && kept[0] == 0);
  kept[0] = 'w';
  CHECK(madvise(kept, 4096, MADV_WIPEONFORK) == 0);
  char *not_copied = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(madvise(not_copied, 4096, MADV_DONTFORK) == 0);
  pid_t pid = fork();
  if (!pid) _exit(!(kept[0] == 0 && msync(not_copied, 4096, MS_ASYNC) == -1 && errno == ENOMEM));
  int status;
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
  unsigned char resident[4] = {9, 9, 9, 9};
  char *fresh = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  fresh[4096] = 1;
  CHECK(mincore(fresh, 16384, resident) == 0 && resident[1] & 1 && !(resident[3] & 1));
  CHECK(madvise(fresh, 16384, 23 /* MADV_POPULATE_WRITE */) == 0 && mincore(fresh, 16384, resident) == 0 && resident[3] & 1);
  CHECK(madvise(fresh + 1, 4096, MADV_DONTNEED) == -1 && errno == EINVAL && madvise(fresh, 4096, 99) == -1 && errno == EINVAL);
  CHECK(madvise(map, 1 << 20, MADV_NORMAL) == -1 && errno == ENOMEM);
  CHECK(mmap(fresh, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED && errno == EEXIST);
  CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL && mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 1) == MAP_FAILED && errno == EINVAL);
  close(fd);
}

static void large_directories(void) {
  const int Count = bound ? 300 : 100000;
  char name[32];
  CHECK(mkdir("large", 0755) == 0);
  int at = open("large", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < Count; i++) {
    snprintf(name, sizeof name, "entry-%d", i);
    if (i % 1000 == 0) {
      int fd = openat(at, name, O_CREAT | O_WRONLY, 0600);
      CHECK(fd >= 0);
      close(fd);
    } else if (linkat(at, "entry-0", at, name, 0) != 0) {
      CHECK(!"linkat");
      break;
    }
  }
  DIR *d = fdopendir(dup(at));
  long count = 0, sum = 0;
  for (struct dirent *e; (e = readdir(d));)
    if (e->d_name[0] != '.') count++, sum += atol(e->d_name + 6);
  CHECK(count == Count && sum == (long)Count * (Count - 1) / 2);
  closedir(d);
  for (int i = 0; i < Count; i++) {
    snprintf(name, sizeof name, "entry-%d", i);
    if (unlinkat(at, name, 0) != 0) {
      CHECK(!"unlinkat");
      break;
    }
  }
  close(at);
  CHECK(rmdir("large") == 0);
}

static void extended_attributes(void) {
  int fd = file("attributed", "x");
  char list[256];
  ssize_t n = flistxattr(fd, list, sizeof list);
  CHECK(n == 0 || (n == -1 && errno == EOPNOTSUPP));
  CHECK(fgetxattr(fd, "user.none", list, sizeof list) == -1 && (errno == ENODATA || errno == EOPNOTSUPP));
  CHECK(fsetxattr(fd, "nothing", "x", 1, 0) == -1 && errno == EOPNOTSUPP);
  CHECK(getxattr("none", "user.none", list, sizeof list) == -1 && errno == ENOENT);
  close(fd);
}

int main(int count, char **arguments) {
  char directory[] = "/tmp/contents-XXXXXX";
  bound = count > 2;
  CHECK(chdir(count > 1 ? arguments[1] : mkdtemp(directory)) == 0 && chmod(".", 0777) == 0);
  umask(022);
  ways_of_opening();
  times();
  access_is_checked();
  holes();
  locks();
  seals();
  mappings();
  large_directories();
  extended_attributes();
  printf("%d failures\n", failures);
  return failures != 0;
}
