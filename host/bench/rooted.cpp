// SPDX-License-Identifier: BSD-2-Clause
#include "bench/rooted.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>

#include <filesystem>

namespace pl::bench {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCopies = "/tmp/pl-bench";

// An archive's tree, below a directory that is made for it.
OrFailure<void> unpack(const Descriptor& archive, const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  posix_spawn_file_actions_t input;
  posix_spawn_file_actions_init(&input);
  posix_spawn_file_actions_adddup2(&input, archive.get(), STDIN_FILENO);
  const char* line[] = {"tar", "-xf", "-", "-C", directory.c_str(), nullptr};
  pid_t child = 0;
  int code = posix_spawnp(&child, line[0], &input, nullptr, const_cast<char**>(line), environ), status = 0;
  posix_spawn_file_actions_destroy(&input);
  if (code != 0) return std::unexpected(failed("tar", code));
  if (waitpid(child, &status, 0) != child || status != 0) return failure(kOwnFailure, fmt::format("{}: tar cannot unpack the measured programs there", directory));
  return {};
}

}  // namespace

OrFailure<Rooted> Rooted::open(Laboratory& laboratory, const std::string& name) {
  auto files = HostFiles::from_environment();
  if (!files) return std::unexpected(failed("PENGLAI_ROOT", files.error()));
  const std::string copy = fmt::format("{}/{}", kCopies, fs::path(name).filename().string());
  std::error_code error;
  // The image last: it says that both are there.
  if (!fs::exists(copy + ".img", error)) {
    auto image = files->open(name + ".img", O_RDONLY);
    if (!image) return std::unexpected(failed(name + ".img", image.error()));
    auto tree = files->open(name + ".tar", O_RDONLY);
    if (!tree) return std::unexpected(failed(name + ".tar", tree.error()));
    if (auto unpacked = unpack(*tree, copy); !unpacked) return std::unexpected(unpacked.error());
    fs::copy_file(fmt::format("/proc/self/fd/{}", image->get()), copy + ".img", error);
    if (error) return std::unexpected(failed(copy, error.value()));
  }
  return Rooted(laboratory, copy);
}

OrFailure<Recipe*> Rooted::recipe(ShadowPoint point, const Command& command, bool explain) {
  const std::string name = fmt::format("{} {} {}", static_cast<int>(point), explain, point == ShadowPoint::Boot ? "" : fmt::format("{}", fmt::join(command, " ")));
  if (auto known = recipes_.find(name); known != recipes_.end()) return known->second.get();
  RunOptions options;
  options.shadow = true;
  options.shadow_point = point;
  options.explain = explain;
  options.rootfs = copy_ + ".img";
  options.program = command.at(0);
  options.arguments.assign(command.begin() + 1, command.end());
  if (point == ShadowPoint::Call) options.template_arguments = static_cast<uint32_t>(options.arguments.size());
  auto files = HostFiles::at("/", "/");
  if (!files) return std::unexpected(failed("/", files.error()));
  auto made = Recipe::make(options, *files);
  if (!made) return std::unexpected(made.error());
  auto& kept = recipes_[name] = std::make_unique<Recipe>(std::move(*made));
  return kept.get();
}

OrFailure<std::unique_ptr<Stage>> Rooted::stage(const Recipe& recipe, const Command& command) {
  auto made = Stage::make(laboratory_->device(), command.at(0), {command.begin() + 1, command.end()});
  if (!made) return made;
  if (auto given = give_root(recipe.plan(), (*made)->instance); !given) return std::unexpected(given.error());
  return made;
}

OrFailure<Measured> Rooted::fork(ShadowPoint point, const Command& command) {
  auto wanted = recipe(point, command, false);
  if (!wanted) return std::unexpected(wanted.error());
  auto id = (*wanted)->find_template(laboratory_->device(), [](std::string_view) {});
  if (!id) return std::unexpected(id.error());
  auto made = stage(**wanted, command);
  if (!made) return std::unexpected(made.error());
  return laboratory_->fork(*id, **made);
}

OrFailure<Account> Rooted::explain(ShadowPoint point, const Command& command) {
  auto wanted = recipe(point, command, true);
  if (!wanted) return std::unexpected(wanted.error());
  auto id = (*wanted)->find_template(laboratory_->device(), [](std::string_view) {});
  if (!id) return std::unexpected(id.error());
  auto made = stage(**wanted, command);
  if (!made) return std::unexpected(made.error());
  return laboratory_->explain(*id, **made);
}

OrFailure<Measured> Rooted::process(const Command& command) {
  return laboratory_->process_at(copy_, command.at(0), {command.begin() + 1, command.end()}, true);
}

}  // namespace pl::bench
