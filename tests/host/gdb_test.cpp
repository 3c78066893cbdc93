// SPDX-License-Identifier: BSD-2-Clause
// GDB's protocol, against a program that is made of a few maps.
#include <criterion/criterion.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>

#include "gdb/registers.h"
#include "gdb/session.h"

using namespace pl;
using namespace pl::gdb;

namespace {

constexpr uint64_t kBase = 0x10000;

class Program final : public Debuggee {
 public:
  std::vector<std::byte> memory = std::vector<std::byte>(8192);
  pl_debug_registers state{};
  std::map<uint32_t, bool> released;  // and whether it was killed
  std::map<std::string, std::string, std::less<>> files;

  std::expected<size_t, int> read(uint32_t, uint64_t address, std::span<std::byte> to) override {
    if (address < kBase || address - kBase >= memory.size()) return std::unexpected(EFAULT);
    const size_t count = std::min(to.size(), memory.size() - (address - kBase));
    std::copy_n(memory.begin() + static_cast<ptrdiff_t>(address - kBase), count, to.begin());
    return count;
  }
  std::expected<void, int> write(uint32_t, uint64_t address, std::span<const std::byte> from) override {
    if (address < kBase || address - kBase > memory.size() || from.size() > memory.size() - (address - kBase)) return std::unexpected(EFAULT);
    std::ranges::copy(from, memory.begin() + static_cast<ptrdiff_t>(address - kBase));
    return {};
  }
  std::expected<pl_debug_registers, int> registers(uint32_t thread) override {
    if (thread != 2 && thread != 3) return std::unexpected(ESRCH);
    return state;
  }
  std::expected<void, int> set_registers(uint32_t thread, const pl_debug_registers& registers) override {
    if (thread == 3) return std::unexpected(EBUSY);
    state = registers;
    return {};
  }
  std::vector<pl_debug_thread> list{{2, 2, "first"}, {3, 2, "<\"2nd>"}};
  std::vector<pl_debug_thread> threads() override { return list; }
  std::expected<void, int> release(uint32_t process, bool kill) override {
    released[process] = kill;
    return {};
  }
  std::expected<std::string, int> link(std::string_view path) override {
    if (path != "/proc/2/exe") return std::unexpected(EINVAL);
    return "/bin/program";
  }
  std::expected<Piece, int> file(std::string_view path, uint64_t offset, size_t most) override {
    const auto found = files.find(path);
    if (found == files.end()) return std::unexpected(ENOENT);
    Piece piece{{}, found->second.size()};
    if (offset < found->second.size()) {
      const auto part = std::string_view(found->second).substr(offset, most);
      piece.bytes.assign(reinterpret_cast<const std::byte*>(part.data()), reinterpret_cast<const std::byte*>(part.data()) + part.size());
    }
    return piece;
  }
};

struct Conversation {
  Program program;
  std::string sent;
  std::vector<Resumption> resumed;
  int interrupts = 0, kills = 0;
  Session session{program,
                  {[this](const Resumption& r) { resumed.push_back(r); }, [this] { ++interrupts; }, [this] { ++kills; }},
                  [this](std::string_view bytes) { sent += bytes; }};

  Conversation() { stop(PL_STOP_START); }
  void stop(uint32_t reason, int signal = 0, int code = 0, uint64_t address = 0, uint32_t process = 2) {
    pl_debug_stop what{};
    what.address = address;
    what.reason = reason;
    what.signal = signal;
    what.code = code;
    what.pid = what.tid = process;
    session.stopped(what);
  }
  // What comes back of one packet, without frame and acknowledgement.
  std::string ask(std::string_view packet) {
    sent.clear();
    session.take(framed(packet));
    return answer();
  }
  std::string answer() const {
    const size_t start = sent.rfind('$'), end = sent.rfind('#');
    return start == sent.npos ? "" : unescaped(sent.substr(start + 1, end - start - 1));
  }
};

void expect_text(const std::string& got, const std::string& want) { cr_expect(got == want, "got '%s', want '%s'", got.c_str(), want.c_str()); }

}  // namespace

Test(gdb, a_packet_is_acknowledged_and_a_damaged_one_is_asked_for_again) {
  Conversation c;
  c.session.take("$?#3f");
  expect_text(c.sent, "+$T05thread:2;#d8");
  c.sent.clear();
  c.session.take("$?#00");
  expect_text(c.sent, "-");
  c.sent.clear();
  c.session.take("-");
  expect_text(c.sent, "$T05thread:2;#d8");
  expect_text(c.ask("QStartNoAckMode"), "OK");
  c.sent.clear();
  c.session.take("$?#3f");
  expect_text(c.sent, "$T05thread:2;#d8");
}

Test(gdb, what_is_not_known_is_answered_with_nothing) {
  Conversation c;
  expect_text(c.ask("vMustReplyEmpty"), "");
  cr_expect(c.sent.ends_with("$#00"));
  expect_text(c.ask("Z1,10000,2"), "");
}

Test(gdb, memory_is_read_and_written_in_both_ways) {
  Conversation c;
  expect_text(c.ask("M10010,3:01fe7d"), "OK");
  expect_text(c.ask("m10010,3"), "01fe7d");
  expect_text(c.ask(std::string("X10020,2:}\x03") + "a"), "OK");
  expect_text(c.ask("m10020,2"), "2361");
  expect_text(c.ask("m0,4"), "E0e");
  expect_text(c.ask("m11ffe,8"), "0000");  // short of what is not mapped
  expect_text(c.ask("M10010,4:01"), "E16");
}

Test(gdb, registers_have_the_places_of_the_target_description) {
  Conversation c;
  c.program.state.x[0] = 0x1234;
  c.program.state.x[2] = 0x7fff0000;
  c.program.state.f[10] = 0x3ff0000000000000;
  c.program.state.fcsr = 0x21;
  expect_text(c.ask("p20"), "3412000000000000");
  expect_text(c.ask("p2"), "0000ff7f00000000");
  expect_text(c.ask("p2b"), "000000000000f03f");
  expect_text(c.ask("p42"), "01000000");  // frm
  expect_text(c.ask("p44"), "E16");
  const std::string all = c.ask("g");
  cr_expect_eq(all.size(), 2 * (65 * 8 + 3 * 4));
  expect_text(c.ask("P20=7856000000000000"), "OK");
  cr_expect_eq(c.program.state.x[0], 0x5678);
  expect_text(c.ask("G" + all), "OK");
  cr_expect_eq(c.program.state.x[0], 0x1234);
  expect_text(c.ask("G00"), "E16");
}

Test(gdb, a_thread_inside_a_system_call_keeps_its_registers) {
  Conversation c;
  expect_text(c.ask("Hg3"), "OK");
  expect_text(c.ask("P20=7856000000000000"), "E10");
  expect_text(c.ask("Hg9"), "E03");
}

Test(gdb, every_signal_has_a_number_of_its_own_there_and_back) {
  for (int number = 1; number <= 64; ++number) {
    if (number == 16 || number == 29) continue;  // SIGSTKFLT, which GDB does not have; SIGIO and SIGPOLL are one
    cr_expect_eq(signal_from_gdb(static_cast<uint64_t>(signal_to_gdb(number))), number, "%d", number);
  }
  cr_expect_eq(signal_to_gdb(10), 30);
  cr_expect_eq(signal_to_gdb(7), 10);
  cr_expect_eq(signal_from_gdb(~uint64_t{0}), 0);
}

Test(gdb, the_program_goes_on_as_the_actions_say) {
  Conversation c;
  struct Case { const char* packet; int signal; uint32_t only; } cases[] = {
      {"vCont;c", 0, 0}, {"vCont;C0b:2;c", 11, 0}, {"vCont;c:3", 11, 3}, {"vCont;C1e:2", 10, 2}, {"vCont;c:-1", 0, 0}, {"c", 0, 0}};
  for (auto& one : cases) {
    c.stop(PL_STOP_SIGNAL, 11);
    c.resumed.clear();
    expect_text(c.ask(one.packet), "");
    cr_assert_eq(c.resumed.size(), 1, "%s", one.packet);
    cr_expect_eq(c.resumed[0].signal, one.signal, "%s", one.packet);
    cr_expect_eq(c.resumed[0].only, one.only, "%s", one.packet);
  }
  c.stop(PL_STOP_START);
  for (const char* wrong : {"vCont;s", "vCont;", "vCont;c:x", "vCont;Cq", "vCont;c:2x"}) {
    c.resumed.clear();
    expect_text(c.ask(wrong), "E16");
    cr_expect(c.resumed.empty(), "%s", wrong);
  }
}

Test(gdb, stops_and_ends_are_told_as_gdb_knows_them) {
  Conversation c;
  c.ask("vCont;c");
  c.sent.clear();
  c.stop(PL_STOP_SIGNAL, 5, 1);
  expect_text(c.answer(), "T05thread:2;swbreak:;");
  c.ask("vCont;c");
  c.stop(PL_STOP_SIGNAL, 7, 1);
  expect_text(c.answer(), "T0athread:2;");
  c.ask("vCont;c");
  c.sent.clear();
  c.session.take("\x03");
  cr_expect_eq(c.interrupts, 1);
  c.stop(PL_STOP_INTERRUPT);
  expect_text(c.answer(), "T02thread:2;");
  c.ask("vCont;c");
  c.session.ended(7, 0);
  expect_text(c.answer(), "W07");
}

Test(gdb, a_stop_that_nobody_waits_for_is_not_told) {
  Conversation c;
  c.sent.clear();
  c.stop(PL_STOP_INTERRUPT);
  expect_text(c.sent, "");
}

Test(gdb, detaching_takes_breakpoints_out_and_lets_a_signal_through) {
  Conversation c;
  for (size_t i = 0; i < c.program.memory.size(); ++i) c.program.memory[i] = static_cast<std::byte>(i);
  const auto before = c.program.memory;
  expect_text(c.ask("Z0,10100,2"), "OK");
  expect_text(c.ask("Z0,10200,4"), "OK");
  expect_text(c.ask("Z0,10200,3"), "E16");
  cr_expect(std::ranges::equal(std::span(c.program.memory).subspan(0x100, 2), std::array{std::byte{0x02}, std::byte{0x90}}));
  expect_text(c.ask("m100ff,4"), "ff000102");  // as if they were not there
  expect_text(c.ask("M101ff,2:aabb"), "OK");
  expect_text(c.ask("m101ff,3"), "aabb01");
  expect_text(c.ask("M101ff,2:ff00"), "OK");
  expect_text(c.ask("z0,10100,2"), "OK");
  cr_expect(c.program.memory != before);
  c.stop(PL_STOP_SIGNAL, 15);
  cr_expect_not(c.session.take(framed("D")));
  cr_expect(c.program.memory == before);
  cr_assert_eq(c.resumed.size(), 1);
  cr_expect_eq(c.resumed[0].signal, 15);
  cr_expect_eq(c.resumed[0].wanted & (1u << PL_STOP_SIGNAL), 0);
}

constexpr int kFork = 17, kVfork = 0x4100 | 17, kSharing = 0x100;  // flags of clone(2)

Test(gdb, a_child_is_told_and_named_with_its_process) {
  Conversation c;
  c.ask("qSupported:multiprocess+;fork-events+;vfork-events+;exec-events+");
  expect_text(c.ask("?"), "T05thread:p2.2;");
  c.ask("vCont;c");
  c.sent.clear();
  c.stop(PL_STOP_FORK, 0, kFork, 4);
  expect_text(c.answer(), "T05thread:p2.2;fork:p4.4;");
  c.program.list.push_back({4, 4, "child"});
  expect_text(c.ask("qfThreadInfo"), "mp2.2,p2.3,p4.4");
  // Both are kept, and one at a time goes on.
  expect_text(c.ask("vCont;c:p4.-1"), "");
  cr_expect_eq(c.resumed.back().only, 4);
  cr_expect(c.resumed.back().only_process);
  c.stop(PL_STOP_VFORK_DONE, 0, 0, 5);
  expect_text(c.answer(), "T05thread:p2.2;vforkdone:;");
  c.ask("vCont;c");
  c.stop(PL_STOP_EXIT, 0, 7 << 8, 0, 4);
  expect_text(c.answer(), "W07;process:4");
  expect_text(c.ask("qfThreadInfo"), "mp2.2,p2.3");
  c.ask("vCont;c");
  const size_t before = c.resumed.size();
  c.stop(PL_STOP_EXIT);  // the instance's own end tells that
  cr_expect_eq(c.resumed.size(), before + 1);
  c.session.ended(0, 11);
  expect_text(c.answer(), "X0b;process:2");
}

Test(gdb, a_child_that_is_detached_goes_on_without_its_parents_breakpoints) {
  Conversation c;
  c.ask("qSupported:multiprocess+;fork-events+;vfork-events+;exec-events+");
  c.program.memory[0x101] = std::byte{7};
  c.ask("Z0,10100,2");
  c.ask("vCont;c");
  c.stop(PL_STOP_FORK, 0, kFork, 4);
  expect_text(c.ask("D;9"), "E03");
  expect_text(c.ask("D;4"), "OK");
  cr_expect(c.program.released.contains(4) && !c.program.released[4]);
  cr_expect(c.session.is_stopped() && c.session.follows(2) && !c.session.follows(4));
  // Its own end is no news then; the last that is followed takes GDB with it, and not the others.
  c.ask("vCont;c");
  c.sent.clear();
  c.stop(PL_STOP_FORK, 0, kFork, 5);
  expect_text(c.ask("D;2"), "OK");
  c.ask("vCont;c:p5.-1");
  c.sent.clear();
  c.stop(PL_STOP_EXIT, 0, 0, 0, 5);
  expect_text(c.answer(), "W00;process:5");
  cr_expect(c.session.is_done());
  cr_expect_eq(c.resumed.back().wanted & (1u << PL_STOP_SIGNAL), 0);
}

Test(gdb, children_are_let_go_where_gdb_does_not_ask_for_them) {
  Conversation c;
  c.program.memory[0x101] = std::byte{7};
  c.ask("Z0,10100,2");
  c.ask("vCont;c");
  c.sent.clear();
  c.stop(PL_STOP_FORK, 0, kFork, 4);
  expect_text(c.sent, "");
  cr_expect(c.program.released.contains(4));
  cr_expect_eq(c.program.memory[0x101], std::byte{7});
  // One that borrows its parent's memory runs there without breakpoints; they are back when it has done.
  c.program.memory[0x101] = std::byte{0x90};
  c.program.memory[0x100] = std::byte{0x02};
  c.stop(PL_STOP_FORK, 0, kVfork, 5);
  cr_expect_eq(c.program.memory[0x101], std::byte{7});
  c.stop(PL_STOP_VFORK_DONE, 0, 0, 5);
  cr_expect_eq(c.program.memory[0x101], std::byte{0x90});
  expect_text(c.sent, "");
  cr_expect(!c.session.is_stopped());
  // One that shares it for good may come to them, and is followed.
  c.stop(PL_STOP_FORK, 0, kSharing, 6);
  cr_expect(c.session.follows(6));
}

Test(gdb, system_calls_are_told_as_they_are_asked_for_and_signals_can_pass) {
  Conversation c;
  cr_expect_eq(c.session.wanted() & (1u << PL_STOP_ENTRY), 0);
  expect_text(c.ask("QCatchSyscalls:1;40;5d"), "OK");
  c.ask("vCont;c");
  cr_expect(c.resumed.back().wanted & (1u << PL_STOP_ENTRY));
  c.sent.clear();
  c.stop(PL_STOP_ENTRY, 0, 0, 0x3f);
  expect_text(c.sent, "");
  c.stop(PL_STOP_ENTRY, 0, 0, 0x40);
  expect_text(c.answer(), "T05thread:2;syscall_entry:40;");
  expect_text(c.ask("QCatchSyscalls:1"), "OK");
  c.ask("vCont;c");
  c.stop(PL_STOP_RETURN, 0, 0, 0x3f);
  expect_text(c.answer(), "T05thread:2;syscall_return:3f;");
  expect_text(c.ask("QCatchSyscalls:0"), "OK");
  expect_text(c.ask("QPassSignals:e;1e"), "OK");
  c.ask("vCont;c");
  c.sent.clear();
  c.stop(PL_STOP_SIGNAL, 14);
  expect_text(c.sent, "");
  cr_expect_eq(c.resumed.back().signal, 14);
  c.stop(PL_STOP_SIGNAL, 15);
  expect_text(c.answer(), "T0fthread:2;");
  // What it is about to take is its own, also where another goes on first.
  c.ask("vCont;c:3");
  cr_expect_eq(c.resumed.back().signal, 15);
}

Test(gdb, a_fault_of_an_instruction_that_gdb_has_left_is_nobodys) {
  for (bool moved : {false, true}) {
    Conversation c;
    c.stop(PL_STOP_SIGNAL, 11, 2);
    if (moved) c.ask("P20=0001000000000000");
    c.session.take(framed("D"));
    cr_expect_eq(c.resumed.back().signal, moved ? 0 : 11);
  }
}

Test(gdb, killing_ends_the_conversation_or_a_child_alone) {
  Conversation forked;
  forked.ask("qSupported:multiprocess+;fork-events+");
  forked.ask("vCont;c");
  forked.stop(PL_STOP_FORK, 0, kFork, 4);
  expect_text(forked.ask("vKill;4"), "OK");
  cr_expect(forked.program.released[4]);
  cr_expect_eq(forked.kills, 0);
  Conversation c;
  cr_expect_not(c.session.take(framed("vKill;2")));
  cr_expect_eq(c.kills, 1);
}

Test(gdb, objects_come_in_pieces_and_names_are_safe_in_xml) {
  Conversation c;
  std::string text;
  for (size_t offset = 0;;) {
    const std::string part = c.ask(fmt::format("qXfer:features:read:target.xml:{:x},100", offset));
    cr_assert(!part.empty() && (part[0] == 'm' || part[0] == 'l'));
    text += part.substr(1);
    offset += part.size() - 1;
    if (part[0] == 'l') break;
  }
  cr_expect(text == kTargetDescription);
  expect_text(c.ask("qXfer:threads:read::0,1000"), "l<threads><thread id=\"2\" name=\"first\"/><thread id=\"3\" name=\"??2nd?\"/></threads>");
  expect_text(c.ask("qXfer:nothing:read::0,10"), "E00");
}

Test(gdb, files_of_the_program_are_read_by_descriptor) {
  Conversation c;
  c.program.files["/lib/libc.so"] = "ELF#$}*";
  expect_text(c.ask("vFile:open:" + to_hex("/lib/no") + ",0,0"), "F-1,2");
  expect_text(c.ask("vFile:open:" + to_hex("/lib/libc.so") + ",0,0"), "F3");
  expect_text(c.ask("vFile:pread:3,100,1"), "F6;LF#$}*");
  expect_text(c.ask("vFile:pread:3,100,100"), "F0;");
  cr_expect(c.ask("vFile:fstat:3").starts_with("F40;"));
  expect_text(c.ask("vFile:readlink:" + to_hex("/proc/2/exe")), "Fc;/bin/program");
  expect_text(c.ask("vFile:readlink:" + to_hex("/proc")), "F-1,16");
  expect_text(c.ask("vFile:close:3"), "F0");
  expect_text(c.ask("vFile:pread:3,1,0"), "F-1,9");
}

Test(gdb, a_program_that_runs_is_not_asked_anything) {
  Conversation c;
  c.ask("vCont;c");
  expect_text(c.ask("g"), "E10");
  expect_text(c.ask("vCont;c"), "E10");
  cr_expect_eq(c.resumed.size(), 1);
}

// Under the sanitizers: no packet, whole or mangled, may do more than be refused.
Test(gdb, nothing_that_can_be_sent_disturbs_it) {
  const std::string_view seeds[] = {"?", "g", "G00", "p20", "P20=00", "m10000,40", "M10000,2:abcd", "X10000,2:ab", "Z0,10000,4", "z0,10000,4", "Hg2", "Hc-1", "T2", "Hgp2.3", "Hgp2.-1", "Tp2.3", "D;4", "vCont;c:p2.-1;C0b:p2.3", "QCatchSyscalls:1;40;5d", "QPassSignals:e;1e", "vFile:readlink:2f",
                                    "qXfer:siginfo:read::0,100",
                                    "qSupported:exec-events+", "qXfer:auxv:read::0,100", "qXfer:features:read:target.xml:0,ffffffffffffffff",
                                    "qXfer:threads:read::ffffffffffffffff,10", "vCont;C0b:2;c", "vCont;c:ffffffffffffffff", "vFile:open:2f6c,0,0",
                                    "vFile:pread:3,ffffffffffffffff,ffffffffffffffff", "vFile:fstat:3", "vFile:close:3", "vFile:setfs:0", "qfThreadInfo",
                                    "mffffffffffffffff,ffffffffffffffff", "X0,0:", "m,", "Hg", "H", "vFile:open:", "qXfer:", "vFile:pread:,,"};
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    static Conversation c;
    if (!c.session.is_stopped()) c.stop(PL_STOP_SIGNAL, int(random() % 65), int(random() % 3));
    c.program.files["/l"] = "x";
    std::string packet(seeds[random() % std::size(seeds)]);
    for (unsigned changes = random() % 4; changes; --changes) {
      const size_t at = packet.empty() ? 0 : random() % packet.size();
      switch (random() % 4) {
        case 0: if (!packet.empty()) packet[at] = char(random()); break;
        case 1: packet.insert(at, 1, "0123456789abcdef,:;-}$#"[random() % 23]); break;
        case 2: if (!packet.empty()) packet.erase(at, 1 + random() % 3); break;
        default: packet += packet.substr(at); break;
      }
    }
    if (packet.starts_with('k') || packet.starts_with('D') || packet.starts_with("vKill")) continue;
    c.sent.clear();
    c.session.take(random() % 8 ? framed(packet) : packet);
  }
}
