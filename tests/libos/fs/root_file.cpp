// SPDX-License-Identifier: BSD-2-Clause
#include "root_file.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>

#include "hosted.h"

namespace hosted {

namespace {

std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char piece[256];
  while (size_t n = std::fread(piece, 1, sizeof piece, pipe)) text.append(piece, n);
  if (pclose(pipe)) throw "failed: " + command;
  return text;
}

}  // namespace

RootFile::RootFile(const std::string& recipe, const std::string& salt) {
  char path[] = "/tmp/root-image-XXXXXX";
  if (!mkdtemp(path)) throw std::string("no directory");
  const std::string top = path, image = top + "/image";
  std::string listing = output_of("export PATH=$PATH:/usr/sbin:/sbin; mkdir " + top + "/tree && cd " + top + "/tree && { " + recipe +
                                  "; } && mkfs.erofs --quiet -x-1 -T1000000 " + image + " . >/dev/null && size=$(stat -c %s " + image +
                                  ") && veritysetup format --salt=" + salt + " --hash-offset=$size " + image + " " + image);
  std::ifstream file(image, std::ios::binary);
  std::vector<char> all((std::istreambuf_iterator<char>(file)), {});
  bytes.resize(all.size());
  std::memcpy(bytes.data(), all.data(), all.size());
  output_of("rm -r " + top);

  auto field = [&](const std::string& name) {
    size_t at = listing.find(name);
    if (at == listing.npos) throw "no " + name + " in " + listing;
    at = listing.find_first_not_of(" \t", at + name.size());
    return listing.substr(at, listing.find('\n', at) - at);
  };
  auto hexadecimal = [](const std::string& text) {
    std::vector<uint8_t> out;
    for (size_t i = 0; i + 1 < text.size(); i += 2) out.push_back(uint8_t(std::stoul(text.substr(i, 2), nullptr, 16)));
    return out;
  };
  data_blocks = std::stoull(field("Data blocks:"));
  auto hash = hexadecimal(field("Root hash:"));
  auto salted = salt == "-" ? std::vector<uint8_t>() : hexadecimal(salt);
  record_.resize((sizeof(pl_record_root) + salted.size() + 7) / 8 * 8);
  pl_record_root root{};
  root.record = {PL_RECORD_ROOT, uint32_t(record_.size())};
  root.data_blocks = data_blocks;
  root.hash_block = data_blocks + 1;
  std::memcpy(root.root_hash, hash.data(), 32);
  root.salt_length = uint32_t(salted.size());
  std::memcpy(record_.data(), &root, sizeof root);
  std::ranges::copy(std::as_bytes(std::span(salted)), record_.begin() + offsetof(pl_record_root, salt));
}

std::vector<std::byte> RootFile::configuration() const {
  pl_config config{PL_CONFIG_MAGIC, PL_CONFIG_VERSION, uint32_t(sizeof(pl_config) + record_.size()), 1, 0, 0};
  std::vector<std::byte> all(sizeof config);
  std::memcpy(all.data(), &config, sizeof config);
  all.insert(all.end(), record_.begin(), record_.end());
  return all;
}

void RootFile::serve() {
  reads.clear();
  hosted::serve([this](const pl_request& request) {
    if (request.operation != PL_OP_PREAD || request.handle != PL_HANDLE_MOUNT) return reply(request, -EIO);
    if (request.offset >= bytes.size()) return reply(request, 0);
    reads.insert(request.offset / 4096);
    size_t n = std::min<size_t>(request.length, bytes.size() - request.offset);
    std::memcpy(window + request.buffer, bytes.data() + request.offset, n);
    reply(request, int32_t(n));
  });
}

void RootFile::mount() {
  make_window();
  serve();
  log.clear();
  // The record must outlive the tree.
  static std::vector<std::byte> kept;
  kept = configuration();
  make_tree_in_place(kept);
}

std::string in_a_child(const std::function<std::string()>& check) {
  int pipe_ends[2];
  if (pipe(pipe_ends)) return "no pipe";
  pid_t child = fork();
  if (child == 0) {
    std::string text;
    try {
      text = check();
    } catch (const std::string& error) {
      text = error;
    }
    if (write(pipe_ends[1], text.data(), text.size()) < 0) _exit(2);
    _exit(0);
  }
  close(pipe_ends[1]);
  std::string text(4096, 0);
  ssize_t n = read(pipe_ends[0], text.data(), text.size());
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  text.resize(n > 0 ? size_t(n) : 0);
  return status ? "died: " + std::to_string(status) : text;
}

}  // namespace hosted
