// SPDX-License-Identifier: BSD-2-Clause
// The module with user_limit: no user holds more of the pool.
#include <cerrno>

#include "device.h"
#include "test.h"

using namespace pl::test;

namespace {

constexpr uint64_t kMiB = 1 << 20;
static_assert(kUserLimit == 9 * kMiB);

}  // namespace

LIMITED_TEST("what a user reserves counts, over all descriptors, and comes back") {
  for (int round = 0; round < 3; round++) {
    Device device, other;
    CHECK_EQUAL(device.make(0, 0, 1, 16 * kMiB), -ENOMEM);
    CHECK(device.make(0, 0, 1, 4 * kMiB) >= 0);
    CHECK(other.make(0, 0, 1, 4 * kMiB) >= 0);
    CHECK_EQUAL(other.make(kWindow, 0, 1, kMiB), -ENOMEM);
    CHECK_EQUAL(as_user(1000, 1000,
                        [] {
                          Device mine;
                          CHECK(mine.make(0, 0, 1, 8 * kMiB) >= 0);
                        }),
                0);
  }
}

LIMITED_TEST("a fork can take what is left to its user, and no more") {
  Device device;
  uint64_t id = device.make_template(1);
  Left left = device.spawn(id, kWindow, DO_EXTENT, 16 * kMiB);
  CHECK_EQUAL(left.reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(static_cast<int64_t>(device.window(kWindow).error), PL_ERR_NO_MEMORY);
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_EXTENT, 2 * kMiB).reason, PL_LEFT_DOORBELL);
  CHECK_EQUAL(device.window(kWindow).error, 0);
  CHECK_EQUAL(device.run(left.handle, kWindow, DO_EXIT, 1).reason, PL_LEFT_EXIT);
  CHECK_EQUAL(device.destroy(left.handle), 0);
  for (int i = 0; i < 1000; i++) CHECK_EQUAL(device.spawn(id, kWindow, DO_EXIT, 0).reason, PL_LEFT_EXIT);
  CHECK_EQUAL(device.remove(id), 0);
}

LIMITED_TEST("an enclave that is found over the limit ends") {
  Device device;
  uint64_t free_bytes = device.stat().pool_free;
  int handle = device.make(0);
  Left left = device.run(handle, 0, DO_EXTENT, 16 * kMiB);
  if (left.reason == PL_LEFT_DOORBELL) left = device.run(handle, 0, DO_SPIN, 0);
  CHECK_EQUAL(left.reason, PL_LEFT_FAULT);
  CHECK_EQUAL(left.detail, PL_FAULT_MEMORY);
  CHECK_EQUAL(device.run(handle).reason, -EBADF);
  CHECK_EQUAL(device.stat().pool_free, free_bytes);
  CHECK_EQUAL(device.destroy(handle), 0);
  CHECK(device.make(0, 0, 1, 8 * kMiB) >= 0);
}

LIMITED_TEST("a template counts as long as it is kept") {
  Device device;
  int handle = device.make(0, PL_CREATE_FREEZABLE, 1, 8 * kMiB);
  CHECK_EQUAL(device.run(handle, 0, DO_GROW, 4 * kMiB).reason, PL_LEFT_DOORBELL);
  uint64_t id = device.publish(handle, 0, 1);
  CHECK_EQUAL(device.make(0, 0, 1, 8 * kMiB), -ENOMEM);
  CHECK(device.make(0, 0, 1, 2 * kMiB) >= 0);
  CHECK_EQUAL(device.remove(id), 0);
  CHECK(device.make(kWindow, 0, 1, 4 * kMiB) >= 0);
}
