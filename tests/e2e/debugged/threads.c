// SPDX-License-Identifier: BSD-2-Clause
#include <pthread.h>
#include <stdio.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t together;  // so that all are there at once
long total;
__attribute__((noinline)) void work(long n) {
  pthread_mutex_lock(&lock);
  total += n;
  pthread_mutex_unlock(&lock);
}
static void *run(void *p) {
  pthread_barrier_wait(&together);
  for (int i = 0; i < 50; ++i) work((long)p);
  pthread_barrier_wait(&together);
  return p;
}
int main(void) {
  pthread_t t[3];
  pthread_barrier_init(&together, 0, 3);
  for (long i = 0; i < 3; ++i) pthread_create(&t[i], 0, run, (void *)(i + 1));
  for (int i = 0; i < 3; ++i) pthread_join(t[i], 0);
  printf("%ld\n", total);
  return 3;
}
