// SPDX-License-Identifier: BSD-2-Clause
#include "message.h"

#include <algorithm>

namespace pl::machine {
namespace {

// No string of a command may hold a NUL: execve could not pass it on, and what was checked would not be what is run.
bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

void put(Writer& writer, const WindowSize& window) {
  writer.integer(window.rows);
  writer.integer(window.columns);
  writer.integer(window.width);
  writer.integer(window.height);
}

void get(Reader& reader, WindowSize& window) {
  window.rows = reader.integer<uint16_t>();
  window.columns = reader.integer<uint16_t>();
  window.width = reader.integer<uint16_t>();
  window.height = reader.integer<uint16_t>();
}

template <typename Message>
std::optional<Message> finish(const Reader& reader, Message&& message) {
  if (!reader.complete()) return std::nullopt;
  return std::forward<Message>(message);
}

}  // namespace

Bytes encode(const Hello& hello) {
  Bytes out;
  Writer writer(out);
  writer.integer(hello.version);
  writer.text(hello.fingerprint);
  writer.text(hello.text);
  return out;
}

template <>
std::optional<Hello> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  Hello hello;
  hello.version = reader.integer<uint32_t>();
  hello.fingerprint = reader.text();
  hello.text = reader.text();
  return finish(reader, std::move(hello));
}

Bytes encode(const Refused& refused) {
  Bytes out;
  Writer writer(out);
  writer.integer(static_cast<uint8_t>(refused.reason));
  writer.text(refused.text);
  return out;
}

template <>
std::optional<Refused> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  Refused refused;
  const auto reason = reader.integer<uint8_t>();
  if (reason < static_cast<uint8_t>(Refusal::kVersion) || reason > static_cast<uint8_t>(Refusal::kProtocol)) return std::nullopt;
  refused.reason = static_cast<Refusal>(reason);
  refused.text = reader.text();
  return finish(reader, std::move(refused));
}

Bytes encode(const WindowSize& window) {
  Bytes out;
  Writer writer(out);
  put(writer, window);
  return out;
}

template <>
std::optional<WindowSize> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  WindowSize window;
  get(reader, window);
  return finish(reader, std::move(window));
}

Bytes encode(const Identity& identity) {
  Bytes out;
  Writer writer(out);
  writer.integer(identity.user);
  writer.integer(identity.group);
  writer.integer(static_cast<uint32_t>(identity.groups.size()));
  for (uint32_t group : identity.groups) writer.integer(group);
  return out;
}

template <>
std::optional<Identity> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  Identity identity;
  identity.user = reader.integer<uint32_t>();
  identity.group = reader.integer<uint32_t>();
  const auto count = reader.integer<uint32_t>();
  for (uint32_t i = 0; i < count && !reader.failed(); ++i) identity.groups.push_back(reader.integer<uint32_t>());
  return finish(reader, std::move(identity));
}

Bytes encode(const Spawn& spawn) {
  Bytes out;
  Writer writer(out);
  writer.texts(spawn.arguments);
  writer.texts(spawn.environment);
  writer.text(spawn.directory);
  writer.integer(spawn.file_mask);
  writer.integer(spawn.terminals);
  writer.integer(spawn.absent);
  put(writer, spawn.window);
  writer.integer(spawn.modes.input);
  writer.integer(spawn.modes.output);
  writer.integer(spawn.modes.control);
  writer.integer(spawn.modes.local);
  for (uint8_t character : spawn.modes.characters) writer.integer(character);
  return out;
}

template <>
std::optional<Spawn> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  Spawn spawn;
  spawn.arguments = reader.texts();
  spawn.environment = reader.texts();
  spawn.directory = reader.text();
  spawn.file_mask = reader.integer<uint32_t>();
  spawn.terminals = reader.integer<uint8_t>();
  spawn.absent = reader.integer<uint8_t>();
  get(reader, spawn.window);
  spawn.modes.input = reader.integer<uint32_t>();
  spawn.modes.output = reader.integer<uint32_t>();
  spawn.modes.control = reader.integer<uint32_t>();
  spawn.modes.local = reader.integer<uint32_t>();
  for (uint8_t& character : spawn.modes.characters) character = reader.integer<uint8_t>();
  if (spawn.arguments.empty() || spawn.file_mask > 0777 || spawn.terminals > 7 || spawn.absent > 7) return std::nullopt;
  if (std::ranges::any_of(spawn.arguments, has_nul) || std::ranges::any_of(spawn.environment, has_nul)) return std::nullopt;
  if (has_nul(spawn.directory)) return std::nullopt;
  return finish(reader, std::move(spawn));
}

Bytes encode(const Failure& failure) {
  Bytes out;
  Writer writer(out);
  writer.integer(failure.error);
  writer.text(failure.text);
  return out;
}

template <>
std::optional<Failure> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  Failure failure;
  failure.error = reader.integer<uint32_t>();
  failure.text = reader.text();
  return finish(reader, std::move(failure));
}

Bytes encode(const SignalRequest& signal) {
  Bytes out;
  Writer writer(out);
  writer.integer(signal.number);
  writer.integer(signal.group);
  return out;
}

template <>
std::optional<SignalRequest> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  SignalRequest signal;
  signal.number = reader.integer<uint32_t>();
  signal.group = reader.integer<uint8_t>();
  if (signal.group > 1) return std::nullopt;
  return finish(reader, std::move(signal));
}

Bytes encode(const Exit& exit) {
  Bytes out;
  Writer writer(out);
  writer.integer(exit.status);
  writer.integer(exit.consumed);
  return out;
}

template <>
std::optional<Exit> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  Exit exit;
  exit.status = reader.integer<uint32_t>();
  exit.consumed = reader.integer<uint64_t>();
  return finish(reader, std::move(exit));
}

Bytes encode(const Pool& pool) {
  Bytes out;
  Writer writer(out);
  for (uint64_t value : {pool.size, pool.free, pool.largest, pool.enclaves, pool.templates, pool.forks}) writer.integer(value);
  return out;
}

template <>
std::optional<Pool> decode(std::span<const std::byte> payload) {
  Reader reader(payload);
  Pool pool;
  for (uint64_t* value : {&pool.size, &pool.free, &pool.largest, &pool.enclaves, &pool.templates, &pool.forks}) {
    *value = reader.integer<uint64_t>();
  }
  return finish(reader, std::move(pool));
}

Bytes encode_number(uint32_t value) {
  Bytes out;
  Writer(out).integer(value);
  return out;
}

std::optional<uint32_t> decode_number(std::span<const std::byte> payload) {
  Reader reader(payload);
  return finish(reader, reader.integer<uint32_t>());
}

Bytes encode_text(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(bytes, bytes + std::min(text.size(), kMaxPayload));
}

std::string decode_text(std::span<const std::byte> payload) {
  return std::string(reinterpret_cast<const char*>(payload.data()), payload.size());
}

}  // namespace pl::machine
