// SPDX-License-Identifier: BSD-2-Clause
// What the host may ask of the monitor: one file a call, found by its name.
#pragma once

#include "core/status.h"
#include "world/run.h"

namespace pl {

Reply serve_host_call(Hart& hart, u64 function, const Arguments& arguments);

namespace host {

Reply query(const Arguments& arguments);
Reply reset();
Reply create(const Arguments& arguments);
Reply add_page(const Arguments& arguments);
Reply seal(const Arguments& arguments);
Reply set_window(const Arguments& arguments);
Reply run(Hart& hart, const Arguments& arguments);
Reply fork(Hart& hart, const Arguments& arguments);
Reply destroy(const Arguments& arguments);
Reply inspect(const Arguments& arguments);

// A naturally aligned power of two of host memory, or nothing at all.
bool is_window(u64 base, u64 size);

// An enclave by its id, with its lock held as long as this lives. Hidden templates are not found.
class Named {
 public:
  explicit Named(u64 id);
  ~Named();
  Named(const Named&) = delete;
  Named& operator=(const Named&) = delete;
  explicit operator bool() const { return enclave_ != nullptr; }
  Enclave* operator->() const { return enclave_; }
  Enclave& operator*() const { return *enclave_; }

 private:
  Slot* slot_;
  Enclave* enclave_ = nullptr;
};

}  // namespace host

// Work towards an enclave's end; its slot's lock is held. ok: it is gone. again: more is left. Spends from `budget` bytes.
Status reap(Enclave& enclave, u64& budget);
// What destroy() does, for one slot whose lock is held and that is in use.
Status destroy_enclave(Enclave& enclave, u64& budget);
// A new record in the table, state created, its slot's lock held. Null, and why.
Enclave* make_enclave(Status& why);
void drop_enclave(Enclave* enclave);

}  // namespace pl
