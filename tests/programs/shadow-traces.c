// SPDX-License-Identifier: BSD-2-Clause
// Leaves something in every place that the libOS hands out and takes back, forgets its own copies, and freezes.
#include <fcntl.h>
#include <penglai/shadow.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "shadow-traces.h"

static char kept[TRACE_BYTES + 1];

static void forget(volatile char *text, size_t bytes) {
  while (bytes--) *text++ = 0;
}

// A text at `which`'s turn, and once more wherever the system puts it.
static void on_own_stack(enum trace which) {
  char copies[8][TRACE_BYTES + 1];
  for (int i = 0; i < 8; ++i) make_trace(which, copies[i]);
}

static void *in_thread(void *unused) {
  on_own_stack(TRACE_THREAD);
  return unused;
}

static void files(char *text, char *back) {
  char name[64] = "/tmp/";
  make_trace(TRACE_FILE, text);
  int fd = open("/tmp/traces", O_RDWR | O_CREAT, 0600);
  for (int i = 0; i < 300; ++i) CHECK(write(fd, text, TRACE_BYTES) == TRACE_BYTES);
  CHECK(close(fd) == 0 && unlink("/tmp/traces") == 0);
  make_trace(TRACE_NAME, name + 5);
  CHECK(close(open(name, O_CREAT | O_RDWR, 0600)) == 0 && unlink(name) == 0);
  make_trace(TRACE_LINK, text);
  CHECK(symlink(text, "/tmp/link") == 0 && readlink("/tmp/link", back, TRACE_BYTES) == TRACE_BYTES && unlink("/tmp/link") == 0);
  forget(name, sizeof name);
}

static void messages(char *text, char *back) {
  int ends[2];
  make_trace(TRACE_PIPE, text);
  CHECK(pipe(ends) == 0);
  for (int i = 0; i < 200; ++i) CHECK(write(ends[1], text, TRACE_BYTES) == TRACE_BYTES);
  for (int i = 0; i < 200; ++i) CHECK(read(ends[0], back, TRACE_BYTES) == TRACE_BYTES);
  close(ends[0]), close(ends[1]);
  make_trace(TRACE_SOCKET, text);
  for (int type = SOCK_STREAM; type <= SOCK_DGRAM; ++type) {
    CHECK(socketpair(AF_UNIX, type, 0, ends) == 0 && write(ends[0], text, TRACE_BYTES) == TRACE_BYTES);
    CHECK(read(ends[1], back, TRACE_BYTES) == TRACE_BYTES);
    close(ends[0]), close(ends[1]);
  }
  struct {
    long type;
    char text[TRACE_BYTES + 1];
  } message = {.type = 1};
  int queue = msgget(IPC_PRIVATE, 0600);
  make_trace(TRACE_QUEUE, message.text);
  CHECK(msgsnd(queue, &message, TRACE_BYTES, 0) == 0 && msgrcv(queue, &message, TRACE_BYTES, 0, 0) == TRACE_BYTES && msgctl(queue, IPC_RMID, NULL) == 0);
  forget(message.text, sizeof message.text);
}

static void processes(void) {
  int status;
  pid_t child = fork();
  if (child == 0) {
    char argument[TRACE_BYTES + 1], variable[TRACE_BYTES + 8] = "TRACE=";
    char *memory = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i + TRACE_BYTES + 1 < 1 << 16; i += 64) make_trace(TRACE_CHILD, memory + i);
    on_own_stack(TRACE_CHILD);
    make_trace(TRACE_ARGUMENT, argument);
    make_trace(TRACE_VARIABLE, variable + 6);
    execve("/proc/self/exe", (char *[]){"child", argument, NULL}, (char *[]){variable, NULL});
    _exit(1);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
  (void)argv;
  char text[TRACE_BYTES + 1], back[TRACE_BYTES + 1];
  pthread_t thread;
  if (argc > 1) return 0;
  make_trace(TRACE_KEPT, kept);
  char *mapping = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i + TRACE_BYTES + 1 < 1 << 16; i += 64) make_trace(TRACE_MAPPING, mapping + i);
  CHECK(munmap(mapping, 1 << 16) == 0);
  files(text, back);
  messages(text, back);
  processes();
  CHECK(pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
  forget(text, sizeof text);
  forget(back, sizeof back);
  CHECK(pl_shadow_point() == 1);
  return failures ? 1 : kept[0] == 0;
}
