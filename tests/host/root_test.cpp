// SPDX-License-Identifier: BSD-2-Clause
// Root images as pl-image makes, reads and checks them, with the real tools.
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "fake_libos.h"
#include "image/root_image.h"
#include "root/build.h"
#include "root/import.h"
#include "run/root_file.h"

using namespace pl;
using namespace pl::test;

namespace {

struct Tree : Directory {
  Tree() {
    std::filesystem::create_directories(path("tree/etc"));
    write("tree/etc/motd", "hello\n");
    write("tree/large", std::string(3'000'000, 'x') + "end");
    setenv("PL_CACHE", path("cache").c_str(), 1);
  }
  std::expected<void, std::string> build(const std::string& to = "image") const { return build_image(path("tree"), path(to), Owners::Root); }
};

struct Opened {
  Descriptor file;
  uint64_t size;
  explicit Opened(const std::string& path) : file(open(path.c_str(), O_RDWR)) {
    struct stat status;
    cr_assert_eq(fstat(file.get(), &status), 0);
    size = static_cast<uint64_t>(status.st_size);
  }
  std::expected<RootImage, std::string> read() const { return read_root_image(reader_of(file.get()), size); }
  std::expected<uint64_t, std::string> verify() const {
    return verify_root_image(reader_of(file.get()), *read(), [](uint64_t) { return true; });
  }
  void flip(uint64_t at) const {
    char byte;
    cr_assert_eq(pread(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
    byte ^= 1;
    cr_assert_eq(pwrite(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
  }
};

void refused(const std::expected<RootImage, std::string>& image, const char* because) {
  cr_assert(!image.has_value());
  cr_assert(image.error().find(because) != std::string::npos, "%s", image.error().c_str());
}

int shell(const std::string& command) { return std::system(command.c_str()); }

}  // namespace

Test(root_image, is_the_same_for_the_same_files_and_intact) {
  Tree tree;
  cr_assert(tree.build("one").has_value());
  cr_assert(tree.build("two").has_value());
  cr_assert_eq(tree.read("one"), tree.read("two"));
  Opened image(tree.path("one"));
  cr_assert(image.read().has_value());
  cr_assert_eq(*image.verify(), image.read()->data_blocks);
}

Test(root_image, with_a_changed_block_is_damaged_there) {
  Tree tree;
  cr_assert(tree.build().has_value());
  Opened image(tree.path("image"));
  image.flip(300 * kImageBlock + 5);
  cr_assert_eq(*image.verify(), 300);
  image.flip(300 * kImageBlock + 5);
  // Of the tree, any level below its top; a changed top is another image.
  RootImage before = *image.read();
  image.flip((before.hash_block + 2) * kImageBlock);
  cr_assert(!image.verify().has_value());
  image.flip((before.hash_block + 2) * kImageBlock);
  image.flip(before.hash_block * kImageBlock);
  cr_assert(image.read()->root_hash != before.root_hash);
}

Test(root_image, that_is_none_is_said_to_be_none) {
  Tree tree;
  cr_assert(tree.build().has_value());
  tree.write("text", std::string(10000, 't'));
  refused(Opened(tree.path("text")).read(), "not an EROFS image");
  cr_assert_eq(shell("cd " + tree.path() + " && mkfs.erofs --quiet bare tree >/dev/null"), 0);
  refused(Opened(tree.path("bare")).read(), "veritysetup format IMAGE IMAGE --hash-offset=");
  std::filesystem::resize_file(tree.path("image"), std::filesystem::file_size(tree.path("image")) - 4096);
  refused(Opened(tree.path("image")).read(), "hash tree is truncated");
  std::filesystem::resize_file(tree.path("image"), 100000);
  refused(Opened(tree.path("image")).read(), "truncated EROFS");
}

Test(root_image, of_a_directory_is_made_once_and_again_when_something_changed) {
  Tree tree;
  auto first = image_of_directory(tree.path("tree"));
  cr_assert(first.has_value(), "%s", first.error().c_str());
  struct stat before, after;
  stat(first->c_str(), &before);
  auto again = image_of_directory(tree.path("tree"));
  cr_assert_eq(*again, *first);
  stat(again->c_str(), &after);
  cr_assert_eq(before.st_ino, after.st_ino);
  tree.write("tree/etc/motd", "HELLO\n");
  auto changed = image_of_directory(tree.path("tree"));
  cr_assert_neq(*changed, *first);
  cr_assert(!std::filesystem::exists(*first));
  cr_assert(!image_of_directory(tree.path("none")).has_value());
}

Test(root_image, is_left_as_it_was_when_a_new_one_cannot_be_made) {
  Tree tree;
  tree.write("image", "old");
  cr_assert(!build_image(tree.path("none"), tree.path("image"), Owners::Root).has_value());
  cr_assert_eq(tree.read("image"), "old");
}

// Two layers as docker save has them: the upper one removes a file, empties a directory, and changes a file.
Test(archive, of_layers_becomes_their_union) {
  Directory home;
  cr_assert_eq(shell("cd " + home.path() +
                     " && mkdir -p l1/etc l1/gone l1/bin l2/etc l2/gone l2/bin archive root work && echo 1 > l1/etc/a; echo 2 > l1/etc/b; echo x > l1/gone/x;"
                     " ln -s bin l1/link; echo run > l1/bin/run; chmod 755 l1/bin/run; ln l1/bin/run l1/bin/same;"
                     " echo changed > l2/etc/a; : > l2/etc/.wh.b; : > l2/gone/.wh..wh..opq; echo y > l2/gone/y;"
                     " tar -C l1 -cf archive/one.tar . && tar -C l2 -czf archive/two.tar . &&"
                     " echo '[{\"Config\":\"c.json\",\"Layers\":[\"one.tar\",\"two.tar\"]}]' > archive/manifest.json && tar -C archive -cf saved.tar ."), 0);
  auto unpacked = unpack_archive(home.path("saved.tar"), home.path("root"), home.path("work"));
  cr_assert(unpacked.has_value(), "%s", unpacked.error().c_str());
  cr_assert_eq(home.read("root/etc/a"), "changed\n");
  cr_assert(!std::filesystem::exists(home.path("root/etc/b")));
  cr_assert(!std::filesystem::exists(home.path("root/gone/x")));
  cr_assert_eq(home.read("root/gone/y"), "y\n");
  cr_assert_eq(home.read("root/bin/same"), "run\n");
  cr_assert_eq(std::filesystem::hard_link_count(home.path("root/bin/run")), 2);
  cr_assert_eq(std::filesystem::read_symlink(home.path("root/link")), "bin");
}

Test(archive, of_an_oci_layout_is_read_through_its_index) {
  Directory home;
  cr_assert_eq(shell("cd " + home.path() + " && mkdir -p l1/etc archive/blobs/sha256 root work && echo oci > l1/etc/kind && tar -C l1 -czf archive/blobs/sha256/aa . &&"
                     " echo '{\"layers\":[{\"digest\":\"sha256:aa\"}]}' > archive/blobs/sha256/bb &&"
                     " echo '{\"manifests\":[{\"digest\":\"sha256:cc\",\"platform\":{\"architecture\":\"amd64\"}},"
                     "{\"digest\":\"sha256:bb\",\"platform\":{\"architecture\":\"riscv64\"}}]}' > archive/index.json && tar -C archive -cf saved.tar ."), 0);
  auto unpacked = unpack_archive(home.path("saved.tar"), home.path("root"), home.path("work"));
  cr_assert(unpacked.has_value(), "%s", unpacked.error().c_str());
  cr_assert_eq(home.read("root/etc/kind"), "oci\n");
}

Test(archive, that_leads_out_of_its_root_is_refused_or_stays_inside) {
  Directory home;
  // A link to the outside, and a file below it: it goes below the root, not to where the link would lead.
  cr_assert_eq(shell("cd " + home.path() +
                     " && mkdir -p l1 l2/out archive root work outside && ln -s " + home.path("outside") + " l1/out && echo evil > l2/out/file &&"
                     " tar -C l1 -cf archive/one.tar . && tar -C l2 --exclude=./out -cf archive/two.tar . && tar -C l2 -rf archive/two.tar ./out/file &&"
                     " echo '[{\"Layers\":[\"one.tar\",\"two.tar\"]}]' > archive/manifest.json && tar -C archive -cf saved.tar ."), 0);
  (void)unpack_archive(home.path("saved.tar"), home.path("root"), home.path("work"));
  cr_assert(std::filesystem::is_empty(home.path("outside")));
  cr_assert_eq(shell("cd " + home.path() + " && rm -rf root work && mkdir root work && echo evil > file && tar -P --transform 's|^|../../|' -cf saved.tar file"), 0);
  cr_assert(!unpack_archive(home.path("saved.tar"), home.path("root"), home.path("work")).has_value());
}
