// SPDX-License-Identifier: BSD-2-Clause
#include "enclave_api/session.h"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

namespace pl::enclave_api {
namespace {

constexpr const char* kDevice = "/dev/penglai_enclave_dev";
constexpr size_t kArena = size_t{16} << 20;
constexpr uint64_t kLargestWindow = uint64_t{2} << 20;

OrErrno<Device> open_device() {
  if (const char* path = std::getenv("PENGLAI_DEVICE"); path && *path) return Device::open(path, kArena);
  auto device = Device::open(kDevice, kArena);
  // The name is a link that install.sh makes.
  if (!device && device.error() == ENOENT) device = Device::open(PL_DEVICE, kArena);
  return device;
}

}  // namespace

OrErrno<std::shared_ptr<Session>> Session::get() {
  static std::mutex lock;
  static std::weak_ptr<Session> current;
  std::lock_guard guard(lock);
  if (auto session = current.lock()) return session;
  auto device = open_device();
  if (!device) return std::unexpected(device.error());
  auto session = std::make_shared<Session>(std::move(*device));
  current = session;
  return session;
}

void say(std::string_view text) {
  std::string line = "penglai: " + std::string(text) + "\n";
  [[maybe_unused]] auto written = write(STDERR_FILENO, line.data(), line.size());
}

OrErrno<std::shared_ptr<Segment>> Segment::create(Kind kind, uint64_t bytes) {
  if (!bytes || bytes > kLargestWindow) return std::unexpected(EINVAL);
  auto session = Session::get();
  if (!session) return std::unexpected(session.error());
  auto piece = WindowPiece::take((*session)->device, static_cast<uint32_t>(std::bit_ceil(std::max<uint64_t>(bytes, PL_PAGE_SIZE))));
  if (!piece) return std::unexpected(piece.error());
  std::memset(piece->bytes().data(), 0, piece->bytes().size());
  return std::make_shared<Segment>(std::move(*session), kind, std::move(*piece));
}

OrErrno<pl_ioc_window> Segment::window(uint64_t offset, uint64_t bytes) const {
  const pl_ioc_window whole = piece_.place();
  if (!bytes || bytes > whole.size || offset > whole.size) return std::unexpected(EINVAL);
  const uint64_t size = std::bit_ceil(std::max<uint64_t>(bytes, PL_PAGE_SIZE));
  if (offset % size || size > whole.size - offset) return std::unexpected(EINVAL);
  return pl_ioc_window{whole.offset + static_cast<uint32_t>(offset), static_cast<uint32_t>(size)};
}

}  // namespace pl::enclave_api
