// SPDX-License-Identifier: BSD-2-Clause
#include "fs/terminal/line_discipline.h"

#include "process/signal.h"

namespace pl {

namespace {

using namespace control_character;

constexpr uint8_t Bell = 7, Backspace = 8, Tab = 9, Newline = 10, Return = 13;

bool is_control(uint8_t byte) { return byte < ' ' || byte == 0x7f; }
bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }
bool is_word(uint8_t byte) { return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_' || byte >= 0x80; }

}  // namespace

void LineDiscipline::set_modes(const TerminalModes& modes) {
  const bool was_canonical = wants(local_mode::Canonical);
  modes_ = modes;
  // An unfinished line can be read at once in the other mode, and is a line of its own in this one (Linux does the same).
  if (was_canonical != wants(local_mode::Canonical)) {
    if (typed_ != finished_ && wants(local_mode::Canonical)) ends_[(typed_ - 1) % InputBytes] = true;
    finish_line();
    line_column_ = column_;
    literal_ = false;
  }
  if (!(modes_.input & input_mode::StartStop)) stopped_ = false;
}

void LineDiscipline::discard_input() {
  taken_ = finished_ = typed_;
  literal_ = false;
}

size_t LineDiscipline::readable() const {
  size_t bytes = (wants(local_mode::Canonical) ? finished_ : typed_) - taken_;
  if (wants(local_mode::Canonical))
    for (size_t at = taken_; at != finished_; ++at)
      if (end_of_file_[at % InputBytes]) --bytes;
  return bytes;
}

void LineDiscipline::store(uint8_t byte, bool ends_line) {
  if (typed() == InputBytes) return;
  const size_t place = typed_++ % InputBytes;
  input_[place] = byte;
  ends_[place] = ends_line;
  end_of_file_[place] = false;
  if (ends_line || !wants(local_mode::Canonical)) finish_line();
}

int LineDiscipline::signal_of(uint8_t byte) const {
  if (!wants(local_mode::Signals)) return 0;
  if (is(Interrupt, byte)) return sig::Int;
  if (is(Quit, byte)) return sig::Quit;
  if (is(Suspend, byte)) return sig::TerminalStop;
  return 0;
}

int LineDiscipline::receive(uint8_t byte) {
  if (modes_.input & input_mode::Strip) byte &= 0x7f;
  const bool extended = wants(local_mode::Extended);
  const bool literal = literal_;
  literal_ = false;
  if (!literal) {
    if (modes_.input & input_mode::StartStop) {
      if (is(Start, byte)) return start(), 0;
      if (is(Stop, byte)) return stop(), 0;
      if (stopped_ && modes_.input & input_mode::AnyStarts) start();
    }
    if (int signal = signal_of(byte)) {
      if (!wants(local_mode::NoFlush)) {
        discard_input();
        discard_output();
      }
      start();
      if (wants(local_mode::Echo)) echo(byte);
      return signal;
    }
    if (byte == Return) {
      if (modes_.input & input_mode::IgnoreReturn) return 0;
      if (modes_.input & input_mode::ReturnToNewline) byte = Newline;
    } else if (byte == Newline && modes_.input & input_mode::NewlineToReturn) {
      byte = Return;
    }
    if (wants(local_mode::Canonical) && edit(byte)) return 0;
    if (wants(local_mode::Canonical) && extended && is(LiteralNext, byte)) {
      literal_ = true;
      if (wants(local_mode::Echo) && wants(local_mode::EchoControl)) put('^'), put(Backspace);
      return 0;
    }
  }
  // One place is kept for the end of the line.
  if (typed() >= InputBytes - 1) {
    if (modes_.input & input_mode::BellWhenFull) put(Bell);
    return 0;
  }
  if (wants(local_mode::Echo)) {
    if (finished_ == typed_) line_column_ = column_;
    echo(byte);
  }
  store(byte, false);
  return 0;
}

// True: the byte edited the line, or ended it.
bool LineDiscipline::edit(uint8_t byte) {
  const bool extended = wants(local_mode::Extended);
  if (is(Erase, byte)) {
    erase_one(true);
  } else if (is(Kill, byte)) {
    erase_line(byte);
  } else if (extended && is(WordErase, byte)) {
    erase_word();
  } else if (extended && is(Reprint, byte)) {
    reprint(byte);
  } else if (byte == Newline) {
    if (wants(local_mode::Echo) || wants(local_mode::EchoNewline)) put_processed(Newline);
    store(byte, true);
  } else if (is(EndOfFile, byte)) {
    if (typed() == InputBytes) return true;
    store(0, true);
    end_of_file_[(typed_ - 1) % InputBytes] = true;
  } else if (is(EndOfLine, byte) || (extended && is(EndOfLine2, byte))) {
    if (wants(local_mode::Echo)) echo(byte);
    store(byte, true);
  } else {
    return false;
  }
  return true;
}

// ---- editing ----

// Where the cursor stands before the byte at `position`, from the start of the line: what a tab that goes away was wide depends on it.
unsigned LineDiscipline::width_before(size_t position) const {
  unsigned column = line_column_;
  for (size_t at = finished_; at != position; ++at) {
    const uint8_t byte = input_[at % InputBytes];
    if (byte == Tab) column = (column | 7) + 1;
    else if (is_control(byte)) column += wants(local_mode::EchoControl) ? 2 : 0;
    else if (!(modes_.input & input_mode::Utf8) || !is_continuation(byte)) ++column;
  }
  return column;
}

void LineDiscipline::rub_out(uint8_t byte) {
  unsigned columns = 1;
  if (byte == Tab) {
    const unsigned start = width_before(typed_);
    columns = ((start | 7) + 1) - start;
    for (unsigned i = 0; i < columns; ++i) put(Backspace);
    column_ = start;
    return;
  }
  if (is_control(byte)) columns = wants(local_mode::EchoControl) ? 2 : 0;
  for (unsigned i = 0; i < columns; ++i) put(Backspace), put(' '), put(Backspace);
  column_ -= columns < column_ ? columns : column_;
}

void LineDiscipline::erase_one(bool visibly) {
  if (typed_ == finished_) return;
  // All bytes of one character.
  while (typed_ - finished_ > 1 && modes_.input & input_mode::Utf8 && is_continuation(input_[(typed_ - 1) % InputBytes])) --typed_;
  const uint8_t byte = input_[--typed_ % InputBytes];
  if (!visibly || !wants(local_mode::Echo)) return;
  if (wants(local_mode::EchoErase)) rub_out(byte);
  else echo(modes_.characters[Erase]);
}

void LineDiscipline::erase_word() {
  bool seen = false;
  while (typed_ != finished_) {
    const bool word = is_word(input_[(typed_ - 1) % InputBytes]);
    if (seen && !word) break;
    seen |= word;
    erase_one(true);
  }
}

void LineDiscipline::erase_line(uint8_t byte) {
  const bool visibly = wants(local_mode::EchoKillErase) && wants(local_mode::EchoErase) && wants(local_mode::EchoKill);
  if (visibly || !wants(local_mode::Echo)) {
    while (typed_ != finished_) erase_one(visibly);
    return;
  }
  typed_ = finished_;
  echo(byte);
  if (wants(local_mode::EchoKill)) put_processed(Newline);
}

void LineDiscipline::reprint(uint8_t byte) {
  if (!wants(local_mode::Echo)) return;
  echo(byte);
  put_processed(Newline);
  line_column_ = column_;
  for (size_t at = finished_; at != typed_; ++at) echo(input_[at % InputBytes]);
}

void LineDiscipline::echo(uint8_t byte) {
  if (wants(local_mode::EchoControl) && is_control(byte) && byte != Tab && byte != Newline) {
    put('^');
    put(byte ^ 0x40);
    column_ += 2;
  } else {
    put_processed(byte);
  }
}

// ---- the program's side ----

size_t LineDiscipline::take(uint8_t* to, size_t bytes) {
  const bool canonical = wants(local_mode::Canonical);
  const size_t end = canonical ? finished_ : typed_;
  size_t done = 0;
  while (done < bytes && taken_ != end) {
    const size_t place = taken_++ % InputBytes;
    if (end_of_file_[place] && canonical) break;
    to[done++] = input_[place];
    if (canonical && ends_[place]) break;
  }
  // A line that fits exactly takes its end of file along, which would otherwise end the next read.
  if (canonical && done == bytes && done && taken_ != end && end_of_file_[taken_ % InputBytes] && !ends_[(taken_ - 1) % InputBytes]) ++taken_;
  if (!canonical) finished_ = typed_;
  return done;
}

size_t LineDiscipline::write(const uint8_t* from, size_t bytes) {
  size_t done = 0;
  while (done < bytes && takes_output()) put_processed(from[done++]);
  return done;
}

size_t LineDiscipline::take_screen(uint8_t* to, size_t bytes) {
  const size_t all = to_screen();
  const size_t n = bytes < all ? bytes : all;
  for (size_t i = 0; i < n; ++i) to[i] = output_[output_tail_++ % OutputBytes];
  return n;
}

void LineDiscipline::put(uint8_t byte) {
  if (room()) output_[output_head_++ % OutputBytes] = byte;  // an echo that finds no room is lost, as on Linux
}

void LineDiscipline::put_processed(uint8_t byte) {
  using namespace output_mode;
  if (!(modes_.output & Process)) return put(byte);
  switch (byte) {
    case Newline:
      if (modes_.output & NewlineReturns) put(Return), column_ = 0;
      if (modes_.output & NewlineIsReturn) column_ = 0;
      break;
    case Return:
      if (modes_.output & NoReturnAtStart && column_ == 0) return;
      if (modes_.output & ReturnToNewline) {
        byte = Newline;
        if (modes_.output & NewlineIsReturn) column_ = 0;
        break;
      }
      column_ = 0;
      break;
    case Tab: {
      const unsigned spaces = 8 - (column_ & 7);
      column_ += spaces;
      if ((modes_.output & TabDelay) != ExpandTabs) break;
      for (unsigned i = 0; i < spaces; ++i) put(' ');
      return;
    }
    case Backspace:
      if (column_) --column_;
      break;
    default:
      if (modes_.output & UpperCase && byte >= 'a' && byte <= 'z') byte -= 'a' - 'A';
      if (!is_control(byte) && !(modes_.input & input_mode::Utf8 && is_continuation(byte))) ++column_;
  }
  put(byte);
}

}  // namespace pl
