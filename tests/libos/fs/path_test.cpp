// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cerrno>

#include "fs/mount.h"
#include "fs/path.h"
#include "fs/tmpfs/tmpfs.h"
#include "hosted.h"

using namespace pl;
using namespace hosted;

static void setup() {
  make_window();
  make_tree();
  for (auto d : {"/a", "/a/b", "/a/b/c"}) cr_assert(make_node(cwd(), d, file_mode::Directory | 0755, 0));
  cr_assert(write_file("/a/b/file", "text"));
}
TestSuite(path, .init = setup);

static int resolved(std::string_view path, LastLink last = LastLink::Follow) { return error_of(resolve(cwd(), path, last)); }
static int link_to(std::string_view target, std::string_view path) { return error_of(make_symbolic_link(target, cwd(), path)); }

static std::string name_of(std::string_view path) {
  auto inode = resolve(cwd(), path, LastLink::Follow);
  if (!inode) return "error " + std::to_string(int(inode.error()));
  char text[MaxPath];
  auto n = path_of(**inode, current_file_context().root, text, sizeof text);
  return n ? std::string(text, *n) : "error " + std::to_string(int(n.error()));
}

Test(path, dots_and_slashes_mean_what_they_mean) {
  cr_assert(name_of("/a/./b//c/../file") == std::string("/a/b/file"));
  cr_assert(name_of("/../../a/") == std::string("/a"));
  cr_assert(name_of("/") == std::string("/"));
  cr_assert(name_of("a/b") == std::string("/a/b"));
  cr_assert_eq(resolved(""), ENOENT);
  cr_assert_eq(resolved("/a/b/file/"), ENOTDIR);
  cr_assert_eq(resolved("/a/b/file/x"), ENOTDIR);
  cr_assert_eq(resolved("/a/none/x"), ENOENT);
  cr_assert_eq(resolved("/a/" + std::string(256, 'x')), ENAMETOOLONG);
  cr_assert_eq(resolved("/a/" + std::string(255, 'x')), ENOENT);
}

Test(path, links_are_followed_and_forty_is_the_limit) {
  cr_assert_eq(link_to("b/file", "/a/relative"), 0);
  cr_assert_eq(link_to("/a/b", "/a/absolute"), 0);
  cr_assert(name_of("/a/relative") == std::string("/a/b/file"));
  cr_assert(name_of("/a/absolute/c/../file") == std::string("/a/b/file"));
  cr_assert((*resolve(cwd(), "/a/relative", LastLink::Keep))->is_link());
  cr_assert((*resolve(cwd(), "/a/absolute/", LastLink::Keep))->is_directory());
  cr_assert_eq(link_to("loop", "/a/loop"), 0);
  cr_assert_eq(resolved("/a/loop"), ELOOP);
  cr_assert_eq(resolved("/a/loop", LastLink::Keep), 0);
  cr_assert_eq(link_to("b/file", "/a/l0"), 0);
  for (int i = 1; i <= 40; i++) cr_assert_eq(link_to("l" + std::to_string(i - 1), "/a/l" + std::to_string(i)), 0);
  cr_assert_eq(resolved("/a/l39"), 0);
  cr_assert_eq(resolved("/a/l40"), ELOOP);
  cr_assert_eq(link_to("", "/a/empty"), ENOENT);
}

Test(path, a_path_that_grows_too_long_through_a_link_is_ENAMETOOLONG) {
  std::string target;
  while (target.size() < 4000) target += "./";
  cr_assert_eq(link_to(target + "b", "/a/long"), 0);
  cr_assert_eq(resolved("/a/long/file"), 0);
  cr_assert_eq(resolved("/a/long/" + std::string(200, '/') + "file"), ENAMETOOLONG);
}

Test(path, permissions_are_of_owner_group_and_others_in_that_order) {
  auto file = *resolve(cwd(), "/a/b/file", LastLink::Follow);
  cr_assert(file->set_owner(10, 20));
  cr_assert(file->set_mode(0640));
  uint32_t groups[] = {20};
  FileCredentials owner{10, 1, nullptr, 0, {}}, member{11, 1, groups, 1, {}}, other{12, 1, nullptr, 0, {}}, root{.effective = CapabilitySet::all()};
  cr_assert(check_access(*file, AccessRead | AccessWrite, owner));
  cr_assert(check_access(*file, AccessRead, member));
  cr_assert_eq(error_of(check_access(*file, AccessWrite, member)), EACCES);
  cr_assert_eq(error_of(check_access(*file, AccessRead, other)), EACCES);
  cr_assert(check_access(*file, AccessRead | AccessWrite, root));
  cr_assert_eq(error_of(check_access(*file, AccessExecute, root)), EACCES);
  cr_assert(file->set_mode(0007));
  cr_assert_eq(error_of(check_access(*file, AccessRead, owner)), EACCES);
}

Test(path, a_directory_that_may_not_be_searched_hides_what_is_below) {
  cr_assert((*resolve(cwd(), "/a/b", LastLink::Follow))->set_mode(0700));
  credentials.uid = 5;
  cr_assert_eq(resolved("/a/b"), 0);
  cr_assert_eq(resolved("/a/b/file"), EACCES);
  cr_assert_eq(error_of(open_path(cwd(), "/a/new", open_flag::Create | open_flag::WriteOnly, 0644)), EACCES);
}

Test(path, the_sticky_bit_keeps_others_from_removing) {
  credentials.uid = 5;
  cr_assert(write_file("/tmp/mine", "5"));
  credentials.uid = 6;
  cr_assert_eq(error_of(remove(cwd(), "/tmp/mine", false)), EPERM);
  cr_assert(write_file("/tmp/other", "6"));
  cr_assert_eq(error_of(rename(cwd(), "/tmp/other", cwd(), "/tmp/mine", 0)), EPERM);
  credentials.uid = 5;
  cr_assert_eq(error_of(remove(cwd(), "/tmp/mine", false)), 0);
}

Test(path, open_makes_truncates_and_refuses_as_its_flags_say) {
  using namespace open_flag;
  auto open = [](std::string_view path, uint32_t flags) { return error_of(open_path(cwd(), path, flags, 0666)); };
  cr_assert_eq(open("/a/new", ReadOnly), ENOENT);
  cr_assert_eq(open("/a/new", Create | WriteOnly), 0);
  cr_assert_eq((*resolve(cwd(), "/a/new", LastLink::Follow))->attributes()->mode, file_mode::Regular | 0644);  // umask 022
  cr_assert_eq(open("/a/new", Create | Exclusive | WriteOnly), EEXIST);
  cr_assert_eq(open("/a/b", WriteOnly), EISDIR);
  cr_assert_eq(open("/a/b", Create | ReadOnly), EISDIR);
  cr_assert_eq(open("/a/b/file", open_flag::Directory), ENOTDIR);
  cr_assert_eq(open("/a/newdir/", Create | WriteOnly), EISDIR);
  cr_assert_eq(link_to("made", "/a/link"), 0);
  cr_assert_eq(open("/a/link", NoFollow), ELOOP);
  cr_assert_eq(open("/a/link", Create | Exclusive | WriteOnly), EEXIST);
  cr_assert_eq(open("/a/link", Create | WriteOnly), 0);
  cr_assert_eq(resolved("/a/made"), 0);
  cr_assert_eq(open("/a/b/file", WriteOnly | Truncate), 0);
  cr_assert(contents("/a/b/file") == std::string(""));
  cr_assert_eq(open("/a/link", Path | NoFollow), 0);
}

Test(path, rename_replaces_and_refuses_as_the_page_says) {
  auto move = [](std::string_view from, std::string_view to, uint32_t flags = 0) { return error_of(rename(cwd(), from, cwd(), to, flags)); };
  cr_assert(write_file("/a/x", "x"));
  cr_assert(write_file("/a/y", "y"));
  cr_assert_eq(move("/a/x", "/a/y", rename_flag::NoReplace), EEXIST);
  cr_assert_eq(move("/a/x", "/a/y", rename_flag::Exchange), 0);
  cr_assert(contents("/a/x") == std::string("y"));
  cr_assert_eq(move("/a/x", "/a/y"), 0);
  cr_assert(contents("/a/y") == std::string("y"));
  cr_assert_eq(resolved("/a/x"), ENOENT);
  cr_assert_eq(move("/a", "/a/b/inside"), EINVAL);
  cr_assert_eq(move("/a/y", "/a/b"), EISDIR);
  cr_assert_eq(move("/a/b", "/a/y"), ENOTDIR);
  cr_assert_eq(move("/a/b/c", "/a/b"), ENOTEMPTY);
  cr_assert_eq(move("/a/.", "/a/z"), EBUSY);
  cr_assert_eq(move("/a/b/c", "/tmp/moved"), 0);
  cr_assert(name_of("/tmp/moved/..") == std::string("/tmp"));
  cr_assert_eq(move("/a/y", "/dev/y"), EXDEV);
  cr_assert_eq(move("/dev", "/other"), EBUSY);
}

Test(path, a_name_that_is_gone_is_still_known) {
  auto c = *resolve(cwd(), "/a/b/c", LastLink::Follow);
  cr_assert(remove(cwd(), "/a/b/c", true));
  char text[64];
  auto shown = [&](Inode& inode) { return std::string(text, must(shown_path_of(inode, current_file_context().root, text, sizeof text))); };
  cr_assert(shown(*c) == "/a/b/c (deleted)");
  cr_assert_eq(error_of(shown_path_of(*c, current_file_context().root, text, 10)), ERANGE);
  // Many that are gone one below the other go with the last of them.
  auto deepest = *resolve(cwd(), "/tmp", LastLink::Follow);
  for (int i = 0; i < 100000; i++) deepest = must(deepest->create("d", file_mode::Directory | 0755, 0, 0, 0));
  for (Ref<Inode> at = deepest, above; (above = at->parent()) && above->unlink("d", true); at = above) {
  }
  cr_assert(deepest->is_removed() && deepest->parent()->is_removed());
  deepest = nullptr;
}

// A directory in which a look moves another one, as a process may do meanwhile.
struct Restless : TmpDirectory {
  Restless() : TmpDirectory(0755, 0, 0) {}
  ErrorOr<Ref<Inode>> lookup(std::string_view name) override {
    auto found = TmpDirectory::lookup(name);
    if (found && name == "inner") cr_assert(pl::rename(cwd(), "/a/restless", cwd(), "/tmp/elsewhere", 0));
    return found;
  }
};

Test(path, a_directory_that_is_moved_out_meanwhile_is_no_way_out) {
  auto a = *resolve(cwd(), "/a", LastLink::Follow);
  auto restless = must(make<Restless>());
  cr_assert(static_cast<TmpDirectory&>(*a).insert("restless", Ref<TmpInode>(restless)));
  cr_assert(make_node(cwd(), "/a/restless/inner", file_mode::Directory | 0755, 0));
  cr_assert(write_file("/tmp/secret", "outside"));
  auto open = [&](std::string_view path, uint32_t resolve) { return error_of(open_path(a, path, open_flag::ReadOnly | resolve << open_flag::ResolveShift, 0)); };
  cr_assert_eq(open("restless/inner/../../secret", resolve_flag::InRoot), EAGAIN);
  cr_assert(pl::rename(cwd(), "/tmp/elsewhere", cwd(), "/a/restless", 0));
  cr_assert_eq(open("restless/inner/../../secret", resolve_flag::Beneath), EAGAIN);
  cr_assert(pl::rename(cwd(), "/tmp/elsewhere", cwd(), "/a/restless", 0));
  cr_assert_eq(open("restless/inner/../../secret", 0), 0);
}

Test(path, mounts_are_crossed_both_ways) {
  cr_assert(name_of("/dev/null") == std::string("/dev/null"));
  cr_assert(name_of("/dev/..") == std::string("/"));
  cr_assert(name_of("/dev/shm/../../tmp") == std::string("/tmp"));
  cr_assert_eq(error_of(remove(cwd(), "/dev", true)), EBUSY);
}

Test(path, nobody_climbs_out_of_a_root) {
  current_file_context().root = *resolve(cwd(), "/a", LastLink::Follow);
  current_file_context().directory = current_file_context().root;
  cr_assert(name_of("../../b") == std::string("/b"));
  cr_assert_eq(resolved("/a"), ENOENT);
}

// ---- the measured configuration ----

struct Configuration {
  std::vector<std::byte> bytes;
  uint32_t records = 0;
  Configuration() { bytes.resize(sizeof(pl_config)); }
  template <class T>
  T& add(uint32_t kind, std::string_view text) {
    size_t at = bytes.size(), size = (sizeof(T) + text.size() + 7) / 8 * 8;
    bytes.resize(at + size);
    auto r = reinterpret_cast<T*>(bytes.data() + at);
    r->record = {kind, uint32_t(size)};
    std::memcpy(reinterpret_cast<char*>(r) + sizeof(T), text.data(), text.size());
    ++records;
    return *r;
  }
  int initialize(PhysicalAddress contents = {}) {
    pl_config head{PL_CONFIG_MAGIC, PL_CONFIG_VERSION, uint32_t(bytes.size()), records, 0, 0};
    std::memcpy(bytes.data(), &head, sizeof head);
    return error_of(fs::initialize(*reinterpret_cast<pl_config*>(bytes.data()), contents));
  }
};

TestSuite(configuration);

Test(configuration, files_stand_where_they_say_with_the_pages_that_were_given) {
  alignas(4096) static char pages[3 * 4096] = "first";
  std::strcpy(pages + 4096, "second");
  Configuration c;
  auto& f = c.add<pl_record_file>(PL_RECORD_FILE, "/bin/one");
  f.size = 5, f.mode = 0100755, f.path_length = 8;
  auto& g = c.add<pl_record_file>(PL_RECORD_FILE, "/usr/lib/two");
  g.size = 6, g.mode = 0100644, g.path_length = 12;
  auto& l = c.add<pl_record_file>(PL_RECORD_FILE, "/libusr/lib");
  l.mode = 0120777, l.path_length = 4, l.target_length = 7;
  cr_assert_eq(c.initialize(PhysicalAddress(uint64_t(pages))), 0);
  Ref<Inode> root = fs::root();
  auto two = must(root->lookup("usr"));
  cr_assert(two->is_directory());
  auto one = must(must(root->lookup("bin"))->lookup("one"));
  cr_assert_eq(one->attributes()->size, 5);
  std::string text(10, 0);
  Buffer to = buffer(text);
  cr_assert_eq(*must(must(two->lookup("lib"))->lookup("two"))->read(0, to), 6);
  cr_assert_eq(text.substr(0, 6), "second");
  char target[16];
  cr_assert_eq(*must(root->lookup("lib"))->readlink(target, sizeof target), 7);
}

Test(configuration, a_path_longer_than_its_record_is_refused) {
  Configuration c;
  auto& f = c.add<pl_record_file>(PL_RECORD_FILE, "/bin/one");
  f.mode = 0100755, f.path_length = 9;
  cr_assert_eq(c.initialize(), EINVAL);
}

Test(configuration, a_target_longer_than_its_record_is_refused) {
  Configuration c;
  auto& f = c.add<pl_record_file>(PL_RECORD_FILE, "/bin/one");
  f.mode = 0120777, f.path_length = 8, f.target_length = 1;
  cr_assert_eq(c.initialize(), EINVAL);
}

Test(configuration, a_record_that_is_too_short_is_refused) {
  Configuration c;
  c.add<pl_record_file>(PL_RECORD_FILE, "/bin/one").record.size = 4;
  cr_assert_eq(c.initialize(), EINVAL);
}

Test(configuration, a_record_behind_the_end_is_refused) {
  Configuration c;
  c.add<pl_record_file>(PL_RECORD_FILE, "/bin/one").record.size = 1 << 20;
  cr_assert_eq(c.initialize(), EINVAL);
}

Test(configuration, an_unknown_record_is_refused) {
  Configuration c;
  c.add<pl_record_program>(99, "abcd");
  cr_assert_eq(c.initialize(), EINVAL);
}

Test(configuration, a_relative_path_is_refused) {
  Configuration c;
  auto& f = c.add<pl_record_file>(PL_RECORD_FILE, "bin/one!");
  f.mode = 0100755, f.path_length = 8;
  cr_assert_eq(c.initialize(), EINVAL);
}

Test(configuration, a_path_with_dots_is_refused) {
  Configuration c;
  auto& f = c.add<pl_record_file>(PL_RECORD_FILE, "/../etc/");
  f.mode = 0100755, f.path_length = 7;
  cr_assert_eq(c.initialize(), EINVAL);
}
