// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <string>

#include "fs/terminal/line_discipline.h"
#include "process/signal.h"

using namespace pl;

namespace {

struct Terminal {
  LineDiscipline discipline;
  int last_signal = 0;

  void type(std::string_view text) {
    for (char c : text)
      if (int signal = discipline.receive(uint8_t(c))) last_signal = signal;
  }
  std::string screen() {
    std::string text(discipline.to_screen(), 0);
    discipline.take_screen(reinterpret_cast<uint8_t*>(text.data()), text.size());
    return text;
  }
  std::string read(size_t bytes = 1000) {
    std::string text(bytes, 0);
    text.resize(discipline.take(reinterpret_cast<uint8_t*>(text.data()), bytes));
    return text;
  }
  void set(uint32_t on, uint32_t off) {
    TerminalModes m = discipline.modes();
    m.local = (m.local | on) & ~off;
    discipline.set_modes(m);
  }
};

void expect(const std::string& got, const std::string& want) { cr_expect(got == want, "got '%s', want '%s'", got.c_str(), want.c_str()); }

}  // namespace

Test(line_discipline, a_line_can_be_read_when_it_is_ended) {
  Terminal t;
  t.type("hello");
  cr_expect(!t.discipline.has_line());
  cr_expect_eq(t.discipline.readable(), 0);
  t.type("\r");
  cr_expect_eq(t.discipline.readable(), 6);
  expect(t.screen(), "hello\r\n");
  expect(t.read(), "hello\n");
}

Test(line_discipline, a_read_gives_one_line_and_keeps_the_rest) {
  Terminal t;
  t.type("one\rtwo\r");
  expect(t.read(2), "on");
  expect(t.read(), "e\n");
  expect(t.read(), "two\n");
  cr_expect(!t.discipline.has_line());
}

Test(line_discipline, end_of_file_gives_what_is_there_and_then_nothing) {
  Terminal t;
  t.type("abc\x04");
  expect(t.screen(), "abc");
  expect(t.read(), "abc");
  t.type("\x04");
  cr_expect(t.discipline.has_line());
  cr_expect_eq(t.discipline.readable(), 0);
  expect(t.read(), "");
  cr_expect(!t.discipline.has_line());
  t.type("ab\x04");
  expect(t.read(2), "ab");
  cr_expect(!t.discipline.has_line(), "an end of file behind a read that it ends is taken along");
}

Test(line_discipline, erasing_takes_characters_words_and_lines_off_screen_and_line) {
  Terminal t;
  t.type("ab\x7f");
  expect(t.screen(), "ab\b \b");
  t.type("c one two  \x17");  // ^W
  t.screen();
  t.type("\r");
  expect(t.read(), "ac one \n");
  t.screen();
  t.type("wrong\x15right\r");  // ^U
  expect(t.screen(), "wrong" "\b \b" "\b \b" "\b \b" "\b \b" "\b \b" "right\r\n");
  expect(t.read(), "right\n");
  t.type("\x7f\x7fx\r");
  expect(t.read(), "x\n");
}

Test(line_discipline, a_tab_and_a_control_character_are_erased_by_their_width) {
  Terminal t;
  t.type("a\t\x7f");
  expect(t.screen(), "a\t\b\b\b\b\b\b\b");
  t.type("\x01\x7f");
  expect(t.screen(), "^A\b \b\b \b");
  t.type("\r");
  expect(t.read(), "a\n");
}

Test(line_discipline, a_character_of_several_bytes_is_erased_whole) {
  Terminal t;
  TerminalModes m = t.discipline.modes();
  m.input |= input_mode::Utf8;
  t.discipline.set_modes(m);
  t.type("a\xc3\xa4\x7f\r");
  expect(t.screen(), "a\xc3\xa4\b \b\r\n");
  expect(t.read(), "a\n");
}

Test(line_discipline, a_quoted_character_is_itself) {
  Terminal t;
  t.type("a\x16\x03" "b\x16\x7f\r");
  cr_expect_eq(t.last_signal, 0);
  expect(t.read(), "a\x03" "b\x7f\n");
}

Test(line_discipline, keys_mean_signals_and_drop_what_was_typed) {
  Terminal t;
  t.type("abc\x03");
  cr_expect_eq(t.last_signal, sig::Int);
  expect(t.screen(), "^C");
  t.type("x\r");
  expect(t.read(), "x\n");
  t.type("\x1c");
  cr_expect_eq(t.last_signal, sig::Quit);
  t.type("\x1a");
  cr_expect_eq(t.last_signal, sig::TerminalStop);
  t.set(local_mode::NoFlush, 0);
  t.type("kept\x03\r");
  expect(t.read(), "kept\n");
  t.set(0, local_mode::Signals);
  t.last_signal = 0;
  t.type("\x03\r");
  cr_expect_eq(t.last_signal, 0);
  expect(t.read(), "\x03\n");
}

Test(line_discipline, without_lines_every_byte_can_be_read_at_once) {
  Terminal t;
  t.set(0, local_mode::Canonical | local_mode::Echo);
  t.type("a\x7f\x04\r");
  cr_expect_eq(t.discipline.readable(), 4);
  expect(t.screen(), "");
  expect(t.read(), "a\x7f\x04\n");
}

Test(line_discipline, an_unfinished_line_is_readable_when_lines_are_no_longer_asked_for) {
  Terminal t;
  t.type("half");
  t.set(0, local_mode::Canonical);
  cr_expect_eq(t.discipline.readable(), 4);
  t.set(local_mode::Canonical, 0);
  expect(t.read(), "half");
}

Test(line_discipline, output_gets_its_carriage_returns_and_tabs) {
  Terminal t;
  const uint8_t text[] = "a\tb\nc\r\n";
  cr_expect_eq(t.discipline.write(text, 7), 7);
  expect(t.screen(), "a\tb\r\nc\r\r\n");
  TerminalModes m = t.discipline.modes();
  m.output |= output_mode::ExpandTabs;
  t.discipline.set_modes(m);
  t.discipline.write(text, 4);
  expect(t.screen(), "a       b\r\n");
  m.output = 0;
  t.discipline.set_modes(m);
  t.discipline.write(text, 4);
  expect(t.screen(), "a\tb\n");
}

Test(line_discipline, a_stopped_screen_takes_nothing_until_it_is_started) {
  Terminal t;
  t.type("\x13");
  const uint8_t byte = 'x';
  cr_expect_eq(t.discipline.write(&byte, 1), 0);
  cr_expect(!t.discipline.takes_output());
  t.type("\x11");
  cr_expect_eq(t.discipline.write(&byte, 1), 1);
  expect(t.screen(), "x");
}

Test(line_discipline, what_does_not_fit_waits_or_is_dropped_but_a_line_can_always_be_ended) {
  Terminal t;
  t.set(0, local_mode::Echo);
  t.type(std::string(5000, 'x'));
  cr_expect(t.discipline.takes_input());
  t.type("\r");
  cr_expect_eq(t.discipline.readable(), 4096);
  cr_expect(!t.discipline.takes_input());
  t.type("more\r\x04");
  cr_expect_eq(t.discipline.readable(), 4096);
  expect(t.read(5000), std::string(4095, 'x') + "\n");
  cr_expect(t.discipline.takes_input());
  std::string lots(5000, 'y');
  const size_t went = t.discipline.write(reinterpret_cast<const uint8_t*>(lots.data()), lots.size());
  cr_expect(went < 4096 && went > 4000);
  expect(t.screen(), std::string(went, 'y'));
}
