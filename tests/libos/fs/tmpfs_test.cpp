// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cerrno>
#include <map>

#include "fs/mount.h"
#include "fs/open_file.h"
#include "fs/path.h"
#include "fs/tmpfs/tmpfs.h"
#include "hosted.h"

using namespace pl;
using namespace hosted;

static void setup() {
  make_window();
  make_tree();
}
TestSuite(tmpfs, .init = setup);

static Ref<TmpRegular> regular() { return *make<TmpRegular>(0100644u, 0u, 0u); }

static std::string read_at(Inode& inode, uint64_t offset, size_t bytes) {
  std::string text(bytes, '?');
  Buffer to = buffer(text);
  auto n = inode.read(offset, to);
  cr_assert(n);
  text.resize(*n);
  return text;
}

static size_t write_at(Inode& inode, uint64_t offset, std::string text) {
  Buffer from = buffer(text);
  auto n = inode.write(offset, from);
  cr_assert(n);
  return *n;
}

Test(tmpfs, what_is_written_is_read_and_holes_are_zero) {
  auto f = regular();
  cr_assert_eq(write_at(*f, 10000, "hello"), 5);
  cr_assert_eq(f->attributes()->size, 10005);
  cr_assert_eq(read_at(*f, 9998, 100), std::string("\0\0hello", 7));
  cr_assert_eq(read_at(*f, 0, 3), std::string(3, 0));
  cr_assert_eq(read_at(*f, 10005, 10), "");
}

Test(tmpfs, a_sparse_file_holds_only_the_pages_that_were_written) {
  auto f = regular();
  for (uint64_t at : {uint64_t(0), uint64_t(1) << 20, uint64_t(1) << 40, (uint64_t(1) << 62) + 5}) write_at(*f, at, "x");
  cr_assert_eq(f->attributes()->blocks, 4 * 8);
  cr_assert_eq(read_at(*f, uint64_t(1) << 40, 1), "x");
  cr_assert_eq(*f->seek_data(1 << 13, false), uint64_t(1) << 20);
  cr_assert_eq(*f->seek_data(0, true), 4096);
  cr_assert(f->truncate(100));
  cr_assert_eq(f->attributes()->blocks, 8);
}

Test(tmpfs, random_writes_and_truncations_agree_with_a_string) {
  auto f = regular();
  std::string model;
  uint32_t x = 7;
  auto next = [&] { return x = x * 1664525 + 1013904223, x >> 8; };
  for (int i = 0; i < 3000; i++) {
    size_t at = next() % 60000, n = next() % 9000;
    switch (next() % 4) {
      case 0:
      case 1: {
        std::string text(n, char('a' + next() % 26));
        write_at(*f, at, text);
        if (n && model.size() < at + n) model.resize(at + n);
        model.replace(at, n, text);
        break;
      }
      case 2:
        cr_assert(f->truncate(at));
        model.resize(at);
        break;
      case 3:
        cr_assert(f->allocate(3, at, n + 1));  // a hole
        for (size_t k = at; k < at + n + 1 && k < model.size(); k++) model[k] = 0;
        break;
    }
    cr_assert_eq(f->attributes()->size, model.size());
    size_t from = next() % 60000;
    cr_assert_eq(read_at(*f, from, 5000), from < model.size() ? model.substr(from, 5000) : "");
  }
}

Test(tmpfs, given_pages_are_used_in_place_and_copied_when_they_are_written) {
  alignas(4096) static char given[3 * 4096];
  std::memset(given, 'g', sizeof given);
  auto f = *make<TmpRegular>(0100755u, PhysicalAddress(uint64_t(given)), uint64_t(10000));
  cr_assert_eq(f->page(1, false)->address().value, uint64_t(given) + 4096);
  write_at(*f, 4096 + 5, "new");
  cr_assert_eq(given[4096 + 5], 'g');
  cr_assert_eq(read_at(*f, 4096 + 3, 8), "ggnewggg");
  cr_assert_neq(f->page(1, false)->address().value, uint64_t(given) + 4096);
  cr_assert_neq(f->page(0, true)->address().value, uint64_t(given));
  cr_assert(f->truncate(5));
  cr_assert(f->truncate(9000));
  cr_assert_eq(read_at(*f, 3, 5), std::string("gg\0\0\0", 5));
  cr_assert_eq(error_of(f->page(3, false)), ENXIO);
}

Test(tmpfs, a_mapped_page_is_the_page_that_write_changes) {
  auto f = regular();
  write_at(*f, 0, "before");
  auto page = f->page(0, true);
  write_at(*f, 0, "after!");
  cr_assert_eq(std::memcmp(page->data(), "after!", 6), 0);
  std::memcpy(page->data(), "mapped", 6);
  cr_assert_eq(read_at(*f, 0, 6), "mapped");
}

Test(tmpfs, without_memory_a_write_is_ENOSPC_and_what_was_there_stays) {
  auto f = regular();
  write_at(*f, 0, "kept");
  for (int left = 0; left < 3; left++) {
    std::string text(5 * 4096, 'n');
    Buffer from = buffer(text);
    allocations_left = left;
    auto n = f->write(4096, from);
    allocations_left = -1;
    cr_assert(n ? *n <= 2 * 4096 : n.error() == Errno::NoSpace || n.error() == Errno::NoMemory);
  }
  cr_assert_eq(read_at(*f, 0, 4), "kept");
}

Test(tmpfs, a_directory_of_100000_entries_finds_lists_and_loses_each) {
  auto d = *TmpDirectory::create_root(0755);
  auto name = [](int i) { return "file-" + std::to_string(i); };
  for (int i = 0; i < 100000; i++) cr_assert(d->insert(name(i), Ref<TmpInode>(regular())));
  cr_assert_eq(error_of(d->insert(name(77), Ref<TmpInode>(regular()))), EEXIST);
  for (int i = 0; i < 100000; i += 997) cr_assert(d->lookup(name(i)));
  cr_assert_eq(error_of(d->lookup("file-100000")), ENOENT);
  DirectoryFile f(Ref<Inode>(d), 0);
  std::map<std::string, int> seen;
  std::string records(32768, 0);
  for (;;) {
    Buffer to = buffer(records);
    auto n = f.list(to);
    cr_assert(n);
    if (*n == 0) break;
    for (size_t at = 0; at < *n;) {
      uint16_t length;
      std::memcpy(&length, &records[at + 16], 2);
      cr_assert(length >= 24 && length % 8 == 0 && at + length <= *n);
      ++seen[std::string(&records[at + 19])];
      at += length;
    }
  }
  cr_assert_eq(seen.size(), 100002);
  for (auto& [n, count] : seen) cr_assert_eq(count, 1);
  for (int i = 0; i < 100000; i++) cr_assert(d->unlink(name(i), false));
  cr_assert_eq(error_of(d->lookup(name(5))), ENOENT);
}

Test(tmpfs, a_listing_goes_on_though_what_it_showed_is_removed) {
  auto d = *TmpDirectory::create_root(0755);
  for (int i = 0; i < 1000; i++) cr_assert(d->insert("n" + std::to_string(i), Ref<TmpInode>(regular())));
  DirectoryFile f(Ref<Inode>(d), 0);
  std::string records(512, 0);
  int removed = 0;
  for (;;) {
    Buffer to = buffer(records);
    auto n = f.list(to);
    cr_assert(n);
    if (*n == 0) break;
    for (size_t at = 0; at < *n;) {
      uint16_t length;
      std::memcpy(&length, &records[at + 16], 2);
      std::string name(&records[at + 19]);
      if (name != "." && name != "..") {
        cr_assert(d->unlink(name, false));
        ++removed;
      }
      at += length;
    }
  }
  cr_assert_eq(removed, 1000);
}

Test(tmpfs, a_record_that_does_not_fit_is_EINVAL) {
  auto d = *TmpDirectory::create_root(0755);
  DirectoryFile f(Ref<Inode>(d), 0);
  std::string records(10, 0);
  Buffer to = buffer(records);
  cr_assert_eq(error_of(f.list(to)), EINVAL);
}

Test(tmpfs, link_counts_follow_names) {
  cr_assert(make_node(cwd(), "/tmp/d", file_mode::Directory | 0755, 0));
  cr_assert_eq((*resolve(cwd(), "/tmp", LastLink::Follow))->attributes()->links, 3);
  cr_assert(write_file("/tmp/f", "x"));
  auto f = *resolve(cwd(), "/tmp/f", LastLink::Follow);
  cr_assert(make_link(f, cwd(), "/tmp/d/g"));
  cr_assert_eq(f->attributes()->links, 2);
  cr_assert(remove(cwd(), "/tmp/f", false));
  cr_assert_eq(f->attributes()->links, 1);
  cr_assert_eq(error_of(remove(cwd(), "/tmp/d", true)), ENOTEMPTY);
  cr_assert(remove(cwd(), "/tmp/d/g", false));
  cr_assert(remove(cwd(), "/tmp/d", true));
  cr_assert_eq((*resolve(cwd(), "/tmp", LastLink::Follow))->attributes()->links, 2);
  cr_assert_eq(f->attributes()->links, 0);
}

Test(tmpfs, nothing_is_made_in_a_directory_that_was_removed) {
  cr_assert(make_node(cwd(), "/tmp/d", file_mode::Directory | 0755, 0));
  auto d = *resolve(cwd(), "/tmp/d", LastLink::Follow);
  cr_assert(remove(cwd(), "/tmp/d", true));
  cr_assert_eq(error_of(open_path(d, "new", open_flag::Create | open_flag::ReadWrite, 0644)), ENOENT);
}

Test(tmpfs, seals_hold) {
  auto f = regular();
  f->seals = 2 | 4;
  std::string text = "x";
  Buffer from = buffer(text);
  cr_assert_eq(error_of(f->write(0, from)), EPERM);
  cr_assert_eq(error_of(f->truncate(5)), EPERM);
}
