// SPDX-License-Identifier: BSD-2-Clause
// Names and what they lead to: ways of resolving (openat2), renames and whiteouts, files that never had a name, names of files that are
// removed, scripts through descriptors. In the directory that is named, or one of its own; with a second word the named one is a directory
// of the host's, where some of it is refused. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { NoCrossing = 1, NoMagicLinks = 2, NoLinks = 4, Beneath = 8, InRoot = 16, Cached = 32 };  // RESOLVE_*
enum { NoReplace = 1, Exchange = 2, Whiteout = 4 };                                             // RENAME_*

static char here[PATH_MAX];
static const char *program;
static int bound;  // the directory is one of the host's

struct how { uint64_t flags, mode, resolve; };
static int opened(int at, const char *path, uint64_t flags, uint64_t resolve) {
  struct how how = {flags, flags & O_CREAT ? 0600 : 0, resolve};
  return (int)syscall(SYS_openat2, at, path, &how, sizeof how);
}
// 0 or the error.
static int way(int at, const char *path, uint64_t flags, uint64_t resolve) {
  int fd = opened(at, path, flags, resolve);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}
static int move(const char *from, const char *to, unsigned flags) {
  return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags) ? errno : 0;
}
static int file(const char *name, const char *text) {
  int fd = open(name, O_CREAT | O_RDWR | O_TRUNC, 0644);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  return fd;
}
// Runs it in a child, which may give its privileges away.
static void in_child(void (*run)(void)) {
  int status;
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    failures = 0;
    run();
    fflush(stdout);
    _exit(failures);
  }
  CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void what_openat2_takes(void) {
  close(file("plain", "x"));
  CHECK(way(AT_FDCWD, "plain", O_RDONLY, 0) == 0);
  CHECK(way(AT_FDCWD, "plain", O_RDONLY, 1 << 10) == EINVAL && way(AT_FDCWD, "plain", O_RDONLY, Beneath | InRoot) == EINVAL);
  CHECK(way(AT_FDCWD, "plain", 1ull << 40, 0) == EINVAL && way(AT_FDCWD, "plain", O_PATH | O_RDWR, 0) == EINVAL);
  struct how how = {O_RDONLY, 0644, 0};
  CHECK(syscall(SYS_openat2, AT_FDCWD, "plain", &how, sizeof how) == -1 && errno == EINVAL);
  CHECK(syscall(SYS_openat2, AT_FDCWD, "plain", &how, 8) == -1 && errno == EINVAL);
  struct { struct how known; uint64_t more; } longer = {{O_RDONLY, 0, 0}, 0};
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, "plain", &longer, sizeof longer);
  CHECK(fd >= 0);
  CHECK(way(fd, "x", O_RDONLY, Beneath) == ENOTDIR && way(-1, "x", O_RDONLY, InRoot) == EBADF && way(-1, "/x", O_RDONLY, InRoot) == EBADF);
  close(fd);
  longer.more = 1;
  CHECK(syscall(SYS_openat2, AT_FDCWD, "plain", &longer, sizeof longer) == -1 && errno == E2BIG);
}

static void ways_that_stay_in_a_directory(void) {
  CHECK(mkdir("scope", 0755) == 0 && mkdir("scope/sub", 0755) == 0);
  close(file("scope/file", "in")), close(file("outside", "out"));
  CHECK(symlink("sub/../file", "scope/inside") == 0 && symlink("../outside", "scope/up") == 0 && symlink("/file", "scope/absolute") == 0);
  CHECK(symlink("loop", "scope/loop") == 0 && symlink("../made-outside", "scope/makes-up") == 0 && symlink("/made", "scope/makes") == 0);
  int at = open("scope", O_PATH | O_DIRECTORY);
  for (const char *const *path = (const char *const[]){"file", "./file", "sub/../file", "inside", ".", "sub/", 0}; *path; path++)
    CHECK(way(at, *path, O_RDONLY, Beneath) == 0 && way(at, *path, O_RDONLY, InRoot) == 0);
  for (const char *const *path = (const char *const[]){"..", "../outside", "sub/../..", "up", "absolute", "/", "/file", "../scope/file", 0}; *path; path++)
    CHECK(way(at, *path, O_RDONLY, Beneath) == EXDEV);
  for (const char *const *path = (const char *const[]){"/", "/file", "//sub//../file", "..", "../../file", "sub/../../file", "absolute", 0}; *path; path++)
    CHECK(way(at, *path, O_RDONLY, InRoot) == 0);
  CHECK(way(at, "up", O_RDONLY, InRoot) == ENOENT && way(at, "../outside", O_RDONLY, InRoot) == ENOENT && way(at, "", O_RDONLY, InRoot) == ENOENT);
  CHECK(way(at, "loop", O_RDONLY, Beneath) == ELOOP && way(at, "file/", O_RDONLY, InRoot) == ENOTDIR && way(at, "file/..", O_RDONLY, Beneath) == ENOTDIR);
  CHECK(way(at, "makes-up", O_CREAT | O_RDWR, Beneath) == EXDEV && access("made-outside", F_OK) == -1);
  CHECK(way(at, "makes", O_CREAT | O_RDWR, InRoot) == 0 && access("scope/made", F_OK) == 0);
  CHECK(way(at, "/../new", O_CREAT | O_EXCL | O_RDWR, InRoot) == 0 && access("scope/new", F_OK) == 0);
  CHECK(way(at, "new", O_CREAT | O_EXCL | O_RDWR, Beneath) == EEXIST && way(at, "../new", O_CREAT | O_RDWR, Beneath) == EXDEV);
  CHECK(chdir("scope/sub") == 0 && way(AT_FDCWD, "..", O_RDONLY, Beneath) == EXDEV && way(AT_FDCWD, "../file", O_RDONLY, InRoot) == ENOENT && chdir(here) == 0);
  close(at);
  // No way in by links that lead to an inode, not a path.
  at = open("/proc/self", O_PATH | O_DIRECTORY);
  CHECK(way(at, "cwd", O_RDONLY, Beneath) == EXDEV && way(at, "exe", O_RDONLY, InRoot) == EXDEV && way(at, "status", O_RDONLY, Beneath) == 0);
  close(at);
}

static void ways_without_links(void) {
  CHECK(symlink("scope", "to-scope") == 0);
  CHECK(way(AT_FDCWD, "scope/file", O_RDONLY, NoLinks) == 0 && way(AT_FDCWD, "to-scope/file", O_RDONLY, NoLinks) == ELOOP);
  CHECK(way(AT_FDCWD, "to-scope", O_RDONLY, NoLinks) == ELOOP && way(AT_FDCWD, "to-scope", O_PATH | O_NOFOLLOW, NoLinks) == 0);
  CHECK(way(AT_FDCWD, "scope/makes", O_CREAT | O_RDWR, NoLinks) == ELOOP && way(AT_FDCWD, "/proc/self/status", O_RDONLY, NoLinks) == ELOOP);
  char path[64];
  int pipes[2];
  CHECK(pipe(pipes) == 0);
  snprintf(path, sizeof path, "/proc/self/fd/%d", pipes[0]);
  CHECK(way(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0) == 0 && way(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, NoMagicLinks) == ELOOP);
  CHECK(way(AT_FDCWD, path, O_PATH | O_NOFOLLOW, NoMagicLinks) == 0 && way(AT_FDCWD, path, O_WRONLY | O_CREAT, NoMagicLinks) == ELOOP);
  CHECK(way(AT_FDCWD, "/proc/self/cwd/plain", O_RDONLY, NoMagicLinks) == ELOOP && way(AT_FDCWD, "/proc/self/cwd/plain", O_RDONLY, 0) == 0);
  CHECK(way(AT_FDCWD, "/proc/self/status", O_RDONLY, NoMagicLinks) == 0 && way(AT_FDCWD, "to-scope/inside", O_RDONLY, NoMagicLinks) == 0);
  close(pipes[0]), close(pipes[1]);
}

static void ways_within_a_mount(void) {
  int root = open("/", O_PATH | O_DIRECTORY), proc = open("/proc", O_PATH | O_DIRECTORY);
  CHECK(way(root, "proc", O_RDONLY, NoCrossing) == EXDEV && way(root, "proc/version", O_RDONLY, NoCrossing) == EXDEV && way(root, "..", O_RDONLY, NoCrossing) == 0);
  CHECK(way(root, "/dev/null", O_RDONLY, NoCrossing) == EXDEV && way(root, "/", O_RDONLY, NoCrossing) == 0 && way(root, "proc/..", O_RDONLY, NoCrossing) == EXDEV);
  CHECK(way(root, "proc", O_CREAT | O_RDWR, NoCrossing) != 0);
  CHECK(way(proc, "version", O_RDONLY, NoCrossing) == 0 && way(proc, "self/status", O_RDONLY, NoCrossing) == 0 && way(proc, "self/../version", O_RDONLY, NoCrossing) == 0);
  CHECK(way(proc, "..", O_RDONLY, NoCrossing) == EXDEV && way(proc, "self/cwd", O_RDONLY, NoCrossing) == EXDEV && way(proc, "self/cwd", O_PATH | O_NOFOLLOW, NoCrossing) == 0);
  CHECK(way(AT_FDCWD, "scope/inside", O_RDONLY, NoCrossing) == 0);
  close(root), close(proc);
}

static void ways_that_ask_nobody(void) {
  CHECK(way(AT_FDCWD, "scope/file", O_RDONLY, 0) == 0 && way(AT_FDCWD, "scope/file", O_RDONLY, Cached) == (bound ? EAGAIN : 0));
  CHECK(way(AT_FDCWD, "scope", O_RDONLY | O_DIRECTORY, Cached) == (bound ? EAGAIN : 0));
  for (const uint64_t *flags = (const uint64_t[]){O_CREAT | O_RDWR, O_TRUNC | O_RDWR, O_TMPFILE | O_RDWR, 0}; *flags; flags++)
    CHECK(way(AT_FDCWD, "scope", *flags, Cached) == EAGAIN);
  int error = way(AT_FDCWD, "scope/none", O_RDONLY, Cached);
  CHECK(error == ENOENT || error == EAGAIN);
}

static int is_whiteout(const char *name) {
  struct stat st;
  return lstat(name, &st) == 0 && st.st_mode == S_IFCHR && st.st_rdev == 0 && st.st_nlink == 1 && st.st_uid == geteuid();
}

static void without_privileges(void) {
  CHECK(mkdir("everybody", 0777) == 0 && chmod("everybody", 0777) == 0 && chdir("everybody") == 0 && setresuid(1000, 1000, 1000) == 0);
  close(file("mine", "x"));
  CHECK(move("mine", "moved", Whiteout) == 0 && is_whiteout("mine"));
  CHECK(mknod("whiteout", S_IFCHR | 0600, 0) == 0 && mknod("null", S_IFCHR | 0600, makedev(1, 3)) == -1 && errno == EPERM);
}

static void renames(void) {
  struct stat st;
  close(file("a", "a")), close(file("b", "bb"));
  CHECK(move("a", "b", NoReplace) == EEXIST);
  CHECK(move("a", "b", Exchange) == 0 && stat("a", &st) == 0 && st.st_size == 2);
  CHECK(move("a", "none", Exchange) == ENOENT && move("a", "c", NoReplace | Exchange) == EINVAL && move("a", "c", 8) == EINVAL);
  CHECK(rename("a", "c") == 0);
  CHECK(link("c", "d") == 0 && rename("c", "d") == 0 && access("c", F_OK) == 0 && stat("c", &st) == 0 && st.st_nlink == 2);
}

// A name goes nowhere else than within its file system.
static void between_mounts(void) {
  close(file("stays", "x"));
  CHECK(mkdir("folder-stays", 0755) == 0);
  CHECK(move("stays", "/dev/moved", 0) == EXDEV && move("/dev/null", "moved", 0) == EXDEV && move("folder-stays", "/dev/moved", 0) == EXDEV);
  CHECK(move("stays", "/dev/null", Exchange) == EXDEV && move("no-such", "/dev/moved", 0) == EXDEV && move("stays", "/dev/.", 0) == EXDEV);
  CHECK(link("stays", "/dev/moved") == -1 && errno == EXDEV && link("stays", "/dev/null") == -1 && errno == EEXIST);
  CHECK(link("/dev/null", "null") == -1 && errno == EXDEV && link("/dev/null", "stays") == -1 && errno == EEXIST);
  CHECK(link("folder-stays", "/dev/moved") == -1 && errno == EXDEV && link("folder-stays", "link") == -1 && errno == EPERM);
  CHECK(link("folder-stays", "stays") == -1 && errno == EEXIST && link("stays", "no-such/") == -1 && errno == ENOENT);
  CHECK(access("stays", F_OK) == 0 && access("/dev/moved", F_OK) == -1);
  struct stat here_stat, there;
  CHECK(stat(".", &here_stat) == 0 && stat("/dev", &there) == 0 && here_stat.st_dev != there.st_dev && stat("/dev/null", &there) == 0 && here_stat.st_dev != there.st_dev);
}

static void whiteouts(void) {
  struct stat st;
  close(file("from", "moved"));
  CHECK(move("from", "to", Whiteout | Exchange) == EINVAL && move("from", "to", Whiteout | Exchange | NoReplace) == EINVAL);
  CHECK(move("from", "to", Whiteout) == 0 && is_whiteout("from") && stat("to", &st) == 0 && st.st_size == 5);
  CHECK(open("from", O_RDONLY) == -1 && (errno == ENXIO || errno == EACCES));  // the latter where devices are not opened (nodev)
  close(file("from2", "two"));
  CHECK(move("from2", "to", Whiteout | NoReplace) == EEXIST && move("from2", "to", Whiteout) == 0 && is_whiteout("from2") && stat("to", &st) == 0 && st.st_size == 3);
  CHECK(move("to", "to2", Whiteout | NoReplace) == 0 && is_whiteout("to"));
  CHECK(move("to2", "to", 0) == 0 && stat("to", &st) == 0 && st.st_size == 3);  // a whiteout gives way like any name
  CHECK(link("to", "same") == 0 && move("to", "same", Whiteout) == 0 && stat("to", &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 2);
  // A directory; and one that holds a whiteout is not empty.
  CHECK(mkdir("tree", 0755) == 0 && mkdir("tree/below", 0755) == 0 && move("tree/below", "elsewhere", Whiteout) == 0 && is_whiteout("tree/below"));
  CHECK(stat("tree", &st) == 0 && st.st_nlink == 2 && rmdir("tree") == -1 && errno == ENOTEMPTY);
  DIR *d = opendir("tree");
  int seen = 0;
  for (struct dirent *e; (e = readdir(d));) seen += !strcmp(e->d_name, "below") && e->d_type == DT_CHR;
  closedir(d);
  CHECK(seen == 1 && unlink("tree/below") == 0 && rmdir("tree") == 0 && rmdir("elsewhere") == 0);
  in_child(without_privileges);
}

static int named(int fd, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) ? errno : linkat(fd, "", AT_FDCWD, name, AT_EMPTY_PATH) == -1 && errno == EEXIST ? 0 : -1;
}

static void files_without_a_name(void) {
  struct stat st;
  int fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
  CHECK(fd >= 0 && named(fd, "never") == ENOENT && linkat(fd, "", AT_FDCWD, "never", AT_EMPTY_PATH) == -1 && errno == ENOENT && named(fd, "plain") == EEXIST);
  close(fd);
  fd = open(".", O_TMPFILE | O_RDWR, 0600);
  CHECK(named(fd, "once") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1);
  CHECK(unlink("once") == 0 && named(fd, "again") == ENOENT);
  close(fd);
  CHECK(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600) == -1 && errno == EINVAL && open(".", O_TMPFILE | O_RDONLY, 0600) == -1 && errno == EINVAL);
  fd = file("removed", "x");
  CHECK(unlink("removed") == 0 && named(fd, "back") == ENOENT);
  close(fd);
  fd = memfd_create("memory", 0);
  CHECK(named(fd, "never") == EXDEV);
  close(fd);
}

// What /proc says of a descriptor, behind the path of the directory.
static const char *shown(const char *what, int number) {
  static char text[PATH_MAX];
  char path[64];
  snprintf(path, sizeof path, number < 0 ? "/proc/self/%s" : "/proc/self/%s/%d", what, number);
  ssize_t n = readlink(path, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  size_t length = strlen(here);
  return !strncmp(text, here, length) ? text + length : text;
}

static void names_of_removed_files(void) {
  char text[PATH_MAX * 2], path[64];
  int fd = file("gone", "still here"), other = file("over", "x"), at;
  CHECK(!strcmp(shown("fd", fd), "/gone") && rename("gone", "other-name") == 0 && !strcmp(shown("fd", fd), "/other-name"));
  close(file("new", "y"));
  CHECK(rename("new", "over") == 0 && !strcmp(shown("fd", other), "/over (deleted)"));
  char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  CHECK(unlink("other-name") == 0 && !strcmp(shown("fd", fd), "/other-name (deleted)") && map != MAP_FAILED);
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(text, sizeof text, maps)) found += strstr(text, "/other-name (deleted)\n") != NULL;
  fclose(maps);
  CHECK(found == 1);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  CHECK(readlink(path, text, 3) == 3 && !memcmp(text, here, 3));  // cut, as readlink(2) says
  at = open(path, O_RDONLY);
  if (bound) CHECK(at == -1 && errno == ESTALE && pread(fd, text, 10, 0) == 10);
  else CHECK(at >= 0 && read(at, text, 10) == 10);
  CHECK(!memcmp(text, "still here", 10));
  close(at), close(fd), close(other);
  // With its directory, and the directory itself.
  CHECK(mkdir("folder", 0755) == 0 && mkdir("folder/deep", 0755) == 0);
  fd = file("folder/deep/file", "x"), at = open("folder/deep", O_RDONLY | O_DIRECTORY);
  CHECK(unlink("folder/deep/file") == 0 && rmdir("folder/deep") == 0 && rmdir("folder") == 0);
  CHECK(!strcmp(shown("fd", fd), "/folder/deep/file (deleted)") && !strcmp(shown("fd", at), "/folder/deep (deleted)"));
  CHECK(fchdir(at) == 0 && getcwd(text, sizeof text) == NULL && errno == ENOENT && !strcmp(shown("cwd", -1), "/folder/deep (deleted)"));
  CHECK(way(at, "..", O_RDONLY, 0) == 0 && chdir(here) == 0);
  close(fd), close(at);
  fd = memfd_create("some name", 0);
  CHECK(!strcmp(shown("fd", fd), "/memfd:some name (deleted)"));
  close(fd);
  if (bound) return;
  fd = open(".", O_TMPFILE | O_RDWR, 0600);
  CHECK(!strncmp(shown("fd", fd), "/#", 2) && strstr(shown("fd", fd), " (deleted)"));
  close(fd);
}

static void what_a_directory_of_the_host_refuses(void) {
  struct stat st;
  close(file("a", "a")), close(file("b", "bb"));
  CHECK(move("a", "b", Whiteout) == EINVAL && move("a", "c", Whiteout | NoReplace) == EINVAL && stat("a", &st) == 0 && st.st_size == 1);
  // What the host's file system can do is up to it.
  int error = move("a", "b", NoReplace);
  CHECK((error == EEXIST || error == EINVAL) && stat("b", &st) == 0 && st.st_size == 2);
  error = move("a", "b", Exchange);
  CHECK(error == 0 || (error == EINVAL && stat("a", &st) == 0 && st.st_size == 1));
  CHECK(open(".", O_TMPFILE | O_RDWR, 0600) == -1 && errno == EOPNOTSUPP && open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600) == -1 && errno == EOPNOTSUPP);
  CHECK(mknod("node", S_IFCHR | 0600, 0) == -1 && errno == EPERM && mkfifo("fifo", 0600) == -1 && errno == EPERM);
  CHECK(link("a", "linked") == 0 && link("linked", "a") == -1 && errno == EEXIST && unlink("linked") == 0);
}

static void names_of_removed_files_for_their_watchers(void) {
  union { struct inotify_event event; char bytes[512]; } seen;
  int all = inotify_init1(IN_NONBLOCK), named_only = inotify_init1(IN_NONBLOCK), fd = file("watched", "x");
  CHECK(unlink("watched") == 0 && inotify_add_watch(all, ".", IN_MODIFY) > 0 && inotify_add_watch(named_only, ".", IN_MODIFY | IN_EXCL_UNLINK) > 0);
  CHECK(write(fd, "y", 1) == 1 && read(all, &seen, sizeof seen) > 0 && seen.event.mask == IN_MODIFY && !strcmp(seen.event.name, "watched"));
  CHECK(read(named_only, &seen, sizeof seen) == -1 && errno == EAGAIN);
  close(all), close(named_only), close(fd);
}

// Executes what `name` is at `at`; -errno, or what the script's interpreter, which is this program, saw as the script's name.
static int executed(int at, const char *name, int flags) {
  int status;
  fflush(stdout);
  pid_t pid = fork();
  if (!pid) {
    char expected[64];
    snprintf(expected, sizeof expected, *name ? "/dev/fd/%d/%s" : "/dev/fd/%d", at, name);
    setenv("EXPECTED", expected, 1);
    extern char **environ;
    syscall(SYS_execveat, at, name, (char *const[]){"zero", "one", NULL}, environ, flags);
    _exit(errno);
  }
  return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void scripts_through_descriptors(void) {
  char text[PATH_MAX + 32];
  snprintf(text, sizeof text, "#!%s --interprets\n", program);
  close(file("script", text));
  CHECK(chmod("script", 0755) == 0);
  int fd = open("script", O_RDONLY), at = open(".", O_RDONLY | O_DIRECTORY);
  CHECK(executed(fd, "", AT_EMPTY_PATH) == 200 && executed(at, "script", 0) == 200);
  CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(at, F_SETFD, FD_CLOEXEC) == 0);
  CHECK(executed(fd, "", AT_EMPTY_PATH) == ENOENT && executed(at, "script", 0) == ENOENT);
  close(fd);
  fd = open(program, O_RDONLY | O_CLOEXEC);
  CHECK(executed(fd, "", AT_EMPTY_PATH) == 201);  // a program needs no name
  close(fd), close(at);
}

// Each is found, and no other that is nearly the same, wherever in a word it begins and whatever lies around it.
static void names_of_every_length(void) {
  enum { Longest = 255 };
  char room[Longest + 32];
  CHECK(mkdir("lengths", 0755) == 0 && chdir("lengths") == 0);
  for (int length = 1; length <= Longest; length += length < 34 || length > Longest - 10 ? 1 : 9) {
    for (int at = 0; at < 8; at++) {
      struct stat found;
      memset(room, '#', sizeof room);
      char *name = room + 8 - (uintptr_t)room % 8 + at;
      for (int i = 0; i < length; i++) name[i] = (char)('a' + (i * 7 + length) % 26);
      name[length] = 0;
      if (at == 0) CHECK(close(open(name, O_CREAT | O_EXCL | O_WRONLY, 0600)) == 0);
      CHECK(stat(name, &found) == 0);
      name[length - 1] ^= 0x20;
      CHECK(stat(name, &found) < 0 && errno == ENOENT);
      name[length - 1] ^= 0x20;
      name[length / 2] ^= 0x80;
      CHECK(stat(name, &found) < 0 && errno == ENOENT);
      name[length / 2] ^= 0x80;
      if (length < Longest) {
        name[length] = '~', name[length + 1] = 0;
        CHECK(stat(name, &found) < 0 && errno == ENOENT);
        name[length] = 0;
      }
      if (at == 7) CHECK(unlink(name) == 0 && stat(name, &found) < 0 && errno == ENOENT);
    }
  }
  CHECK(chdir("..") == 0 && rmdir("lengths") == 0);
}

int main(int count, char **arguments) {
  if (count == 4 && !strcmp(arguments[1], "--interprets")) return strcmp(arguments[2], getenv("EXPECTED")) || strcmp(arguments[3], "one") ? 1 : 200;
  if (count == 2 && !strcmp(arguments[1], "one")) return 201;
  char directory[] = "/tmp/names-XXXXXX", self[PATH_MAX] = "";
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  program = self;
  bound = count > 2;
  CHECK(chdir(count > 1 ? arguments[1] : mkdtemp(directory)) == 0 && chmod(".", 0777) == 0 && getcwd(here, sizeof here));
  umask(022);
  what_openat2_takes();
  ways_that_stay_in_a_directory();
  ways_without_links();
  ways_within_a_mount();
  ways_that_ask_nobody();
  if (bound) {
    what_a_directory_of_the_host_refuses();
  } else {
    names_of_every_length();
    renames();
    between_mounts();
    whiteouts();
    files_without_a_name();
  }
  names_of_removed_files();
  names_of_removed_files_for_their_watchers();
  scripts_through_descriptors();
  printf("%d failures\n", failures);
  return failures != 0;
}
