// SPDX-License-Identifier: BSD-2-Clause
#include "registry/entry.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "registry/folder.h"
#include "run/options.h"

namespace pl {
namespace {

constexpr const char* kFolder = "instances";
constexpr size_t kNameMax = 63;
constexpr int kBacklog = 64;

std::string describe(const Description& description) {
  nlohmann::json json = {{"program", description.program}, {"arguments", description.arguments}, {"count", description.count},
                         {"created", description.created}, {"process", description.process}};
  if (description.ended) {
    json["ended"] = description.ended;
    json["status"] = description.status;
    json["message"] = description.message;
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::optional<Description> read_description(const std::string& folder) {
  std::ifstream file(folder + "/entry.json");
  if (!file) return std::nullopt;
  const auto json = nlohmann::json::parse(file, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  try {
    Description description;
    description.program = json.value("program", "");
    description.arguments = json.value("arguments", std::vector<std::string>());
    description.count = json.value("count", 1u);
    description.created = json.value("created", uint64_t{0});
    description.process = json.value("process", 0);
    description.ended = json.value("ended", uint64_t{0});
    description.status = json.value("status", 0);
    description.message = json.value("message", "");
    return description;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

// At once as a whole, whoever looks.
bool write_description(const std::string& folder, const Description& description) {
  const std::string draft = folder + "/entry.new";
  std::ofstream file(draft, std::ios::trunc);
  file << describe(description);
  file.close();
  return file && rename(draft.c_str(), (folder + "/entry.json").c_str()) == 0;
}

void remove_folder(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

// A socket's path is short (unix(7)), a folder's need not be.
sockaddr_un address_in(int folder) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", folder);
  return address;
}

Descriptor listen_in(const std::string& folder) {
  Descriptor place(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Descriptor listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_in(place.get());
  if (listener.get() < 0 || bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 ||
      listen(listener.get(), kBacklog) < 0)
    return Descriptor();
  return listener;
}

Descriptor connect_to(const std::string& folder) {
  Descriptor place(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Descriptor connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_in(place.get());
  if (place.get() < 0 || connection.get() < 0 ||
      connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
    return Descriptor();
  return connection;
}

Found look(const std::string& folder, std::string name) {
  return {std::move(name), read_description(folder), connect_to(folder)};
}

}  // namespace

std::expected<Entry, std::string> Entry::make(const std::string& wanted, const Description& description, Kept kept) {
  auto fail = [](const std::string& why, int error) { return std::unexpected(why + ": " + std::strerror(error)); };
  auto root = user_folder(kFolder);
  if (!root) return fail("the folder for running instances", root.error());
  Entry entry;
  entry.kept_ = kept;
  entry.description_ = description;
  const std::string own = std::to_string(getpid());
  std::string name = wanted;
  if (name.empty()) {
    name = description.program.substr(description.program.rfind('/') + 1).substr(0, kNameMax - own.size() - 1) + "-" + own;
    for (char& c : name)
      if (!valid_instance_name(std::string(1, c)) && c != '-') c = '_';
    if (name[0] == '-') name[0] = '_';
  }
  const std::string draft = *root + "/." + own + "." + name, folder = *root + "/" + name;
  remove_folder(draft);  // of an earlier process of this number
  if (mkdir(draft.c_str(), 0700) < 0) return fail(draft, errno);
  entry.folder_ = draft;
  entry.listener_ = listen_in(draft);
  if (entry.listener_.get() < 0) return fail(draft + "/control", errno);
  if (kept == Kept::AfterTheEnd) {
    auto make_log = [&](const char* which) {
      return Descriptor(open((draft + "/" + which).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    };
    entry.out_ = make_log("out");
    entry.err_ = make_log("err");
    if (entry.out_.get() < 0 || entry.err_.get() < 0 || !write_description(draft, description)) return fail(draft, errno);
  }
  // What a process left that was killed does not hold its name, unless there is something to look at.
  for (int attempt = 0; rename(draft.c_str(), folder.c_str()) < 0; ++attempt) {
    if (errno != EEXIST && errno != ENOTEMPTY) return fail(folder, errno);
    const Found found = look(folder, name);
    if (found.alive()) return std::unexpected("the name " + name + " is taken by one that runs");
    if (found.description || attempt) return std::unexpected("the name " + name + " is taken by one that has ended: pl-rm " + name);
    remove_folder(folder);
  }
  entry.folder_ = folder;
  entry.name_ = name;
  return entry;
}

Entry::~Entry() {
  if (listener_.get() >= 0 && kept_ == Kept::No) remove_folder(folder_);
  else if (listener_.get() >= 0) unlink((folder_ + "/control").c_str());
}

void Entry::ended(int status, const std::string& message) {
  description_.status = status;
  description_.message = message;
  description_.ended = static_cast<uint64_t>(time(nullptr));
  if (kept_ == Kept::AfterTheEnd) write_description(folder_, description_);
}

std::expected<std::vector<Found>, int> list_entries() {
  auto root = user_folder(kFolder);
  if (!root) return std::unexpected(root.error());
  DIR* directory = opendir(root->c_str());
  if (!directory) return std::unexpected(errno);
  std::vector<Found> all;
  while (const dirent* each = readdir(directory)) {
    const std::string name = each->d_name, folder = *root + "/" + name;
    if (name == "." || name == "..") continue;
    if (name[0] == '.') {
      // A draft: its maker's number is in its name.
      const int process = std::atoi(name.c_str() + 1);
      if (process > 0 && kill(process, 0) < 0 && errno == ESRCH) remove_folder(folder);
      continue;
    }
    Found found = look(folder, name);
    if (!found.alive() && !found.description) {
      remove_folder(folder);
      continue;
    }
    all.push_back(std::move(found));
  }
  closedir(directory);
  std::ranges::sort(all, {}, &Found::name);
  return all;
}

std::expected<std::string, int> entry_folder(const std::string& name) {
  if (!valid_instance_name(name)) return std::unexpected(ENOENT);
  auto root = user_folder(kFolder);
  if (!root) return root;
  return *root + "/" + name;
}

std::expected<Found, int> find_entry(const std::string& name) {
  auto folder = entry_folder(name);
  if (!folder) return std::unexpected(folder.error());
  Found found = look(*folder, name);
  if (!found.alive() && !found.description) return std::unexpected(ENOENT);
  return found;
}

std::expected<void, int> remove_entry(const std::string& name) {
  auto found = find_entry(name);
  if (!found) return std::unexpected(found.error());
  if (found->alive()) return std::unexpected(EBUSY);
  remove_folder(*entry_folder(name));
  return {};
}

}  // namespace pl
