// SPDX-License-Identifier: BSD-2-Clause
// What is written above an image: files, names and removals behave as on any file system, and the image never changes.
#include <criterion/criterion.h>

#include <algorithm>
#include <cerrno>

#include "fs/mount.h"
#include "fs/path.h"
#include "hosted.h"
#include "root_file.h"

using namespace pl;
using namespace hosted;

static const char* const Tree =
    "mkdir -p etc lib/one lib/two empty; seq 3000 > etc/numbers; echo host > etc/hostname; ln etc/hostname etc/second; "
    "for f in a b c; do echo $f > lib/one/$f; done; echo z > lib/two/z; ln -s etc link";

static RootFile* image;

static void setup() {
  image = new RootFile(Tree);
  image->mount();
}
static void tear_down() { delete image; }
TestSuite(overlay, .init = setup, .fini = tear_down);

static Ref<Inode> at(std::string_view path) { return must(resolve(cwd(), path, LastLink::Follow)); }
static int exists(std::string_view path) { return error_of(resolve(cwd(), path, LastLink::Keep)); }
static int moved(std::string_view from, std::string_view to, uint32_t flags = 0) { return error_of(pl::rename(cwd(), from, cwd(), to, flags)); }
static int removed(std::string_view path, bool directory = false) { return error_of(remove(cwd(), path, directory)); }

static std::string listing(std::string_view path) {
  std::vector<std::string> names;
  must(at(path)->list(0, 4096, [](void* n, const DirectoryEntry& e) {
    static_cast<std::vector<std::string>*>(n)->emplace_back(e.name);
    return true;
  }, &names));
  std::ranges::sort(names);
  std::string text;
  for (auto& name : names) text += name + " ";
  return text;
}

Test(overlay, a_file_of_the_image_is_written_and_only_its_pages_are_copied) {
  auto file = must(open_path(cwd(), "/etc/numbers", open_flag::ReadWrite, 0));
  std::string before = contents("/etc/numbers"), text = "XY";
  Buffer from = buffer(text);
  cr_assert_eq(*file->write_at(5000, from), 2);
  before.replace(5000, 2, "XY");
  cr_assert_eq(contents("/etc/numbers"), before);
  cr_assert(file->truncate(6000));
  cr_assert(file->truncate(9000));
  cr_assert_eq(contents("/etc/numbers"), before.substr(0, 6000) + std::string(3000, 0));
}

Test(overlay, a_new_file_and_a_replaced_one_are_listed_beside_the_images) {
  cr_assert(write_file("/lib/one/new", "n"));
  cr_assert(write_file("/lib/one/b", "changed"));
  cr_assert_eq(listing("/lib/one"), "a b c new ");
  cr_assert_eq(contents("/lib/one/b"), "changed");
}

Test(overlay, a_removed_name_stays_gone_until_it_is_made_again) {
  cr_assert_eq(removed("/lib/one/a"), 0);
  cr_assert_eq(exists("/lib/one/a"), ENOENT);
  cr_assert_eq(listing("/lib/one"), "b c ");
  cr_assert_eq(removed("/lib/one/a"), ENOENT);
  cr_assert(write_file("/lib/one/a", "again"));
  cr_assert_eq(contents("/lib/one/a"), "again");
  cr_assert_eq(listing("/lib/one"), "a b c ");
  cr_assert_eq(removed("/lib/one/a"), 0);
  cr_assert_eq(listing("/lib/one"), "b c ");
}

Test(overlay, a_directory_is_removed_when_nothing_of_it_is_left) {
  cr_assert_eq(removed("/lib/two", true), ENOTEMPTY);
  cr_assert_eq(removed("/lib/two/z"), 0);
  cr_assert_eq(removed("/lib/two", true), 0);
  cr_assert_eq(exists("/lib/two"), ENOENT);
  // Made anew, it is empty: what was below does not show through.
  cr_assert(make_node(cwd(), "/lib/two", file_mode::Directory | 0755, 0));
  cr_assert_eq(listing("/lib/two"), "");
  cr_assert_eq(exists("/lib/two/z"), ENOENT);
  cr_assert_eq(removed("/empty", true), 0);
}

Test(overlay, a_directory_of_the_image_is_renamed_with_what_is_in_it) {
  cr_assert_eq(moved("/lib/one", "/etc/here"), 0);
  cr_assert_eq(exists("/lib/one"), ENOENT);
  cr_assert_eq(contents("/etc/here/c"), "c\n");
  cr_assert_eq(listing("/lib"), "two ");
  cr_assert_eq(moved("/etc/here", "/lib/two"), ENOTEMPTY);
  cr_assert_eq(moved("/etc/here", "/empty"), 0);
  cr_assert_eq(listing("/empty"), "a b c ");
  cr_assert_eq(moved("/empty", "/empty/below"), EINVAL);
}

Test(overlay, a_whiteout_takes_the_place_of_a_file_of_the_image) {
  cr_assert_eq(moved("/lib/one/a", "/lib/two/a", rename_flag::Whiteout), 0);
  cr_assert_eq(at("/lib/one/a")->type(), file_mode::Character);
  cr_assert_eq(contents("/lib/two/a"), "a\n");
  cr_assert_eq(listing("/lib/one"), "a b c ");
  cr_assert_eq(moved("/lib/two/a", "/lib/one/a"), 0);
  cr_assert_eq(contents("/lib/one/a"), "a\n");
  cr_assert_eq(removed("/lib/one/a"), 0);
  cr_assert_eq(exists("/lib/one/a"), ENOENT);
  cr_assert_eq(listing("/lib/one"), "b c ");
}

Test(overlay, a_removed_file_of_the_image_is_known_by_its_last_name) {
  auto shown = [](const Ref<Inode>& inode) {
    char text[64];
    return std::string(text, must(shown_path_of(*inode, current_file_context().root, text, sizeof text)));
  };
  Ref<Inode> file = at("/lib/two/z"), directory = at("/lib/two"), replaced = at("/lib/one/b");
  cr_assert_eq(removed("/lib/two/z"), 0);
  cr_assert_eq(removed("/lib/two", true), 0);
  cr_assert_eq(moved("/lib/one/a", "/lib/one/b"), 0);
  cr_assert_eq(shown(file), "/lib/two/z (deleted)");
  cr_assert_eq(shown(directory), "/lib/two (deleted)");
  cr_assert_eq(shown(replaced), "/lib/one/b (deleted)");
  cr_assert_eq(shown(at("/lib/one/b")), "/lib/one/b");
  cr_assert_eq(error_of(make_link(file, cwd(), "/again")), ENOENT);
}

Test(overlay, what_has_to_be_read_below_is_not_cached) {
  auto cached = [](std::string_view path) { return error_of(open_path(cwd(), path, resolve_flag::Cached << open_flag::ResolveShift, 0)); };
  cr_assert_eq(cached("/lib/one/a"), EAGAIN);
  at("/lib/one/a");
  cr_assert_eq(cached("/lib/one/a"), 0);
  cr_assert_eq(cached("/lib/one/b"), EAGAIN);
}

Test(overlay, files_move_over_each_other_and_change_places) {
  cr_assert_eq(moved("/lib/one/a", "/lib/one/b"), 0);
  cr_assert_eq(contents("/lib/one/b"), "a\n");
  cr_assert_eq(listing("/lib/one"), "b c ");
  cr_assert_eq(moved("/lib/one/b", "/lib/two/z", rename_flag::NoReplace), EEXIST);
  cr_assert_eq(moved("/lib/one/b", "/lib/two/z", rename_flag::Exchange), 0);
  cr_assert_eq(contents("/lib/two/z"), "a\n");
  cr_assert_eq(contents("/lib/one/b"), "z\n");
  cr_assert_eq(moved("/lib/one/b", "/lib/one/a"), 0);
  cr_assert_eq(listing("/lib/one"), "a c ");
}

Test(overlay, two_names_of_one_file_stay_one_file) {
  cr_assert_eq(at("/etc/hostname")->attributes()->inode, at("/etc/second")->attributes()->inode);
  cr_assert_eq(at("/etc/second")->attributes()->links, 2);
  cr_assert(write_file("/etc/hostname", "new"));
  cr_assert_eq(contents("/etc/second"), "new");
  cr_assert_eq(removed("/etc/hostname"), 0);
  cr_assert_eq(contents("/etc/second"), "new");
  cr_assert_eq(at("/etc/second")->attributes()->links, 1);
}

Test(overlay, links_count_as_they_should) {
  uint32_t before = at("/lib")->attributes()->links;
  cr_assert_eq(before, 4);
  cr_assert(make_node(cwd(), "/lib/three", file_mode::Directory | 0755, 0));
  cr_assert_eq(at("/lib")->attributes()->links, 5);
  cr_assert_eq(moved("/lib/one", "/one"), 0);
  cr_assert_eq(at("/lib")->attributes()->links, 4);
  cr_assert(make_link(at("/one/a"), cwd(), "/lib/a"));
  cr_assert_eq(at("/lib/a")->attributes()->links, 2);
  cr_assert_eq(at("/one/a")->attributes()->inode, at("/lib/a")->attributes()->inode);
}

Test(overlay, attributes_change_in_memory_alone) {
  cr_assert(at("/etc/numbers")->set_mode(0600));
  cr_assert(at("/etc/numbers")->set_owner(7, 8));
  cr_assert_eq(at("/etc/numbers")->attributes()->mode, 0100600);
  cr_assert_eq(at("/link/numbers")->attributes()->uid, 7);
}

Test(overlay, an_inode_number_is_the_same_listed_and_looked_at) {
  uint64_t listed = 0;
  must(at("/lib/one")->list(0, 4096, [](void* n, const DirectoryEntry& e) {
    if (e.name == "b") *static_cast<uint64_t*>(n) = e.inode;
    return true;
  }, &listed));
  cr_assert_eq(at("/lib/one/b")->attributes()->inode, listed);
}

Test(overlay, what_is_below_can_fail_and_then_nothing_has_changed) {
  cr_assert_eq(exists("/lib/one"), 0);
  // From here on the host has nothing any more; what was looked at is there.
  image->bytes.clear();
  cr_assert_eq(exists("/lib/one"), 0);
  int status = error_of(open_path(cwd(), "/lib/two/z", open_flag::ReadOnly, 0));
  cr_assert(status == 0 || status == EIO);
  cr_assert_eq(contents("/etc/numbers"), "error " + std::to_string(EIO));
  cr_assert(write_file("/tmp/new", "works"));
  cr_assert_eq(contents("/tmp/new"), "works");
}
