// SPDX-License-Identifier: BSD-2-Clause
#include "image/configuration.h"

#include <sys/stat.h>

#include <cassert>
#include <cstring>

namespace pl {
namespace {

constexpr size_t round8(size_t size) { return (size + 7) & ~size_t{7}; }

}  // namespace

void Configuration::append(uint32_t kind, const void* fixed, size_t fixed_size, std::string_view text,
                           std::string_view more) {
  size_t start = bytes_.size();
  bytes_.resize(start + round8(fixed_size + text.size() + more.size()));
  std::memcpy(bytes_.data() + start, fixed, fixed_size);
  if (!text.empty()) std::memcpy(bytes_.data() + start + fixed_size, text.data(), text.size());
  if (!more.empty()) std::memcpy(bytes_.data() + start + fixed_size + text.size(), more.data(), more.size());
  pl_record record{kind, static_cast<uint32_t>(bytes_.size() - start)};
  std::memcpy(bytes_.data() + start, &record, sizeof record);
  ++records_;
}

void Configuration::file_record(std::string_view path, uint32_t mode, uint64_t size, std::string_view target) {
  assert(path.size() < 4096 && target.size() < 4096);
  pl_record_file file{};
  file.size = size;
  file.mode = mode;
  file.path_length = static_cast<uint16_t>(path.size());
  file.target_length = static_cast<uint16_t>(target.size());
  append(PL_RECORD_FILE, &file, offsetof(pl_record_file, text), path, target);
}

void Configuration::add_root(const RootImage& image) {
  assert(records_ == 0 && image.salt.size() <= PL_SALT_MAX);
  pl_record_root root{};
  root.data_blocks = image.data_blocks;
  root.hash_block = image.hash_block;
  std::memcpy(root.root_hash, image.root_hash.data(), sizeof root.root_hash);
  root.salt_length = static_cast<uint32_t>(image.salt.size());
  append(PL_RECORD_ROOT, &root, offsetof(pl_record_root, salt), {reinterpret_cast<const char*>(image.salt.data()), image.salt.size()});
}

void Configuration::add_directory(std::string_view path, uint32_t mode) { file_record(path, S_IFDIR | mode, 0, {}); }

void Configuration::add_link(std::string_view path, std::string_view target) {
  file_record(path, S_IFLNK | 0777, target.size(), target);
}

void Configuration::add_file(std::string_view path, uint32_t mode, std::span<const std::byte> content) {
  file_record(path, S_IFREG | mode, content.size(), {});
  contents_.push_back(content);
}

void Configuration::add_file(std::string_view path, uint32_t mode, std::string_view content) {
  add_file(path, mode, std::as_bytes(std::span(content)));
}

void Configuration::add_mount(std::string_view path, uint32_t flags) {
  assert(path.size() < 4096);
  pl_record_mount mount{};
  mount.flags = flags;
  mount.path_length = static_cast<uint16_t>(path.size());
  append(PL_RECORD_MOUNT, &mount, offsetof(pl_record_mount, path), path);
}

void Configuration::add_environment(std::string_view name) {
  pl_record_environment environment{};
  environment.length = static_cast<uint32_t>(name.size());
  append(PL_RECORD_ENVIRONMENT, &environment, offsetof(pl_record_environment, name), name);
}

void Configuration::set_program(std::string_view path) {
  pl_record_program program{};
  program.path_length = static_cast<uint32_t>(path.size());
  append(PL_RECORD_PROGRAM, &program, offsetof(pl_record_program, path), path);
}

void Configuration::add_prefetch(std::string_view path) {
  pl_record_prefetch prefetch{};
  prefetch.path_length = static_cast<uint32_t>(path.size());
  append(PL_RECORD_PREFETCH, &prefetch, offsetof(pl_record_prefetch, path), path);
}

void Configuration::set_start(std::span<const std::string> arguments, std::span<const std::string> environment, uint32_t user, uint32_t group) {
  std::string text;
  for (auto strings : {arguments, environment})
    for (const std::string& string : strings) text.append(string.c_str(), string.size() + 1);
  pl_record_start start{};
  start.arguments = static_cast<uint32_t>(arguments.size());
  start.environment = static_cast<uint32_t>(environment.size());
  start.uid = user;
  start.gid = group;
  start.length = static_cast<uint32_t>(text.size());
  append(PL_RECORD_START, &start, offsetof(pl_record_start, text), text);
}

std::vector<std::byte> Configuration::serialize() const {
  pl_config config{};
  config.magic = PL_CONFIG_MAGIC;
  config.version = PL_CONFIG_VERSION;
  config.size = static_cast<uint32_t>(sizeof config + bytes_.size());
  config.records = records_;
  config.flags = flags_;
  config.shadow_point = shadow_point_;
  std::vector<std::byte> all(sizeof config);
  std::memcpy(all.data(), &config, sizeof config);
  all.insert(all.end(), bytes_.begin(), bytes_.end());
  return all;
}

}  // namespace pl
