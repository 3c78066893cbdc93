// SPDX-License-Identifier: BSD-2-Clause
#include "server/instance.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "server/debugger_port.h"
#include "server/operations.h"

namespace pl {
namespace {

using Operation = Outcome (*)(Instance&, const pl_request&);

constexpr auto kOperations = [] {
  std::array<Operation, PL_OP_DEBUG + 1> table{};
  table[PL_OP_NOP] = [](Instance&, const pl_request&) { return Outcome{}; };
  table[PL_OP_CANCEL] = [](Instance& i, const pl_request& r) { return i.cancel_poll(r); };
  table[PL_OP_POLL] = [](Instance& i, const pl_request& r) { return i.start_poll(r); };
  table[PL_OP_READ] = operation_read;
  table[PL_OP_WRITE] = operation_write;
  table[PL_OP_PREAD] = operation_pread;
  table[PL_OP_PWRITE] = operation_pwrite;
  table[PL_OP_OPEN] = operation_open;
  table[PL_OP_CLOSE] = operation_close;
  table[PL_OP_STAT] = operation_stat;
  table[PL_OP_LOOKUP] = operation_lookup;
  table[PL_OP_LIST] = operation_list;
  table[PL_OP_MKDIR] = operation_mkdir;
  table[PL_OP_UNLINK] = operation_unlink;
  table[PL_OP_RENAME] = operation_rename;
  table[PL_OP_LINK] = operation_link;
  table[PL_OP_SYMLINK] = operation_symlink;
  table[PL_OP_READLINK] = operation_readlink;
  table[PL_OP_TRUNCATE] = operation_truncate;
  table[PL_OP_ATTRIBUTES] = operation_attributes;
  table[PL_OP_SYNC] = operation_sync;
  table[PL_OP_STATFS] = operation_statfs;
  table[PL_OP_LOCK] = operation_lock;
  table[PL_OP_TIME] = operation_time;
  table[PL_OP_TERMINAL_GET] = operation_terminal_get;
  table[PL_OP_TERMINAL_SET] = operation_terminal_set;
  table[PL_OP_ALLOCATE] = operation_allocate;
  table[PL_OP_FORK_READY] = table[PL_OP_NOP];
  table[PL_OP_RELAY] = [](Instance& i, const pl_request& r) { return i.start_relay(r); };
  table[PL_OP_DEBUG] = [](Instance& i, const pl_request& r) { return i.start_debug(r); };
  return table;
}();

}  // namespace

Instance::Served Instance::break_off(const char* why) {
  broken_ = why;
  return Served::Broken;
}

Instance::Served Instance::serve() {
  pl_ring& ring = window_.ring();
  const uint32_t tail = Window::load(ring.request_tail);
  if (tail == request_head_) return Served::Nothing;
  const uint32_t replies = reply_tail_;
  if (tail - request_head_ > PL_RING_ENTRIES) return break_off("more requests than the ring holds");
  while (request_head_ != tail) {
    const pl_request request = window_.request(request_head_++);
    if (request.slot >= PL_RING_ENTRIES) return break_off("a request in a slot that does not exist");
    if (polls_in_flight_ >> request.slot & 1) return break_off("a request in a slot that is in flight");
    Outcome outcome =
        request.operation < kOperations.size() ? kOperations[request.operation](*this, request) : failed(ENOSYS);
    if (!outcome.in_flight) reply(request.slot, request.generation, outcome);
  }
  Window::store(ring.request_head, request_head_);
  return reply_tail_ == replies ? Served::Nothing : Served::Replied;
}

void Instance::reply(uint16_t slot, uint16_t generation, const Outcome& outcome) {
  window_.put_reply(reply_tail_, {slot, generation, outcome.result, outcome.value});
  Window::store(window_.ring().reply_tail, ++reply_tail_);
}

Outcome Instance::start_relay(const pl_request& request) {
  if (!relay_allowed_ || relay_) return failed(ENOSYS);
  relay_.emplace(request.slot, request.generation);
  return {.in_flight = true};
}

void Instance::return_relay() {
  if (relay_) reply(relay_->first, relay_->second, {});
  relay_.reset();
}

Outcome Instance::start_debug(const pl_request& request) {
  if (!debugger_ || held_) return failed(ENOSYS);
  auto buffer = window_.data(request.buffer, request.length);
  if (!buffer) return failed(EINVAL);
  held_ = {request.slot, request.generation, *buffer};
  watch_changed_ = true;
  debugger_->ask(*buffer);
  return {.in_flight = true};
}

void Instance::take_debugger_news() {
  auto answer = debugger_->take_answer();
  if (answer && held_) {
    const size_t size = std::min(answer->size(), held_->buffer.size());
    std::copy_n(answer->begin(), size, held_->buffer.begin());
    reply(held_->slot, held_->generation, {.result = static_cast<int32_t>(size)});
    held_.reset();
  }
  if (debugger_->take_interrupt()) std::atomic_ref(window_.ring().signals).fetch_or(PL_SIGNAL_DEBUG);
}

Outcome Instance::start_poll(const pl_request& request) {
  Handle* handle = handles_.find(request.handle);
  if (!handle) return failed(EBADF);
  uint32_t events = request.extra & (POLLIN | POLLOUT);
  if (handle->kind != Handle::Kind::Stream) return {.value = events};  // poll(2): files are always ready
  if (uint32_t now = handle->stream->poll(events)) return {.value = now};
  polls_[request.slot] = {request.generation, request.handle, events};
  polls_in_flight_ |= 1u << request.slot;
  watch_changed_ = true;
  return {.in_flight = true};
}

Outcome Instance::cancel_poll(const pl_request& request) {
  uint64_t slot = request.arg[0] & 0xffff;
  uint64_t generation = request.arg[0] >> 16;
  if (slot >= PL_RING_ENTRIES || !(polls_in_flight_ >> slot & 1) || polls_[slot].generation != generation)
    return failed(ENOENT);  // it has replied already
  polls_in_flight_ &= ~(1u << slot);
  reply(static_cast<uint16_t>(slot), polls_[slot].generation, failed(ECANCELED));
  return {};
}

void Instance::notify_when(uint32_t handle, uint32_t events) {
  watch_changed_ = true;
  auto known = std::ranges::find(notices_, handle, &Notice::handle);
  if (known != notices_.end())
    known->events |= events;
  else
    notices_.push_back({handle, events});
}

int Instance::descriptor_of(uint32_t number) const {
  Handle* handle = handles_.stream(number);
  return handle ? handle->stream->descriptor() : -1;
}

void Instance::watch(std::vector<pollfd>& entries) {
  if (!std::exchange(watch_changed_, false)) return;
  auto add = [&](uint32_t handle, uint32_t events) { entries.push_back({descriptor_of(handle), static_cast<short>(events), 0}); };
  for (uint32_t left = polls_in_flight_; left; left &= left - 1) {
    const Poll& poll = polls_[static_cast<size_t>(std::countr_zero(left))];
    add(poll.handle, poll.events);
  }
  for (const Notice& notice : notices_) add(notice.handle, notice.events);
  if (debugger_) entries.push_back({debugger_->server_descriptor(), POLLIN, 0});
}

bool Instance::deliver(int descriptor, uint32_t events) {
  bool news = false;
  if (debugger_ && descriptor == debugger_->server_descriptor()) {
    take_debugger_news();
    watch_changed_ = true;
    return true;
  }
  // What of this concerns someone who waits for `wanted`: errors always do (poll(2)).
  auto of_interest = [&](uint32_t handle, uint32_t wanted) {
    return descriptor_of(handle) == descriptor ? events & (wanted | POLLERR | POLLHUP) : 0;
  };
  for (uint32_t left = polls_in_flight_; left; left &= left - 1) {
    auto slot = static_cast<uint16_t>(std::countr_zero(left));
    const Poll& poll = polls_[slot];
    uint32_t known = of_interest(poll.handle, poll.events);
    if (!known) continue;
    polls_in_flight_ &= ~(1u << slot);
    reply(slot, poll.generation, {.value = known});
    news = true;
  }
  std::erase_if(notices_, [&](const Notice& notice) {
    if (!of_interest(notice.handle, notice.events)) return false;
    uint32_t index = PL_HANDLE_INDEX(notice.handle);
    std::atomic_ref(window_.ring().ready[index / 64]).fetch_or(uint64_t{1} << index % 64);
    return news = true;
  });
  watch_changed_ = waiting() || debugger_;
  return news;
}

std::string Instance::take_log() {
  pl_ring& ring = window_.ring();
  uint32_t length = Window::load(ring.log_length);
  if (length == 0) return {};
  std::string text = Window::printable(ring.log, std::min<size_t>(length, sizeof ring.log));
  Window::store(ring.log_length, 0);
  return text;
}

}  // namespace pl
