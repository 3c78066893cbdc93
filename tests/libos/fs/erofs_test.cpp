// SPDX-License-Identifier: BSD-2-Clause
// Images as mkfs.erofs and veritysetup make them, read block by block from a host that may lie.
#include <criterion/criterion.h>

#include <cerrno>

#include "base/sha256.h"
#include "fs/erofs/image.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "hosted.h"
#include "root_file.h"

using namespace pl;
using namespace hosted;

static std::string hexadecimal(const Sha256Digest& digest) {
  std::string text;
  for (uint8_t b : digest) {
    text += "0123456789abcdef"[b >> 4];
    text += "0123456789abcdef"[b & 15];
  }
  return text;
}

static std::string sha256_of(const std::string& text, size_t piece = ~size_t(0)) {
  Sha256 hash;
  for (size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at))
    hash.update(std::as_bytes(std::span(text)).subspan(at, std::min(piece, text.size() - at)));
  return hexadecimal(hash.finish());
}

// FIPS 180-4's examples, and every length around the padding's edges in pieces of every size.
Test(sha256, equals_the_standards_examples_however_the_data_comes) {
  cr_assert_eq(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  cr_assert_eq(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  cr_assert_eq(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  cr_assert_eq(sha256_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  for (size_t length = 0; length < 200; length++)
    for (size_t piece : {1, 3, 55, 64, 65}) cr_assert_eq(sha256_of(std::string(length, 'x'), piece), sha256_of(std::string(length, 'x')));
}

static const char* const SomeFiles =
    "mkdir -p etc bin deep/er/down; printf 'a=1\\n' > etc/small; head -c 4096 /dev/zero | tr '\\0' p > etc/page; "
    "seq 20000 > etc/numbers; : > etc/empty; ln -s ../etc/small bin/link; chmod 4755 etc/page; echo x > deep/er/down/file; "
    "mkdir many; cd many; seq -f name-%06g 3000 | xargs touch; cd ..";

static std::string numbers(int up_to) {
  std::string text;
  for (int i = 1; i <= up_to; i++) text += std::to_string(i) + "\n";
  return text;
}

Test(erofs, files_links_and_directories_are_those_that_went_in) {
  RootFile image(SomeFiles);
  image.mount();
  cr_assert_eq(contents("/etc/small"), "a=1\n");
  cr_assert_eq(contents("/etc/page"), std::string(4096, 'p'));
  cr_assert_eq(contents("/etc/numbers"), numbers(20000));
  cr_assert_eq(contents("/etc/empty"), "");
  cr_assert_eq(contents("/bin/link"), "a=1\n");
  cr_assert_eq(contents("/deep/er/down/file"), "x\n");
  cr_assert_eq(contents("/deep/er/dow"), "error " + std::to_string(ENOENT));
  cr_assert_eq(contents("/deep/er/downs"), "error " + std::to_string(ENOENT));
  cr_assert_eq(contents("/etc/small/x"), "error " + std::to_string(ENOTDIR));
  auto page = must(resolve(cwd(), "/etc/page", LastLink::Follow));
  cr_assert_eq(page->attributes()->mode, 0104755);
  cr_assert_eq(page->attributes()->mtime, 1'000'000'000'000'000);
  cr_assert_eq(must(resolve(cwd(), "/bin/link", LastLink::Keep))->attributes()->size, 12);
}

Test(erofs, each_name_of_a_large_directory_is_found_and_listed_once) {
  RootFile image(SomeFiles);
  image.mount();
  auto directory = must(resolve(cwd(), "/many", LastLink::Follow));
  for (int i = 1; i <= 3000; i += 7) {
    char name[32];
    std::snprintf(name, sizeof name, "name-%06d", i);
    cr_assert(directory->lookup(name), "%s", name);
  }
  for (const char* name : {"a", "name-", "name-000000", "name-003001", "zzz"}) cr_assert_eq(error_of(directory->lookup(name)), ENOENT);
  std::set<std::string> seen;
  uint64_t cookie = 0;
  // In steps, as getdents64 does.
  struct Step { std::set<std::string>& seen; uint64_t& cookie; int left; };
  for (bool ended = false; !ended;) {
    Step step{seen, cookie, 10};
    ended = must(directory->list(cookie, 4096, [](void* s, const DirectoryEntry& e) {
      auto& step = *static_cast<Step*>(s);
      if (step.left-- == 0) return false;
      cr_assert(step.seen.emplace(e.name).second, "%s twice", std::string(e.name).c_str());
      step.cookie = e.cookie;
      return true;
    }, &step));
  }
  cr_assert_eq(seen.size(), 3000);
}

Test(erofs, salted_trees_are_read_too) {
  for (const char* salt : {"00", "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"}) {
    RootFile image("seq 20000 > numbers", salt);
    cr_assert_eq(in_a_child([&] {
      image.mount();
      return std::string(contents("/numbers") == numbers(20000) ? "" : "something else");
    }), "");
  }
}

Test(erofs, only_what_is_looked_at_is_read_and_only_once) {
  RootFile image("echo small > small; head -c 20000000 /dev/urandom > large");
  image.mount();
  cr_assert_eq(contents("/small"), "small\n");
  size_t first = image.reads.size();
  cr_assert_lt(first, 10);
  image.reads.clear();
  cr_assert_eq(contents("/small"), "small\n");
  cr_assert_eq(image.reads.size(), 0);
}

// security.md, 26
Test(erofs, a_changed_block_is_EIO_and_a_line_in_the_log_wherever_it_is) {
  // More blocks than one block of the hash tree has digests of.
  RootFile original("seq 100000 > numbers; echo x > small");
  const std::string whole = numbers(100000);
  size_t found = 0;
  for (uint64_t block = 0; block < original.bytes.size() / 4096; block++) {
    if (block == original.data_blocks) continue;  // veritysetup's own header, which nobody reads
    RootFile image = original;
    image.bytes[block * 4096 + 77] ^= std::byte(4);
    std::string complaint = in_a_child([&]() -> std::string {
      std::string text;
      try {
        image.mount();
        text = contents("/numbers");
      } catch (const std::string& error) {
        text = error;
      }
      if (!image.reads.contains(block)) return text == whole ? "unread" : "EIO without a reason: " + text;
      if (text == whole) return "believed";
      bool said = !log.empty() && log.back().find("block " + std::to_string(block) + " is not the one") != std::string::npos;
      return said ? "" : "not said";
    });
    if (complaint.empty()) found++;
    else cr_assert_eq(complaint, "unread", "block %zu: %s", size_t(block), complaint.c_str());
  }
  cr_assert_gt(found, whole.size() / 4096);
}

Test(erofs, two_swapped_blocks_and_a_truncated_file_are_EIO) {
  std::string whole = numbers(200000);
  RootFile image("seq 200000 > numbers");
  cr_assert_eq(in_a_child([&] {
    std::swap_ranges(image.bytes.begin() + 5 * 4096, image.bytes.begin() + 6 * 4096, image.bytes.begin() + 6 * 4096);
    image.mount();
    return std::string(contents("/numbers").size() < whole.size() ? "" : "believed");
  }), "");
  cr_assert_eq(in_a_child([&] {
    image.mount();
    image.bytes.resize(5 * 4096);
    std::string text = contents("/numbers");
    if (text.ends_with("error " + std::to_string(EIO)) || text.size() < whole.size())
      return log.empty() || log.back().find("is missing") == std::string::npos ? std::string("not said") : std::string();
    return std::string("believed");
  }), "");
}

Test(erofs, a_page_of_an_image_is_one_frame_for_all_who_map_it) {
  RootFile image("seq 20000 > numbers");
  image.mount();
  auto inode = must(resolve(cwd(), "/numbers", LastLink::Follow));
  cr_assert(!inode->page_in_memory(2));
  auto one = must(inode->page(2, false)), other = must(inode->page(2, false));
  cr_assert_eq(one.address().value, other.address().value);
  cr_assert_eq(inode->page_in_memory(2).address().value, one.address().value);
}

Test(erofs, with_little_memory_blocks_are_let_go_and_read_again) {
  memory_limit = 4 << 20;  // a quarter of it are 256 pages
  RootFile image("head -c 4000000 /dev/urandom > large");
  image.mount();
  std::string once = contents("/large");
  cr_assert_eq(once.size(), 4000000);
  image.reads.clear();
  cr_assert_eq(contents("/large"), once);
  cr_assert_gt(image.reads.size(), 500);
}

Test(erofs, out_of_memory_at_any_allocation_is_an_error_and_no_harm) {
  RootFile image(SomeFiles);
  for (int left = 0; left < 80; left++) {
    std::string complaint = in_a_child([&]() -> std::string {
      image.mount();
      allocations_left = left;
      std::string text = contents("/deep/er/down/file");
      allocations_left = -1;
      if (text != "x\n" && text != "error " + std::to_string(ENOMEM)) return text;
      return contents("/deep/er/down/file") == "x\n" ? "" : "damaged";
    });
    cr_assert_eq(complaint, "", "%d: %s", left, complaint.c_str());
  }
}
