// SPDX-License-Identifier: BSD-2-Clause
// A device for pl_device_simulate: enclaves are functions that are called where the kernel would enter one.
#pragma once

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "device/device.hpp"

namespace pl::test {

struct Left {
  uint32_t reason;
  uint64_t detail = 0;
};

class SimulatedDevice {
 public:
  // What an enclave does when it is entered: `window` is its own, `flags` PL_RUN_EVENT or 0.
  using Guest = std::function<Left(std::byte* window, uint32_t flags)>;
  static constexpr size_t kArena = 1 << 18;

  SimulatedDevice() : arena_(static_cast<std::byte*>(operator new(kArena, std::align_val_t(4096)))) {
    std::memset(arena_, 0, kArena);
  }
  ~SimulatedDevice() { operator delete(arena_, std::align_val_t(4096)); }

  Device open() { return std::move(*Device::simulate(control, this, {arena_, kArena})); }

  Guest cold;                    // run by enclaves that were made page by page
  std::map<uint64_t, Guest> forks;  // by template
  std::map<std::vector<uint8_t>, uint64_t> templates;
  std::function<void()> before_publish = [] {};
  std::vector<std::byte> added;
  int creates = 0, spawns = 0, runs = 0, destroys = 0, interrupt_next = 0;
  uint64_t next_template = 1;
  pl_ioc_spawn last_spawn{};
  size_t alive() const { return enclaves_.size(); }

 private:
  struct Enclave {
    Guest guest;
    std::byte* window;
  };
  static int control(void* self, unsigned long request, void* argument) {
    return static_cast<SimulatedDevice*>(self)->answer(request, argument);
  }
  Left enter(Enclave& enclave, uint32_t flags) { return enclave.guest(enclave.window, flags & PL_RUN_EVENT); }
  static bool ended(const Left& left) { return left.reason == PL_LEFT_EXIT || left.reason == PL_LEFT_FAULT; }

  int answer(unsigned long request, void* argument) {
    switch (request) {
      case PL_IOC_CREATE: {
        auto* create = static_cast<pl_ioc_create*>(argument);
        ++creates;
        enclaves_[next_handle_] = {cold, arena_ + create->window[0].offset};
        create->handle = next_handle_++;
        return 0;
      }
      case PL_IOC_ADD: {
        auto* add = static_cast<pl_ioc_add*>(argument);
        auto* from = reinterpret_cast<std::byte*>(add->address);
        // As the driver does when a signal comes: a page, and the rest in the next call.
        size_t pages = add->pages > 1 ? 1 : add->pages;
        added.insert(added.end(), from, from + pages * 4096);
        add->address += pages * 4096;
        add->pages -= pages;
        return add->pages ? -EINTR : 0;
      }
      case PL_IOC_SEAL: return 0;
      case PL_IOC_RUN: {
        auto* run = static_cast<pl_ioc_run*>(argument);
        ++runs;
        auto found = enclaves_.find(run->handle);
        if (found == enclaves_.end()) return -EBADF;
        if (interrupt_next) return --interrupt_next, -EINTR;
        if (run->flags & PL_RUN_RETURN) return -EINTR;
        Left left = enter(found->second, run->flags);
        if (left.reason == PL_LEFT_INTERRUPT) return -EINTR;
        run->reason = left.reason;
        run->detail = left.detail;
        if (ended(left) && (run->flags & PL_RUN_DESTROY)) enclaves_.erase(run->handle);
        return 0;
      }
      case PL_IOC_SPAWN: {
        auto* spawn = static_cast<pl_ioc_spawn*>(argument);
        ++spawns;
        if (interrupt_next) return --interrupt_next, -EINTR;
        if (spawn->flags & PL_RUN_RETURN) return -EINTR;
        last_spawn = *spawn;
        auto found = forks.find(spawn->template_id);
        if (found == forks.end()) return -ENOENT;
        Enclave enclave{found->second, arena_ + spawn->window[0].offset};
        Left left = enter(enclave, 0);
        spawn->reason = left.reason;
        spawn->detail = left.detail;
        spawn->handle = -1;
        if (!ended(left)) {
          enclaves_[next_handle_] = std::move(enclave);
          spawn->handle = next_handle_++;
        }
        return 0;
      }
      case PL_IOC_DESTROY: ++destroys; return enclaves_.erase(*static_cast<__s32*>(argument)) ? 0 : -EBADF;
      case PL_IOC_FIND: {
        auto* find = static_cast<pl_ioc_template*>(argument);
        auto found = templates.find({find->key, find->key + PL_KEY_SIZE});
        if (found == templates.end()) return -ENOENT;
        find->template_id = found->second;
        return 0;
      }
      case PL_IOC_PUBLISH: {
        auto* publish = static_cast<pl_ioc_publish*>(argument);
        before_publish();
        std::vector<uint8_t> key(publish->key, publish->key + PL_KEY_SIZE);
        if (templates.contains(key)) return -EEXIST;
        enclaves_.erase(publish->handle);
        publish->template_id = templates[key] = next_template++;
        return 0;
      }
      default: return -ENOTTY;
    }
  }

  std::byte* arena_;
  std::map<int, Enclave> enclaves_;
  int next_handle_ = 0;
};

}  // namespace pl::test
