// SPDX-License-Identifier: BSD-2-Clause
// Stands in for the rest of the libOS, and for the host on the other side of the window.
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "fs/abi.h"
#include "fs/context.h"
#include "fs/descriptors.h"
#include "fs/file.h"
#include "penglai/ocall.h"
#include "penglai/sbi.h"

namespace hosted {

struct InstanceEnded {};  // thrown where the libOS would end with PL_FAULT_HOST

// What happens when the current thread sleeps: another thread's turn. Returns false when there is nothing left to happen (a deadlock).
inline std::function<bool()> while_asleep;
inline bool interrupted = false;  // the next interruptible sleep is

inline int64_t allocations_left = -1;  // negative: no limit
inline uint64_t ticks = 1'000'000;
inline unsigned broken_pipes = 0;
inline pl::FileCredentials credentials;
inline std::vector<const void*> frozen_objects;  // as if a template had made them
inline uint64_t memory_limit = uint64_t(1) << 30;
inline std::vector<std::string> log;

inline pl_boot boot{};  // what the monitor said

// ---- the host ----
inline std::byte* window = nullptr;
inline std::function<void()> on_doorbell;
void make_window(size_t bytes = PL_WINDOW_DEFAULT);
pl_ring& ring();
// Requests that are there and were not answered.
std::vector<pl_request> take_requests();
void reply(const pl_request& to, int32_t result, uint64_t value = 0);
void push_reply(const pl_reply& reply);
// Answers each request by a function.
void serve(std::function<void(const pl_request&)> answer);

// A fresh tree and an empty descriptor table for the current "thread".
void make_tree(const std::vector<std::byte>& configuration = {});
// One with a directory of the host at /host.
void make_tree_with_mount();
// The same where the tree goes on looking at the configuration.
void make_tree_in_place(const std::vector<std::byte>& configuration);
pl::Buffer buffer(std::string& text);
std::string read_all(pl::File& file, size_t at_once = 4096);
std::string contents(std::string_view path);
bool write_file(std::string_view path, std::string_view text);
pl::Ref<pl::Inode> cwd();

}  // namespace hosted

// An error as a number, 0 for none: what tests compare.
template <class T>
int error_of(const pl::ErrorOr<T>& r) { return r ? 0 : int(r.error()); }

// The value of what must have worked.
template <class T>
T must(pl::ErrorOr<T> r) {
  if (!r) throw std::string("error ") + std::to_string(int(r.error()));
  return *std::move(r);
}
