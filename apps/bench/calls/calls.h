// SPDX-License-Identifier: BSD-2-Clause
// The operations of bench-calls. Each does `n` of what its name says; a failure ends the program with a message.
#pragma once

#include <stdio.h>
#include <stdlib.h>

static inline void die(const char *what) {
  perror(what);
  exit(1);
}

struct operation {
  const char *name;
  void (*run)(long n);
  long batch;
  void (*before)(void), (*after)(void);  // around a batch, not counted
};

// Ended by one without a name.
extern const struct operation kernel_operations[], process_operations[], thread_operations[], memory_operations[], file_operations[];

// What fork_exec_wait executes: this program, which ends at once.
#define NOTHING "nothing"
