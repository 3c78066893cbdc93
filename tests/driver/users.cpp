// SPDX-License-Identifier: BSD-2-Clause
// Whose templates are whose.
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "device.h"
#include "test.h"

using namespace pl::test;

namespace pl::test {

int as_user(unsigned uid, unsigned gid, void (*body)()) {
  std::fflush(stdout);
  pid_t child = fork();
  if (!child) {
    if (setgroups(0, nullptr) || setgid(gid) || setuid(uid)) _exit(2);
    try {
      body();
    } catch (Failure&) {
      std::fflush(stdout);
      _exit(1);
    }
    std::fflush(stdout);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

}  // namespace pl::test

namespace {

uint64_t shared_id;

bool listed(Device& device, uint64_t id) {
  pl_ioc_template next = {};
  while (!device.call(PL_IOC_TEMPLATE_AFTER, &next))
    if (next.template_id == id) return true;
  return false;
}

}  // namespace

TEST("another user neither sees, finds, forks nor removes a template") {
  Device device;
  shared_id = device.make_template(21);
  CHECK_EQUAL(as_user(1000, 1000,
                      [] {
                        Device mine;
                        CHECK(!listed(mine, shared_id));
                        pl_ioc_template found = {};
                        found.key[0] = 21;
                        CHECK_EQUAL(mine.call(PL_IOC_FIND, &found), -ENOENT);
                        CHECK_EQUAL(mine.spawn(shared_id, 0, DO_EXIT, 0).reason, -ENOENT);
                        CHECK_EQUAL(mine.remove(shared_id), -ENOENT);
                        pl_ioc_note note = {};
                        note.template_id = shared_id;
                        CHECK_EQUAL(mine.call(PL_IOC_NOTE, &note), -ENOENT);
                        /* the key is free for this user */
                        uint64_t own = mine.make_template(21);
                        CHECK_EQUAL(mine.spawn(own, 0, DO_EXIT, 5).detail, 5);
                        CHECK_EQUAL(mine.remove(own), 0);
                      }),
              0);
  CHECK(listed(device, shared_id));
  CHECK_EQUAL(device.remove(shared_id), 0);
}

TEST("a second process of the same user can") {
  CHECK_EQUAL(as_user(1000, 1000,
                      [] {
                        Device device;
                        device.make_template(22);
                      }),
              0);
  CHECK_EQUAL(as_user(1000, 1001,
                      [] {
                        Device device;
                        pl_ioc_template found = {};
                        found.key[0] = 22;
                        CHECK_EQUAL(device.call(PL_IOC_FIND, &found), 0);
                        CHECK_EQUAL(found.owner, 1000);
                        CHECK_EQUAL(found.group, -1);
                        CHECK_EQUAL(device.spawn(found.template_id, 0, DO_EXIT, 1).detail, 1);
                        CHECK_EQUAL(device.remove(found.template_id), 0);
                      }),
              0);
}

TEST("a group that was named can fork it, and only a group of one's own can be named") {
  CHECK_EQUAL(as_user(1000, 1000,
                      [] {
                        Device device;
                        int handle = device.make(0, PL_CREATE_FREEZABLE);
                        CHECK_EQUAL(device.run(handle, 0, DO_FREEZE, 0).reason, PL_LEFT_FROZEN);
                        pl_ioc_publish publish = {};
                        publish.handle = handle;
                        publish.group = 1001;
                        CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), -EACCES);
                        publish.group = 1000;
                        CHECK_EQUAL(device.call(PL_IOC_PUBLISH, &publish), 0);
                      }),
              0);
  CHECK_EQUAL(as_user(1002, 1002,
                      [] {
                        Device device;
                        pl_ioc_template next = {};
                        CHECK_EQUAL(device.call(PL_IOC_TEMPLATE_AFTER, &next), -ENOENT);
                      }),
              0);
  CHECK_EQUAL(as_user(1001, 1000,
                      [] {
                        Device device;
                        pl_ioc_template next = {};
                        CHECK_EQUAL(device.call(PL_IOC_TEMPLATE_AFTER, &next), 0);
                        CHECK_EQUAL(next.owner, 1000);
                        CHECK_EQUAL(next.group, 1000);
                        CHECK_EQUAL(device.spawn(next.template_id, 0, DO_EXIT, 1).detail, 1);
                        pl_ioc_template found = {};
                        CHECK_EQUAL(device.call(PL_IOC_FIND, &found), -ENOENT); /* keys are each user's own */
                        CHECK_EQUAL(device.remove(next.template_id), 0);
                      }),
              0);
}

TEST("a descriptor keeps the rights of who opened it") {
  Device device;
  shared_id = device.make_template(23);
  static Device* inherited;
  inherited = &device;
  CHECK_EQUAL(as_user(1000, 1000,
                      [] {
                        Device mine;
                        CHECK_EQUAL(mine.remove(shared_id), -ENOENT);
                        CHECK(listed(*inherited, shared_id)); /* handed on knowingly */
                      }),
              0);
  CHECK_EQUAL(device.remove(shared_id), 0);
}
