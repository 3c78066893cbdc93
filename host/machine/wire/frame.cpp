// SPDX-License-Identifier: BSD-2-Clause
#include "frame.h"

#include <cstring>

namespace pl::machine {
namespace {

constexpr size_t kBufferSize = 4 * (kHeaderSize + kMaxPayload);

bool known(uint8_t type) {
  auto within = [type](Type first, Type last) {
    return type >= static_cast<uint8_t>(first) && type <= static_cast<uint8_t>(last);
  };
  return within(Type::kHello, Type::kUp) || within(Type::kReady, Type::kGone) || within(Type::kSpawn, Type::kExit);
}

template <typename Integer>
Integer field(const std::byte* at) {
  return Reader({at, sizeof(Integer)}).integer<Integer>();
}

}  // namespace

const char* describe(WireError error) {
  switch (error) {
    case WireError::kTooLong: return "a frame is too long";
    case WireError::kBadType: return "a frame has an unknown type";
    case WireError::kBadStream: return "a frame names a stream that does not exist";
    case WireError::kBadReserved: return "a reserved field is not zero";
  }
  return "unknown error";
}

void write_header(std::byte* header, Type type, uint32_t session, uint8_t stream, size_t length) {
  for (int i = 0; i < 4; ++i) {
    header[i] = static_cast<std::byte>(length >> (8 * i));
    header[4 + i] = static_cast<std::byte>(session >> (8 * i));
  }
  header[8] = static_cast<std::byte>(type);
  header[9] = static_cast<std::byte>(stream);
  header[10] = header[11] = std::byte{0};
}

void append(Bytes& out, Type type, uint32_t session, uint8_t stream, std::span<const std::byte> payload) {
  const size_t at = out.size();
  out.resize(at + kHeaderSize + payload.size());
  write_header(out.data() + at, type, session, stream, payload.size());
  if (!payload.empty()) std::memcpy(out.data() + at + kHeaderSize, payload.data(), payload.size());
}

std::span<std::byte> FrameReader::space() {
  if (buffer_.empty()) buffer_.resize(kBufferSize);
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (buffer_.size() - end_ < kHeaderSize + kMaxPayload) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(buffer_).subspan(end_);
}

void FrameReader::commit(size_t size) { end_ += size; }

std::expected<std::optional<Frame>, WireError> FrameReader::next() {
  if (end_ - begin_ < kHeaderSize) return std::nullopt;
  const std::byte* header = buffer_.data() + begin_;
  const auto length = field<uint32_t>(header);
  const auto type = field<uint8_t>(header + 8);
  const auto stream = field<uint8_t>(header + 9);
  if (length > kMaxPayload) return std::unexpected(WireError::kTooLong);
  if (!known(type)) return std::unexpected(WireError::kBadType);
  if (stream > static_cast<uint8_t>(Stream::kTerminal)) return std::unexpected(WireError::kBadStream);
  if (field<uint16_t>(header + 10) != 0) return std::unexpected(WireError::kBadReserved);
  if (end_ - begin_ < kHeaderSize + length) return std::nullopt;
  begin_ += kHeaderSize + length;
  return Frame{static_cast<Type>(type), stream, field<uint32_t>(header + 4), {header + kHeaderSize, length}};
}

}  // namespace pl::machine
