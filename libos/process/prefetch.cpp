// SPDX-License-Identifier: BSD-2-Clause
#include "process/prefetch.h"

#include <algorithm>
#include <cstring>

#include "fs/path.h"
#include "memory/heap.h"
#include "process/program.h"

namespace pl {

namespace {

constexpr std::string_view Directories[] = {"/lib/riscv64-linux-gnu", "/usr/lib/riscv64-linux-gnu", "/lib", "/usr/lib", "/usr/local/lib"};

// Where the psABI and musl have the interpreters that programs name.
constexpr std::string_view Loaders[] = {"/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld-musl-riscv64.so.1"};

struct ProgramHeader {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_bytes, memory_bytes, alignment;
};
constexpr uint32_t TypeLoad = 1, TypeDynamic = 2, TypeInterpreter = 3;

struct DynamicEntry { uint64_t tag, value; };
constexpr uint64_t TagNeeded = 1, TagStrings = 5;

class Prefetch {
 public:
  void add(const Ref<Inode>& inode) {
    if (count_ == Most) return;
    for (unsigned i = 0; i < count_; i++)
      if (files_[i] == inode) return;
    files_[count_++] = inode;
  }

  // A library, by its name.
  void find(std::string_view name) {
    if (name.find('/') != name.npos || name.size() > MaxName) return;
    for (std::string_view directory : Directories) {
      std::memcpy(path_, directory.data(), directory.size());
      path_[directory.size()] = '/';
      std::memcpy(path_ + directory.size() + 1, name.data(), name.size());
      auto found = resolve(current_file_context().root, {path_, directory.size() + 1 + name.size()}, LastLink::Follow);
      if (!found || !(*found)->is_regular()) continue;
      return add(*found);
    }
  }

  void run() {
    for (unsigned i = 0; i < count_; i++) {
      auto attributes = files_[i]->attributes();
      if (!attributes) continue;
      for (uint64_t page = 0; page < pages_for(attributes->size); page++)
        if (!files_[i]->page(page, false)) return;
      (void)add_needed(*files_[i]);
    }
  }

 private:
  static constexpr unsigned Most = 48;      // files
  static constexpr unsigned MostEntries = 96, MostHeaders = ElfMaxProgramHeaders;

  ErrorOr<void> read(Inode& inode, uint64_t offset, void* to, size_t bytes) {
    return TRY(read_at(inode, offset, to, bytes)) == bytes ? ErrorOr<void>() : fail(Errno::NotExecutable);
  }

  // A NUL-terminated name at `offset` into text_.
  ErrorOr<std::string_view> read_name(Inode& inode, uint64_t offset) {
    size_t n = TRY(read_at(inode, offset, text_, sizeof text_));
    std::string_view name(text_, n);
    size_t end = name.find('\0');
    return end == name.npos || end == 0 ? fail(Errno::NotExecutable) : ErrorOr<std::string_view>(name.substr(0, end));
  }

  ErrorOr<void> add_needed(Inode& inode) {
    std::byte first[ElfHeaderSize];
    TRY(read(inode, 0, first, sizeof first));
    ElfHeaders place = TRY(find_elf_headers(first, TRY(inode.attributes()).size));
    uint64_t dynamic = 0, entries = 0;
    for (unsigned i = 0; i < place.count; i++) {
      ProgramHeader& h = headers_[i];
      TRY(read(inode, place.offset + i * sizeof h, &h, sizeof h));
      if (h.type == TypeDynamic) dynamic = h.offset, entries = std::min<uint64_t>(h.file_bytes / sizeof(DynamicEntry), MostEntries);
      if (h.type == TypeInterpreter) {
        auto found = open_executable(TRY(read_name(inode, h.offset)));
        if (found) add(*found);
      }
    }
    if (!entries) return {};
    TRY(read(inode, dynamic, entries_, entries * sizeof(DynamicEntry)));
    uint64_t strings = 0;
    for (unsigned i = 0; i < entries; i++)
      if (entries_[i].tag == TagStrings) strings = place_of(place.count, entries_[i].value);
    for (unsigned i = 0; i < entries && entries_[i].tag; i++) {
      if (entries_[i].tag != TagNeeded) continue;
      auto name = read_name(inode, strings + entries_[i].value);
      if (name) find(*name);
    }
    return {};
  }

  // Where in the file an address of memory is.
  uint64_t place_of(unsigned count, uint64_t address) const {
    for (unsigned i = 0; i < count; i++)
      if (headers_[i].type == TypeLoad && address - headers_[i].address < headers_[i].file_bytes) return headers_[i].offset + (address - headers_[i].address);
    return 0;
  }

  Ref<Inode> files_[Most];
  unsigned count_ = 0;
  ProgramHeader headers_[MostHeaders];
  DynamicEntry entries_[MostEntries];
  char text_[512], path_[MaxName + 64];
};

// Too large for a kernel stack.
template <class Add>
void prefetch(Add add) {
  auto* prefetch = heap_new<Prefetch>();
  if (!prefetch) return;
  add(*prefetch);
  prefetch->run();
  heap_delete(prefetch);
}

}  // namespace

void prefetch_executable(const Ref<Inode>& executable) {
  prefetch([&](Prefetch& p) { p.add(executable); });
}

void prefetch_loaders() {
  prefetch([](Prefetch& p) {
    for (std::string_view path : Loaders)
      if (auto found = resolve(current_file_context().root, path, LastLink::Follow); found && (*found)->is_regular()) p.add(*found);
    p.find("libc.so.6");
  });
}

}  // namespace pl
