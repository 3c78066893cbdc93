// SPDX-License-Identifier: BSD-2-Clause
#include "process/prefetch.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "memory/frame_allocator.h"
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
      if (!read_pages(*files_[i])) return;
      (void)add_needed(*files_[i]);
    }
  }

  // What of files below the root is mapped. (The program's other threads may change that meanwhile; then forks read some pages themselves.)
  void run_mapped(AddressSpace& space) {
    space.for_each([](void* self, const AddressSpace::MappingView& view) {
      auto& p = *static_cast<Prefetch*>(self);
      if (!view.inode || view.inode->file_system_identity() != fs::root()->file_system_identity()) return true;
      auto* part = heap_new<Part>(Ref<Inode>(view.inode), view.offset / PageSize, (view.end.value - view.start.value) / PageSize, p.parts_);
      if (part) p.parts_ = part;
      return true;
    }, this);
    for (bool more = true; parts_; heap_delete(std::exchange(parts_, parts_->next)))
      more = more && read_pages(*parts_->inode, parts_->first, parts_->pages);
  }

  // Everything below a directory.
  void run_below(Ref<Inode> top) {
    Directory* last = heap_new<Directory>(std::move(top));
    for (Directory* next = last; next;) {
      if (!read_directory(*next->inode, last)) next->next = nullptr;
      heap_delete(std::exchange(next, next->next));
    }
  }

 private:
  static constexpr unsigned Most = 48;      // files
  static constexpr unsigned MostEntries = 96, MostHeaders = ElfMaxProgramHeaders;

  struct Directory {
    explicit Directory(Ref<Inode> i) : inode(std::move(i)) {}
    Ref<Inode> inode;
    Directory* next = nullptr;
  };

  struct Part {
    Part(Ref<Inode> i, uint64_t f, uint64_t n, Part* p) : inode(std::move(i)), first(f), pages(n), next(p) {}
    Ref<Inode> inode;
    uint64_t first, pages;
    Part* next;
  };

  // False: that is all there is memory for.
  bool read_pages(Inode& inode, uint64_t first = 0, uint64_t pages = ~uint64_t(0)) {
    auto attributes = inode.attributes();
    if (!attributes) return true;
    pages = std::min(pages, pages_for(attributes->size) - std::min(first, pages_for(attributes->size)));
    for (uint64_t page = first; page < first + pages; page++) {
      frames::Totals totals = frames::totals();
      if (totals.bytes - totals.free_bytes > boot_parameters().base_reserve / 2) {
        log_line("prefetch: half of the template's memory is full; its forks read the rest for themselves");
        return false;
      }
      if (!inode.page(page, false)) return false;
      fs::keep_blocks();
    }
    return true;
  }

  // Reads the files of one directory; the directories go behind `last`.
  bool read_directory(Inode& directory, Directory*& last) {
    for (uint64_t cookie = 0;;) {
      names_bytes_ = 0;
      next_cookie_ = cookie;
      auto done = directory.list(cookie, sizeof names_, [](void* self, const DirectoryEntry& e) { return static_cast<Prefetch*>(self)->take_name(e); }, this);
      if (!done) return true;
      for (size_t at = 0; at < names_bytes_; at += 1 + uint8_t(names_[at])) {
        auto found = directory.lookup({names_ + at + 1, uint8_t(names_[at])});
        if (!found) continue;
        if ((*found)->is_regular() && !read_pages(**found)) return false;
        if (!(*found)->is_directory() || (*found)->is_mount_point()) continue;
        auto* more = heap_new<Directory>(std::move(*found));
        if (!more) return false;
        last = last->next = more;
      }
      if (*done || next_cookie_ == cookie) return true;
      cookie = next_cookie_;
    }
  }

  bool take_name(const DirectoryEntry& entry) {
    if (names_bytes_ + 1 + entry.name.size() > sizeof names_) return false;
    names_[names_bytes_] = char(entry.name.size());
    std::memcpy(names_ + names_bytes_ + 1, entry.name.data(), entry.name.size());
    names_bytes_ += 1 + entry.name.size();
    next_cookie_ = entry.cookie;
    return true;
  }

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
  char names_[2048];  // each with its length before it
  Part* parts_ = nullptr;
  size_t names_bytes_ = 0;
  uint64_t next_cookie_ = 0;
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

void prefetch_mapped_files(AddressSpace& space) {
  prefetch([&](Prefetch& p) { p.run_mapped(space); });
}

void prefetch_loaders() {
  prefetch([](Prefetch& p) {
    for (std::string_view path : Loaders)
      if (auto found = resolve(current_file_context().root, path, LastLink::Follow); found && (*found)->is_regular()) p.add(*found);
    p.find("libc.so.6");
  });
}

ErrorOr<void> prefetch_path(std::string_view path) {
  Ref<Inode> found = TRY(resolve(current_file_context().root, path, LastLink::Follow));
  prefetch([&](Prefetch& p) { found->is_directory() ? p.run_below(found) : p.add(found); });
  return {};
}

}  // namespace pl
