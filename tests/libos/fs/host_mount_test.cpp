// SPDX-License-Identifier: BSD-2-Clause
// A host directory: against a server of a few lines that keeps its files in a map, and lies on demand.
#include <criterion/criterion.h>

#include <cerrno>
#include <map>

#include "fs/host/host_inode.h"
#include "fs/path.h"
#include "hosted.h"
#include "memory/address_space.h"
#include "penglai/config.h"

using namespace pl;
using namespace hosted;

namespace {

struct Server {
  struct Node {
    uint32_t mode;
    uint64_t number;
    std::string content;
  };
  std::map<std::string, Node> nodes{{"", {040755, 1, ""}}};  // by path from the root, without slashes at the ends
  std::map<uint32_t, std::string> handles{{PL_HANDLE_MOUNT, ""}};
  uint64_t next_number = 2;
  unsigned requests = 0, opens = 0;
  size_t largest_read = 0;
  std::function<void(const pl_request&, pl_stat&)> lie;

  static std::string join(const std::string& a, const std::string& b) { return a.empty() ? b : a + "/" + b; }
  void add(const std::string& path, uint32_t mode, const std::string& content = "") { nodes[path] = {mode, next_number++, content}; }
  std::string name(const pl_request& r) { return {reinterpret_cast<char*>(window + r.buffer), r.length}; }

  void put_stat(const pl_request& r, const Node& n, uint32_t at) {
    pl_stat s{};
    s.mode = n.mode;
    s.inode = n.number;
    s.size = n.content.size();
    s.links = 1;
    if (lie) lie(r, s);
    std::memcpy(window + at, &s, sizeof s);
  }

  void answer(const pl_request& r) {
    ++requests;
    auto handle = handles.find(r.handle);
    if (handle == handles.end()) return reply(r, -EBADF);
    std::string path = handle->second;
    uint32_t behind = r.buffer + (r.length + 7) / 8 * 8;
    switch (r.operation) {
      case PL_OP_LOOKUP:
      case PL_OP_OPEN: {
        std::string child = join(path, name(r));
        bool there = nodes.count(child);
        if (r.operation == PL_OP_OPEN && r.extra & PL_OPEN_CREATE) {
          if (there) return reply(r, -EEXIST);
          add(child, 0100000 | uint32_t(r.arg[0]));
        } else if (!there) {
          return reply(r, -ENOENT);
        }
        if (r.operation == PL_OP_OPEN && r.extra & PL_OPEN_TRUNCATE) nodes[child].content.clear();
        put_stat(r, nodes[child], behind);
        if (r.operation == PL_OP_LOOKUP) return reply(r, 0);
        ++opens;
        uint32_t handle = 64;
        while (handles.count(handle)) ++handle;
        handles[handle] = child;
        return reply(r, 0, handle);
      }
      case PL_OP_CLOSE: handles.erase(r.handle); return reply(r, 0);
      case PL_OP_STAT: put_stat(r, nodes[path], r.buffer); return reply(r, 0);
      case PL_OP_PREAD: {
        auto& c = nodes[path].content;
        largest_read = std::max<size_t>(largest_read, r.length);
        size_t n = r.offset < c.size() ? std::min<size_t>(r.length, c.size() - r.offset) : 0;
        std::memcpy(window + r.buffer, c.data() + (n ? r.offset : 0), n);
        return reply(r, int32_t(n));
      }
      case PL_OP_PWRITE: {
        auto& c = nodes[path].content;
        if (c.size() < r.offset + r.length) c.resize(r.offset + r.length);
        std::memcpy(c.data() + r.offset, window + r.buffer, r.length);
        return reply(r, int32_t(r.length));
      }
      case PL_OP_MKDIR: add(join(path, name(r)), 040000 | uint32_t(r.arg[0])); return reply(r, 0);
      case PL_OP_UNLINK: nodes.erase(join(path, name(r))); return reply(r, 0);
      case PL_OP_RENAME: {
        std::string to(reinterpret_cast<char*>(window + r.arg[1]), r.arg[2]);
        auto node = nodes.extract(join(path, name(r)));
        node.key() = join(handles[uint32_t(r.arg[0])], to);
        nodes.erase(node.key());
        nodes.insert(std::move(node));
        return reply(r, 0);
      }
      case PL_OP_LIST: {
        uint64_t position = 0;
        uint32_t used = 0;
        for (auto& [p, n] : nodes) {
          ++position;
          std::string prefix = path.empty() ? "" : path + "/";
          if (p.empty() || p.compare(0, prefix.size(), prefix) || p.find('/', prefix.size()) != std::string::npos || position <= r.offset) continue;
          std::string base = p.substr(prefix.size());
          pl_dirent e{n.number, position, uint16_t((sizeof(pl_dirent) + base.size() + 7) / 8 * 8), uint8_t(n.mode >> 12), uint8_t(base.size()), 0};
          if (used + e.record > r.length) break;
          std::memcpy(window + r.buffer + used, &e, sizeof e);
          std::memcpy(window + r.buffer + used + sizeof e, base.data(), base.size());
          used += e.record;
        }
        return reply(r, int32_t(used));
      }
      case PL_OP_READLINK: {
        auto& c = nodes[join(path, name(r))].content;
        std::memcpy(window + r.arg[1], c.data(), c.size());
        return reply(r, int32_t(c.size()));
      }
      default: return reply(r, -ENOSYS);
    }
  }
};

Server* server;

void setup() {
  make_window();
  server = new Server;
  serve([](const pl_request& r) { server->answer(r); });
  make_tree_with_mount();
  server->add("dir", 040755);
  server->add("dir/file", 0100644, "from the host");
  server->add("link", 0120777, "dir/file");
}

}  // namespace

TestSuite(host_mount, .init = setup);

Test(host_mount, files_are_read_written_made_and_removed) {
  cr_assert(contents("/host/dir/file") == std::string("from the host"));
  cr_assert(contents("/host/link") == std::string("from the host"));
  cr_assert(write_file("/host/dir/new", "from inside"));
  cr_assert(server->nodes["dir/new"].content == std::string("from inside"));
  cr_assert_eq(server->nodes["dir/new"].mode, 0100644);
  cr_assert(write_file("/host/dir/new", "again"));
  cr_assert(server->nodes["dir/new"].content == std::string("again"));
  cr_assert(make_node(cwd(), "/host/made", file_mode::Directory | 0700, 0));
  cr_assert(rename(cwd(), "/host/dir/new", cwd(), "/host/made/moved", 0));
  cr_assert(contents("/host/made/moved") == std::string("again"));
  cr_assert(remove(cwd(), "/host/made/moved", false));
  cr_assert_eq(error_of(resolve(cwd(), "/host/made/moved", LastLink::Follow)), ENOENT);
  cr_assert_eq(error_of(rename(cwd(), "/host/dir/file", cwd(), "/tmp/file", 0)), EXDEV);
}

Test(host_mount, handles_are_given_back) {
  for (int i = 0; i < 1000; i++) cr_assert(contents("/host/dir/file") == std::string("from the host"));
  cr_assert(server->handles.size() < 24);
}

Test(host_mount, a_large_read_takes_pieces_as_large_as_the_window) {
  server->add("big", 0100644, std::string(1 << 20, 'b'));
  auto file = must(open_path(cwd(), "/host/big", 0, 0));
  unsigned before = server->requests;
  std::string text = read_all(*file, 1 << 20);
  cr_assert_eq(text.size(), 1 << 20);
  cr_assert(server->largest_read >= 48 * 1024);
  cr_assert(server->requests - before <= (1 << 20) / (48 * 1024) + 4);
}

Test(host_mount, a_listing_shows_every_name_once) {
  for (int i = 0; i < 3000; i++) server->add("dir/n" + std::to_string(i), 0100644);
  auto d = must(open_path(cwd(), "/host/dir", open_flag::Directory, 0));
  std::map<std::string, int> seen;
  std::string records(32768, 0);
  for (;;) {
    Buffer to = buffer(records);
    size_t n = must(d->list(to));
    if (n == 0) break;
    for (size_t at = 0; at < n;) {
      uint16_t length;
      std::memcpy(&length, &records[at + 16], 2);
      ++seen[std::string(&records[at + 19])];
      at += length;
    }
  }
  cr_assert_eq(seen.size(), 3003);
  for (auto& [name, count] : seen) cr_assert_eq(count, 1, "%s", name.c_str());
}

Test(host_mount, the_type_of_an_open_file_never_changes) {
  auto file = must(open_path(cwd(), "/host/dir/file", 0, 0));
  (void)read_all(*file);  // the host had a chance to act
  server->lie = [](const pl_request&, pl_stat& s) { s.mode = 040755; };
  cr_assert_eq(error_of(file->attributes()), EIO);
}

Test(host_mount, what_was_looked_up_is_what_is_opened) {
  server->lie = [](const pl_request& r, pl_stat& s) {
    if (r.operation == PL_OP_OPEN && s.mode == 0100644) s.inode += 100;
  };
  cr_assert_eq(error_of(open_path(cwd(), "/host/dir/file", open_flag::WriteOnly, 0)), ESTALE);
}

Test(host_mount, a_name_that_means_something_else_now_is_another_inode) {
  auto before = must(resolve(cwd(), "/host/dir/file", LastLink::Follow));
  server->nodes.erase("dir/file");
  server->add("dir/file", 040755);
  auto after = must(resolve(cwd(), "/host/dir/file", LastLink::Follow));
  cr_assert_neq(before.get(), after.get());
  cr_assert(after->is_directory());
}

Test(host_mount, private_pages_are_copies_and_a_shared_writable_mapping_is_ENODEV) {
  auto file = must(open_path(cwd(), "/host/dir/file", open_flag::ReadWrite, 0));
  MappingRequest shared;
  shared.sharing = Sharing::Shared;
  shared.protection = ProtectionRead | ProtectionWrite;
  cr_assert_eq(error_of(file->prepare_map(shared)), ENODEV);
  MappingRequest request;
  request.protection = ProtectionRead | ProtectionWrite;
  cr_assert(file->prepare_map(request));
  auto page = must(request.inode->page(0, false));
  cr_assert_eq(std::memcmp(page.data(), "from the host", 14), 0);
  cr_assert_eq(error_of(request.inode->page(1, false)), ENXIO);
  server->nodes["dir/file"].content = "changed later";
  cr_assert_eq(std::memcmp(page.data(), "from the host", 14), 0);
}

Test(host_mount, a_look_at_a_file_asks_the_host_once) {
  (void)must(resolve(cwd(), "/host/dir/file", LastLink::Follow));
  unsigned before = server->requests;
  auto inode = must(resolve(cwd(), "/host/dir/file", LastLink::Follow));
  (void)must(inode->attributes());
  cr_assert(server->requests - before <= 3);
}
