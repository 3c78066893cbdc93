// SPDX-License-Identifier: BSD-2-Clause
// System V semaphores (semop(2)): several are changed at once, or none.
#pragma once

#include <span>

#include "base/list.h"
#include "ipc/ipc.h"
#include "process/wait.h"

namespace pl::ipc {

struct SemaphoreOperation {  // struct sembuf
  uint16_t number;
  int16_t change;
  int16_t flags;
};
constexpr int16_t Undo = 0x1000;  // SEM_UNDO

class SemaphoreSet final : public Object {
 public:
  static constexpr unsigned MaxSemaphores = 32000, MaxOperations = 500, MaxValue = 32767;
  static ErrorOr<Ref<SemaphoreSet>> create(unsigned count);
  SemaphoreSet(uint16_t* values, int32_t* pids, unsigned count) : values_(values), pids_(pids), count_(count) {}
  ~SemaphoreSet() override;

  // Waits until all can be done. EAGAIN at the deadline or with IPC_NOWAIT, EIDRM when the set goes.
  ErrorOr<void> operate(std::span<const SemaphoreOperation> operations, uint64_t deadline);
  unsigned count() const { return count_; }
  uint16_t value(unsigned n) const { return values_[n]; }
  int32_t pid(unsigned n) const { return pids_[n]; }
  // ERANGE. Call changed() when all are set.
  ErrorOr<void> set_value(unsigned n, int value);
  void changed();
  // How many wait for it to grow, or to be zero.
  unsigned waiting(unsigned n, bool for_zero) const;
  void remove_from(Table& table);
  int64_t operated_at = 0, changed_at = 0;

 private:
  friend void apply_undo(struct UndoList&);
  struct Sleeper {
    std::span<const SemaphoreOperation> operations;
    size_t blocked_at = 0;
    ListLink<Sleeper> link;
  };
  ErrorOr<size_t> try_all(std::span<const SemaphoreOperation> operations);
  uint16_t* values_;
  int32_t* pids_;
  unsigned count_;
  List<Sleeper, &Sleeper::link> sleepers_;
  WaitQueue changed_;
};

// What the end of a process takes back (SEM_UNDO). It belongs to the process, which calls end_undo() when it ends.
struct UndoEntry {
  Ref<SemaphoreSet> set;
  unsigned number;
  int change;
  UndoEntry* next;
};
struct UndoList { UndoEntry* first = nullptr; };
UndoList& current_undo();  // process/
void apply_undo(UndoList& list);

extern Table semaphores;

}  // namespace pl::ipc
