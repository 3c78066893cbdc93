// SPDX-License-Identifier: BSD-2-Clause
#include "root/debian.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "image/sha256.h"
#include "root/tool.h"
#include "run/host_files.h"

namespace pl {
namespace {

namespace fs = std::filesystem;

using Failed = std::unexpected<std::string>;
using Say = std::function<void(const std::string&)>;
constexpr const char* kSuite = "trixie";
constexpr const char* kArchitecture = "riscv64";
constexpr const char* kOwnRelease = "bookworm";  // what the development machine runs: its mirror is the one to ask
// In every image, as no package says that it needs them: the directories and links of the system, users and groups, the release's name; the
// C.UTF-8 locale, getconf and ldconfig; descriptions of terminals.
constexpr std::array<const char*, 4> kBase = {"base-files", "base-passwd", "libc-bin", "ncurses-base"};
constexpr const char* kDownloader = "/usr/lib/apt/apt-helper";

struct Package {
  std::string place;  // below the mirror
  std::string digest;
};

std::string strip(std::string text) {
  while (!text.empty() && std::strchr("\n /", text.back())) text.pop_back();
  return text.substr(0, text.find('\n'));
}

bool write_text(const fs::path& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  return file.good();
}

// apt in a configuration of its own.
class Apt {
 public:
  static std::expected<Apt, std::string> open(const fs::path& home) {
    Apt apt(home);
    std::error_code error;
    for (const char* directory : {"etc", "lists/partial", "archives/partial", "packages", "list"}) fs::create_directories(home / directory, error);
    apt.lock_ = Descriptor(::open((home / "lock-pl-image").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (apt.lock_.get() < 0 || flock(apt.lock_.get(), LOCK_EX) < 0) return Failed(home.string() + ": " + std::strerror(errno));
    for (const auto& format : {std::array<std::string, 3>{"Created-By: Packages", std::string("Codename: ") + kOwnRelease, "Origin: Debian"},
                               std::array<std::string, 3>{std::string("Suite: ") + kOwnRelease, "", ""}}) {
      std::vector<std::string> command = {"apt-get", "indextargets", "--format", "$(REPO_URI)"};
      for (const std::string& word : format)
        if (!word.empty()) command.push_back(word);
      auto found = run_tool(command);
      if (!found) return Failed("apt-get " + found.error());
      apt.mirror_ = strip(*found);
      if (!apt.mirror_.empty()) break;
    }
    if (apt.mirror_.empty()) return Failed(std::string("apt has no source for Debian ") + kOwnRelease + " to ask: add one to /etc/apt");
    if (!write_text(home / "status", "")) return Failed((home / "status").string() + ": cannot be written");
    return apt;
  }

  std::expected<void, std::string> update(UnsignedList unsigned_list, const Say& say) {
    say("package list of Debian " + std::string(kSuite));
    write_text(home_ / "etc/sources.list", fmt::format("deb [arch={}] {} {} main\n", kArchitecture, mirror_, kSuite));
    auto updated = run({"apt-get", "-qq", "update"});
    if (updated) return {};
    // Only a list that does not match is a matter of trust; everything else is a failure.
    bool mismatch = updated.error().find("Hash") != std::string::npos || updated.error().find("size") != std::string::npos ||
                    updated.error().find("index files failed") != std::string::npos;
    if (!mismatch) return Failed("apt-get update " + updated.error());
    if (unsigned_list == UnsignedList::Refuse)
      return Failed("the mirror's package list is not the one that its signed release names (it may be in the middle of a point release): "
                    "try later, or take it as it is, unsigned, with --trust-mirror");
    return take_list(say);
  }

  // All packages that are needed, in apt's order.
  std::expected<std::vector<Package>, std::string> resolve(const std::vector<std::string>& names) {
    std::vector<std::string> command = {"apt-get", "-qq", "--yes", "--no-install-recommends", "--print-uris", "install"};
    for (const char* name : kBase) command.push_back(name);
    command.insert(command.end(), names.begin(), names.end());
    auto printed = run(command);
    if (!printed) return Failed("apt-get install " + printed.error());
    // 'URI' file size KIND:digest
    std::vector<Package> packages;
    std::string_view rest = *printed;
    while (!rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      size_t pool = line.find("pool/"), quote = line.rfind('\'');
      size_t digest = line.rfind("SHA256:");
      if (!line.starts_with('\'') || pool == line.npos || quote == line.npos || pool > quote || digest == line.npos) continue;
      packages.push_back({std::string(line.substr(pool, quote - pool)), std::string(line.substr(digest + 7, 64))});
    }
    if (packages.empty()) return Failed("apt named no package to fetch");
    return packages;
  }

  // The file of a package, kept by its digest and checked against it each time.
  std::expected<fs::path, std::string> fetch(const Package& package) const {
    const fs::path file = home_ / "packages" / package.digest;
    if (digest_of(file) == package.digest) return file;
    const fs::path partial = file.string() + ".partial";
    std::error_code error;
    auto got = run_tool({kDownloader, "-qq", "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=3", "download-file", mirror_ + "/" + package.place,
                         partial.string()});
    if (!got) return Failed(package.place + ": the download " + got.error());
    if (digest_of(partial) != package.digest) {
      fs::remove(partial, error);
      return Failed(package.place + ": not the file that the package list names (SHA-256 differs)");
    }
    fs::rename(partial, file, error);
    if (error) return Failed(file.string() + ": " + error.message());
    return file;
  }

 private:
  explicit Apt(fs::path home) : home_(std::move(home)) {}

  static std::string digest_of(const fs::path& path) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return {};
    Sha256 hash;
    std::vector<std::byte> piece(1 << 18);
    for (ssize_t got; (got = read(file.get(), piece.data(), piece.size())) != 0;) {
      if (got < 0) return {};
      hash.update(std::span(piece).first(static_cast<size_t>(got)));
    }
    std::string text;
    for (uint8_t byte : hash.finish()) text += fmt::format("{:02x}", byte);
    return text;
  }

  // The list as the mirror serves it, as a repository of its own whose packages are fetched from the mirror all the same.
  std::expected<void, std::string> take_list(const Say& say) {
    say("package list does not match the signed release: taken unsigned (--trust-mirror)");
    const fs::path list = home_ / "list/Packages.xz";
    std::error_code error;
    fs::remove(list, error);
    auto got = run_tool({kDownloader, "-qq", "-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=3", "download-file",
                         fmt::format("{}/dists/{}/main/binary-{}/Packages.xz", mirror_, kSuite, kArchitecture), list.string()});
    if (!got) return Failed("the package list: the download " + got.error());
    if (auto unpacked = run_tool({"xz", "--decompress", "--force", "--keep", list.string()}); !unpacked) return Failed("xz " + unpacked.error());
    write_text(home_ / "etc/sources.list", fmt::format("deb [arch={} trusted=yes] file:{} ./\n", kArchitecture, (home_ / "list").string()));
    auto updated = run({"apt-get", "-qq", "update"});
    if (!updated) return Failed("apt-get update " + updated.error());
    return {};
  }

  std::expected<std::string, std::string> run(const std::vector<std::string>& command) const {
    std::vector<std::string> whole = {command[0]};
    auto set = [&](const std::string& name, const std::string& value) {
      whole.push_back("-o");
      whole.push_back(name + "=" + value);
    };
    set("APT::Architecture", kArchitecture);
    set("APT::Architectures::", kArchitecture);
    set("Dir::State", home_.string());
    set("Dir::State::status", (home_ / "status").string());
    set("Dir::State::lists", (home_ / "lists").string());
    set("Dir::State::extended_states", (home_ / "extended_states").string());
    set("Dir::Cache", home_.string());
    set("Dir::Cache::archives", (home_ / "archives").string());
    set("Dir::Etc::sourcelist", (home_ / "etc/sources.list").string());
    set("Dir::Etc::sourceparts", "/dev/null");
    set("Dir::Etc::preferences", "/dev/null");
    set("Dir::Etc::preferencesparts", "/dev/null");
    set("APT::Sandbox::User", "");
    set("APT::Get::List-Cleanup", "true");
    set("APT::Update::Error-Mode", "any");
    set("Acquire::Languages", "none");
    set("Acquire::PDiffs", "false");
    set("Debug::NoLocking", "true");
    set("Acquire::ForceHash", "SHA256");  // what --print-uris says
    whole.insert(whole.end(), command.begin() + 1, command.end());
    return run_tool(whole);
  }

  fs::path home_;
  std::string mirror_;
  Descriptor lock_;
};

// ---- what the packages' scripts would have done ----

struct Alternative {
  const char* name;
  std::array<const char*, 3> candidates;  // in /usr/bin, the first that is there
};
constexpr Alternative kAlternatives[] = {
    {"sh", {"dash", "bash", nullptr}},         {"awk", {"mawk", "gawk", "original-awk"}}, {"pager", {"less", "more", nullptr}},
    {"editor", {"nano", "vim.tiny", nullptr}}, {"cc", {"gcc", nullptr, nullptr}},         {"c++", {"g++", nullptr, nullptr}},
};

// A link that leads from its own directory to what is there when `root` is "/".
bool exists_below(const fs::path& root, const std::string& path) {
  struct stat status;
  return lstat((root / path).c_str(), &status) == 0;
}

void copy_if_missing(const fs::path& root, const char* from, const char* to) {
  std::error_code error;
  if (!exists_below(root, to) && exists_below(root, from)) fs::copy_file(root / from, root / to, error);
}

void finish(const fs::path& root) {
  std::error_code error;
  for (const auto& [name, candidates] : kAlternatives) {
    if (exists_below(root, std::string("usr/bin/") + name)) continue;
    for (const char* candidate : candidates)
      if (candidate && exists_below(root, std::string("usr/bin/") + candidate)) {
        fs::create_symlink(candidate, root / "usr/bin" / name, error);
        break;
      }
  }
  for (const char* directory : {"dev", "proc", "sys", "run", "tmp", "root", "etc", "home", "mnt", "var/tmp", "usr/local/bin"})
    fs::create_directories(root / directory, error);
  for (const char* directory : {"tmp", "var/tmp"})
    fs::permissions(root / directory, fs::perms::all | fs::perms::sticky_bit, error);
  copy_if_missing(root, "usr/share/base-passwd/passwd.master", "etc/passwd");
  copy_if_missing(root, "usr/share/base-passwd/group.master", "etc/group");
  copy_if_missing(root, "usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf");
  if (!exists_below(root, "etc/hostname")) write_text(root / "etc/hostname", "penglai\n");
  if (!exists_below(root, "etc/hosts")) write_text(root / "etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
  // update-ca-certificates(8): all of them in one file.
  const fs::path certificates = root / "usr/share/ca-certificates", bundle = root / "etc/ssl/certs/ca-certificates.crt";
  if (fs::is_directory(certificates, error) && !fs::exists(bundle, error)) {
    std::vector<fs::path> all;
    for (const auto& entry : fs::recursive_directory_iterator(certificates, error))
      if (entry.path().extension() == ".crt") all.push_back(entry.path());
    std::ranges::sort(all);
    fs::create_directories(bundle.parent_path(), error);
    std::ofstream out(bundle, std::ios::binary);
    for (const fs::path& path : all) out << std::ifstream(path, std::ios::binary).rdbuf();
  }
}

std::expected<void, std::string> unpack(const fs::path& package, const fs::path& root, const fs::path& work) {
  // By way of a tar file: dpkg-deb --extract would replace a link to a directory by a directory.
  const fs::path data = work / "data.tar";
  auto written = run_tool({"sh", "-c", "dpkg-deb --fsys-tarfile \"$1\" >\"$2\"", "sh", package.string(), data.string()});
  if (!written) return Failed("dpkg-deb " + written.error());
  auto unpacked = run_tool({"tar", "--extract", "--file", data.string(), "--directory", root.string(), "--keep-directory-symlink", "--no-same-owner",
                            "--same-permissions", "--delay-directory-restore"});
  if (!unpacked) return Failed("tar " + unpacked.error());
  return {};
}

}  // namespace

std::expected<void, std::string> unpack_debian(const DebianRequest& request, const fs::path& root, const Say& say) {
  std::vector<fs::path> files = request.files;
  if (!request.packages.empty()) {
    auto apt = Apt::open(cache_directory() / "debian");
    if (!apt) return Failed(apt.error());
    if (auto updated = apt->update(request.unsigned_list, say); !updated) return updated;
    auto packages = apt->resolve(request.packages);
    if (!packages) return Failed(packages.error());
    size_t done = 0;
    for (const Package& package : *packages) {
      say(fmt::format("package {} of {}: {}", ++done, packages->size(), fs::path(package.place).filename().string()));
      auto file = apt->fetch(package);
      if (!file) return Failed(file.error());
      files.push_back(std::move(*file));
    }
  }
  auto work = WorkDirectory::create(root.parent_path());
  if (!work) return Failed(work.error());
  // The merged /usr (file-hierarchy(7)), which base-files has too.
  std::error_code error;
  for (const char* directory : {"bin", "sbin", "lib"}) {
    fs::create_directories(root / "usr" / directory, error);
    fs::create_symlink(std::string("usr/") + directory, root / directory, error);
  }
  say(fmt::format("unpacking {} packages", files.size()));
  for (const fs::path& file : files)
    if (auto unpacked = unpack(file, root, work->path()); !unpacked) return Failed(file.filename().string() + ": " + unpacked.error());
  finish(root);
  return {};
}

}  // namespace pl
