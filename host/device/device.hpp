// SPDX-License-Identifier: BSD-2-Clause
// Owners for what device.h hands out. Errors are positive errno values in std::expected.
#pragma once

#include <cerrno>
#include <cstddef>
#include <expected>
#include <span>
#include <utility>

#include "device/device.h"

namespace pl {

template <class T>
using Result = std::expected<T, int>;

inline Result<void> result_of(int code) {
  if (code < 0) return std::unexpected(-code);
  return {};
}

class Device {
 public:
  static Result<Device> open(const char* path, size_t arena_size) {
    pl_device* device = nullptr;
    if (int code = pl_device_open(path, arena_size, &device); code < 0) return std::unexpected(-code);
    return Device(device);
  }
  static Result<Device> simulate(pl_backend backend, void* context, std::span<std::byte> arena) {
    pl_device* device = nullptr;
    if (int code = pl_device_simulate(backend, context, arena.data(), arena.size(), &device); code < 0)
      return std::unexpected(-code);
    return Device(device);
  }
  Device(Device&& other) noexcept : device_(std::exchange(other.device_, nullptr)) {}
  Device& operator=(Device&& other) noexcept {
    std::swap(device_, other.device_);
    return *this;
  }
  ~Device() {
    if (device_) pl_device_close(device_);
  }
  pl_device* get() const { return device_; }

 private:
  explicit Device(pl_device* device) : device_(device) {}
  pl_device* device_;
};

// A piece of the arena. It outlives the enclave that uses it.
class WindowPiece {
 public:
  static Result<WindowPiece> take(Device& device, uint32_t size) {
    pl_ioc_window window{};
    if (int code = pl_window_take(device.get(), size, &window); code < 0) return std::unexpected(-code);
    return WindowPiece(device.get(), window);
  }
  WindowPiece(WindowPiece&& other) noexcept : device_(std::exchange(other.device_, nullptr)), window_(other.window_) {}
  WindowPiece& operator=(WindowPiece&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(window_, other.window_);
    return *this;
  }
  ~WindowPiece() {
    if (device_) pl_window_give(device_, window_);
  }
  pl_ioc_window place() const { return window_; }
  std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(pl_window_address(device_, window_)), window_.size};
  }

 private:
  WindowPiece(pl_device* device, pl_ioc_window window) : device_(device), window_(window) {}
  pl_device* device_;
  pl_ioc_window window_;
};

// An enclave's handle; destroyed with its owner unless released (published, or ended by itself).
class Enclave {
 public:
  Enclave(Device& device, int handle) : device_(device.get()), handle_(handle) {}
  static Result<Enclave> create(Device& device, pl_ioc_create create) {
    if (int code = pl_enclave_create(device.get(), &create); code < 0) return std::unexpected(-code);
    return Enclave(device, create.handle);
  }
  Enclave(Enclave&& other) noexcept : device_(other.device_), handle_(other.release()) {}
  Enclave& operator=(Enclave&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Enclave() { destroy(); }

  int handle() const { return handle_; }
  int release() { return std::exchange(handle_, -1); }
  void destroy() {
    if (handle_ >= 0) pl_enclave_destroy(device_, release());
  }
  Result<void> add(std::span<const std::byte> pages) {
    return result_of(pl_enclave_add(device_, handle_, pages.data(), pages.size() / PL_PAGE_SIZE));
  }
  Result<void> seal() {
    uint8_t measurement[PL_MEASUREMENT_SIZE];
    return result_of(pl_enclave_seal(device_, handle_, measurement));
  }

 private:
  pl_device* device_;
  int handle_;
};

}  // namespace pl
