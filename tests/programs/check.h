// SPDX-License-Identifier: BSD-2-Clause
// For programs that compare what they see with what Linux does: each difference is a line, and their number the exit status's reason.
#pragma once

#include <errno.h>
#include <stdio.h>

static int failures;

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno);  \
      failures++;                                                       \
    }                                                                   \
  } while (0)
