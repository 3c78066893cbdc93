/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Says what each of many file calls answers, in a directory of its own (argv[1]): run on Linux and in an enclave, the two outputs are
 * the same.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif
#define renameat2(...) syscall(SYS_renameat2, __VA_ARGS__)

#define SAY(call)                                                        \
  do {                                                                   \
    errno = 0;                                                           \
    long said = (long)(call);                                            \
    printf("%s = %ld %s\n", #call, said, said < 0 ? strerrorname(errno) : ""); \
  } while (0)

static const char* strerrorname(int e) {
  static char text[16];
  snprintf(text, sizeof text, "errno %d", e);
  return text;
}

static char buffer[1 << 17];
static struct stat st;

static int file(const char* name, const char* content) {
  int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
  if (content) (void)!write(fd, content, strlen(content));
  return fd;
}

static const char* got(long n) {
  static char text[200];
  if (n < 0) snprintf(text, sizeof text, "errno %d", errno);
  else snprintf(text, sizeof text, "%ld \"%.*s\"", n, (int)(n > 100 ? 100 : n), buffer);
  return text;
}

static void opening(void) {
  puts("-- opening");
  SAY(open("none", O_RDONLY));
  SAY(open("", O_RDONLY));
  SAY(open("none/x", O_CREAT | O_RDWR, 0644));
  SAY(close(file("plain", "hello")));
  SAY(open("plain", O_CREAT | O_EXCL | O_RDWR, 0644));
  SAY(open("plain/", O_RDONLY));
  SAY(open("plain/x", O_RDONLY));
  SAY(open("plain", O_DIRECTORY));
  SAY(open(".", O_RDWR));
  SAY(open(".", O_CREAT | O_RDONLY, 0644));
  SAY(symlink("plain", "to-plain"));
  SAY(symlink("loop", "loop"));
  SAY(symlink("nowhere", "dangling"));
  SAY(open("to-plain", O_NOFOLLOW));
  SAY(open("loop", O_RDONLY));
  SAY(open("dangling", O_RDONLY));
  SAY(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0644));
  SAY(close(open("dangling", O_CREAT | O_WRONLY, 0600)));
  SAY(stat("nowhere", &st));
  printf("mode %o size %ld links %ld\n", st.st_mode, (long)st.st_size, (long)st.st_nlink);
  int fd = open("plain", O_PATH);
  SAY(read(fd, buffer, 1));
  SAY(fstat(fd, &st));
  SAY(fchmod(fd, 0600));
  SAY(faccessat(fd, "", F_OK, AT_EMPTY_PATH));
  close(fd);
  SAY(fd = open(".", O_TMPFILE | O_RDWR, 0600));
  SAY(write(fd, "unnamed", 7));
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  SAY(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
  close(fd);
  SAY(stat("named", &st));
  SAY((long)st.st_size);
  SAY(fd = open("plain", O_RDONLY | O_TRUNC | O_APPEND));
  SAY(fcntl(fd, F_GETFL) & O_APPEND ? 1 : 0);
  SAY(write(fd, "x", 1));
  close(fd);
  SAY(creat("mode", 04755) >= 0);
  umask(077);
  SAY(creat("mode2", 0777) >= 0);
  umask(022);
  stat("mode", &st);
  printf("%o\n", st.st_mode);
  stat("mode2", &st);
  printf("%o\n", st.st_mode);
  SAY(syscall(SYS_openat2, AT_FDCWD, "plain", NULL, 3));
}

static void reading_and_writing(void) {
  puts("-- reading and writing");
  int fd = file("rw", "0123456789");
  SAY(lseek(fd, 3, SEEK_SET));
  printf("%s\n", got(read(fd, buffer, 4)));
  SAY(lseek(fd, 0, SEEK_CUR));
  SAY(lseek(fd, -2, SEEK_END));
  printf("%s\n", got(read(fd, buffer, 100)));
  printf("%s\n", got(read(fd, buffer, 100)));
  SAY(lseek(fd, -1, SEEK_SET));
  SAY(lseek(fd, 0, 99));
  SAY(pwrite(fd, "abc", 3, 100));
  SAY(lseek(fd, 0, SEEK_END));
  printf("%s\n", got(pread(fd, buffer, 3, 100)));
  SAY(pread(fd, buffer, 1, -1));
  SAY(pread(fd, buffer, 1, 200));
  struct iovec v[3] = {{"one", 3}, {"", 0}, {"three", 5}};
  SAY(lseek(fd, 0, SEEK_SET));
  SAY(writev(fd, v, 3));
  SAY(writev(fd, v, -1));
  SAY(writev(fd, v, 1025));
  SAY(readv(fd, v, 0));
  char a[4] = {0}, b[8] = {0};
  struct iovec r[2] = {{a, 3}, {b, 5}};
  SAY(preadv(fd, r, 2, 0));
  printf("%s %s\n", a, b);
  SAY(read(fd, (void*)8, 10));
  SAY(write(fd, (void*)8, 10));
  SAY(read(-1, buffer, 1));
  SAY(ftruncate(fd, 5));
  SAY(ftruncate(fd, -1));
  fstat(fd, &st);
  SAY((long)st.st_size);
  SAY(ftruncate(fd, 1 << 20));
  SAY(pwrite(fd, "x", 1, 1 << 19));
  SAY(lseek(fd, 0, SEEK_HOLE) > 0);
  SAY(lseek(fd, 2 << 20, SEEK_DATA));
  SAY(fallocate(fd, 0, 0, 2 << 20));
  fstat(fd, &st);
  SAY((long)st.st_size);
  SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
  SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  SAY(fallocate(fd, 0, 0, 0));
  SAY(pread(fd, buffer, 1, 0));
  SAY(buffer[0]);
  close(fd);
  int ro = open("rw", O_RDONLY), wo = open("rw", O_WRONLY);
  SAY(write(ro, "x", 1));
  SAY(read(wo, buffer, 1));
  SAY(ftruncate(ro, 0));
  SAY(posix_fadvise(ro, 0, 0, POSIX_FADV_SEQUENTIAL));
  SAY(posix_fadvise(ro, 0, 0, 99));
  SAY(fsync(ro));
  SAY(fdatasync(wo));
  SAY(truncate("rw", 7));
  SAY(truncate(".", 7));
  SAY(truncate("none", 7));
  close(ro), close(wo);
  fd = open("rw", O_RDWR | O_APPEND);
  SAY(pwrite(fd, "end", 3, 0));
  fstat(fd, &st);
  SAY((long)st.st_size);
  close(fd);
  int in = file("from", "contents of a file to be copied"), out = file("to", "");
  off_t at = 9;
  lseek(in, 0, SEEK_SET);
  SAY(sendfile(out, in, &at, 9));
  SAY((long)at);
  SAY(lseek(in, 0, SEEK_CUR));
  SAY(copy_file_range(in, NULL, out, NULL, 8, 0));
  SAY(copy_file_range(in, NULL, out, NULL, 8, 1));
  SAY(copy_file_range(in, &(off_t){0}, in, &(off_t){4}, 8, 0));
  lseek(out, 0, SEEK_SET);
  printf("%s\n", got(read(out, buffer, 100)));
  close(in), close(out);
}

static void names(void) {
  puts("-- names");
  SAY(mkdir("d", 0755));
  SAY(mkdir("d", 0755));
  SAY(mkdir("d/e/f", 0755));
  SAY(mkdir("d/e/", 0755));
  SAY(rmdir("d"));
  SAY(rmdir("d/."));
  SAY(rmdir("d/.."));
  SAY(rmdir("plain"));
  SAY(unlink("d"));
  SAY(unlink("none"));
  SAY(unlink("plain/"));
  close(file("d/x", "x"));
  close(file("d/y", "y"));
  SAY(link("d/x", "d/z"));
  SAY(link("d/x", "d/y"));
  SAY(link("d", "dd"));
  SAY(link("none", "nn"));
  stat("d/x", &st);
  SAY((long)st.st_nlink);
  SAY(rename("d/x", "d/z"));
  SAY(access("d/x", F_OK));
  SAY(rename("d/x", "d/y"));
  SAY(access("d/x", F_OK));
  SAY(rename("d", "d/e/g"));
  SAY(rename("d/e", "d"));
  SAY(rename("d/y", "d/e"));
  SAY(rename("d/e", "d/y"));
  SAY(renameat2(AT_FDCWD, "d/y", AT_FDCWD, "d/z", RENAME_NOREPLACE));
  SAY(renameat2(AT_FDCWD, "d/y", AT_FDCWD, "d/e", RENAME_EXCHANGE));
  SAY(renameat2(AT_FDCWD, "d/y", AT_FDCWD, "d/e", RENAME_EXCHANGE | RENAME_NOREPLACE));
  SAY(stat("d/y", &st));
  SAY(S_ISDIR(st.st_mode));
  SAY(unlink("d/e"));
  SAY(rename("d/y", "moved"));
  SAY(readlink("to-plain", buffer, 3));
  SAY(readlink("to-plain", buffer, 100));
  SAY(readlink("plain", buffer, 100));
  SAY(readlink("to-plain", buffer, 0));
  SAY(symlink("", "empty"));
  SAY(symlink("x", "to-plain"));
  SAY(lstat("to-plain", &st));
  printf("%o %ld\n", st.st_mode, (long)st.st_size);
  SAY(stat("to-plain/", &st));
  memset(buffer, 'n', 300);
  buffer[255] = 0;
  SAY(close(creat(buffer, 0644)));
  SAY(unlink(buffer));
  buffer[255] = 'n', buffer[256] = 0;
  SAY(creat(buffer, 0644));
  SAY(mknod("fifo", S_IFIFO | 0644, 0));
  SAY(mknod("fifo", S_IFIFO | 0644, 0));
  SAY(open("fifo", O_WRONLY | O_NONBLOCK));
  int fd = open("fifo", O_RDONLY | O_NONBLOCK);
  SAY(read(fd, buffer, 1));
  close(fd);
  SAY(chdir("moved"));
  SAY(strlen(getcwd(buffer, sizeof buffer)) > 0);
  SAY(rmdir("../moved"));
  SAY((long)(intptr_t)getcwd(buffer, sizeof buffer));
  SAY(creat("gone", 0644));
  SAY(chdir(".."));
  SAY(chdir("/none"));
}

static void after(const char* home) {
  if (chdir(home)) perror(home);
}

static void listing(void) {
  puts("-- listing");
  mkdir("many", 0755);
  for (int i = 0; i < 1000; i++) {
    char name[32];
    snprintf(name, sizeof name, "many/%d", i);
    close(creat(name, 0644));
  }
  DIR* d = opendir("many");
  long n = 0, sum = 0;
  for (struct dirent* e; (e = readdir(d)); n++) sum += atoi(e->d_name), unlinkat(dirfd(d), e->d_name, 0);
  printf("%ld entries, sum %ld\n", n, sum);
  rewinddir(d);
  for (n = 0; readdir(d); n++) {}
  printf("%ld left\n", n);
  closedir(d);
  SAY(rmdir("many"));
  int fd = open("plain", O_RDONLY);
  SAY(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
  close(fd);
  fd = open(".", O_RDONLY);
  SAY(syscall(SYS_getdents64, fd, buffer, 8));
  SAY(read(fd, buffer, 1));
  close(fd);
}

static void attributes(void) {
  puts("-- attributes");
  close(file("at", "1234"));
  SAY(chmod("at", 01640));
  stat("at", &st);
  printf("%o\n", st.st_mode);
  struct timespec t[2] = {{1000000000, 5}, {-5, 7}};
  SAY(utimensat(AT_FDCWD, "at", t, 0));
  stat("at", &st);
  printf("%ld.%ld\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec);
  t[0].tv_nsec = UTIME_OMIT, t[1].tv_nsec = UTIME_NOW;
  SAY(utimensat(AT_FDCWD, "at", t, 0));
  stat("at", &st);
  printf("%ld %d\n", (long)st.st_atim.tv_sec, st.st_mtim.tv_sec > 1000000);
  t[0].tv_nsec = 1000000000;
  SAY(utimensat(AT_FDCWD, "at", t, 0));
  SAY(utimensat(AT_FDCWD, "at", NULL, 0x8000));
  SAY(chown("at", 12, 34));
  stat("at", &st);
  printf("%d %d\n", st.st_uid, st.st_gid);
  SAY(chown("at", -1, 0));
  SAY(access("at", R_OK | W_OK));
  SAY(access("at", X_OK));
  SAY(access("at", 8));
  SAY(fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH));
  SAY(fstatat(AT_FDCWD, "", &st, 0));
  SAY(fstatat(99, "x", &st, 0));
  SAY(fstatat(AT_FDCWD, "at", &st, 0x80000));
  struct statx sx;
  SAY(statx(AT_FDCWD, "at", 0, STATX_BASIC_STATS, &sx));
  printf("%o %llu %d\n", sx.stx_mode, (unsigned long long)sx.stx_size, sx.stx_uid);
  SAY(statx(AT_FDCWD, "at", 0x80000, STATX_BASIC_STATS, &sx));
  struct statfs fs;
  SAY(statfs(".", &fs));
  SAY((long)fs.f_namelen);
  SAY(fs.f_blocks > 0 && fs.f_bfree <= fs.f_blocks && fs.f_bavail <= fs.f_bfree);
  SAY(fs.f_files > 0 && fs.f_ffree <= fs.f_files);
  SAY(statfs("none", &fs));
}

static void descriptors(void) {
  puts("-- descriptors");
  int fd = open("plain", O_RDONLY);
  SAY(dup2(fd, 100));
  SAY(dup2(fd, fd) == fd);
  SAY(dup3(fd, fd, 0));
  SAY(dup3(fd, 101, 1));
  SAY(dup3(fd, 101, O_CLOEXEC));
  SAY(fcntl(101, F_GETFD));
  SAY(fcntl(101, F_SETFD, 0));
  SAY(fcntl(101, F_GETFD));
  SAY(fcntl(fd, F_DUPFD, 50));
  SAY(fcntl(fd, F_DUPFD_CLOEXEC, 50));
  SAY(fcntl(fd, F_DUPFD, 1 << 20));
  SAY(fcntl(fd, F_DUPFD, -1));
  SAY(fcntl(fd, 9999));
  SAY(fcntl(99, F_GETFD));
  SAY(dup2(99, 5));
  SAY(close(99));
  SAY(dup2(fd, 1 << 20));
  SAY(syscall(SYS_close_range, 50, 200, 0));
  SAY(fcntl(100, F_GETFD));
  SAY(syscall(SYS_close_range, 5, 4, 0));
  SAY(syscall(SYS_close_range, 50, 60, 1 << 10));
  SAY(ioctl(fd, TCGETS, buffer));
  int available = 0;
  int full = file("full", "12345");
  lseek(full, 2, SEEK_SET);
  SAY(ioctl(full, FIONREAD, &available));
  SAY(available);
  SAY(flock(full, LOCK_EX));
  int other = open("full", O_RDWR);
  SAY(flock(other, LOCK_SH | LOCK_NB));
  SAY(flock(full, LOCK_UN));
  SAY(flock(other, LOCK_SH | LOCK_NB));
  SAY(flock(other, 77));
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
  SAY(fcntl(full, F_SETLK, &lock));
  pid_t child = fork();
  if (child == 0) {
    struct flock ask = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    SAY(fcntl(other, F_GETLK, &ask));
    printf("%d %ld %ld %d\n", ask.l_type, (long)ask.l_start, (long)ask.l_len, ask.l_pid == getppid());
    ask = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 12};
    SAY(fcntl(other, F_SETLK, &ask));
    ask.l_start = 15;
    SAY(fcntl(other, F_SETLK, &ask));
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  close(other);
  close(full), close(fd);
}

static void pipes(void) {
  puts("-- pipes");
  int p[2];
  SAY(pipe2(p, 0x7));
  SAY(pipe2(p, O_NONBLOCK));
  SAY(read(p[0], buffer, 1));
  memset(buffer, 'p', sizeof buffer);
  SAY(write(p[1], buffer, sizeof buffer));
  SAY(write(p[1], buffer, 1));
  SAY(read(p[0], buffer, 5000));
  SAY(write(p[1], buffer, 4096));
  SAY(write(p[1], buffer, 4096));
  SAY(fcntl(p[0], F_GETPIPE_SZ));
  SAY(fcntl(p[0], F_SETPIPE_SZ, 4096));
  while (read(p[0], buffer, sizeof buffer) > 0) {}
  SAY(fcntl(p[0], F_SETPIPE_SZ, 5000));
  SAY(lseek(p[0], 0, SEEK_SET));
  SAY(write(p[0], "x", 1));
  SAY(read(p[1], buffer, 1));
  SAY(ftruncate(p[1], 0));
  SAY(fsync(p[1]));
  fstat(p[0], &st);
  printf("%o\n", st.st_mode & S_IFMT);
  struct pollfd e[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
  SAY(poll(e, 2, 0));
  printf("%x %x\n", e[0].revents, e[1].revents);
  SAY(write(p[1], "abc", 3));
  int available;
  SAY(ioctl(p[0], FIONREAD, &available));
  SAY(available);
  SAY(poll(e, 2, 0));
  printf("%x %x\n", e[0].revents, e[1].revents);
  close(p[1]);
  SAY(poll(e, 2, 0));
  printf("%x %x\n", e[0].revents, e[1].revents);
  SAY(read(p[0], buffer, 10));
  SAY(read(p[0], buffer, 10));
  SAY(poll(e, 1, -1));
  printf("%x\n", e[0].revents);
  close(p[0]);
  signal(SIGPIPE, SIG_IGN);
  SAY(pipe(p));
  close(p[0]);
  SAY(write(p[1], "x", 1));
  e[0].fd = p[1], e[0].events = POLLOUT;
  SAY(poll(e, 1, 0));
  printf("%x\n", e[0].revents);
  close(p[1]);
  signal(SIGPIPE, SIG_DFL);
  pid_t child = fork();
  if (child == 0) {
    (void)!pipe(p);
    close(p[0]);
    (void)!write(p[1], "x", 1);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  printf("killed by %d\n", WTERMSIG(status));
  (void)!pipe(p);
  child = fork();
  if (child == 0) {
    close(p[0]);
    for (int i = 0; i < 100; i++) (void)!write(p[1], buffer, 10000);
    _exit(3);
  }
  close(p[1]);
  long total = 0, n;
  while ((n = read(p[0], buffer, 7777)) > 0) total += n;
  waitpid(child, &status, 0);
  printf("%ld bytes, status %d\n", total, WEXITSTATUS(status));
  close(p[0]);
}

static long elapsed(struct timespec* from) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

static void handler(int n) { (void)n; }

static void waiting(void) {
  puts("-- waiting");
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  SAY(poll(NULL, 0, 20));
  SAY(elapsed(&start) >= 20);
  int p[2];
  (void)!pipe(p);
  fd_set r, w;
  FD_ZERO(&r);
  FD_ZERO(&w);
  FD_SET(p[0], &r);
  FD_SET(p[1], &w);
  struct timeval tv = {0, 0};
  SAY(select(p[1] + 1, &r, &w, NULL, &tv));
  printf("%d %d\n", FD_ISSET(p[0], &r) != 0, FD_ISSET(p[1], &w) != 0);
  FD_ZERO(&r);
  FD_SET(500, &r);
  SAY(select(501, &r, NULL, NULL, &tv));
  SAY(select(-1, NULL, NULL, NULL, &tv));
  struct pollfd bad[2] = {{-1, POLLIN, 9}, {77, POLLIN, 0}};
  SAY(poll(bad, 2, 0));
  printf("%x %x\n", bad[0].revents, bad[1].revents);
  if (fork() == 0) {
    usleep(20000);
    (void)!write(p[1], "late", 4);
    _exit(0);
  }
  struct pollfd e = {p[0], POLLIN, 0};
  SAY(poll(&e, 1, 5000));
  wait(NULL);
  SAY(read(p[0], buffer, 10));
  signal(SIGALRM, handler);
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  ualarm(20000, 0);
  SAY(poll(&e, 1, 5000));
  ualarm(20000, 0);
  if (fork() == 0) {
    usleep(60000);
    (void)!write(p[1], "restarted", 9);
    _exit(0);
  }
  SAY(read(p[0], buffer, 10));
  wait(NULL);
  action.sa_flags = 0;
  sigaction(SIGALRM, &action, NULL);
  ualarm(20000, 0);
  SAY(read(p[0], buffer, 10));

  int set = epoll_create1(0);
  SAY(epoll_create1(1));
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcdef}, found[4];
  SAY(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &event));
  SAY(epoll_ctl(set, EPOLL_CTL_ADD, p[0], &event));
  SAY(epoll_ctl(set, EPOLL_CTL_MOD, p[1], &event));
  SAY(epoll_ctl(set, EPOLL_CTL_DEL, p[1], NULL));
  SAY(epoll_ctl(set, EPOLL_CTL_ADD, set, &event));
  SAY(epoll_ctl(p[0], EPOLL_CTL_ADD, p[1], &event));
  int plain = open("plain", O_RDONLY);
  SAY(epoll_ctl(set, EPOLL_CTL_ADD, plain, &event));
  close(plain);
  SAY(epoll_wait(set, found, 4, 0));
  SAY(epoll_wait(set, found, 0, 0));
  (void)!write(p[1], "x", 1);
  SAY(epoll_wait(set, found, 4, -1));
  printf("%x %llx\n", found[0].events, (unsigned long long)found[0].data.u64);
  event.events = EPOLLIN | EPOLLET;
  SAY(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &event));
  SAY(epoll_wait(set, found, 4, 0));
  SAY(epoll_wait(set, found, 4, 0));
  (void)!write(p[1], "x", 1);
  SAY(epoll_wait(set, found, 4, 0));
  event.events = EPOLLIN | EPOLLONESHOT;
  SAY(epoll_ctl(set, EPOLL_CTL_MOD, p[0], &event));
  SAY(epoll_wait(set, found, 4, 0));
  SAY(epoll_wait(set, found, 4, 0));
  close(p[0]), close(p[1]), close(set);

  int counter = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE);
  uint64_t value;
  for (int i = 0; i < 4; i++) {
    SAY(read(counter, &value, 8));
  }
  value = ~0ull;
  SAY(write(counter, &value, 8));
  SAY(read(counter, &value, 4));
  close(counter);
  SAY(eventfd(0, 0x10));

  int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec when = {{0, 5000000}, {0, 5000000}};
  SAY(timerfd_settime(timer, 0, &when, NULL));
  usleep(22000);
  SAY(read(timer, &value, 8));
  SAY(value >= 4);
  when = (struct itimerspec){{0, 0}, {0, 0}};
  SAY(timerfd_settime(timer, 0, &when, &when));
  SAY(when.it_interval.tv_nsec);
  SAY(timerfd_create(99, 0));
  close(timer);
}

static void memory(void) {
  puts("-- memory");
  int fd = memfd_create("name", MFD_ALLOW_SEALING);
  SAY(ftruncate(fd, 8192));
  char* m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  strcpy(m, "through the mapping");
  printf("%s\n", got(pread(fd, buffer, 19, 0)));
  SAY(pwrite(fd, "written", 7, 4096));
  printf("%.7s\n", m + 4096);
  pid_t child = fork();
  if (child == 0) {
    strcpy(m, "by the child");
    _exit(0);
  }
  waitpid(child, NULL, 0);
  printf("%s\n", m);
  char* p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  strcpy(p, "private");
  printf("%s\n", m);
  SAY(fcntl(fd, F_GET_SEALS));
  SAY(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  SAY(ftruncate(fd, 100));
  SAY(fcntl(fd, F_GET_SEALS));
  close(fd);
  fd = open("plain", O_RDONLY);
  SAY((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  close(fd);
  fd = open("/dev/null", O_RDWR);
  SAY((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
  SAY(read(fd, buffer, 5));
  SAY(write(fd, buffer, 5));
  close(fd);
  fd = open("/dev/zero", O_RDWR);
  m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  SAY(m[5]);
  SAY(read(fd, buffer, 5));
  close(fd);
  fd = open("/dev/full", O_RDWR);
  SAY(write(fd, buffer, 5));
  close(fd);
}

static void users(void) {
  puts("-- users");
  mkdir("sticky", 01777);
  chmod("sticky", 01777);
  close(creat("sticky/roots", 0600));
  mkdir("closed", 0700);
  chmod(".", 0755);
  close(creat("closed/inside", 0666));
  pid_t child = fork();
  if (child == 0) {
    if (setgid(1000) || setuid(1000)) perror("setuid");
    SAY(open("closed/inside", O_RDONLY));
    SAY(open("sticky/roots", O_RDONLY));
    SAY(unlink("sticky/roots"));
    SAY(rename("sticky/roots", "sticky/mine"));
    SAY(close(creat("sticky/own", 0600)));
    SAY(chmod("sticky/roots", 0666));
    SAY(chown("sticky/own", 0, -1));
    SAY(chmod("sticky/own", 0644));
    SAY(access("closed/inside", F_OK));
    SAY(mkdir("new", 0755));
    SAY(mkdir("sticky", 0755));
    SAY(chroot("/"));
    SAY(mknod("sticky/null", S_IFCHR | 0666, 0x103));
    SAY(utimensat(AT_FDCWD, "sticky/roots", NULL, 0));
    SAY(unlink("sticky/own"));
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

// A name wherever it lies in its words, up to the last byte of the memory; and one that goes on where there is none.
static void names_at_the_end_of_memory(void) {
  puts("-- names at the end of memory");
  char* two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char* end = two + 4096;
  munmap(end, 4096);
  char name[40];
  int found = 0, faults = 0;
  for (size_t length = 1; length < sizeof name; length++) {
    memset(name, 'n', length);
    name[length] = 0;
    close(file(name, NULL));
    for (size_t before = 0; before < 8; before++) {
      memset(two, 'n', 4096);
      char* at = end - before - length - 1;
      memcpy(at, name, length + 1);
      found += stat(at, &st) == 0;
    }
    memset(two, 'n', 4096);
    faults += stat(end - length, &st) == -1 && errno == EFAULT;
    unlink(name);
  }
  SAY(found);
  SAY(faults);
  munmap(two, 4096);
}

int main(int argc, char** argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  const char* home = argc > 1 ? argv[1] : "/tmp";
  after(home);
  opening();
  reading_and_writing();
  names();
  after(home);
  names_at_the_end_of_memory();
  listing();
  attributes();
  descriptors();
  pipes();
  waiting();
  memory();
  users();
  return 0;
}
