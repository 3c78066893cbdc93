// SPDX-License-Identifier: BSD-2-Clause
// penglai.h over Runtime and Recipe: the same that pl-run is made of.
#include "penglai/penglai.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <new>

#include "libpenglai/handle.h"
#include "penglai/config.h"
#include "registry/query.h"

namespace {

using namespace pl;

constexpr uint32_t kAtOnce = 64;
constexpr size_t kOutput = 16 << 20;

int fail(penglai_handle* handle, int status, std::string text) {
  handle->error = std::move(text);
  return status;
}
int fail(penglai_handle* handle, const Failure& failure) { return fail(handle, failure.status ? failure.status : kOwnFailure, failure.message); }

// No exception leaves: the caller may be C.
template <class Body>
int guarded(penglai_handle* handle, Body body) {
  try {
    if (!handle->runtime) return fail(handle, PENGLAI_FAILED, "the device could not be opened");
    handle->error.clear();
    return body();
  } catch (const std::exception& error) {
    return fail(handle, PENGLAI_FAILED, error.what());
  }
}

std::vector<std::string> texts(const char* const* list) {
  std::vector<std::string> all;
  for (; list && *list; ++list) all.emplace_back(*list);
  return all;
}

// One recipe for each program that was named, as long as the handle lives: a second start forks what the first has found.
// One that is cold holds its image, and goes with its instance (`own`).
OrFailure<Recipe*> recipe_of(penglai_handle* handle, const penglai_program& program, std::unique_ptr<Recipe>& own) {
  RunOptions options;
  options.shadow = !program.cold;
  if (program.point > PENGLAI_BOOT) return failure(kOwnFailure, "a shadow point that does not exist");
  if (program.point == PENGLAI_BOOT) options.shadow_point = ShadowPoint::Boot;
  if (program.rootfs) options.rootfs = program.rootfs;
  if (options.shadow && program.point == PENGLAI_BOOT) {
    if (options.rootfs.empty()) return failure(kOwnFailure, "PENGLAI_BOOT is for a root image");
  } else if (!program.path) {
    return failure(kOwnFailure, "a program without a path");
  } else {
    options.program = program.path;
  }
  options.memory = program.memory;
  if (program.name) options.template_name = program.name;
  std::string key = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", options.program, options.template_name, program.memory, program.cold, options.rootfs, program.point);
  for (const std::string& text : texts(program.volumes)) {
    auto mount = parse_mount(text);
    if (!mount) return failure(kOwnFailure, text + ": " + mount.error());
    options.mounts.push_back(std::move(*mount));
    key += "\n" + text;
  }
  for (const std::string& text : texts(program.prefetch)) {
    auto path = normalize_path(text);
    if (!path || options.rootfs.empty() || !options.shadow) return failure(kOwnFailure, text + ": a template prefetches absolute paths of a root image");
    options.prefetch.push_back(*path);
    key += "\nprefetch " + *path;
  }
  auto files = HostFiles::from_environment();
  if (!files) return failure(kOwnFailure, std::strerror(files.error()));
  auto made = Recipe::make(options, *files);
  if (!made) return std::unexpected(made.error());
  if (!made->forks()) return (own = std::make_unique<Recipe>(std::move(*made))).get();
  // The file may be another by now.
  auto known = std::ranges::find(handle->recipes, key, &KnownRecipe::key);
  if (known != handle->recipes.end() && known->recipe->same_as(*made)) return known->recipe.get();
  handle->recipes.push_back({std::move(key), std::make_unique<Recipe>(std::move(*made))});
  return handle->recipes.back().recipe.get();
}

void tell(const pl_ioc_template& found, penglai_template* info) {
  *info = {};
  info->id = found.template_id;
  std::memcpy(info->name, found.name, sizeof info->name);
  info->name[sizeof info->name - 1] = '\0';
  std::memcpy(info->measurement, found.measurement, sizeof info->measurement);
  info->bytes = found.bytes;
  info->created = found.created;
  info->used = found.used;
  info->forks = found.forks_total;
  info->forks_alive = found.forks_alive;
  info->owner = found.owner;
  info->program_chosen = found.point == PL_SHADOW_BOOT;
}

void tell(const Failure& result, penglai_end* end) {
  if (!end) return;
  *end = {};
  end->status = result.status;
  snprintf(end->message, sizeof end->message, "%s", result.message.c_str());
}

bool connect_streams(const struct penglai_start& start, penglai_instance& instance) {
  for (size_t number = 0; number < 3; ++number) {
    const penglai_stream& stream = start.streams[number];
    Endpoint& endpoint = instance.job.streams[number];
    const bool input = number == 0;
    switch (stream.kind) {
      case PENGLAI_NOTHING:
        if (input) endpoint.channel = &instance.input.emplace(std::span<const std::byte>());
        else endpoint.channel = &instance.nowhere;
        break;
      case PENGLAI_DESCRIPTOR: endpoint.descriptor = stream.descriptor; break;
      case PENGLAI_MEMORY:
        if (input) endpoint.channel = &instance.input.emplace(std::span(static_cast<const std::byte*>(stream.data), stream.size));
        else endpoint.channel = &instance.output[number - 1].emplace(stream.size ? stream.size : kOutput);
        break;
      case PENGLAI_CLOSED: break;
      default: return false;
    }
  }
  return true;
}

}  // namespace

int penglai_open(uint32_t at_once, penglai_handle** opened) {
  auto* handle = *opened = new (std::nothrow) penglai_handle;
  if (!handle) return PENGLAI_FAILED;
  try {
    auto runtime = Runtime::open(uint64_t{at_once ? at_once : kAtOnce} * PL_WINDOW_DEFAULT, [handle](std::string_view text) { handle->said = text; });
    if (!runtime) return fail(handle, runtime.error());
    handle->runtime = std::move(*runtime);
    handle->runtime->server().have_no_foreground();
    return 0;
  } catch (const std::exception& error) {
    return fail(handle, PENGLAI_FAILED, error.what());
  }
}

void penglai_close(penglai_handle* handle) {
  if (!handle) return;
  while (!handle->instances.empty()) penglai_free(handle, handle->instances.back().get());
  delete handle;
}

const char* penglai_error(const penglai_handle* handle) { return handle->error.c_str(); }

int penglai_template_build(penglai_handle* handle, const struct penglai_program* program, uint64_t* id) {
  return guarded(handle, [&] {
    std::unique_ptr<Recipe> own;
    auto recipe = recipe_of(handle, *program, own);
    if (!recipe) return fail(handle, recipe.error());
    if (!(*recipe)->forks()) return fail(handle, PENGLAI_FAILED, "a program that is cold has no template");
    (*recipe)->forget_template();
    auto found = (*recipe)->find_template(handle->runtime->device(), [](std::string_view) {});
    if (!found) return fail(handle, found.error());
    *id = *found;
    return 0;
  });
}

int penglai_template_inspect(penglai_handle* handle, uint64_t id, struct penglai_template* info) {
  return guarded(handle, [&] {
    pl_ioc_template found{};
    found.template_id = id - 1;
    if (!id || pl_template_after(handle->runtime->device().get(), &found) < 0 || found.template_id != id)
      return fail(handle, PENGLAI_NOT_FOUND, "no such template");
    tell(found, info);
    return 0;
  });
}

int penglai_template_list(penglai_handle* handle, struct penglai_template* infos, size_t room, size_t* count) {
  return guarded(handle, [&] {
    pl_ioc_template next{};
    int code;
    for (*count = 0; (code = pl_template_after(handle->runtime->device().get(), &next)) == 0; ++*count)
      if (*count < room) tell(next, &infos[*count]);
    return code == -ENOENT ? 0 : fail(handle, PENGLAI_FAILED, std::strerror(-code));
  });
}

int penglai_template_remove(penglai_handle* handle, uint64_t id) {
  return guarded(handle, [&] {
    int code = pl_template_remove(handle->runtime->device().get(), id);
    if (code == -ENOENT) return fail(handle, PENGLAI_NOT_FOUND, "no such template");
    return code < 0 ? fail(handle, PENGLAI_FAILED, std::strerror(-code)) : 0;
  });
}

int penglai_start(penglai_handle* handle, const struct penglai_start* start, penglai_instance** started) {
  return guarded(handle, [&] {
    auto instance = std::make_unique<penglai_instance>();
    Job& job = instance->job;
    std::string path;
    if (start->program) {
      auto recipe = recipe_of(handle, *start->program, instance->own);
      if (!recipe) return fail(handle, recipe.error());
      job.recipe = *recipe;
      if (!start->program->path) return fail(handle, PENGLAI_FAILED, "a program without a path");
      path = start->program->path;
      job.memory = start->program->memory;
    } else if (start->template_id) {
      penglai_template info{};
      if (int status = penglai_template_inspect(handle, start->template_id, &info)) return status;
      job.template_id = start->template_id;
      if (info.program_chosen) return fail(handle, PENGLAI_FAILED, "this template is of a root image and for all its programs: name both in `program`");
      path = info.name;
    } else {
      return fail(handle, PENGLAI_FAILED, "neither a program nor a template");
    }
    if (start->memory) job.memory = start->memory;
    job.timeout_milliseconds = start->timeout_milliseconds;
    job.invocation.program = path;
    job.invocation.arguments = start->arguments && *start->arguments ? texts(start->arguments) : std::vector{path};
    job.invocation.environment = start->environment ? texts(start->environment)
                                                    : std::vector<std::string>{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
    const std::string wanted = start->directory ? start->directory : "/";
    const auto directory = normalize_path(wanted);
    if (!directory) return fail(handle, PENGLAI_FAILED, wanted + ": expected an absolute path");
    job.invocation.directory = *directory;
    job.invocation.user = start->user;
    job.invocation.group = start->group;
    if (!connect_streams(*start, *instance)) return fail(handle, PENGLAI_FAILED, "a stream of a kind that does not exist");
    if (auto launched = handle->runtime->launch(job); !launched) return fail(handle, launched.error());
    *started = instance.get();
    handle->instances.push_back(std::move(instance));
    return 0;
  });
}

int penglai_wait(penglai_handle* handle, penglai_instance* instance, struct penglai_end* end) {
  return guarded(handle, [&] {
    while (!instance->ended) handle->step(0);
    instance->waited = true;
    tell(instance->job.result, end);
    return 0;
  });
}

int penglai_wait_any(penglai_handle* handle, penglai_instance** ended, struct penglai_end* end) {
  return guarded(handle, [&] {
    for (;;) {
      auto found = std::ranges::find_if(handle->instances, [](auto& each) { return each->ended && !each->waited; });
      if (found != handle->instances.end()) {
        *ended = found->get();
        (*ended)->waited = true;
        tell((*ended)->job.result, end);
        return 0;
      }
      if (handle->runtime->running().empty()) return fail(handle, PENGLAI_NOT_FOUND, "no instance is left");
      handle->step(0);
    }
  });
}

int penglai_serve(penglai_handle* handle, uint64_t milliseconds) {
  return guarded(handle, [&] {
    if (!handle->runtime->running().empty()) handle->step(monotonic_now() + milliseconds * 1'000'000);
    return 0;
  });
}

int penglai_signal(penglai_handle* handle, penglai_instance* instance, int number) {
  return guarded(handle, [&] {
    if (number < 1 || number > 31 || (number != SIGKILL && !(PL_SIGNALS >> number & 1))) return fail(handle, PENGLAI_FAILED, "not a signal that an enclave takes");
    if (instance->ended) return fail(handle, PENGLAI_NOT_FOUND, "it has ended");
    if (number == SIGKILL) handle->runtime->kill(instance->job);
    else handle->runtime->signal(instance->job, number);
    return 0;
  });
}

int penglai_inspect(penglai_handle* handle, penglai_instance* instance, struct penglai_figures* figures) {
  return guarded(handle, [&] {
    *figures = {};
    figures->ended = instance->ended;
    if (instance->ended) return 0;
    const Figures now = handle->runtime->inspect(instance->job);
    figures->id = now.id;
    figures->private_bytes = now.private_bytes;
    figures->shared_bytes = now.shared_bytes;
    figures->ocalls = now.ocalls;
    figures->nanoseconds = now.age;
    figures->waiting = now.waiting;
    return 0;
  });
}

const char* penglai_output(const penglai_instance* instance, int stream, size_t* size) {
  *size = 0;
  if (stream < 1 || stream > 2 || !instance->output[stream - 1]) return nullptr;
  const std::string& text = instance->output[stream - 1]->text();
  *size = text.size();
  return text.c_str();
}

void penglai_free(penglai_handle* handle, penglai_instance* instance) {
  if (!instance) return;
  if (!instance->ended) {
    handle->runtime->kill(instance->job);
    penglai_wait(handle, instance, nullptr);
  }
  std::erase_if(handle->instances, [&](auto& each) { return each.get() == instance; });
}

int penglai_named_list(penglai_handle* handle, uint32_t all, struct penglai_running* infos, size_t room, size_t* count) {
  return guarded(handle, [&] {
    auto rows = all_instances(all ? Which::All : Which::Running);
    if (!rows) return fail(handle, PENGLAI_FAILED, rows.error());
    *count = rows->size();
    for (size_t i = 0; i < std::min(room, rows->size()); ++i) {
      const InstanceRow& row = (*rows)[i];
      penglai_running& info = infos[i] = {};
      snprintf(info.name, sizeof info.name, "%s", row.name.c_str());
      snprintf(info.program, sizeof info.program, "%s", row.program.c_str());
      snprintf(info.state, sizeof info.state, "%s", row.state.c_str());
      info.process = row.process;
      info.status = row.status.value_or(0);
      info.figures.id = row.id;
      info.figures.private_bytes = row.private_bytes;
      info.figures.shared_bytes = row.shared_bytes;
      info.figures.ocalls = row.ocalls;
      info.figures.nanoseconds = row.status ? 0 : static_cast<uint64_t>(row.age * 1e9);
      info.figures.waiting = row.state == "waiting";
      info.figures.ended = row.status.has_value();
    }
    return 0;
  });
}

int penglai_named_signal(penglai_handle* handle, const char* name, int number) {
  return guarded(handle, [&] {
    auto sent = signal_instance(name, number);
    return sent ? 0 : fail(handle, PENGLAI_FAILED, std::string(name) + ": " + sent.error());
  });
}

int penglai_named_wait(penglai_handle* handle, const char* name, struct penglai_end* end) {
  return guarded(handle, [&] {
    auto ended = await_instance(name);
    if (!ended) return fail(handle, PENGLAI_NOT_FOUND, std::string(name) + ": " + ended.error());
    tell(Failure{ended->status, ended->message}, end);
    return 0;
  });
}

int penglai_named_remove(penglai_handle* handle, const char* name) {
  return guarded(handle, [&] {
    auto forgotten = forget_instance(name, Force::No);
    return forgotten ? 0 : fail(handle, PENGLAI_FAILED, std::string(name) + ": " + forgotten.error());
  });
}
