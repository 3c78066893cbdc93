// SPDX-License-Identifier: BSD-2-Clause
//
// fork-host PROGRAM [N]: makes a shadow of PROGRAM, forks N instances of it (1 by default) in as many threads, with memory that all of
// them share and a relay page for each, and takes it all away again. Every step of penglai-enclave.h, in order.
#include <errno.h>
#include <penglai-enclave.h>

enum { SHARED_SIZE = 16 * 1024, RELAY_SIZE = 4 * 1024, MAX_INSTANCES = 64 };

struct work {
  struct PLenclave* shadow;
  int shared, number;
  int failed;
};

static void complain(const char* step) { fprintf(stderr, "fork-host: %s: %s\n", step, strerror(errno)); }

// One instance, from its fork to its end.
static int run(struct work* work) {
  struct PLenclave* enclave = malloc(sizeof *enclave);
  if (!enclave) return -1;
  int result = -1;
  if (PLenclave_init(enclave) < 0) {
    complain("PLenclave_init");
    goto free_enclave;
  }
  enclave->fd = work->shadow->fd;
  enclave->eid = work->shadow->eid;
  enclave->user_param.eid = (unsigned long)work->shadow->eid;
  PLenclave_set_shm(enclave, work->shared, 0, SHARED_SIZE);
  snprintf(enclave->user_param.name, NAME_LEN, "instance-%d", work->number);

  int relay = PLenclave_schrodinger_get(RELAY_SIZE);
  char* page = relay < 0 ? (void*)-1 : PLenclave_schrodinger_at(relay, NULL);
  if (page == (void*)-1) {
    complain("relay page");
    goto free_enclave;
  }
  snprintf(page, RELAY_SIZE, "question %d", work->number);

  if (PLenclave_attest(enclave, 0) < 0) {
    complain("PLenclave_attest");
    goto free_relay;
  }
  char hash[2 * HASH_SIZE + 1];
  for (int i = 0; i < HASH_SIZE; i++) sprintf(hash + 2 * i, "%02x", enclave->attest_param.report.enclave.hash[i]);
  printf("host: shadow of instance %d measured %.16s..., unsigned: no device identity yet\n", work->number, hash);

  PLenclave_set_mem_arg(enclave, relay, 0, RELAY_SIZE);
  // While the instance runs, the page is its own: only when run has returned may it be looked at.
  while ((result = PLenclave_run(enclave)) == RETURN_USER_RELAY_PAGE) {
    printf("host: instance %d handed the page back: \"%.64s\"\n", work->number, page);
    snprintf(page, RELAY_SIZE, "thanks %d", work->number);
    PLenclave_set_rerun_arg(enclave, RETURN_USER_RELAY_PAGE);
  }
  if (result < 0) complain("PLenclave_run");
  if (result == 0 && enclave->user_param.retval != 0) {
    fprintf(stderr, "fork-host: instance %d ended with status %lu\n", work->number, enclave->user_param.retval);
    result = -1;
  }
free_relay:
  PLenclave_schrodinger_dt(relay, page);
  PLenclave_schrodinger_ctl(relay);
free_enclave:
  free(enclave);
  return result;
}

static void* instance(void* argument) {
  struct work* work = argument;
  work->failed = run(work) != 0;
  return NULL;
}

int main(int argc, char** argv) {
  int count = argc > 2 ? atoi(argv[2]) : 1;
  if (argc < 2 || argc > 3 || count < 1 || count > MAX_INSTANCES) {
    fprintf(stderr, "usage: fork-host PROGRAM [INSTANCES]   (1 to %d)\n", MAX_INSTANCES);
    return 2;
  }
  struct elf_args elf;
  if (elf_args_init(&elf, argv[1]) < 0) {
    complain(argv[1]);
    return 1;
  }
  if (!elf_valid(&elf)) {
    fprintf(stderr, "fork-host: %s: not a static riscv64 program\n", argv[1]);
    return 1;
  }

  struct PLenclave shadow;
  if (PLenclave_init(&shadow) < 0) {
    complain("/dev/penglai_enclave_dev (has install.sh been run? is this user in its group?)");
    return 1;
  }
  int status = 1;
  int shared = PLenclave_shmget(SHARED_SIZE);
  unsigned char* memory = shared < 0 ? (void*)-1 : PLenclave_shmat(shared, NULL);
  if (memory == (void*)-1) {
    complain("shared memory");
    PLenclave_destruct(&shadow);
    return 1;
  }

  struct enclave_args args;
  enclave_args_init(&args);
  args.type = SHADOW_ENCLAVE;
  args.shmid = shared;
  args.shm_offset = 0;
  args.shm_size = SHARED_SIZE;
  if (PLenclave_create(&shadow, &elf, &args) < 0) {
    complain("PLenclave_create");
    PLenclave_destruct(&shadow);
    goto free_shared;
  }
  printf("host: shadow %#x\n", (unsigned)shadow.eid);
  fflush(stdout);

  pthread_t threads[MAX_INSTANCES];
  struct work works[MAX_INSTANCES];
  int started = 0;
  status = 0;
  for (; started < count; started++) {
    works[started] = (struct work){.shadow = &shadow, .shared = shared, .number = started};
    if (pthread_create(&threads[started], NULL, instance, &works[started])) break;
  }
  if (started < count) status = 1;
  for (int i = 0; i < started; i++) {
    pthread_join(threads[i], NULL);
    status |= works[i].failed;
    printf("host: instance %d left %d in the shared memory\n", i, memory[i]);
  }
  // In this order on purpose: a descriptor closed first loses nothing.
  PLenclave_destruct(&shadow);
  if (PLenclave_destroy(&shadow) < 0) {
    complain("PLenclave_destroy");
    status = 1;
  }
  printf("host: shadow %#x destroyed\n", (unsigned)shadow.eid);
free_shared:
  PLenclave_shmdt(shared, memory);
  PLenclave_shmctl(shared);
  elf_args_destroy(&elf);
  return status;
}
