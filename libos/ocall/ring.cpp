// SPDX-License-Identifier: BSD-2-Clause
#include "ocall/ring.h"

#include <bit>
#include <cstring>

#include "base/hot.h"
#include "ocall/leave.h"
#include "ocall/rules.h"

namespace pl::ocall {

namespace {

struct Outcome {
  bool done = false;
  HostValue<int32_t> result;
  HostValue<uint64_t> value;
};

// A one-shot poll that outlives the call that made it. `outcome` is what the reply fills in.
struct Poll {
  Outcome outcome;
  uint32_t handle = 0;
  uint32_t events = 0;
  bool in_flight = false;
};

constexpr uint32_t PollOut = 4;  // POLLOUT (poll(2))
constexpr unsigned PollCount = 8;
constexpr unsigned QueueCount = 16;  // handles hash to these

struct State {
  std::byte* window;
  uint32_t request_tail;
  uint32_t reply_head;
  uint32_t in_flight;  // bit n: slot n
  uint16_t generation[PL_RING_ENTRIES];
  Outcome* outcome[PL_RING_ENTRIES];
  WaitQueue slot_free;
  uint32_t leaves;
  uint32_t signals;
  bool window_changed;
  uint32_t readiness[QueueCount];
  WaitQueue ready[QueueCount];
  Poll polls[PollCount];
  Outcome discarded;  // of what was posted
  uint32_t posted;    // bit n: slot n
  bool poll_ended;  // one of them, and nobody was told yet
  uint64_t open_handles[PL_HANDLES / 64];
  bool closed;   // close_to_host()
  uint32_t verified;
  bool refused;  // and something was asked, which the log says once
};
PL_HOT_FRESH constinit State state{};

constinit uint32_t accepted_signals = PL_SIGNALS;  // ordinary data: only read from the freeze on

template <class T>
T* in_window(size_t offset) { return reinterpret_cast<T*>(state.window + offset); }
pl_ring* ring() { return in_window<pl_ring>(0); }

// Single reads and writes that the compiler neither repeats nor drops: the other side writes at the same time.
template <class T>
T load(const T& from) { return __atomic_load_n(&from, __ATOMIC_ACQUIRE); }
template <class T>
void store(T& to, T value) { __atomic_store_n(&to, value, __ATOMIC_RELEASE); }

// Fills in what one reply says. A reply that nobody waits for cannot come from a host that keeps the protocol.
void take_reply(const pl_reply& place) {
  static_assert(sizeof(pl_reply) == 16);
  auto words = reinterpret_cast<const uint64_t*>(&place);
  uint64_t raw[2] = {load(words[0]), load(words[1])};
  pl_reply reply;
  std::memcpy(&reply, raw, sizeof reply);
  unsigned slot = reply.slot;
  if (slot >= PL_RING_ENTRIES || !(state.in_flight >> slot & 1) || reply.generation != state.generation[slot]) end_instance_for_host();
  Outcome& outcome = *state.outcome[slot];
  outcome.result = HostValue<int32_t>(reply.result);
  outcome.value = HostValue<uint64_t>(reply.value);
  outcome.done = true;
  if (reinterpret_cast<Poll*>(&outcome) >= state.polls && reinterpret_cast<Poll*>(&outcome) < state.polls + PollCount) state.poll_ended = true;
  bool was_full = state.in_flight == ~uint32_t(0);
  state.in_flight &= ~(uint32_t(1) << slot);
  state.posted &= ~(uint32_t(1) << slot);
  state.outcome[slot] = nullptr;
  if (was_full && !state.slot_free.empty()) state.slot_free.wake_all();
}

void wake_handle(uint32_t index) {
  unsigned q = index % QueueCount;
  ++state.readiness[q];
  if (!state.ready[q].empty()) state.ready[q].wake_all();
}

void harvest() {
  uint32_t tail = load(ring()->reply_tail);
  uint32_t count = tail - state.reply_head;
  if (count == 0) return;
  if (count > unsigned(std::popcount(state.in_flight))) end_instance_for_host();
  for (; count; --count) {
    take_reply(in_window<pl_reply>(PL_RING_REPLIES)[state.reply_head % PL_RING_ENTRIES]);
    ++state.reply_head;
  }
  store(ring()->reply_head, state.reply_head);
}

// Polls that ended: whoever waits looks again.
void finish_polls() {
  state.poll_ended = false;
  for (Poll& p : state.polls) {
    if (!p.in_flight || !p.outcome.done) continue;
    p.in_flight = false;
    wake_handle(PL_HANDLE_INDEX(p.handle));
  }
}

ErrorOr<unsigned> take_slot(Outcome* outcome) {
  if (~state.in_flight == 0) {
    if (state.outcome[0] == nullptr) end_instance_for_host();
    TRY(wait_for(state.slot_free, NoDeadline, Sleep::Uninterruptible, [] { return ~state.in_flight != 0; }));
  }
  unsigned slot = unsigned(std::countr_one(state.in_flight));
  state.in_flight |= uint32_t(1) << slot;
  ++state.generation[slot];
  state.outcome[slot] = outcome;
  return slot;
}

void submit(unsigned slot, const Request& r) {
  pl_request& place = in_window<pl_request>(PL_RING_REQUESTS)[state.request_tail % PL_RING_ENTRIES];
  static_assert(sizeof(pl_request) == 64);
  place = pl_request{.operation = r.operation, .flags = r.flags, .slot = uint16_t(slot), .generation = state.generation[slot],
                     .handle = r.handle, .buffer = r.buffer, .length = r.length, .extra = r.extra, .offset = r.offset,
                     .arg = {r.argument[0], r.argument[1], r.argument[2]}, .deadline = 0};
  store(ring()->request_tail, ++state.request_tail);
}

void ring_doorbell() {
  ++state.leaves;
  leave_doorbell();
}

// The typed end of a request: an errno of its own, or a result within its bound.
ErrorOr<Reply> judge(const Request& request, const Outcome& outcome) {
  Rule rule = rule_of(request.operation);
  int32_t result = TRY(outcome.result.validate([&](int32_t r) {
    if (r >= 0) return true;
    return r > -192 && rule.errors.has(unsigned(-r));
  }));
  if (result < 0) return fail(Errno(-result));
  uint64_t bound = rule.counts == Counts::Length ? request.length : rule.counts == Counts::LinkTarget ? request.argument[2] : 0;
  if (uint64_t(result) > bound) return fail(Errno::Io);
  return Reply{HostValue<uint32_t>(uint32_t(result)), outcome.value};
}

}  // namespace

void attach(std::byte* window, size_t bytes) {
  // The state is zero: a template's means nothing to its forks. Generations start at zero again; a new window has no request of before.
  state.window = window;
  if (!window || bytes < PL_WINDOW_MIN || bytes > UINT32_MAX) end_instance_for_host();
  if (load(ring()->magic) != PL_OCALL_MAGIC || load(ring()->version) != PL_OCALL_VERSION) end_instance_for_host();
  attach_data_area(window, bytes);
  state.request_tail = load(ring()->request_tail);
  state.reply_head = load(ring()->reply_tail);
  store(ring()->reply_head, state.reply_head);
}

// What a template may not ask.
[[gnu::noinline]] static bool refused(uint16_t operation, uint32_t handle) {
  if ((operation == PL_OP_WRITE && (handle == 1 || handle == 2)) || operation == PL_OP_DEBUG) return false;
  if (operation == PL_OP_PREAD && handle == state.verified) return false;
  if (!state.refused)
    log(handle == 0 ? "before its shadow point a program cannot read standard input (EPERM)"
                    : "before its shadow point a program cannot use a directory of the host (EPERM)");
  state.refused = true;
  return true;
}

ErrorOr<Reply> call(const Request& request) {
  if (state.closed && refused(request.operation, request.handle)) return fail(Errno::Perm);
  Outcome outcome;
  unsigned slot = TRY(take_slot(&outcome));
  submit(slot, request);
  // The first return has it, if the host keeps the protocol; one that does not can only make us wait.
  do {
    ring_doorbell();
    harvest();
  } while (!outcome.done);
  if (state.poll_ended) finish_polls();
  return judge(request, outcome);
}

void flush() {
  while (state.posted) {
    ring_doorbell();
    harvest();
  }
}

void post(const Request& request) {
  if (state.closed) return;
  constexpr int Most = 8;
  if (std::popcount(state.posted) >= Most) flush();
  auto slot = take_slot(&state.discarded);
  if (!slot) return;
  state.posted |= uint32_t(1) << *slot;
  submit(*slot, request);
}

uint32_t exchanges() { return state.leaves; }

// True if there was something.
static bool look_for_events() {
  harvest();
  bool any = state.poll_ended;
  if (any) finish_polls();
  pl_ring* r = ring();
  if (load(r->signals) && !state.closed) {
    state.signals |= __atomic_exchange_n(&r->signals, 0, __ATOMIC_ACQ_REL) & accepted_signals;
    any = true;
  }
  if (load(r->window_changed) && __atomic_exchange_n(&r->window_changed, 0, __ATOMIC_ACQ_REL)) state.window_changed = true;
  for (unsigned i = 0; i < PL_HANDLES / 64; i++) {
    if (!load(r->ready[i])) continue;
    uint64_t bits = __atomic_exchange_n(&r->ready[i], 0, __ATOMIC_ACQ_REL);
    if (i == 0) bits &= state.open_handles[0] | 7;
    else bits &= state.open_handles[i];
    any |= bits != 0;
    for (; bits; bits &= bits - 1) wake_handle(i * 64 + unsigned(std::countr_zero(bits)));
  }
  return any;
}

void take_events() { (void)look_for_events(); }

void idle(uint64_t deadline) {
  // What came with an earlier return is not announced again.
  if (look_for_events()) return;
  store(ring()->libos_sleeps, uint32_t(1));
  ++state.leaves;
  leave_idle(deadline);
  store(ring()->libos_sleeps, uint32_t(0));
  take_events();
}

void accept_interrupts() { accepted_signals |= PL_SIGNAL_DEBUG; }

uint32_t take_signals() {
  uint32_t s = state.signals;
  state.signals = 0;
  return s;
}

bool take_window_change() {
  bool changed = state.window_changed;
  state.window_changed = false;
  return changed;
}

uint32_t readiness(uint32_t handle) { return state.readiness[PL_HANDLE_INDEX(handle) % QueueCount]; }
WaitQueue& ready_queue(uint32_t handle) { return state.ready[PL_HANDLE_INDEX(handle) % QueueCount]; }

ErrorOr<void> wait_ready(uint32_t handle, uint32_t before) {
  return wait_for(ready_queue(handle), NoDeadline, Sleep::Interruptible, [&] { return readiness(handle) != before; });
}

ErrorOr<uint32_t> poll(uint32_t handle, uint32_t events) {
  if (state.closed) {
    if (refused(PL_OP_WRITE, handle)) return fail(Errno::Perm);
    return events & PollOut;
  }
  Poll* place = nullptr;
  for (Poll& p : state.polls) {
    if (p.in_flight && !p.outcome.done && p.handle == handle && (p.events & events) == events) return 0;
    if (!p.in_flight && !place) place = &p;
  }
  if (!place) return fail(Errno::NoBuffers);
  *place = Poll{.outcome = {}, .handle = handle, .events = events, .in_flight = true};
  Request request{.operation = PL_OP_POLL, .handle = handle, .extra = events};
  auto slot = take_slot(&place->outcome);
  if (!slot) {
    place->in_flight = false;
    return fail(slot.error());
  }
  submit(*slot, request);
  ring_doorbell();
  harvest();
  bool done = place->outcome.done;
  if (done) place->in_flight = false;
  if (state.poll_ended) finish_polls();
  if (!done) return 0;
  Reply reply = TRY(judge(request, place->outcome));
  constexpr uint64_t Unasked = 0x8 | 0x10;  // POLLERR, POLLHUP come without being asked for
  return uint32_t(TRY(reply.value.within_bits(events | Unasked)));
}

void log(std::string_view line) {
  if (!state.window) return;
  pl_ring* r = ring();
  uint32_t length = load(r->log_length);
  if (length > sizeof r->log) length = sizeof r->log;
  size_t room = sizeof r->log - length;
  if (line.size() + 1 > room) return;  // the host has not printed the lines before; a lost line harms nobody
  std::memcpy(r->log + length, line.data(), line.size());
  r->log[length + line.size()] = '\n';
  store(r->log_length, uint32_t(length + line.size() + 1));
}

void set_panic(std::string_view text) {
  if (!state.window) return;
  pl_ring* r = ring();
  size_t n = text.size() < sizeof r->panic - 1 ? text.size() : sizeof r->panic - 1;
  std::memcpy(r->panic, text.data(), n);
  r->panic[n] = 0;
}

void set_pages(uint32_t pages) {
  if (state.window) ring()->pages = pages;
}

bool quiescent() { return state.in_flight == 0 && data_area_unused(); }

void close_to_host(uint32_t verified) {
  state.closed = true;
  state.verified = verified;
}
bool closed_to_host() { return state.closed; }

unsigned open_handles() {
  unsigned count = 0;
  for (uint64_t bits : state.open_handles) count += unsigned(std::popcount(bits));
  return count;
}

bool awaited() {
  for (WaitQueue& queue : state.ready)
    if (!queue.empty()) return true;
  return !state.slot_free.empty() || data_area_awaited();
}

bool note_open(uint32_t handle) {
  uint32_t index = PL_HANDLE_INDEX(handle);
  if (index < PL_HANDLE_FIRST || index >= PL_HANDLES) return false;
  uint64_t bit = uint64_t(1) << index % 64;
  if (state.open_handles[index / 64] & bit) return false;
  state.open_handles[index / 64] |= bit;
  return true;
}

void note_closed(uint32_t handle) {
  uint32_t index = PL_HANDLE_INDEX(handle);
  state.open_handles[index / 64] &= ~(uint64_t(1) << index % 64);
}

}  // namespace pl::ocall
