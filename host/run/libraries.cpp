// SPDX-License-Identifier: BSD-2-Clause
#include "run/libraries.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "image/elf.h"
#include "run/options.h"
#include "run/root_file.h"

namespace pl {
namespace {

constexpr size_t kLibrariesMax = 256;
// Where the loaders look by themselves: musl's ldso/dynlink.c; ld.so(8) with Debian's and riscv64's own directories.
constexpr std::array<std::string_view, 3> kMuslDirectories = {"/lib", "/usr/local/lib", "/usr/lib"};
constexpr std::array<std::string_view, 6> kGlibcDirectories = {
    "/lib/riscv64-linux-gnu", "/usr/lib/riscv64-linux-gnu", "/lib64/lp64d", "/usr/lib64/lp64d", "/lib", "/usr/lib"};
// musl's loader is these itself and looks for no file (ldso/dynlink.c, load_library).
constexpr std::array<std::string_view, 7> kInsideMusl = {"c", "pthread", "rt", "m", "dl", "util", "xnet"};
// glibc opens it by name when a thread is cancelled or ends itself; no program names it for that.
constexpr std::string_view kUnwinder = "libgcc_s.so.1";

std::string_view last_component(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::expected<ElfLinks, std::string> links_of(const Descriptor& file) { return read_links(reader_of(file.get())); }

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(':'), text.size());
    if (end) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

class Search {
 public:
  Search(const HostFiles& caller, const std::string& shown, Program& program, const std::string& inside)
      : caller_(caller), shown_(shown), program_(program), inside_(inside) {}

  OrFailure<void> run(const ElfLinks& links, const std::string& roots) {
    if (auto found = find_root(links.interpreter, roots); !found) return found;
    musl_ = last_component(links.interpreter).starts_with("ld-musl");
    // In the order in which the loader would come to them; what the unwinder needs comes last.
    std::string_view directory = shown_;
    directory.remove_suffix(last_component(shown_).size());
    program_directory_ = directory.empty() ? "." : std::string(directory);
    if (auto added = add_needed(links, {&caller_, program_directory_, inside_}, shown_); !added) return added;
    for (size_t next = 0; next < queue_.size(); ++next) {
      const Found from = queue_[next];
      auto inner = links_of(program_.libraries[from.library].file);
      if (!inner) return failure(kCannotRun, program_.libraries[from.library].shown + ": " + inner.error());
      const std::string shown = program_.libraries[from.library].shown;
      if (auto added = add_needed(*inner, {from.files, from.directory, parent_of(program_.libraries[from.library].path)}, shown); !added)
        return added;
    }
    if (!musl_ && !has(kUnwinder)) {
      if (auto found = in_directories(kUnwinder)) program_.libraries.push_back(std::move(*found));
    }
    return {};
  }

 private:
  // Where an object lies: whose files, its directory there, and its directory inside ($ORIGIN).
  struct Origin {
    const HostFiles* files;
    std::string directory, inside;
  };
  // A library whose own libraries are still to be looked at.
  struct Found {
    size_t library;
    const HostFiles* files;
    std::string directory;
  };

  OrFailure<void> find_root(const std::string& interpreter, const std::string& roots) {
    for (const std::string& name : split(roots)) {
      auto root = caller_.below(name);
      if (!root) continue;
      root_.emplace(std::move(*root));
      root_name_ = name == "/" ? "" : name;
      if (auto library = open(*root_, interpreter, interpreter, root_name_ + interpreter)) {
        program_.libraries.push_back(std::move(*library));
        return {};
      }
    }
    return failure(kCannotRun, fmt::format("{}: its interpreter {} is not below {}: name the directory that it is below with --sysroot, "
                                           "or a whole root with --rootfs, or link it with -static",
                                           shown_, interpreter, roots.empty() ? "any known directory" : roots));
  }

  std::optional<Library> open(const HostFiles& files, const std::string& path, const std::string& inside, const std::string& shown) const {
    auto file = files.open(path, O_RDONLY);
    if (!file) return std::nullopt;
    Library library{inside, shown, std::move(*file)};
    if (fstat(library.file.get(), &library.status) < 0 || !S_ISREG(library.status.st_mode)) return std::nullopt;
    return library;
  }

  std::optional<Library> in_directories(std::string_view name) const {
    auto look = [&](auto& directories) -> std::optional<Library> {
      for (std::string_view directory : directories) {
        std::string path = fmt::format("{}/{}", directory, name);
        if (auto library = open(*root_, path, path, root_name_ + path)) return library;
      }
      return std::nullopt;
    };
    return musl_ ? look(kMuslDirectories) : look(kGlibcDirectories);
  }

  bool has(std::string_view name) const {
    return std::ranges::any_of(program_.libraries, [&](const Library& l) { return last_component(l.path) == name; });
  }

  bool is_inside_musl(std::string_view name) const {
    if (!musl_ || !name.starts_with("lib")) return false;
    name = name.substr(3);
    size_t dot = name.find('.');
    return dot != name.npos && std::ranges::find(kInsideMusl, name.substr(0, dot)) != kInsideMusl.end();
  }

  OrFailure<void> add_needed(const ElfLinks& links, const Origin& origin, const std::string& wanted_by) {
    for (const std::string& name : links.needed) {
      if (has(last_component(name)) || is_inside_musl(name)) continue;
      if (program_.libraries.size() == kLibrariesMax) return failure(kCannotRun, shown_ + ": needs too many libraries");
      if (!add(name, links, origin))
        return failure(kCannotRun, fmt::format("{}: {} needs the library {}, which is not below {}: name a directory that has it with "
                                               "--sysroot, or a whole root with --rootfs",
                                               shown_, wanted_by, name, root_name_.empty() ? "/" : root_name_));
    }
    return {};
  }

  bool add(const std::string& name, const ElfLinks& links, const Origin& origin) {
    auto take = [&](const HostFiles& files, std::string directory, std::optional<Library> library) {
      if (!library) return false;
      queue_.push_back({program_.libraries.size(), &files, std::move(directory)});
      program_.libraries.push_back(std::move(*library));
      return true;
    };
    if (name.find('/') != name.npos) {
      // Below the working directory, wherever that will be: the loader finds it there, or says so.
      if (!name.starts_with('/')) return true;
      return take(*root_, parent_of(name), open(*root_, name, name, root_name_ + name)) ||
             take(caller_, parent_of(name), open(caller_, name, name, name));
    }
    for (const std::string& entry : split(links.search)) {
      if (auto here = at_origin(entry, origin.inside)) {
        auto there = *at_origin(entry, origin.directory);
        auto inside = normalize_path(*here + "/" + name);
        if (inside && take(*origin.files, there, open(*origin.files, there + "/" + name, *inside, there + "/" + name))) return true;
      } else if (auto inside = normalize_path(entry + "/" + name)) {
        if (take(*root_, entry, open(*root_, *inside, *inside, root_name_ + *inside))) return true;
        if (take(caller_, entry, open(caller_, *inside, *inside, *inside))) return true;
      }
    }
    if (auto library = in_directories(name)) {
      std::string directory = parent_of(library->path);
      return take(*root_, directory, std::move(library));
    }
    // Beside the program, as people keep them: the loader finds it in a directory of its own.
    std::string beside = program_directory_ + (program_directory_.ends_with('/') ? "" : "/") + name;
    return take(caller_, program_directory_, open(caller_, beside, "/usr/lib/" + name, beside));
  }

  // "$ORIGIN/..." with `directory` in its place. Nothing: it does not begin so.
  static std::optional<std::string> at_origin(std::string_view entry, const std::string& directory) {
    for (std::string_view origin : {"$ORIGIN", "${ORIGIN}"})
      if (entry.starts_with(origin) && (entry.size() == origin.size() || entry[origin.size()] == '/'))
        return directory + std::string(entry.substr(origin.size()));
    return std::nullopt;
  }

  const HostFiles& caller_;
  const std::string& shown_;
  Program& program_;
  const std::string& inside_;
  std::optional<HostFiles> root_;
  std::string root_name_, program_directory_;
  bool musl_ = false;
  std::vector<Found> queue_;
};

}  // namespace

OrFailure<void> find_libraries(const HostFiles& files, const std::string& shown, const std::string& roots, Program& program,
                               const std::string& inside) {
  auto links = links_of(program.file);
  // What is no ELF program at all is said when it is read.
  if (!links || links->interpreter.empty()) return {};
  return Search(files, shown, program, inside).run(*links, roots);
}

}  // namespace pl
