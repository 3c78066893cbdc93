// SPDX-License-Identifier: BSD-2-Clause
#include "gdb/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "gdb/registers.h"

namespace pl::gdb {
namespace {

constexpr int kTrap = 5, kInterruptSignal = 2;
constexpr int kTrapBreakpoint = 1;  // TRAP_BRKPT
constexpr uint32_t kWanted = 1u << PL_STOP_SIGNAL | 1u << PL_STOP_INTERRUPT | 1u << PL_STOP_EXEC | 1u << PL_STOP_FATAL;
constexpr uint32_t kWantedAlone = 1u << PL_STOP_FATAL | 1u << PL_STOP_INTERRUPT;  // with nobody connected
constexpr size_t kMemoryMax = kPacketMax / 2 - 16;

std::string failed(int error) { return fmt::format("E{:02x}", error & 0xff); }
std::string done(const std::expected<void, int>& result) { return result ? "OK" : failed(result.error()); }

// ADDRESS,LENGTH
std::optional<std::pair<uint64_t, uint64_t>> take_range(std::string_view& text) {
  const auto address = take_hex(text);
  if (!address || !take_word(text, ",")) return std::nullopt;
  const auto length = take_hex(text);
  if (!length) return std::nullopt;
  return std::pair(*address, *length);
}

}  // namespace

void Session::send(std::string_view payload) {
  last_ = framed(payload);
  send_(last_);
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
        if (acknowledge_ && !last_.empty()) send_(last_);
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

void Session::stopped(const pl_debug_stop& stop) {
  stop_ = stop;
  subject_ = 0;
  object_name_.clear();
  if (stop.reason == PL_STOP_EXEC) breakpoints_.clear();  // they went with the program
  if (asked_) send(stop_reply());
  asked_ = false;
}

void Session::ended(int status, int signal) {
  stop_.reset();
  if (asked_) send(signal ? fmt::format("X{:02x}", signal_to_gdb(signal)) : fmt::format("W{:02x}", status & 0xff));
  asked_ = false;
}

std::string Session::stop_reply() const {
  const pl_debug_stop& stop = *stop_;
  const bool plain = stop.reason == PL_STOP_START || stop.reason == PL_STOP_EXEC;
  const int signal = plain ? kTrap : stop.reason == PL_STOP_INTERRUPT ? kInterruptSignal : stop.signal;
  std::string text = fmt::format("T{:02x}thread:{:x};", signal_to_gdb(signal), stop.tid);
  if (stop.reason == PL_STOP_SIGNAL && stop.signal == kTrap && stop.code == kTrapBreakpoint) text += "swbreak:;";
  if (stop.reason == PL_STOP_EXEC && executes_) text += "exec:" + to_hex(const_cast<Session*>(this)->program_path()) + ";";
  return text;
}

Session::Answer Session::obey(std::string_view packet) {
  if (packet.empty()) return "";
  const char kind = packet[0];
  switch (kind) {
    case '?': return stop_reply();
    case 'q': return query(packet);
    case 'Q': return set_option(packet);
    case 'v': return verbose(packet);
    case 'H': return choose_thread(packet);
    case 'g': case 'G': case 'p': case 'P': return registers(packet);
    case 'm': return read_memory(packet.substr(1));
    case 'M': return write_memory(packet.substr(1), true);
    case 'X': return write_memory(packet.substr(1), false);
    case 'Z': case 'z': return breakpoint(packet.substr(1), kind == 'Z');
    case 'c': return go_on({0, 0, kWanted});
    case 'T': {
      packet.remove_prefix(1);
      const auto thread = take_hex(packet);
      const auto threads = debuggee_.threads();
      return thread && std::ranges::find(threads, *thread, &pl_debug_thread::tid) != threads.end() ? "OK" : failed(ESRCH);
    }
    case 'D': return detach();
    case 'k':
      control_.kill();
      done_ = true;
      return std::nullopt;
    default: return "";
  }
}

Session::Answer Session::go_on(const Resumption& resumption) {
  stop_.reset();
  asked_ = true;
  control_.resume(resumption);
  return std::nullopt;
}

uint32_t Session::wanted() { return kWanted; }

void Session::remove_breakpoints() {
  for (const auto& [address, bytes] : breakpoints_) (void)debuggee_.remove_breakpoint(address, bytes);
  breakpoints_.clear();
}

Session::Answer Session::detach() {
  remove_breakpoints();
  // A signal that it was about to take is its own.
  const int signal = stop_->reason == PL_STOP_SIGNAL && stop_->signal != kTrap ? stop_->signal : 0;
  stop_.reset();
  done_ = true;
  send("OK");
  control_.resume({signal, 0, kWantedAlone});
  return std::nullopt;
}

Session::Answer Session::query(std::string_view packet) {
  if (packet.starts_with("qSupported")) {
    executes_ = packet.find("exec-events+") != packet.npos;
    return fmt::format("PacketSize={:x};QStartNoAckMode+;swbreak+;vContSupported+;exec-events+;qXfer:features:read+;qXfer:auxv:read+;"
                       "qXfer:threads:read+;qXfer:exec-file:read+", kPacketMax);
  }
  if (take_word(packet, "qXfer:")) return transfer(packet);
  if (packet == "qC") return fmt::format("QC{:x}", stop_->tid);
  if (packet.starts_with("qAttached")) return "0";  // it is ours to end
  if (packet == "qfThreadInfo") {
    std::string text = "m";
    for (const pl_debug_thread& thread : debuggee_.threads()) text += fmt::format("{}{:x}", text.size() > 1 ? "," : "", thread.tid);
    return text.size() < kPacketMax ? text : "l";
  }
  if (packet == "qsThreadInfo") return "l";
  if (packet.starts_with("qSymbol")) return "OK";
  return "";
}

Session::Answer Session::set_option(std::string_view packet) {
  if (packet != "QStartNoAckMode") return "";
  send("OK");  // is still acknowledged
  acknowledge_ = false;
  return std::nullopt;
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
  if (packet.starts_with("vKill")) {
    control_.kill();
    send("OK");
    done_ = true;
    return std::nullopt;
  }
  if (take_word(packet, "vFile:")) return file(packet);
  return "";
}

// ACTION[:THREAD];... The leftmost that fits a thread is its own (GDB manual, "vCont"); a thread without one stays where it is.
Session::Answer Session::resume_threads(std::string_view actions) {
  Resumption resumption{0, 0, kWanted};
  bool all = false, own = false;
  while (!actions.empty()) {
    const char kind = actions[0];
    actions.remove_prefix(1);
    uint64_t signal = 0;
    if (kind == 'C') {
      const auto number = take_hex(actions);
      if (!number) return failed(EINVAL);
      signal = *number;
    } else if (kind != 'c') {
      return failed(EINVAL);
    }
    std::optional<uint64_t> thread;
    if (take_word(actions, ":") && !take_word(actions, "-1")) {
      thread = take_hex(actions);
      if (!thread) return failed(EINVAL);
    }
    if (!actions.empty() && !take_word(actions, ";")) return failed(EINVAL);
    if (thread && *thread) {
      if (!resumption.only) resumption.only = static_cast<uint32_t>(*thread);
    } else {
      all = true;
    }
    if (!own && (!thread || !*thread || *thread == stop_->tid)) {
      resumption.signal = signal_from_gdb(signal);
      own = true;
    }
  }
  if (!all && !resumption.only) return failed(EINVAL);
  if (all) resumption.only = 0;
  return go_on(resumption);
}

// Hc and Hg; what 'c' is about is decided by vCont.
Session::Answer Session::choose_thread(std::string_view packet) {
  if (packet.size() < 3) return failed(EINVAL);
  const bool general = packet[1] == 'g';
  packet.remove_prefix(2);
  if (packet == "-1") return "OK";
  const auto thread = take_hex(packet);
  if (!thread) return failed(EINVAL);
  if (!general || !*thread) {
    if (general) subject_ = 0;
    return "OK";
  }
  if (!debuggee_.registers(static_cast<uint32_t>(*thread))) return failed(ESRCH);
  subject_ = static_cast<uint32_t>(*thread);
  return "OK";
}

Session::Answer Session::registers(std::string_view packet) {
  const char kind = packet[0];
  packet.remove_prefix(1);
  auto all = debuggee_.registers(subject());
  if (!all) return failed(all.error());
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
  auto got = debuggee_.read(subject(), range->first, bytes);
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
  return done(debuggee_.write(subject(), range->first, bytes));
}

// TYPE,ADDRESS,KIND: of the types, only breakpoints in memory (0); the kind is the instruction's length.
Session::Answer Session::breakpoint(std::string_view packet, bool insert) {
  if (!take_word(packet, "0,")) return "";
  const auto range = take_range(packet);
  if (!range || (range->second != 2 && range->second != 4)) return failed(EINVAL);
  const auto bytes = static_cast<uint32_t>(range->second);
  if (!insert) {
    breakpoints_.erase(range->first);
    return done(debuggee_.remove_breakpoint(range->first, bytes));
  }
  auto inserted = debuggee_.insert_breakpoint(range->first, bytes);
  if (inserted) breakpoints_[range->first] = bytes;
  return done(inserted);
}

}  // namespace pl::gdb
