/*
 * The enclave of tests/e2e/enclave-api.c: does what its name (PENGLAI_NAME) says.
 *   exit N, abort       ends so
 *   count               counts in the first word of the shared memory for ever
 *   relay N             hands the relay page back N times, with its first word one more each time, then exits with it
 *   nothing             checks that it was given no memory
 *   early               touches the relay page's mapping in a second process, too, and reads and writes both files
 */
#include <errno.h>
#include <fcntl.h>
#include <penglai/relay.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int relay_file;

static volatile uint64_t* map(const char* path, int* file) {
  struct stat status;
  *file = open(path, O_RDWR);
  if (*file < 0 || fstat(*file, &status)) _exit(90);
  void* mapped = mmap(0, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
  if (mapped == MAP_FAILED) _exit(91);
  return mapped;
}

static int both_files(void) {
  int file;
  volatile uint64_t* shared = map(PENGLAI_SHARED, &file);
  volatile uint64_t* relay = map(PENGLAI_RELAY, &relay_file);
  uint64_t word = 5, got = 0;
  if (pwrite(file, &word, 8, 8) != 8 || shared[1] != 5) return 1;
  relay[1] = 6;
  if (pread(relay_file, &got, 8, 8) != 8 || got != 6) return 2;
  pid_t child = fork();
  if (child == 0) {
    relay[2] = shared[1] + relay[1];
    _exit(0);
  }
  if (waitpid(child, 0, 0) != child || relay[2] != 11) return 3;
  if (mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0) != MAP_FAILED || errno != EACCES) return 4;
  if (ioctl(file, PENGLAI_RELAY_RETURN) != -1 || errno != ENOTTY) return 5;
  if (penglai_relay_return(relay_file) || relay[2] != 12) return 6;
  return 0;
}

int main(void) {
  const char* name = getenv("PENGLAI_NAME");
  if (!name) return 99;
  if (!strncmp(name, "exit ", 5)) return atoi(name + 5);
  if (!strcmp(name, "abort")) abort();
  if (!strcmp(name, "nothing"))
    return open(PENGLAI_SHARED, O_RDWR) >= 0 || errno != ENXIO || open(PENGLAI_RELAY, O_RDWR) >= 0 || errno != ENXIO;
  if (!strcmp(name, "early")) return both_files();
  if (!strcmp(name, "count")) {
    int file;
    volatile uint64_t* shared = map(PENGLAI_SHARED, &file);
    for (;;) ++*shared;
  }
  if (!strncmp(name, "relay ", 6)) {
    volatile uint64_t* relay = map(PENGLAI_RELAY, &relay_file);
    for (int left = atoi(name + 6); left; left--) {
      ++*relay;
      if (penglai_relay_return(relay_file)) return 92;
    }
    return (int)*relay;
  }
  return 98;
}
