// SPDX-License-Identifier: BSD-2-Clause
// System V's shared memory, semaphores and message queues, POSIX ones. Exits with 0 when everything is as Linux has it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

union semun { int val; struct semid_ds *buf; unsigned short *array; };

static int child_status(pid_t child) {
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

static void segments_are_shared(void) {
  key_t key = 0x5e60000 + getpid();
  int id = shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0600);
  CHECK(id >= 0);
  CHECK(shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0600) == -1 && errno == EEXIST);
  CHECK(shmget(key, 0, 0) == id);
  CHECK(shmget(key, 20000, 0) == -1 && errno == EINVAL);
  CHECK(shmget(key + 1, 1, 0) == -1 && errno == ENOENT);
  CHECK(shmget(IPC_PRIVATE, 0, IPC_CREAT) == -1 && errno == EINVAL);
  char *memory = shmat(id, NULL, 0);
  CHECK(memory != (void *)-1 && memory[0] == 0 && memory[9999] == 0);
  struct shmid_ds ds;
  CHECK(shmctl(id, IPC_STAT, &ds) == 0 && ds.shm_segsz == 10000 && ds.shm_nattch == 1 && ds.shm_cpid == getpid() && (ds.shm_perm.mode & 0777) == 0600);
  pid_t child = fork();
  if (!child) {
    struct shmid_ds seen;
    int bad = shmctl(id, IPC_STAT, &seen) != 0 || seen.shm_nattch != 2;
    strcpy(memory + 5000, "from the child");
    char *again = shmat(id, NULL, SHM_RDONLY);
    bad |= again == (void *)-1 || strcmp(again + 5000, "from the child") != 0;
    bad |= shmdt(again) != 0 || (shmdt(again) != -1 || errno != EINVAL);
    _exit(bad);
  }
  CHECK(child_status(child) == 0);
  CHECK(strcmp(memory + 5000, "from the child") == 0);
  CHECK(shmctl(id, IPC_STAT, &ds) == 0 && ds.shm_nattch == 1);
  ds.shm_perm.mode = 0640;
  CHECK(shmctl(id, IPC_SET, &ds) == 0);
  // Removed, it lives on as long as it is mapped.
  CHECK(shmctl(id, IPC_RMID, NULL) == 0);
  CHECK(shmget(key, 0, 0) == -1 && errno == ENOENT);
  CHECK(shmctl(id, IPC_STAT, &ds) == 0 && ds.shm_perm.mode & 01000);
  memory[1] = 'x';
  char *second = shmat(id, NULL, 0);
  CHECK(second != (void *)-1 && second[1] == 'x');
  CHECK(shmdt(second) == 0 && shmdt(memory) == 0);
  CHECK(shmat(id, NULL, 0) == (void *)-1 && (errno == EINVAL || errno == EIDRM));
  CHECK(shmdt((void *)0x10001) == -1 && errno == EINVAL);
}

static void semaphores_change_together(void) {
  int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
  CHECK(id >= 0);
  CHECK(semctl(id, 0, GETVAL) == 0);
  unsigned short values[3] = {1, 0, 5}, got[3];
  CHECK(semctl(id, 0, SETALL, (union semun){.array = values}) == 0);
  CHECK(semctl(id, 0, GETALL, (union semun){.array = got}) == 0 && !memcmp(values, got, sizeof got));
  struct sembuf both[2] = {{0, -1, IPC_NOWAIT}, {1, -1, IPC_NOWAIT}};
  CHECK(semop(id, both, 2) == -1 && errno == EAGAIN && semctl(id, 0, GETVAL) == 1);
  pid_t child = fork();
  if (!child) {
    struct sembuf take[2] = {{0, -1, 0}, {1, -1, 0}}, undo = {2, -3, SEM_UNDO};
    _exit(semop(id, take, 2) != 0 || semop(id, &undo, 1) != 0);
  }
  while (semctl(id, 1, GETNCNT) != 1) usleep(1000);
  struct sembuf give = {1, 1, 0};
  CHECK(semop(id, &give, 1) == 0);
  CHECK(child_status(child) == 0);
  CHECK(semctl(id, 0, GETVAL) == 0 && semctl(id, 1, GETVAL) == 0 && semctl(id, 2, GETVAL) == 5);
  CHECK(semctl(id, 0, GETPID) == child);
  struct sembuf zero = {2, 0, 0};
  struct timespec soon = {0, 20000000};
  CHECK(semtimedop(id, &zero, 1, &soon) == -1 && errno == EAGAIN);
  CHECK(semctl(id, 0, SETVAL, (union semun){.val = 40000}) == -1 && errno == ERANGE);
  struct sembuf far = {9, 1, 0};
  CHECK(semop(id, &far, 1) == -1 && errno == EFBIG);
  struct sembuf much = {0, 32767, 0};
  CHECK(semop(id, &much, 1) == 0);
  much.sem_op = 1;
  CHECK(semop(id, &much, 1) == -1 && errno == ERANGE);
  struct semid_ds ds;
  CHECK(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}) == 0 && ds.sem_nsems == 3 && ds.sem_otime != 0);
  child = fork();
  if (!child) {
    struct sembuf wait = {1, -1, 0};
    _exit(semop(id, &wait, 1) == -1 && errno == EIDRM ? 0 : 1);
  }
  while (semctl(id, 1, GETNCNT) != 1) usleep(1000);
  CHECK(semctl(id, 0, IPC_RMID) == 0);
  CHECK(child_status(child) == 0);
  CHECK(semctl(id, 0, GETVAL) == -1 && (errno == EINVAL || errno == EIDRM));
  CHECK(semget(IPC_PRIVATE, 0, IPC_CREAT) == -1 && errno == EINVAL);
}

static void messages_have_types(void) {
  struct { long type; char text[16]; } m = {3, "three"};
  int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
  CHECK(id >= 0);
  CHECK(msgsnd(id, &m, 6, 0) == 0);
  m.type = 1;
  strcpy(m.text, "one");
  CHECK(msgsnd(id, &m, 4, 0) == 0);
  m.type = 2;
  strcpy(m.text, "two");
  CHECK(msgsnd(id, &m, 4, 0) == 0);
  struct msqid_ds ds;
  CHECK(msgctl(id, IPC_STAT, &ds) == 0 && ds.msg_qnum == 3 && ds.msg_lspid == getpid() && ds.msg_qbytes == 16384);
  CHECK(msgrcv(id, &m, 2, 3, 0) == -1 && errno == E2BIG);
  CHECK(msgrcv(id, &m, sizeof m.text, -2, 0) == 4 && m.type == 1 && !strcmp(m.text, "one"));
  CHECK(msgrcv(id, &m, sizeof m.text, 3, MSG_EXCEPT) == 4 && m.type == 2);
  CHECK(msgrcv(id, &m, 2, 0, MSG_NOERROR) == 2 && m.type == 3);
  CHECK(msgrcv(id, &m, 2, 0, IPC_NOWAIT) == -1 && errno == ENOMSG);
  m.type = 0;
  CHECK(msgsnd(id, &m, 1, 0) == -1 && errno == EINVAL);
  m.type = 1;
  static struct { long type; char text[8192]; } big = {1, ""};
  CHECK(msgsnd(id, &big, 8192, 0) == 0 && msgsnd(id, &big, 8192, 0) == 0);
  CHECK(msgsnd(id, &m, 1, IPC_NOWAIT) == -1 && errno == EAGAIN);
  CHECK(msgsnd(id, &big, 8193, 0) == -1 && errno == EINVAL);
  pid_t child = fork();
  if (!child) _exit(msgsnd(id, &m, 1, 0) != 0);
  usleep(10000);
  CHECK(msgrcv(id, &big, 8192, 0, 0) == 8192);
  CHECK(child_status(child) == 0);
  CHECK(msgrcv(id, &big, 8192, 0, 0) == 8192 && msgrcv(id, &m, 16, 0, 0) == 1);
  child = fork();
  if (!child) _exit(msgrcv(id, &m, 16, 0, 0) == -1 && (errno == EIDRM || errno == EINVAL) ? 0 : 1);
  usleep(10000);  // so that it waits, which nothing tells; if it is late, the queue is gone before
  CHECK(msgctl(id, IPC_RMID, NULL) == 0);
  CHECK(child_status(child) == 0);
  CHECK(msgget(0x5e61000 + getpid(), 0) == -1 && errno == ENOENT);
}

static volatile sig_atomic_t told, value;
static void note(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  told = info->si_code;
  value = info->si_value.sival_int;
}
static sem_t by_thread;
static void in_thread(union sigval v) {
  value = v.sival_int;
  sem_post(&by_thread);
}

static void posix_queues_have_priorities(void) {
  char name[32], bytes[64];
  snprintf(name, sizeof name, "/queue-%d", getpid());
  struct mq_attr attributes = {.mq_maxmsg = 3, .mq_msgsize = 64}, now;
  CHECK(mq_open(name, O_RDWR) == -1 && errno == ENOENT);
  mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
  CHECK(q >= 0);
  CHECK(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes) == -1 && errno == EEXIST);
  CHECK(mq_send(q, "low", 3, 1) == 0 && mq_send(q, "high", 4, 9) == 0 && mq_send(q, "low2", 4, 1) == 0);
  CHECK(mq_getattr(q, &now) == 0 && now.mq_curmsgs == 3 && now.mq_maxmsg == 3 && now.mq_msgsize == 64 && now.mq_flags == 0);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  CHECK(mq_timedsend(q, "x", 1, 0, &soon) == -1 && errno == ETIMEDOUT);
  CHECK(mq_receive(q, bytes, 10, NULL) == -1 && errno == EMSGSIZE);
  unsigned priority = 0;
  CHECK(mq_receive(q, bytes, sizeof bytes, &priority) == 4 && priority == 9 && !memcmp(bytes, "high", 4));
  CHECK(mq_receive(q, bytes, sizeof bytes, &priority) == 3 && priority == 1);
  CHECK(mq_receive(q, bytes, sizeof bytes, &priority) == 4);
  now.mq_flags = O_NONBLOCK;
  CHECK(mq_setattr(q, &now, NULL) == 0 && mq_receive(q, bytes, sizeof bytes, NULL) == -1 && errno == EAGAIN);
  CHECK(mq_send(q, bytes, 65, 0) == -1 && errno == EMSGSIZE);
  CHECK(mq_send(q, bytes, 1, 40000) == -1 && errno == EINVAL);

  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
  CHECK(mq_notify(q, &event) == 0);
  pid_t child = fork();
  if (!child) {
    int busy = mq_notify(q, &event) == -1 && errno == EBUSY;
    _exit(!busy || mq_send(q, "child", 5, 0) != 0);
  }
  CHECK(child_status(child) == 0);
  CHECK(told == SI_MESGQ && value == 77);
  CHECK(mq_receive(q, bytes, sizeof bytes, NULL) == 5);
  CHECK(mq_notify(q, &event) == 0 && mq_notify(q, NULL) == 0);
  sem_init(&by_thread, 0, 0);
  struct sigevent thread = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = 5};
  CHECK(mq_notify(q, &thread) == 0);
  CHECK(mq_send(q, "x", 1, 0) == 0);
  sem_wait(&by_thread);
  CHECK(value == 5);
  CHECK(mq_unlink(name) == 0 && mq_unlink(name) == -1 && errno == ENOENT);
  CHECK(mq_receive(q, bytes, sizeof bytes, NULL) == 1);
  CHECK(mq_close(q) == 0 && mq_close(q) == -1 && errno == EBADF);
}

static void posix_names_are_files(void) {
  char name[32], semaphore_name[32];
  snprintf(name, sizeof name, "/shared-%d", getpid());
  snprintf(semaphore_name, sizeof semaphore_name, "/semaphore-%d", getpid());
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
  char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  sem_t *semaphore = sem_open(semaphore_name, O_CREAT | O_EXCL, 0600, 0);
  CHECK(memory != MAP_FAILED && semaphore != SEM_FAILED);
  pid_t child = fork();
  if (!child) {
    strcpy(memory, "shared");
    _exit(sem_post(semaphore));
  }
  CHECK(sem_wait(semaphore) == 0 && strcmp(memory, "shared") == 0);
  CHECK(child_status(child) == 0);
  CHECK(shm_unlink(name) == 0 && shm_unlink(name) == -1 && errno == ENOENT);
  CHECK(sem_close(semaphore) == 0 && sem_unlink(semaphore_name) == 0);
}

int main(void) {
  segments_are_shared();
  semaphores_change_together();
  messages_have_types();
  posix_queues_have_priorities();
  posix_names_are_files();
  printf("%d failures\n", failures);
  return failures != 0;
}
