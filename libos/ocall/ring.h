// SPDX-License-Identifier: BSD-2-Clause
// The ring to the host. Everything that comes back is copied in once, checked, then used: a broken index, slot or generation ends the
// instance (PL_FAULT_HOST); a result that the operation cannot have is EIO. Nothing here trusts a byte of the window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "ocall/data_area.h"
#include "ocall/host_value.h"
#include "penglai/ocall.h"
#include "process/wait.h"

namespace pl::ocall {

// Once for each instance, before anything else here: `window` is the ocall window in the frame window, `bytes` from the boot block.
// Resets all state, so a fork starts with nothing in flight. Ends the instance if the window is not one.
void attach(std::byte* window, size_t bytes);

struct Request {
  uint16_t operation = PL_OP_NOP;
  uint16_t flags = 0;
  uint32_t handle = 0;
  uint32_t buffer = 0;  // offset in the window
  uint32_t length = 0;
  uint32_t extra = 0;
  uint64_t offset = 0;
  uint64_t argument[3] = {};
};

struct Reply {
  HostValue<uint32_t> result;  // bytes, or whatever the operation counts; not negative
  HostValue<uint64_t> value;
};

// One request that ends at once. An error reply comes back as that errno if the operation can have it, else EIO. Does not sleep (the
// hart is with the host meanwhile); waits for a slot when all are in flight.
ErrorOr<Reply> call(const Request& request);

// A request whose answer nobody needs: it goes with the next one that does, or with the next sleep.
void post(const Request& request);
// Sees to it that what was posted is done.
void flush();

// Moves whenever the host had a chance to act: what it said is no news only while this stands still.
uint32_t exchanges();

// Nothing is runnable: leaves to the host until an event or the deadline (time CSR ticks; NoDeadline). Wakes whoever the events are for.
void idle(uint64_t deadline);
// Looks at the events without leaving (a software interrupt from the host).
void take_events();
// The host's debugger may stop this instance: take_signals() has PL_SIGNAL_DEBUG too. Before a freeze, and for its forks.
void accept_interrupts();
// Signals the host asks for, of PL_SIGNALS only, as bits 1 << number; taken events are forgotten.
uint32_t take_signals();
// The window size changed since last asked. (Comes with WINCH.)
bool take_window_change();

// Readiness of stream handles 0..2 and sockets. `wait_ready` sleeps until the host said that `handle` has news, after a request with
// PL_REQUEST_NOTIFY came back EAGAIN; take `before = readiness(handle)` before the request.
uint32_t readiness(uint32_t handle);
ErrorOr<void> wait_ready(uint32_t handle, uint32_t before);
WaitQueue& ready_queue(uint32_t handle);
// Current events of a stream, of those asked for; keeps a poll in flight when there are none, and wakes ready_queue(handle) when it ends.
ErrorOr<uint32_t> poll(uint32_t handle, uint32_t events);

// A line for the user; cut to what fits.
void log(std::string_view line);
// The instance ends: the last word, without a secret. Then leave with PL_ENCLAVE_FAULT.
void set_panic(std::string_view text);
// The instance ends: how many pages of its own it used.
void set_pages(uint32_t pages);

// A template that runs its program tells the host, and asks nothing: from now on only writes to standard output and error go out,
// and reads of `verified`, the root image whose blocks are checked; everything else is EPERM (said once in the log), and the host's signals
// are not looked at. Its forks begin open.
void close_to_host(uint32_t verified = ~uint32_t(0));
bool closed_to_host();

// Nothing in flight, before a freeze.
bool quiescent();
// Of what a freeze cannot carry: handles of the host that are open, and threads that wait for something of it.
unsigned open_handles();
bool awaited();

// The server opened `handle`: false if it cannot be a new one (out of range, or open already). And the reverse.
bool note_open(uint32_t handle);
void note_closed(uint32_t handle);

}  // namespace pl::ocall
