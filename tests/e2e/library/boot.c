/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * boot IMAGE: one template of a root image, whose forks are told their programs: busybox's `cat` twice, a path that is not there, and one
 * that reads its input. Prints what they have written.
 */
#include <penglai/penglai.h>
#include <stdio.h>
#include <string.h>

static penglai_handle *handle;

static int failed(const char *step) {
  fprintf(stderr, "%s: %s\n", step, penglai_error(handle));
  return 1;
}

/* The status of `path` in a fork of the image's template; its output goes to standard output. */
static int run(const char *image, const char *path, const char *const *arguments, const char *input) {
  struct penglai_program program = {.path = path, .rootfs = image, .point = PENGLAI_BOOT};
  struct penglai_start start = {.program = &program, .arguments = arguments, .directory = "/etc", .user = 5};
  struct penglai_end end;
  penglai_instance *instance;
  size_t size;
  start.streams[0] = (struct penglai_stream){.kind = input ? PENGLAI_MEMORY : PENGLAI_NOTHING, .data = input, .size = input ? strlen(input) : 0};
  start.streams[1].kind = start.streams[2].kind = PENGLAI_MEMORY;
  if (penglai_start(handle, &start, &instance)) return -failed("start");
  if (penglai_wait(handle, instance, &end)) return -failed("wait");
  const char *text = penglai_output(instance, 1, &size);
  printf("%.*s", (int)size, text);
  penglai_free(handle, instance);
  return end.status;
}

int main(int argc, char **argv) {
  if (argc < 2 || penglai_open(2, &handle)) return failed("open");
  struct penglai_program any = {.rootfs = argv[1], .point = PENGLAI_BOOT};
  struct penglai_template before, after;
  uint64_t id, again;
  if (penglai_template_build(handle, &any, &id) || penglai_template_inspect(handle, id, &before)) return failed("build");
  if (!before.program_chosen) return failed("a template at boot says so");

  const char *cat[] = {"cat", "motd", NULL}, *shell[] = {"sh", "-c", "read line; id -u; pwd; echo $line; exit 7", NULL}, *none[] = {"none", NULL};
  if (run(argv[1], "cat", cat, NULL) || run(argv[1], "/bin/cat", cat, NULL)) return failed("cat");
  if (run(argv[1], "sh", shell, "a line\n") != 7) return failed("sh");
  if (run(argv[1], "/bin/none", none, NULL) != PENGLAI_NOT_FOUND) return failed("none");
  if (penglai_template_build(handle, &any, &again) || again != id) return failed("the template is found again");
  if (penglai_template_inspect(handle, id, &after) || after.forks - before.forks != 4) return failed("forks are counted");

  /* Who has only its number cannot say which program. */
  struct penglai_start by_number = {.template_id = id};
  penglai_instance *instance;
  if (!penglai_start(handle, &by_number, &instance)) return failed("a program is missing");

  const char *const some[] = {"/etc", NULL}, *const missing[] = {"/nowhere", NULL};
  struct penglai_program chosen = any;
  chosen.prefetch = some;
  if (penglai_template_build(handle, &chosen, &again) || again == id) return failed("what is prefetched decides the template");
  chosen.prefetch = missing;
  if (penglai_template_build(handle, &chosen, &again) != PENGLAI_FAILED || !strstr(penglai_error(handle), "/nowhere")) return failed("a path that is not there is named");
  penglai_close(handle);
  return 0;
}
