// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cerrno>

#include "fs/path.h"
#include "fs/watch.h"
#include "hosted.h"

using namespace pl;
using namespace hosted;

static void setup() {
  make_window();
  make_tree();
}
TestSuite(watch, .init = setup);

static Ref<Inode> at(std::string_view path) { return must(resolve(cwd(), path, LastLink::Follow)); }

// "mask:name " of each event, hexadecimal.
static std::string events(WatchFile& file, size_t room = 4096) {
  std::string bytes(room, 0), out;
  Buffer to = buffer(bytes);
  auto n = file.read(to);
  if (!n) return "error " + std::to_string(int(n.error()));
  for (size_t i = 0; i < *n;) {
    struct { int32_t watch; uint32_t mask, cookie, length; } e;
    std::memcpy(&e, bytes.data() + i, sizeof e);
    char text[16];
    std::snprintf(text, sizeof text, "%x:", e.mask);
    out += text + std::string(bytes.data() + i + sizeof e, strnlen(bytes.data() + i + sizeof e, e.length)) + " ";
    i += sizeof e + e.length;
  }
  return out;
}

Test(watch, nothing_is_told_while_nobody_watches) {
  cr_assert_not(watches::any());
  {
    auto file = must(make<WatchFile>(open_flag::NonBlock));
    must(file->add(at("/tmp"), watch_event::All));
    cr_assert(watches::any());
  }
  cr_assert_not(watches::any());
  cr_assert(write_file("/tmp/f", "x"));
}

Test(watch, a_directory_tells_of_its_names_and_what_is_done_to_them) {
  auto file = must(make<WatchFile>(open_flag::NonBlock));
  cr_assert_eq(must(file->add(at("/tmp"), watch_event::All)), 1);
  cr_assert_eq(events(*file), "error " + std::to_string(EAGAIN));
  cr_assert(write_file("/tmp/f", "x"));
  cr_assert_eq(events(*file), std::string("100:f 20:f 2:f 8:f "));
  cr_assert(rename(cwd(), "/tmp/f", cwd(), "/tmp/g", 0));
  cr_assert_eq(events(*file), std::string("40:f 80:g "));
  cr_assert(make_node(cwd(), "/tmp/d", file_mode::Directory | 0700, 0));
  cr_assert(remove(cwd(), "/tmp/d", true));
  cr_assert(remove(cwd(), "/tmp/g", false));
  cr_assert_eq(events(*file), std::string("40000100:d 40000200:d 200:g "));
}

Test(watch, a_file_tells_of_its_end_and_is_watched_no_more) {
  cr_assert(write_file("/tmp/f", "x"));
  auto file = must(make<WatchFile>(open_flag::NonBlock));
  int watch = must(file->add(at("/tmp/f"), watch_event::DeleteSelf));
  cr_assert_eq(must(file->add(at("/tmp/f"), watch_event::MaskAdd | watch_event::Attributes)), watch);
  cr_assert_eq(error_of(file->add(at("/tmp/f"), watch_event::MaskCreate | watch_event::Open)), EEXIST);
  cr_assert(remove(cwd(), "/tmp/f", false));
  cr_assert_eq(events(*file), std::string("4: 400: 8000: "));
  cr_assert_eq(error_of(file->remove(watch)), EINVAL);
}

Test(watch, the_same_again_is_one_event_and_too_many_are_an_overflow) {
  cr_assert(write_file("/tmp/f", "x"));
  auto file = must(make<WatchFile>(open_flag::NonBlock));
  must(file->add(at("/tmp"), watch_event::Open | watch_event::CloseNoWrite));
  for (int i = 0; i < 3; i++) watches::tell(*at("/tmp/f"), watch_event::Open);
  cr_assert_eq(events(*file), std::string("20:f "));
  for (int i = 0; i < 20000; i++) watches::tell(*at("/tmp/f"), i % 2 ? watch_event::Open : watch_event::CloseNoWrite);
  std::string last;
  for (std::string next = events(*file); !next.starts_with("error"); next = events(*file)) last = next;
  cr_assert(last.ends_with("4000: "), "%s", last.c_str());
}

Test(watch, an_event_that_does_not_fit_stays) {
  auto file = must(make<WatchFile>(open_flag::NonBlock));
  must(file->add(at("/tmp"), watch_event::Create));
  cr_assert(write_file("/tmp/a-rather-long-name", "x"));
  cr_assert_eq(events(*file, 20), "error " + std::to_string(EINVAL));
  cr_assert_eq(events(*file), std::string("100:a-rather-long-name "));
}
