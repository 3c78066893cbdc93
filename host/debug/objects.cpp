// SPDX-License-Identifier: BSD-2-Clause
#include "debug/objects.h"

#include <cxxabi.h>
#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <span>

namespace pl {
namespace {

constexpr uint64_t kPage = 4096;
constexpr size_t kMapsMax = 4 << 20, kObjectsMax = 256;
constexpr size_t kHeadersMax = 4096;     // program and section headers of a file
constexpr size_t kNameMax = 2048, kSectionNamesMax = 1 << 16;

std::optional<uint64_t> take_hex(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

// An ELF file of the enclave's.
class File {
 public:
  File(Debuggee& debuggee, std::string_view path) : debuggee_(debuggee), path_(path) {}

  std::vector<std::byte> read(uint64_t offset, uint64_t size) const {
    std::vector<std::byte> bytes;
    while (bytes.size() < size) {
      auto piece = debuggee_.file(path_, offset + bytes.size(), size - bytes.size());
      if (!piece || piece->bytes.empty()) break;
      bytes.insert(bytes.end(), piece->bytes.begin(), piece->bytes.end());
    }
    bytes.resize(std::min<uint64_t>(bytes.size(), size));
    return bytes;
  }
  template <class T>
  std::vector<T> table(uint64_t offset, uint64_t count) const {
    const auto bytes = read(offset, count * sizeof(T));
    std::vector<T> table(bytes.size() / sizeof(T));
    if (!table.empty()) std::memcpy(table.data(), bytes.data(), table.size() * sizeof(T));
    return table;
  }

 private:
  Debuggee& debuggee_;
  std::string_view path_;
};

std::optional<Elf64_Ehdr> read_header(const File& file) {
  const auto found = file.table<Elf64_Ehdr>(0, 1);
  if (found.empty() || std::memcmp(found[0].e_ident, ELFMAG, SELFMAG) || found[0].e_ident[EI_CLASS] != ELFCLASS64) return std::nullopt;
  if (found[0].e_phentsize != sizeof(Elf64_Phdr) || found[0].e_phnum > kHeadersMax || found[0].e_shnum > kHeadersMax) return std::nullopt;
  return found[0];
}

void read_object(Debuggee& debuggee, MappedObject& object, std::span<const MappingLine* const> mappings) {
  const File file(debuggee, object.path);
  const auto header = read_header(file);
  if (!header) return;
  const auto segments = file.table<Elf64_Phdr>(header->e_phoff, header->e_phnum);
  bool placed = false;
  for (const MappingLine* mapping : mappings) {
    for (const Elf64_Phdr& segment : segments) {
      if (segment.p_type != PT_LOAD || placed || segment.p_offset / kPage * kPage != mapping->offset) continue;
      object.bias = mapping->start - segment.p_vaddr / kPage * kPage;
      placed = true;
    }
  }
  if (!placed) return;
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_GNU_EH_FRAME) continue;
    object.unwind_table = object.bias + segment.p_vaddr;
    object.unwind_table_size = segment.p_memsz;
  }
  if (header->e_shentsize != sizeof(Elf64_Shdr)) return;
  object.section_table = header->e_shoff;
  object.sections = header->e_shnum;
  object.section_names = header->e_shstrndx;
}

std::string demangled(const std::string& name) {
  if (!name.starts_with("_Z")) return name;
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  return text ? text.get() : name;
}

}  // namespace

std::string harmless(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

std::vector<MappingLine> parse_maps(std::string_view text) {
  std::vector<MappingLine> lines;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    // START-END PERMISSIONS OFFSET DEVICE INODE   PATH (proc(5))
    const auto start = take_hex(line);
    if (!start || !line.starts_with('-')) continue;
    line.remove_prefix(1);
    const auto end = take_hex(line);
    if (!end || *end <= *start || line.size() < 6 || line[0] != ' ') continue;
    line.remove_prefix(6);
    const auto offset = take_hex(line);
    const size_t path = line.find('/');
    if (!offset || path == line.npos) continue;
    lines.push_back({*start, *end, *offset, std::string(line.substr(path))});
  }
  return lines;
}

const FunctionSymbol* MappedObject::function_at(uint64_t address) const {
  const uint64_t inside = address - bias;
  auto next = std::ranges::upper_bound(functions, inside, {}, &FunctionSymbol::address);
  // Of several at one place the largest, which is seldom a mere label, and of its names the one for users (qsort, not __qsort); one
  // without a size reaches to the next.
  auto better = [this](const FunctionSymbol& one, const FunctionSymbol& than) {
    auto underscores = [this](const FunctionSymbol& function) { return name_of(function).find_first_not_of('_'); };
    return one.size != than.size ? one.size > than.size : underscores(one) < underscores(than);
  };
  const FunctionSymbol* found = nullptr;
  while (next != functions.begin()) {
    const FunctionSymbol& one = *--next;
    if (found && one.address != found->address) break;
    if (one.size && inside - one.address >= one.size) {
      if (found) break;
      continue;
    }
    if (!found || better(one, *found)) found = &one;
  }
  return found;
}

std::string MappedObject::name_of(const FunctionSymbol& function) const {
  const char* name = reinterpret_cast<const char*>(names.data()) + function.name;
  return std::string(name, strnlen(name, std::min<size_t>(names.size() - function.name, kNameMax)));
}

MappedObjects::MappedObjects(Debuggee& debuggee, uint32_t process) : debuggee_(debuggee) {
  const auto text = debuggee.whole_file(fmt::format("/proc/{}/maps", process), kMapsMax);
  if (!text) return;
  const auto lines = parse_maps(*text);
  std::map<std::string, std::vector<const MappingLine*>> by_path;
  for (const MappingLine& line : lines) by_path[line.path].push_back(&line);
  for (const auto& [path, mappings] : by_path) {
    if (objects_.size() == kObjectsMax) break;
    MappedObject object{.path = path, .start = mappings.front()->start, .end = mappings.front()->end, .functions = {}, .names = {}};
    for (const MappingLine* mapping : mappings) {
      object.start = std::min(object.start, mapping->start);
      object.end = std::max(object.end, mapping->end);
    }
    read_object(debuggee, object, mappings);
    objects_.push_back(std::move(object));
  }
}

// The names of functions: of the table for linkers, or of a stripped file's for its loader.
void MappedObjects::read_functions(MappedObject& object) {
  object.has_functions = true;
  const File file(debuggee_, object.path);
  const auto sections = file.table<Elf64_Shdr>(object.section_table, object.sections);
  auto of_type = [&](uint32_t type) { return std::ranges::find(sections, type, &Elf64_Shdr::sh_type); };
  auto table = of_type(SHT_SYMTAB);
  if (table == sections.end()) table = of_type(SHT_DYNSYM);
  if (table == sections.end() || table->sh_link >= sections.size()) return;
  const Elf64_Shdr& names = sections[table->sh_link];
  for (const uint64_t size : {table->sh_size, names.sh_size}) {
    if (size > table_bytes_left_) return;
    table_bytes_left_ -= size;
  }
  object.names = file.read(names.sh_offset, names.sh_size);
  for (const Elf64_Sym& symbol : file.table<Elf64_Sym>(table->sh_offset, table->sh_size / sizeof(Elf64_Sym)))
    if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC && symbol.st_shndx != SHN_UNDEF && symbol.st_name && symbol.st_name < object.names.size())
      object.functions.push_back({symbol.st_value, symbol.st_size, symbol.st_name});
  std::ranges::stable_sort(object.functions, {}, &FunctionSymbol::address);
}

// Sections that are compressed, or in a file of their own, are not read.
void MappedObjects::read_debugging(MappedObject& object) {
  const File file(debuggee_, object.path);
  const auto sections = file.table<Elf64_Shdr>(object.section_table, object.sections);
  if (object.section_names >= sections.size()) return;
  const auto names = file.read(sections[object.section_names].sh_offset, std::min<uint64_t>(sections[object.section_names].sh_size, kSectionNamesMax));
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_name >= names.size() || section.sh_type != SHT_PROGBITS || section.sh_flags & SHF_COMPRESSED) continue;
    const char* name = reinterpret_cast<const char*>(names.data()) + section.sh_name;
    const auto wanted = std::ranges::find(DebugSections::kNames, std::string_view(name, strnlen(name, names.size() - section.sh_name)));
    if (wanted == DebugSections::kNames.end() || section.sh_size > debugging_bytes_left_) continue;
    debugging_bytes_left_ -= section.sh_size;
    object.debugging.bytes[static_cast<size_t>(wanted - DebugSections::kNames.begin())] = file.read(section.sh_offset, section.sh_size);
  }
}

const MappedObject* MappedObjects::at(uint64_t address) {
  for (MappedObject& object : objects_) {
    if (address < object.start || address >= object.end) continue;
    if (!object.has_functions) {
      read_functions(object);
      read_debugging(object);
    }
    return &object;
  }
  return nullptr;
}

std::string MappedObjects::describe(uint64_t address, uint64_t inside) {
  const MappedObject* object = at(inside);
  if (!object) return "?";
  if (const FunctionSymbol* function = object->function_at(inside))
    return harmless(fmt::format("{}+{:#x} in {}", demangled(object->name_of(*function)), address - object->bias - function->address, object->path));
  return harmless(fmt::format("{}+{:#x}", object->path, address - object->bias));
}

PlaceInFile MappedObjects::place(uint64_t inside) {
  const MappedObject* object = at(inside);
  return object ? PlaceInFile{&object->debugging, inside - object->bias} : PlaceInFile{};
}

}  // namespace pl
