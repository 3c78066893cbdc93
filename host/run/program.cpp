// SPDX-License-Identifier: BSD-2-Clause
#include "run/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "image/elf.h"

namespace pl {
namespace {

constexpr size_t kProgramMax = size_t{1} << 30;

OrFailure<Program> check(const std::string& shown, const std::string& path, Descriptor file) {
  Program program;
  program.name = path.substr(path.rfind('/') + 1);
  program.path = path;
  program.file = std::move(file);
  if (fstat(program.file.get(), &program.status) < 0) return failure(kCannotRun, shown + ": " + std::strerror(errno));
  if (S_ISDIR(program.status.st_mode)) return failure(kCannotRun, shown + ": is a directory");
  if (!S_ISREG(program.status.st_mode)) return failure(kCannotRun, shown + ": not a regular file");
  // By the caller's rights, as execve() would ask; some file systems cannot tell by descriptor.
  std::string self = "/proc/self/fd/" + std::to_string(program.file.get());
  bool may = faccessat(program.file.get(), "", X_OK, AT_EMPTY_PATH | AT_EACCESS) == 0 ||
             (errno != EACCES && access(self.c_str(), X_OK) == 0);
  if (!may) return failure(kCannotRun, shown + ": no permission to execute it");
  return program;
}

OrFailure<std::vector<std::byte>> read_elf(const Descriptor& file, const std::string& shown, ElfUse use) {
  auto content = read_file(file.get(), kProgramMax);
  if (!content) return failure(kCannotRun, shown + ": " + std::strerror(content.error()));
  auto elf = check_elf(*content, use);
  if (!elf) return failure(kCannotRun, shown + ": " + elf.error());
  return std::move(*content);
}

}  // namespace

OrFailure<Program> find_program(const HostFiles& files, const std::string& name, const std::string& examples) {
  if (name.find('/') != std::string::npos) {
    auto file = files.open(name, O_RDONLY);
    if (file) return check(name, name, std::move(*file));
    if (file.error() == EACCES) return failure(kCannotRun, name + ": permission denied");
    if (file.error() == ENOENT || file.error() == ENOTDIR) return failure(kNotFound, name + ": not found");
    return failure(kCannotRun, name + ": " + std::strerror(file.error()));
  }
  for (size_t at = 0; at < examples.size();) {
    size_t end = std::min(examples.find(':', at), examples.size());
    std::string path = examples.substr(at, end - at) + "/" + name;
    at = end + 1;
    if (auto file = files.open(path, O_RDONLY)) return check(name, path, std::move(*file));
  }
  return failure(kNotFound, name + ": no example of this name (for a file, give a path with a slash: ./" + name + ")");
}

OrFailure<std::vector<std::byte>> read_program(const Program& program, const std::string& shown) {
  auto content = read_elf(program.file, shown, ElfUse::Program);
  if (content && program.libraries.empty() && check_elf(*content)->dynamic)
    return failure(kCannotRun, shown + ": dynamically linked, and nobody looked for its libraries: link it with -static");
  return content;
}

OrFailure<std::vector<std::byte>> read_library(const Library& library) { return read_elf(library.file, library.shown, ElfUse::Library); }

}  // namespace pl
