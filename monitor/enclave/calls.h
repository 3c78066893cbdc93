// SPDX-License-Identifier: BSD-2-Clause
// What an enclave's S-mode may ask of the monitor: one file a call, found by its name.
#pragma once

#include "core/status.h"
#include "world/run.h"

namespace pl {

struct EnclaveCall {
  Hart& hart;
  Enclave& enclave;
  Context& context;
  const Arguments& arguments;
};

// Where execution goes next.
struct Outcome {
  Reply reply = Status::ok;
  bool answers = true;  // a0 and a1 are written
  bool repeat = false;  // work is left: the enclave makes the same call again, once interrupts were looked at
  u64 leave = 0;        // not 0: the enclave leaves, and run() answers this

  Outcome(Reply r) : reply(r) {}
  Outcome(Status status) : reply(status) {}
  static Outcome leaving(u64 word) {
    Outcome outcome(Status::ok);
    outcome.leave = word;
    return outcome;
  }
  static Outcome repeating(u64 word = 0) {
    Outcome outcome(Status::ok);
    outcome.repeat = true;
    outcome.leave = word;
    return outcome;
  }
};

Outcome serve_enclave_call(u64 extension, u64 function, const EnclaveCall& call);

namespace enclave {

Outcome exit(const EnclaveCall& call);
Outcome fault(const EnclaveCall& call);
Outcome leave(const EnclaveCall& call);
Outcome grow(const EnclaveCall& call);
Outcome extent_get(const EnclaveCall& call);
Outcome extent_put(const EnclaveCall& call);
Outcome freeze(const EnclaveCall& call);
Outcome context_start(const EnclaveCall& call);
Outcome context_kick(const EnclaveCall& call);
Outcome remote_fence(const EnclaveCall& call);
// The standard extensions that an S-mode needs: Base (probing) and Time.
Outcome base(u64 function, const EnclaveCall& call);
Outcome time(u64 function, const EnclaveCall& call);

}  // namespace enclave

// No memory in the pool: the host is asked once, then the enclave hears of it.
Outcome ask_host_for_memory(const EnclaveCall& call, u64 bytes);

}  // namespace pl
