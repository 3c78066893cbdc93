// SPDX-License-Identifier: BSD-2-Clause
#include "gdb/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "gdb/registers.h"

namespace pl::gdb {
namespace {

constexpr size_t kMemoryMax = kPacketMax / 2 - 16;

// ADDRESS,LENGTH
std::optional<std::pair<uint64_t, uint64_t>> take_range(std::string_view& text) {
  const auto address = take_hex(text);
  if (!address || !take_word(text, ",")) return std::nullopt;
  const auto length = take_hex(text);
  if (!length) return std::nullopt;
  return std::pair(*address, *length);
}

}  // namespace

std::string failed(int error) { return fmt::format("E{:02x}", error & 0xff); }
std::string done(const std::expected<void, int>& result) { return result ? "OK" : failed(result.error()); }

void Session::send(std::string_view payload) {
  last_packet_ = framed(payload);
  send_(last_packet_);
}

bool Session::take(std::string_view bytes) {
  for (char byte : bytes) {
    auto event = reader_.take(byte);
    if (!event || done_) continue;
    switch (event->kind) {
      case PacketReader::Event::Interrupt:
        if (!stop_) control_.interrupt();
        break;
      case PacketReader::Event::Damaged:
        if (acknowledge_) send_("-");
        break;
      case PacketReader::Event::Repeat:
        if (acknowledge_ && !last_packet_.empty()) send_(last_packet_);
        break;
      case PacketReader::Event::Packet: {
        if (acknowledge_) send_("+");
        // While it runs, GDB has nothing to ask but for an interrupt.
        if (Answer answer = stop_ ? obey(event->text) : Answer(failed(EBUSY))) send(*answer);
        break;
      }
    }
  }
  return !done_;
}

Session::Answer Session::obey(std::string_view packet) {
  if (packet.empty()) return "";
  const char kind = packet[0];
  switch (kind) {
    case '?': return stop_reply(false);
    case 'q': return query(packet);
    case 'Q': return set_option(packet);
    case 'v': return verbose(packet);
    case 'H': return choose_thread(packet);
    case 'g': case 'G': case 'p': case 'P': return registers(packet);
    case 'm': return read_memory(packet.substr(1));
    case 'M': return write_memory(packet.substr(1), true);
    case 'X': return write_memory(packet.substr(1), false);
    case 'Z': case 'z': return breakpoint(packet.substr(1), kind == 'Z');
    case 'c': return go_on({0, 0, false, wanted()});
    case 'T': {
      packet.remove_prefix(1);
      const auto id = take_thread(packet);
      const auto threads = debuggee_.threads();
      return id && std::ranges::find(threads, id->thread, &pl_debug_thread::tid) != threads.end() ? "OK" : failed(ESRCH);
    }
    case 'D': return detach(packet);
    case 'k':
      control_.kill();
      done_ = true;
      return std::nullopt;
    default: return "";
  }
}

Session::Answer Session::query(std::string_view packet) {
  if (packet.starts_with("qSupported")) {
    auto understands = [&](std::string_view word) { return packet.find(word) != packet.npos; };
    processes_ = understands("multiprocess+");
    forks_ = understands(";fork-events+");
    vforks_ = understands("vfork-events+");
    executes_ = understands("exec-events+");
    return fmt::format("PacketSize={:x};QStartNoAckMode+;swbreak+;vContSupported+;multiprocess+;fork-events+;vfork-events+;exec-events+;QCatchSyscalls+;"
                       "QPassSignals+;qXfer:features:read+;qXfer:auxv:read+;qXfer:siginfo:read+;qXfer:threads:read+;qXfer:exec-file:read+", kPacketMax);
  }
  if (take_word(packet, "qXfer:")) return transfer(packet);
  if (packet == "qC") return "QC" + thread_text(stop_->pid, stop_->tid);
  if (packet.starts_with("qAttached")) return "0";  // it is ours to end
  if (packet == "qfThreadInfo") return list_threads();
  if (packet == "qsThreadInfo") return "l";
  if (packet.starts_with("qSymbol")) return "OK";
  return "";
}

Session::Answer Session::set_option(std::string_view packet) {
  if (packet == "QStartNoAckMode") {
    send("OK");  // is still acknowledged
    acknowledge_ = false;
    return std::nullopt;
  }
  // 0, or 1;NUMBER;NUMBER...; nothing behind the 1: all.
  if (take_word(packet, "QCatchSyscalls:")) {
    catches_ = take_word(packet, "1");
    caught_.clear();
    while (take_word(packet, ";"))
      if (const auto number = take_hex(packet)) caught_.insert(*number);
    return "OK";
  }
  if (take_word(packet, "QPassSignals:")) {
    passed_.clear();
    for (bool more = !packet.empty(); more; more = take_word(packet, ";")) {
      const auto number = take_hex(packet);
      if (!number) break;
      if (const int signal = signal_from_gdb(*number)) passed_.insert(signal);
    }
    return "OK";
  }
  return "";
}

// OBJECT:read:ANNEX:OFFSET,LENGTH
Session::Answer Session::transfer(std::string_view what) {
  const size_t name_end = what.rfind(':');
  if (name_end == what.npos) return "E00";
  const std::string_view name = what.substr(0, name_end);
  what.remove_prefix(name_end + 1);
  const auto range = take_range(what);
  if (!range) return "E00";
  if (name != object_name_ || range->first == 0) {
    object_ = object_text(name);
    object_name_ = name;
  }
  if (object_.empty()) return "E00";
  if (range->first >= object_.size()) return "l";
  const auto part = std::string_view(object_).substr(range->first, std::min<uint64_t>(range->second, kMemoryMax));
  const bool last = range->first + part.size() == object_.size();
  return (last ? "l" : "m") + escaped(std::as_bytes(std::span(part)));
}

Session::Answer Session::verbose(std::string_view packet) {
  // Without s and S: GDB steps by itself then.
  if (packet == "vCont?") return "vCont;c;C";
  if (take_word(packet, "vCont;")) return resume_threads(packet);
  if (take_word(packet, "vKill;")) return kill(packet);
  if (take_word(packet, "vFile:")) return file(packet);
  return "";
}

Session::Answer Session::registers(std::string_view packet) {
  const char kind = packet[0];
  packet.remove_prefix(1);
  auto all = debuggee_.registers(subject());
  if (!all) return failed(all.error());
  moved_ = moved_ || ((kind == 'G' || kind == 'P') && subject() == stop_->tid);
  if (kind == 'g') return all_registers(*all);
  if (kind == 'G') {
    const auto bytes = from_hex(packet);
    if (!bytes || !set_all_registers(*all, *bytes)) return failed(EINVAL);
    return done(debuggee_.set_registers(subject(), *all));
  }
  const auto number = take_hex(packet);
  if (!number) return failed(EINVAL);
  if (kind == 'p') {
    auto text = one_register(*all, *number);
    return text ? *text : failed(EINVAL);
  }
  const auto bytes = take_word(packet, "=") ? from_hex(packet) : std::nullopt;
  if (!bytes || !set_one_register(*all, *number, *bytes)) return failed(EINVAL);
  return done(debuggee_.set_registers(subject(), *all));
}

Session::Answer Session::read_memory(std::string_view packet) {
  const auto range = take_range(packet);
  if (!range) return failed(EINVAL);
  std::vector<std::byte> bytes(std::min<uint64_t>(range->second, kMemoryMax));
  auto got = breakpoints_.read(subject(), subject_process(), range->first, bytes);
  if (!got) return failed(got.error());
  return to_hex(std::span(bytes).first(*got));
}

Session::Answer Session::write_memory(std::string_view packet, bool hexadecimal) {
  const auto range = take_range(packet);
  if (!range || !take_word(packet, ":")) return failed(EINVAL);
  std::vector<std::byte> decoded;
  std::span<const std::byte> bytes = std::as_bytes(std::span(packet));
  if (hexadecimal) {
    auto given = from_hex(packet);
    if (!given) return failed(EINVAL);
    decoded = std::move(*given);
    bytes = decoded;
  }
  if (bytes.size() != range->second) return failed(EINVAL);
  return done(breakpoints_.write(subject(), subject_process(), range->first, bytes));
}

// TYPE,ADDRESS,KIND: of the types, only breakpoints in memory (0); the kind is the instruction's length.
Session::Answer Session::breakpoint(std::string_view packet, bool insert) {
  if (!take_word(packet, "0,")) return "";
  const auto range = take_range(packet);
  if (!range || (range->second != 2 && range->second != 4)) return failed(EINVAL);
  if (!insert) return done(breakpoints_.remove(subject_process(), range->first));
  return done(breakpoints_.insert(subject_process(), range->first, static_cast<uint32_t>(range->second)));
}

}  // namespace pl::gdb
