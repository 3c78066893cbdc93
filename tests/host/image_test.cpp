// SPDX-License-Identifier: BSD-2-Clause
#include "image/image.h"

#include <criterion/criterion.h>
#include <sys/stat.h>

#include <cstring>
#include <string>
#include <string_view>

#include "image/configuration.h"
#include "image/sha256.h"

using namespace pl;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string hexadecimal(const Digest& digest) {
  std::string out;
  for (uint8_t byte : digest) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", byte);
    out += two;
  }
  return out;
}

template <class T>
T read(const std::vector<std::byte>& from, size_t at) {
  T value;
  cr_assert_leq(at + sizeof value, from.size());
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}

}  // namespace

// FIPS 180-4 examples, and the million "a".
Test(sha256, gives_the_standards_values) {
  cr_assert_eq(hexadecimal(sha256(bytes(""))), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  cr_assert_eq(hexadecimal(sha256(bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  cr_assert_eq(hexadecimal(sha256(bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  cr_assert_eq(hexadecimal(sha256(bytes(std::string(1000000, 'a')))),
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(sha256, is_the_same_in_pieces_of_any_size) {
  std::string text(1000, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  Digest whole = sha256(bytes(text));
  for (size_t piece : {1, 3, 55, 56, 63, 64, 65, 128, 999}) {
    Sha256 hash;
    for (size_t at = 0; at < text.size(); at += piece) hash.update(bytes(std::string_view(text).substr(at, piece)));
    cr_assert_eq(hash.finish(), whole);
  }
}

Test(configuration, records_follow_one_another) {
  Configuration configuration(PL_SHADOW_ENTRY);
  configuration.add_directory("/root", 0700);
  configuration.add_file("/bin/hello", 0755, bytes("program"));
  configuration.add_link("/bin/h", "hello");
  configuration.add_mount("/data", PL_MOUNT_READ_ONLY);
  configuration.add_environment("LC_*");
  configuration.set_program("/bin/hello");
  auto out = configuration.serialize();

  auto head = read<pl_config>(out, 0);
  cr_assert_eq(head.magic, PL_CONFIG_MAGIC);
  cr_assert_eq(head.version, PL_CONFIG_VERSION);
  cr_assert_eq(head.size, out.size());
  cr_assert_eq(head.records, 6);
  cr_assert_eq(head.shadow_point, PL_SHADOW_ENTRY);
  const uint32_t kinds[] = {PL_RECORD_FILE,  PL_RECORD_FILE,        PL_RECORD_FILE,
                            PL_RECORD_MOUNT, PL_RECORD_ENVIRONMENT, PL_RECORD_PROGRAM};
  size_t at = sizeof head;
  for (uint32_t kind : kinds) {
    auto record = read<pl_record>(out, at);
    cr_assert_eq(record.kind, kind);
    cr_assert_eq(record.size % 8, 0);
    at += record.size;
  }
  cr_assert_eq(at, out.size());

  auto directory = read<pl_record_file>(out, sizeof head);
  cr_assert_eq(directory.mode, S_IFDIR | 0700);
  size_t second = sizeof head + directory.record.size;
  auto file = read<pl_record_file>(out, second);
  cr_assert_eq(file.mode, S_IFREG | 0755);
  cr_assert_eq(file.size, 7);
  const char* text = reinterpret_cast<const char*>(out.data() + second + offsetof(pl_record_file, text));
  cr_assert_eq(std::string_view(text, file.path_length), "/bin/hello");
  auto link = read<pl_record_file>(out, second + file.record.size);
  cr_assert_eq(link.mode, S_IFLNK | 0777);
  cr_assert_eq(link.path_length, 6);
  cr_assert_eq(link.target_length, 5);
  cr_assert_eq(configuration.contents().size(), 1);
}

Test(image, puts_libos_configuration_and_files_on_pages_of_their_own) {
  std::string libos_file(12288, 'L');
  pl_libos_header header{{0, 0}, PL_LIBOS_MAGIC, 8192, 16384};
  std::memcpy(libos_file.data(), &header, sizeof header);
  auto libos = libos_pages(bytes(libos_file));
  cr_assert(libos.has_value());
  cr_assert_eq(libos->size(), 8192);

  Configuration configuration(PL_SHADOW_NONE);
  std::string large(5000, 'p');
  configuration.add_file("/a", 0644, large);
  configuration.add_file("/empty", 0644, "");
  configuration.add_file("/b", 0644, "b");
  auto pages = build_image(*libos, configuration);
  cr_assert(pages.has_value());
  auto all = pages->bytes();
  cr_assert_eq(all.size(), 8192 + 4096 + 8192 + 4096);
  cr_assert_eq(reinterpret_cast<uintptr_t>(all.data()) % 4096, 0);
  uint64_t magic;
  std::memcpy(&magic, all.data() + 8192, 8);
  cr_assert_eq(magic, PL_CONFIG_MAGIC);
  cr_assert_eq(std::memcmp(all.data() + 12288, large.data(), large.size()), 0);
  cr_assert_eq(all[12288 + 5000], std::byte{0});
  cr_assert_eq(all[20480], std::byte{'b'});
}

Test(image, a_file_that_is_no_libos_is_refused) {
  cr_assert(!libos_pages(bytes("short")).has_value());
  for (pl_libos_header header : {pl_libos_header{{}, 1, 4096, 4096}, pl_libos_header{{}, PL_LIBOS_MAGIC, 4097, 8192},
                                 pl_libos_header{{}, PL_LIBOS_MAGIC, 0, 4096},
                                 pl_libos_header{{}, PL_LIBOS_MAGIC, 8192, 4096},
                                 pl_libos_header{{}, PL_LIBOS_MAGIC, 1 << 20, 1 << 20}}) {
    std::string file(8192, '\0');
    std::memcpy(file.data(), &header, sizeof header);
    cr_assert(!libos_pages(bytes(file)).has_value());
  }
}
