// SPDX-License-Identifier: BSD-2-Clause
// Frames: whole ones come out as they went in, whatever the pieces; bad ones end the stream and are never acted on.
#include <criterion/criterion.h>

#include <random>

#include "wire/frame.h"

using namespace pl::machine;

namespace {

Bytes bytes_of(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(bytes, bytes + text.size());
}

void feed(FrameReader& reader, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto space = reader.space();
    cr_assert(!space.empty());
    const size_t size = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), size);
    reader.commit(size);
    bytes = bytes.subspan(size);
  }
}

WireError error_of(const Bytes& header) {
  FrameReader reader;
  feed(reader, header);
  const auto frame = reader.next();
  cr_assert(!frame.has_value());
  return frame.error();
}

Bytes header(Type type, uint32_t session, uint8_t stream, size_t length) {
  Bytes out(kHeaderSize);
  write_header(out.data(), type, session, stream, length);
  return out;
}

}  // namespace

Test(frame, comes_out_as_it_went_in) {
  Bytes wire;
  append(wire, Type::kData, 0xfedcba98, 2, bytes_of("hello"));
  cr_assert_eq(wire.size(), kHeaderSize + 5);
  FrameReader reader;
  feed(reader, wire);
  const auto frame = reader.next();
  cr_assert(frame.has_value() && frame->has_value());
  cr_expect((*frame)->type == Type::kData);
  cr_expect_eq((*frame)->session, 0xfedcba98u);
  cr_expect_eq((*frame)->stream, 2);
  cr_expect_eq((*frame)->payload.size(), 5u);
  cr_expect_eq(std::memcmp((*frame)->payload.data(), "hello", 5), 0);
  const auto none = reader.next();
  cr_expect(none.has_value() && !none->has_value());
}

Test(frame, pieces_of_any_size_make_the_same_frames) {
  std::mt19937 random(1);
  Bytes wire;
  std::vector<size_t> sizes;
  for (int i = 0; i < 200; ++i) {
    const size_t size = i % 10 == 0 ? kMaxPayload : random() % 5000;
    Bytes payload(size);
    for (size_t j = 0; j < size; ++j) payload[j] = static_cast<std::byte>(i + j);
    append(wire, Type::kData, static_cast<uint32_t>(i), 1, payload);
    sizes.push_back(size);
  }
  FrameReader reader;
  size_t seen = 0;
  for (size_t at = 0; at < wire.size();) {
    const auto space = reader.space();
    const size_t size = std::min({space.size(), wire.size() - at, size_t{1} + random() % 100000});
    std::memcpy(space.data(), wire.data() + at, size);
    reader.commit(size);
    at += size;
    for (;;) {
      const auto frame = reader.next();
      cr_assert(frame.has_value());
      if (!*frame) break;
      cr_assert_eq((*frame)->session, seen);
      cr_assert_eq((*frame)->payload.size(), sizes[seen]);
      for (size_t j = 0; j < sizes[seen]; ++j) cr_assert((*frame)->payload[j] == static_cast<std::byte>(seen + j));
      ++seen;
    }
  }
  cr_expect_eq(seen, sizes.size());
}

Test(frame, longer_than_the_most_is_refused_before_it_has_come) {
  cr_expect(error_of(header(Type::kData, 1, 0, kMaxPayload + 1)) == WireError::kTooLong);
  cr_expect(error_of(header(Type::kData, 1, 0, 0xffffffff)) == WireError::kTooLong);
}

Test(frame, of_an_unknown_type_is_refused) {
  int refused = 0;
  for (int type = 0; type < 256; ++type) {
    FrameReader reader;
    feed(reader, header(static_cast<Type>(type), 0, 0, 0));
    if (!reader.next().has_value()) ++refused;
  }
  cr_expect_eq(256 - refused, 9 + 9 + 11, "%d types are known", 256 - refused);
  cr_expect(error_of(header(static_cast<Type>(0), 0, 0, 0)) == WireError::kBadType);
  cr_expect(error_of(header(static_cast<Type>(255), 0, 0, 0)) == WireError::kBadType);
}

Test(frame, with_a_stream_that_does_not_exist_is_refused) {
  cr_expect(error_of(header(Type::kData, 1, 4, 0)) == WireError::kBadStream);
  cr_expect(error_of(header(Type::kData, 1, 255, 0)) == WireError::kBadStream);
}

Test(frame, with_something_in_the_reserved_field_is_refused) {
  Bytes bad = header(Type::kData, 1, 0, 0);
  bad[11] = std::byte{1};
  cr_expect(error_of(bad) == WireError::kBadReserved);
}

Test(frame, noise_never_makes_the_reader_run_past_its_bytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    FrameReader reader;
    Bytes noise(random() % 4096);
    for (auto& byte : noise) byte = static_cast<std::byte>(random());
    // Often a header that is almost right.
    if (round % 2 && noise.size() >= kHeaderSize) write_header(noise.data(), static_cast<Type>(random() % 48), 1, random() % 5, random() % 4096);
    feed(reader, noise);
    size_t taken = 0;
    for (;;) {
      const auto frame = reader.next();
      if (!frame.has_value() || !frame->has_value()) break;
      taken += kHeaderSize + (*frame)->payload.size();
      cr_assert_leq(taken, noise.size());
    }
  }
}
