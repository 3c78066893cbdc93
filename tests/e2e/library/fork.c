/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork PROGRAM SPINNER: makes PROGRAM's template, forks that three times, and prints what each fork has written. Then two of SPINNER,
 * which only compute, share the time until theirs is up.
 */
#include <penglai/penglai.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static penglai_handle *handle;

static int failed(const char *step) {
  fprintf(stderr, "%s: %s\n", step, penglai_error(handle));
  return 1;
}

int main(int argc, char **argv) {
  struct penglai_program program = {.path = argv[1]};
  penglai_instance *forks[3];
  uint64_t template_id;
  if (argc < 2 || penglai_open(3, &handle)) return failed("open");
  if (penglai_template_build(handle, &program, &template_id)) return failed("build");
  struct penglai_template before, after;
  if (penglai_template_inspect(handle, template_id, &before)) return failed("inspect");

  for (int i = 0; i < 3; ++i) {
    char number[2] = {(char)('0' + i), 0};
    const char *arguments[] = {"fork", "first", number, NULL};
    struct penglai_start start = {.template_id = template_id, .arguments = arguments};
    start.streams[1].kind = start.streams[2].kind = PENGLAI_MEMORY;
    if (penglai_start(handle, &start, &forks[i])) return failed("start");
  }
  for (int left = 3; left; --left) {
    penglai_instance *ended;
    struct penglai_end end;
    if (penglai_wait_any(handle, &ended, &end)) return failed("wait");
    if (end.status) {
      fprintf(stderr, "status %d: %s\n", end.status, end.message);
      return 1;
    }
  }
  for (int i = 0; i < 3; ++i) {
    size_t size;
    const char *text = penglai_output(forks[i], 1, &size);
    printf("%d: %.*s\n", i, (int)size, text);
  }
  if (penglai_template_inspect(handle, template_id, &after) || after.forks - before.forks != 3) return failed("forks are counted");
  if (!penglai_signal(handle, forks[0], SIGTERM)) return failed("one that has ended takes no signal");
  if (!penglai_template_inspect(handle, template_id + 1000, &after)) return failed("there is no such template");
  for (int i = 0; i < 3; ++i) penglai_free(handle, forks[i]);

  struct penglai_program spinner = {.path = argc > 2 ? argv[2] : "none"};
  const char *spin[] = {"spinner", "spin", NULL};
  for (int i = 0; i < 2; ++i) {
    struct penglai_start start = {.program = &spinner, .arguments = spin, .timeout_milliseconds = 300};
    start.streams[1].kind = PENGLAI_MEMORY;
    if (penglai_start(handle, &start, &forks[i])) return failed("start");
  }
  for (int i = 0; i < 2; ++i) {
    struct penglai_end end;
    size_t size;
    if (penglai_wait(handle, forks[i], &end)) return failed("wait");
    penglai_output(forks[i], 1, &size);
    if (end.status != PENGLAI_TIME_UP || !size) {
      fprintf(stderr, "a spinner ended with %d and wrote %zu bytes\n", end.status, size);
      return 1;
    }
  }
  /* One is left for penglai_close(). */
  penglai_free(handle, forks[1]);
  penglai_close(handle);
  return 0;
}
