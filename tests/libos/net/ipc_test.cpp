// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include "ipc/message.h"
#include "ipc/semaphore.h"
#include "sockets.h"

using namespace pl;
using namespace hosted;

static void setup() {
  make_window();
  make_tree();
}
TestSuite(ipc, .init = setup);

static ipc::UndoList undo;
ipc::UndoList& ipc::current_undo() { return undo; }

static Ref<ipc::SemaphoreSet> new_set(unsigned count, int key = ipc::Private, uint32_t flags = 0600) {
  return must(ipc::semaphores.get<ipc::SemaphoreSet>(key, flags | ipc::Create, [&] { return ipc::SemaphoreSet::create(count); }));
}
static int operate(ipc::SemaphoreSet& set, std::vector<ipc::SemaphoreOperation> all) { return error_of(set.operate(all, NoDeadline)); }

Test(ipc, a_key_finds_its_object_and_an_old_identifier_finds_nobodys) {
  auto set = new_set(2, 77);
  cr_assert(new_set(9, 77) == set);
  cr_assert_eq(error_of(ipc::semaphores.get<ipc::SemaphoreSet>(77, ipc::Create | ipc::Exclusive, [] { return ipc::SemaphoreSet::create(1); })), EEXIST);
  cr_assert_eq(error_of(ipc::semaphores.get<ipc::SemaphoreSet>(78, 0, [] { return ipc::SemaphoreSet::create(1); })), ENOENT);
  int id = set->id;
  set->remove_from(ipc::semaphores);
  cr_assert_eq(error_of(ipc::semaphores.find<ipc::SemaphoreSet>(id)), EINVAL);
  auto next = new_set(1, 77);
  cr_assert_neq(next->id, id);
  cr_assert_eq(error_of(ipc::semaphores.find<ipc::SemaphoreSet>(id)), EIDRM);
}

Test(ipc, permissions_are_the_owners_groups_and_others) {
  auto set = new_set(1, ipc::Private, 0640);
  credentials = {.uid = 5, .gid = 0};
  cr_assert_eq(error_of(set->check(ipc::MayRead)), 0);
  cr_assert_eq(error_of(set->check(ipc::MayWrite)), EACCES);
  cr_assert_eq(error_of(set->check_owner()), EPERM);
  credentials = {.uid = 5, .gid = 5};
  cr_assert_eq(error_of(set->check(ipc::MayRead)), EACCES);
  credentials = {};
  cr_assert_eq(error_of(set->check(ipc::MayRead | ipc::MayWrite)), 0);
}

Test(ipc, operations_are_done_together_or_not_at_all) {
  auto set = new_set(2);
  int16_t now = int16_t(ipc::NoWait);
  cr_assert_eq(operate(*set, {{0, 3, 0}, {0, -2, 0}, {1, -1, now}}), EAGAIN);
  cr_assert_eq(set->value(0), 0);
  cr_assert_eq(operate(*set, {{0, 3, 0}, {0, -2, 0}}), 0);
  cr_assert_eq(set->value(0), 1);
  cr_assert_eq(operate(*set, {{0, 0, now}}), EAGAIN);
  cr_assert_eq(operate(*set, {{0, 32767, 0}}), ERANGE);
  cr_assert_eq(set->value(0), 1);
}

Test(ipc, who_waits_is_counted_and_wakes_when_it_can_go_on_or_the_set_goes) {
  auto set = new_set(1);
  while_asleep = [&] {
    cr_assert_eq(set->waiting(0, false), 1);
    cr_assert_eq(set->waiting(0, true), 0);
    return operate(*set, {{0, 1, 0}}) == 0;
  };
  cr_assert_eq(operate(*set, {{0, -2, 0}}), 0);
  cr_assert_eq(set->waiting(0, false), 0);
  while_asleep = [&] {
    set->remove_from(ipc::semaphores);
    return true;
  };
  cr_assert_eq(operate(*set, {{0, -1, 0}}), EIDRM);
}

Test(ipc, what_a_process_took_with_SEM_UNDO_comes_back_when_it_ends) {
  auto set = new_set(2);
  cr_assert_eq(operate(*set, {{0, 5, 0}}), 0);
  cr_assert_eq(operate(*set, {{0, -3, ipc::Undo}, {1, 2, ipc::Undo}}), 0);
  cr_assert_eq(operate(*set, {{1, -2, 0}}), 0);
  ipc::apply_undo(undo);
  cr_assert_eq(set->value(0), 5);
  cr_assert_eq(set->value(1), 0, "never below zero");
  cr_assert_eq(undo.first, nullptr);
}

Test(ipc, messages_are_taken_by_type) {
  auto queue = must(ipc::message_queues.get<ipc::MessageQueue>(ipc::Private, 0600, [] { return ipc::MessageQueue::create(); }));
  auto send = [&](int64_t type, std::string text) { return error_of(queue->send(type, buffer(text), false)); };
  auto take = [&](int64_t type, uint32_t flags = 0, size_t room = 100) {
    std::string text(room, 0);
    auto got = queue->receive(buffer(text), type, flags | ipc::NoWait);
    return got ? std::to_string(got->type) + text.substr(0, got->bytes) : "error " + std::to_string(int(got.error()));
  };
  for (int type : {5, 3, 4, 3}) cr_assert_eq(send(type, "text"), 0);
  cr_assert_eq(take(-4), std::string("3text"));
  cr_assert_eq(take(3, ipc::Except), std::string("5text"));
  cr_assert_eq(take(3, 0, 2), "error " + std::to_string(E2BIG));
  cr_assert_eq(take(3, ipc::NoError, 2), std::string("3te"));
  cr_assert_eq(take(9), "error " + std::to_string(ENOMSG));
  cr_assert_eq(take(0), std::string("4text"));
  cr_assert_eq(queue->bytes(), 0);
  while (send(1, std::string(4000, 'x')) == 0) {}
  cr_assert_eq(queue->count(), 4);
}
