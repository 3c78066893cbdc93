// SPDX-License-Identifier: BSD-2-Clause
// What GDB reads of the program's files (its libraries, where it has none of its own) and of what there is to know about it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "gdb/registers.h"
#include "gdb/session.h"

namespace pl::gdb {
namespace {

constexpr size_t kPathMax = 255, kOpenMost = 64;
constexpr size_t kTextMax = 1 << 20;
constexpr size_t kReadMost = kPacketMax / 2 - 64;

std::string file_failed(int error) {
  // File-I/O errnos of GDB (GDB manual, "Errno Values"): those that matter here are Linux's.
  return fmt::format("F-1,{:x}", error);
}

std::string for_xml(std::string_view text) {
  std::string safe;
  for (char c : text) safe += c >= ' ' && c <= '~' && !std::string_view("<>&\"'").contains(c) ? c : '?';
  return safe;
}

// struct stat of the protocol (GDB manual, "struct stat"): big endian.
std::string status_of(uint64_t size) {
  std::string bytes;
  auto put = [&bytes](uint64_t value, int width) {
    for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  };
  constexpr uint64_t kRegularReadable = 0100444;
  for (uint64_t word : {uint64_t{0}, uint64_t{0}, kRegularReadable, uint64_t{1}, uint64_t{0}, uint64_t{0}, uint64_t{0}}) put(word, 4);
  for (uint64_t word : {size, uint64_t{4096}, (size + 511) / 512}) put(word, 8);
  for (int time = 0; time < 3; ++time) put(0, 4);
  return bytes;
}

}  // namespace

std::string Session::program_path(uint32_t process) {
  // The mapping that lies lowest of those that are of a file.
  const auto maps = debuggee_.whole_file(fmt::format("/proc/{}/maps", process), kTextMax);
  if (!maps) return {};
  const size_t start = maps->find('/');
  if (start == maps->npos) return {};
  return maps->substr(start, maps->find('\n', start) - start);
}

std::string Session::object_text(std::string_view name) {
  if (name == "features:read:target.xml") return std::string(kTargetDescription);
  if (name == "auxv:read:") return debuggee_.whole_file(fmt::format("/proc/{}/auxv", subject_process()), kTextMax).value_or("");
  if (name == "siginfo:read:") return signal_information();
  if (take_word(name, "exec-file:read:")) {
    const auto process = take_hex(name);
    return program_path(process ? static_cast<uint32_t>(*process) : subject_process());
  }
  if (name == "threads:read:") {
    std::string text = "<threads>";
    for (const pl_debug_thread& thread : debuggee_.threads())
      if (follows(thread.pid)) text += fmt::format("<thread id=\"{}\" name=\"{}\"/>", thread_text(thread.pid, thread.tid),
                          for_xml(std::string_view(thread.name, strnlen(thread.name, sizeof thread.name))));
    return text + "</threads>";
  }
  return {};
}

Session::Answer Session::file(std::string_view packet) {
  if (packet.starts_with("setfs:")) return "F0";
  if (take_word(packet, "open:")) return open_file(packet);
  if (take_word(packet, "pread:")) return read_file(packet);
  if (take_word(packet, "fstat:")) return file_status(packet);
  if (take_word(packet, "readlink:")) return read_link(packet);
  if (take_word(packet, "close:")) {
    const auto number = take_hex(packet);
    return number && open_files_.erase(*number) ? "F0" : file_failed(EBADF);
  }
  return "";
}

// PATH in hexadecimal, FLAGS, MODE: to read, whatever they say.
Session::Answer Session::open_file(std::string_view arguments) {
  const auto path = from_hex(arguments.substr(0, arguments.find(',')));
  if (!path || path->empty() || path->size() > kPathMax) return file_failed(ENOENT);
  if (open_files_.size() >= kOpenMost) return file_failed(EMFILE);
  std::string name(reinterpret_cast<const char*>(path->data()), path->size());
  if (auto found = debuggee_.file(name, 0, 1); !found) return file_failed(found.error());
  open_files_[next_file_] = std::move(name);
  return fmt::format("F{:x}", next_file_++);
}

// DESCRIPTOR,COUNT,OFFSET
Session::Answer Session::read_file(std::string_view arguments) {
  const auto number = take_hex(arguments);
  const auto count = take_word(arguments, ",") ? take_hex(arguments) : std::nullopt;
  const auto offset = take_word(arguments, ",") ? take_hex(arguments) : std::nullopt;
  if (!number || !count || !offset) return file_failed(EINVAL);
  const auto open = open_files_.find(*number);
  if (open == open_files_.end()) return file_failed(EBADF);
  const size_t wanted = std::min<uint64_t>(*count, kReadMost);
  std::vector<std::byte> bytes;
  while (bytes.size() < wanted) {
    auto piece = debuggee_.file(open->second, *offset + bytes.size(), wanted - bytes.size());
    if (!piece) return file_failed(piece.error());
    if (piece->bytes.empty()) break;
    bytes.insert(bytes.end(), piece->bytes.begin(), piece->bytes.end());
  }
  bytes.resize(std::min(bytes.size(), wanted));
  return fmt::format("F{:x};", bytes.size()) + escaped(bytes);
}

Session::Answer Session::read_link(std::string_view arguments) {
  const auto path = from_hex(arguments);
  if (!path || path->empty() || path->size() > kPathMax) return file_failed(ENOENT);
  const auto link = debuggee_.link(std::string_view(reinterpret_cast<const char*>(path->data()), path->size()));
  if (!link) return file_failed(link.error());
  return fmt::format("F{:x};", link->size()) + escaped(std::as_bytes(std::span(*link)));
}

// siginfo_t, as far as a stop has it: of a fault the address, of what somebody sent who that was.
std::string Session::signal_information() const {
  if (stop_->reason != PL_STOP_SIGNAL || subject() != stop_->tid) return {};
  std::string bytes(128, '\0');
  const int32_t head[] = {stop_->signal, 0, stop_->code};
  std::memcpy(bytes.data(), head, sizeof head);
  std::memcpy(bytes.data() + 16, &stop_->address, sizeof stop_->address);
  return bytes;
}

Session::Answer Session::file_status(std::string_view arguments) {
  const auto number = take_hex(arguments);
  const auto open = number ? open_files_.find(*number) : open_files_.end();
  if (open == open_files_.end()) return file_failed(EBADF);
  auto found = debuggee_.file(open->second, 0, 1);
  if (!found) return file_failed(found.error());
  const std::string status = status_of(found->size);
  return fmt::format("F{:x};", status.size()) + escaped(std::as_bytes(std::span(status)));
}

}  // namespace pl::gdb
