// SPDX-License-Identifier: BSD-2-Clause
// Comes to its shadow point with what cannot be carried, or having asked the host for something: which, its argument says.
#include <fcntl.h>
#include <penglai/shadow.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static void *reach(void *unused) {
  pl_shadow_point();
  return unused;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  char byte;
  if (!strcmp(what, "child")) {
    if (fork() == 0)
      for (;;) pause();
  } else if (!strcmp(what, "thread")) {
    pthread_t thread;
    pthread_create(&thread, NULL, reach, NULL);
    pthread_join(thread, NULL);
  } else if (!strcmp(what, "execve")) {
    if (argc == 2) execl("/proc/self/exe", argv[0], "execve", "again", NULL);
  } else if (!strcmp(what, "input")) {
    if (read(0, &byte, 1) < 0) perror("read");
  } else if (!strcmp(what, "mount")) {
    if (open("/mounted/file", O_RDONLY) < 0) perror("open");
  } else if (!strcmp(what, "end")) {
    return 7;
  } else if (!strcmp(what, "ended-child")) {  // this one can be carried
    if (fork() == 0) _exit(3);
    sleep(1);
  }
  pl_shadow_point();
  if (!strcmp(what, "input")) printf("%zd\n", read(0, &byte, 1));
  if (!strcmp(what, "mount")) printf("%d\n", open("/mounted/file", O_RDONLY) >= 0);
  if (!strcmp(what, "ended-child")) {
    int status = 0;
    wait(&status);
    printf("%d\n", WEXITSTATUS(status));
  }
  return 0;
}
