// SPDX-License-Identifier: BSD-2-Clause
#include "run/recipe.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "run/environment.h"
#include "run/launch.h"
#include "run/libraries.h"

namespace pl {
namespace {

constexpr const char* kLibos = "/usr/lib/penglai/libos.bin";
constexpr const char* kExamples = "/usr/lib/penglai/apps";
constexpr const char* kSysroots = "/";  // of a RISC-V system: its own

}  // namespace

const char* environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

OrFailure<Recipe> Recipe::make(const RunOptions& options, const HostFiles& files) {
  std::optional<RootFile> root;
  Program program;
  program.name = options.program;
  if (!options.rootfs.empty()) {
    auto opened = open_root_file(files, options.rootfs);
    if (!opened) return std::unexpected(opened.error());
    root = std::move(*opened);
    if (options.shadow && options.shadow_point == ShadowPoint::Boot) program.name = options.rootfs.substr(options.rootfs.rfind('/') + 1);
  } else {
    auto found = find_program(files, options.program, environment("PENGLAI_APPS", kExamples));
    if (!found) return std::unexpected(found.error());
    program = std::move(*found);
    const std::string sysroots = options.sysroot.empty() ? environment("PENGLAI_SYSROOTS", kSysroots) : options.sysroot;
    if (auto linked = find_libraries(files, options.program, sysroots, program); !linked) return std::unexpected(linked.error());
  }
  auto mounts = open_mounts(options.mounts, files);
  if (!mounts) return std::unexpected(mounts.error());
  const char* libos_path = environment("PENGLAI_LIBOS", kLibos);
  Descriptor libos(open(libos_path, O_RDONLY | O_CLOEXEC));
  if (libos.get() < 0) return failure(kOwnFailure, std::string(libos_path) + ": " + std::strerror(errno));
  auto variables = build_environment(options, files, false, EnvironmentOf::Template);
  if (!variables) return std::unexpected(variables.error());
  auto plan = Plan::make(options, *mounts, std::move(program), std::move(libos), std::move(root), std::move(*variables));
  if (!plan) return std::unexpected(plan.error());
  Recipe recipe(std::move(*plan), std::move(*mounts));
  if (options.shadow) {
    auto key = recipe.plan_.key(ContentDigests(ContentDigests::default_directory()));
    if (!key) return std::unexpected(key.error());
    recipe.key_ = *key;
  } else {
    auto image = recipe.plan_.image();
    if (!image) return std::unexpected(image.error());
    recipe.image_ = std::move(*image);
  }
  return recipe;
}

OrFailure<uint64_t> Recipe::find_template(Device& device, const Say& say, DebuggerPort* debugger) {
  if (template_) return *template_;
  auto found = find_or_build_template(device, plan_, *key_, say, debugger);
  if (!found) return std::unexpected(found.error());
  template_ = *found;
  return *found;
}

OrFailure<Enclave> Recipe::make_enclave(Device& device, pl_ioc_window window) const {
  return pl::make_enclave(device, plan_, *image_, window);
}

}  // namespace pl
