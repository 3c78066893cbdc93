// SPDX-License-Identifier: BSD-2-Clause
// Files below /tmp, which is a tmpfs on both sides.
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"

#define TOP "/tmp/bench-calls"
#define FOLDER TOP "/folder"
#define FILE_NAME FOLDER "/file"

enum { FileBytes = 1 << 20 };
static _Alignas(16) char content[FileBytes], got[FileBytes];  // as malloc would align them

static int file = -1;

static void make_file(void) {
  if (mkdir(TOP, 0755) || mkdir(FOLDER, 0755)) die(FOLDER);
  file = open(FILE_NAME, O_RDWR | O_CREAT | O_EXCL, 0644);
  if (file < 0) die(FILE_NAME);
  for (size_t i = 0; i < FileBytes; ++i) content[i] = (char)(i * 2654435761u >> 24);
  if (write(file, content, FileBytes) != FileBytes) die("write");
  memset(got, 0, FileBytes);
}

static void drop_file(void) {
  if (close(file) || unlink(FILE_NAME) || rmdir(FOLDER) || rmdir(TOP)) die(FILE_NAME);
}

static void open_close(long n) {
  while (n--) {
    int opened = open(FILE_NAME, O_RDONLY);
    if (opened < 0 || close(opened)) die("open");
  }
}

static void status(long n) {
  struct stat about;
  while (n--)
    if (stat(FILE_NAME, &about) || about.st_size != FileBytes) die("stat");
}

static void read_all(long n) {
  while (n--)
    if (pread(file, got, FileBytes, 0) != FileBytes) die("pread");
}

static void check_and_drop_file(void) {
  if (memcmp(content, got, FileBytes)) {
    fprintf(stderr, "%s: what was read is not what was written\n", FILE_NAME);
    exit(1);
  }
  drop_file();
}

const struct operation file_operations[] = {
    {"open_close", open_close, 200, make_file, drop_file},
    {"stat", status, 200, make_file, drop_file},
    {"tmpfs_read_1m", read_all, 4, make_file, check_and_drop_file},
    {0},
};
