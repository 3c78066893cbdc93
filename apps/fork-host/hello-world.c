// SPDX-License-Identifier: BSD-2-Clause
//
// What fork-host forks: an ordinary program. It shows that stack and heap are its own, reads the question that its host has left in the
// relay page, leaves a number in the shared memory, and hands the page back with an answer.
#include <errno.h>
#include <fcntl.h>
#include <penglai/relay.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// The whole file, mapped; its size in *size. Null, and a line on standard error, if there is none.
static char* map(const char* path, int* file, size_t* size) {
  struct stat status;
  *file = open(path, O_RDWR | O_CLOEXEC);
  if (*file < 0 || fstat(*file, &status) < 0) {
    fprintf(stderr, "hello-world: %s: %s\n", path, strerror(errno));
    return NULL;
  }
  *size = (size_t)status.st_size;
  void* mapped = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
  if (mapped == MAP_FAILED) {
    fprintf(stderr, "hello-world: %s: %s\n", path, strerror(errno));
    return NULL;
  }
  return mapped;
}

int main(void) {
  const char* name = getenv("PENGLAI_NAME");
  if (!name) name = "nameless";
  int relay_file, shared_file;
  size_t relay_size, shared_size;
  char* shared = map(PENGLAI_SHARED, &shared_file, &shared_size);
  char* relay = map(PENGLAI_RELAY, &relay_file, &relay_size);
  if (!shared || !relay) return 1;

  // Memory of the host: copied out, then looked at.
  char question[64];
  memcpy(question, relay, sizeof question - 1);
  question[sizeof question - 1] = '\0';
  unsigned number;
  if (sscanf(question, "question %u", &number) != 1 || number >= shared_size) {
    fprintf(stderr, "hello-world: %s: the host asks \"%s\"\n", name, question);
    return 1;
  }

  // Each instance writes its own number over its stack and heap, and finds nobody else's there.
  volatile unsigned on_stack[256];
  unsigned* on_heap = malloc(256 * sizeof *on_heap);
  if (!on_heap) return 1;
  for (int i = 0; i < 256; i++) on_stack[i] = on_heap[i] = number;
  int own = 1;
  for (int i = 0; i < 256; i++) own &= on_stack[i] == number && on_heap[i] == number;
  printf("Hello world from %s: asked \"%s\", stack at %p, heap at %p, %s\n", name, question, (void*)on_stack, (void*)on_heap,
         own ? "both its own" : "NOT ITS OWN");
  fflush(stdout);
  shared[number] = (char)(100 + number);

  snprintf(relay, relay_size, "answer %u", number);
  if (penglai_relay_return(relay_file) < 0) {
    fprintf(stderr, "hello-world: relay: %s\n", strerror(errno));
    return 1;
  }
  char thanks[64];
  memcpy(thanks, relay, sizeof thanks - 1);
  thanks[sizeof thanks - 1] = '\0';
  for (int i = 0; i < 256; i++) own &= on_stack[i] == number && on_heap[i] == number;
  printf("%s: the host says \"%s\"\n", name, thanks);
  free(on_heap);
  return own && !strncmp(thanks, "thanks", 6) ? 0 : 1;
}
