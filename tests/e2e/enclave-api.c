/*
 * A host program that uses penglai-enclave.h as one would, and as one should not. Runs in the machine; argument: the companion program
 * (tests/programs/companion.c). A line for each check that fails, and the status says whether any did.
 */
#include <errno.h>
#include <penglai-enclave.h>
#include <sys/uio.h>

static int failures;
#define CHECK(holds) ((holds) ? 0 : (printf("enclave-api.c:%d: %s (errno %d)\n", __LINE__, #holds, errno), ++failures))

static struct elf_args elf;

static int readable(const void* address) {
  char byte;
  struct iovec local = {&byte, 1}, remote = {(void*)address, 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1;
}

static void name(struct PLenclave* enclave, const char* text) { strncpy(enclave->user_param.name, text, NAME_LEN); }

static void make(struct PLenclave* enclave, enclave_type_t type) {
  struct enclave_args args;
  enclave_args_init(&args);
  args.type = type;
  CHECK(PLenclave_init(enclave) == 0 && enclave->fd >= 0 && enclave->eid == -1);
  CHECK(PLenclave_create(enclave, &elf, &args) == 0 && enclave->eid > 0 && enclave->user_param.eid == (unsigned long)enclave->eid);
}

static void of_shadow(struct PLenclave* enclave, const struct PLenclave* shadow, const char* what) {
  CHECK(PLenclave_init(enclave) == 0);
  enclave->fd = shadow->fd;
  enclave->eid = shadow->eid;
  enclave->user_param.eid = shadow->eid;
  name(enclave, what);
}

static void ends_as_its_program_does(struct PLenclave* shadow) {
  struct PLenclave one;
  of_shadow(&one, shadow, "exit 7");
  CHECK(PLenclave_run(&one) == RETURN_USER_EXIT_ENCL && one.user_param.retval == 7);
  CHECK(one.user_param.isShadow == 1 && one.user_param.eid != (unsigned long)shadow->eid);
  CHECK(PLenclave_run(&one) == -1 && errno == ESRCH);
  CHECK(PLenclave_destroy(&one) == 0);
  of_shadow(&one, shadow, "abort");
  CHECK(PLenclave_run(&one) == 0 && one.user_param.retval == 128 + 6);
  of_shadow(&one, shadow, "nothing");
  CHECK(PLenclave_run(&one) == 0 && one.user_param.retval == 0);
}

static void hands_the_page_over(struct PLenclave* shadow, enclave_type_t type) {
  struct PLenclave one;
  if (type == SHADOW_ENCLAVE) {
    of_shadow(&one, shadow, "relay 3");
  } else {
    make(&one, type);
    name(&one, "relay 3");
  }
  int id = PLenclave_schrodinger_get(5000);
  volatile unsigned long* page = PLenclave_schrodinger_at(id, NULL);
  CHECK(id > 0 && (void*)page != (void*)-1 && *page == 0);
  CHECK(PLenclave_schrodinger_dt(id, NULL) == -1 && errno == EINVAL);
  CHECK(PLenclave_shmat(id, NULL) == (void*)-1); /* that is another kind */
  PLenclave_set_mem_arg(&one, id, 0, 5000);
  for (unsigned long turn = 1; turn <= 3; turn++) {
    CHECK(PLenclave_run(&one) == RETURN_USER_RELAY_PAGE);
    CHECK(*page == 11 * turn - 10);
    CHECK(PLenclave_attest(&one, turn) == 0 && one.attest_param.report.enclave.nonce == turn);
    if (type == SHADOW_ENCLAVE) /* the same measurement, another id */
      CHECK(!memcmp(one.attest_param.report.enclave.hash, shadow->attest_param.report.enclave.hash, HASH_SIZE) &&
            one.attest_param.eid != shadow->eid && one.attest_param.isShadow == 1 && shadow->attest_param.isShadow == 0);
    else
      CHECK(memcmp(one.attest_param.report.enclave.hash, shadow->attest_param.report.enclave.hash, HASH_SIZE));
    *page += 10;
    PLenclave_set_rerun_arg(&one, RETURN_USER_RELAY_PAGE);
  }
  CHECK(PLenclave_schrodinger_ctl(id) == 0 && PLenclave_schrodinger_ctl(id) == -1);
  CHECK(PLenclave_run(&one) == 0 && one.user_param.retval == 33);
}

static void* runs(void* enclave) { return (void*)(long)(PLenclave_run(enclave) == -1 ? errno : 0); }

static void is_stopped_and_destroyed(struct PLenclave* shadow) {
  int shared = PLenclave_shmget(16384), relay = PLenclave_schrodinger_get(4096);
  volatile unsigned long* counter = PLenclave_shmat(shared, NULL);
  char* page = PLenclave_schrodinger_at(relay, NULL);
  struct PLenclave one;
  of_shadow(&one, shadow, "count");
  PLenclave_set_shm(&one, shared, 0, 16384);
  PLenclave_set_mem_arg(&one, relay, 0, 4096);
  CHECK(readable(page));
  pthread_t thread;
  pthread_create(&thread, NULL, runs, &one);
  while (!*counter) usleep(1000);
  CHECK(!readable(page)); /* the instance's now */
  CHECK(PLenclave_stop(&one) == 0);
  unsigned long stopped_at = *counter;
  usleep(50000);
  CHECK(*counter == stopped_at && !readable(page));
  CHECK(PLenclave_run(&one) == -1 && errno == EBUSY);
  CHECK(PLenclave_resume(&one) == 0);
  for (int i = 0; i < 10000 && *counter == stopped_at; i++) usleep(1000);
  CHECK(*counter > stopped_at);
  CHECK(PLenclave_destroy(&one) == 0);
  void* error;
  pthread_join(thread, &error);
  CHECK((long)error == ECANCELED);
  CHECK(readable(page));
  CHECK(PLenclave_shmctl(shared) == 0 && PLenclave_schrodinger_ctl(relay) == 0);
}

static void has_files_for_its_memory(struct PLenclave* shadow) {
  int shared = PLenclave_shmget(16384), relay = PLenclave_schrodinger_get(4096);
  unsigned long* page = PLenclave_schrodinger_at(relay, NULL);
  struct PLenclave one;
  of_shadow(&one, shadow, "early");
  PLenclave_set_shm(&one, shared, 8192, 8192);
  PLenclave_set_mem_arg(&one, relay, 0, 4096);
  CHECK(PLenclave_run(&one) == RETURN_USER_RELAY_PAGE);
  CHECK(((unsigned long*)PLenclave_shmat(shared, NULL))[1024 + 1] == 5 && page[2] == 11);
  page[2]++;
  PLenclave_set_rerun_arg(&one, RETURN_USER_RELAY_PAGE);
  CHECK(PLenclave_run(&one) == 0 && one.user_param.retval == 0);
  CHECK(PLenclave_shmctl(shared) == 0 && PLenclave_schrodinger_ctl(relay) == 0);
}

static void refuses(struct PLenclave* shadow) {
  struct PLenclave one;
  struct enclave_args args;
  enclave_args_init(&args);
  CHECK(args.type == NORMAL_ENCLAVE && args.stack_size == DEFAULT_STACK_SIZE && args.shmid <= 0);
  PLenclave_init(&one);
  args.type = SERVER_ENCLAVE;
  CHECK(PLenclave_create(&one, &elf, &args) == -1 && errno == ENOTSUP);
  args.type = SHADOW_ENCLAVE;
  args.shmid = 12345;
  CHECK(PLenclave_create(&one, &elf, &args) == -1 && errno == EINVAL);
  CHECK(PLenclave_run(&one) == -1 && errno == ESRCH);
  CHECK(PLenclave_attest(&one, 1) == -1 && PLenclave_stop(&one) == -1 && PLenclave_resume(&one) == -1 && PLenclave_destroy(&one) == -1);
  CHECK(PLenclave_shmget(0) == -1 && PLenclave_shmget(4 << 20) == -1);
  int shared = PLenclave_shmget(8192);
  of_shadow(&one, shadow, "nothing");
  for (int i = 0; i < 3; i++) {
    const unsigned long wrong[][2] = {{4096, 8192}, {100, 4096}, {8192, 4096}};
    PLenclave_set_shm(&one, shared, wrong[i][0], wrong[i][1]);
    CHECK(PLenclave_run(&one) == -1 && errno == EINVAL);
  }
  PLenclave_set_shm(&one, 0, 0, 0);
  CHECK(PLenclave_run(&one) == 0 && one.user_param.retval == 0);
  CHECK(PLenclave_shmctl(shared) == 0);
  char bytes[] = "not an ELF file";
  struct elf_args text = {-1, sizeof bytes, bytes};
  args.shmid = 0;
  CHECK(!elf_valid(&text));
  CHECK(PLenclave_create(&one, &text, &args) == -1 && errno == ENOEXEC);
  CHECK(elf_args_init(&text, "/nonexistent") == -1 && errno == ENOENT);
}

int main(int argc, char** argv) {
  if (argc != 2 || elf_args_init(&elf, argv[1]) < 0 || !elf_valid(&elf)) return 2;
  struct PLenclave shadow;
  make(&shadow, SHADOW_ENCLAVE);
  static const unsigned char zero[160];
  CHECK(PLenclave_attest(&shadow, 42) == 0);
  const struct report_t* report = &shadow.attest_param.report;
  CHECK(report->enclave.nonce == 42 && memcmp(report->enclave.hash, zero, HASH_SIZE));
  CHECK(!memcmp(&report->sm, zero, sizeof report->sm) && !memcmp(report->enclave.signature, zero, SIGNATURE_SIZE));

  ends_as_its_program_does(&shadow);
  hands_the_page_over(&shadow, SHADOW_ENCLAVE);
  hands_the_page_over(&shadow, NORMAL_ENCLAVE);
  has_files_for_its_memory(&shadow);
  is_stopped_and_destroyed(&shadow);
  refuses(&shadow);

  CHECK(PLenclave_destruct(&shadow) == 0);
  CHECK(PLenclave_destroy(&shadow) == 0);
  CHECK(PLenclave_run(&shadow) == -1 && errno == ESRCH);
  CHECK(elf_args_destroy(&elf) == 0);
  /* nothing of the device is left open */
  for (int file = 3; file < 64; file++) {
    char link[64], target[128];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, target, sizeof target - 1);
    CHECK(length < 0 || !memmem(target, length, "penglai", 7));
  }
  printf("enclave-api: %d failures\n", failures);
  return failures != 0;
}
