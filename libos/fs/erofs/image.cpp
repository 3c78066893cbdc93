// SPDX-License-Identifier: BSD-2-Clause
#include "fs/erofs/image.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "fs/abi.h"

namespace pl {

using namespace erofs;

namespace {

constexpr int64_t Second = 1'000'000'000;

// The device number of an inode (Linux, new_encode_dev), as ours.
uint64_t decode_device(uint32_t d) { return make_device((d & 0xfff00) >> 8, (d & 0xff) | (d >> 12 & 0xfff00)); }

bool is_type(uint32_t type) {
  switch (type) {
    case file_mode::Regular: case file_mode::Directory: case file_mode::Link: case file_mode::Character: case file_mode::Block:
    case file_mode::Fifo: case file_mode::Socket: return true;
    default: return false;
  }
}

// An entry's type (DT_*) from EROFS's own count.
constexpr uint8_t EntryTypes[] = {0, 8, 4, 2, 6, 1, 12, 10};

}  // namespace

ErrorOr<void> ErofsImage::open(const pl_record_root& record, uint32_t handle) {
  TRY(file_.open(record, handle));
  Superblock superblock;
  TRY(read(SuperblockAt, &superblock, sizeof superblock));
  if (superblock.magic != Magic || superblock.block_bits != BlockBits) {
    log_line("root image: not an EROFS image with blocks of 4,096 bytes");
    return fail(Errno::Invalid);
  }
  if (uint32_t unknown = superblock.incompatible & ~HarmlessFeatures) {
    log_line("root image: EROFS features that are not known here (0x%x), such as compression", unknown);
    return fail(Errno::Invalid);
  }
  meta_at_ = uint64_t(superblock.meta_block) * PageSize;
  root_ = superblock.root;
  build_time_ = int64_t(superblock.build_time) * Second + superblock.build_time_nanoseconds;
  return {};
}

// ---- blocks and inodes ----

ErrorOr<void> ErofsImage::read(uint64_t at, void* to, size_t bytes) {
  auto* next = static_cast<std::byte*>(to);
  while (bytes) {
    FrameRef frame = TRY(block(at / PageSize));
    size_t n = std::min(bytes, PageSize - at % PageSize);
    std::memcpy(next, frame.data() + at % PageSize, n);
    next += n, at += n, bytes -= n;
  }
  return {};
}

ErrorOr<ErofsImage::Node> ErofsImage::read_node(uint64_t number) {
  if (number >= file_.blocks() * (PageSize / SlotBytes)) return fail(Errno::Io);
  uint64_t at = meta_at_ + number * SlotBytes, behind;
  CompactInode compact;
  TRY(read(at, &compact, sizeof compact));
  Node n{};
  n.about.mode = compact.mode;
  uint32_t place;
  if (compact.format & Extended) {
    ExtendedInode extended;
    TRY(read(at, &extended, sizeof extended));
    n.about.uid = extended.uid;
    n.about.gid = extended.gid;
    n.about.links = extended.links;
    n.about.size = extended.size;
    n.about.mtime = int64_t(extended.mtime) * Second + extended.mtime_nanoseconds;
    place = extended.place;
    behind = at + sizeof extended;
  } else {
    n.about.uid = compact.uid;
    n.about.gid = compact.gid;
    n.about.links = compact.links;
    n.about.size = compact.size;
    n.about.mtime = build_time_;
    place = compact.place;
    behind = at + sizeof compact;
  }
  uint32_t type = n.about.mode & file_mode::Type;
  if (!is_type(type) || n.about.links == 0 || n.about.size > MaxFileSize) return fail(Errno::Io);
  if (type != file_mode::Regular && type != file_mode::Directory && type != file_mode::Link) {
    n.about.rdev = decode_device(place);
    n.about.size = 0;
    return n;
  }
  n.about.first_block = place;
  n.about.whole_blocks = pages_for(n.about.size);
  switch (compact.format >> LayoutShift & LayoutMask) {
    case LayoutPlain: break;
    case LayoutInline:
      n.tail_at = behind + xattr_bytes(compact.xattr_count);
      if (uint64_t tail = n.about.size % PageSize) {
        n.about.whole_blocks--;
        n.has_tail = true;
        if (n.tail_at % PageSize + tail > PageSize) return fail(Errno::Io);
      }
      break;
    default:
      log_line("root image: inode %lu is compressed or in chunks, which is not supported", number);
      return fail(Errno::Io);
  }
  if (n.about.whole_blocks && (n.about.first_block >= file_.blocks() || n.about.whole_blocks > file_.blocks() - n.about.first_block)) return fail(Errno::Io);
  return n;
}

ErrorOr<LowerNode> ErofsImage::node(uint64_t number) { return TRY(read_node(number)).about; }

ErrorOr<ErofsImage::Piece> ErofsImage::piece(const Node& node, uint64_t index) {
  Piece p;
  if (index < node.about.whole_blocks) {
    p.frame = TRY(block(node.about.first_block + index));
    p.bytes = reinterpret_cast<const char*>(p.frame.data());
    p.length = std::min<uint64_t>(PageSize, node.about.size - index * PageSize);
  } else {
    p.frame = TRY(block(node.tail_at / PageSize));
    p.bytes = reinterpret_cast<const char*>(p.frame.data()) + node.tail_at % PageSize;
    p.length = node.about.size % PageSize;
  }
  return p;
}

// ---- contents ----

ErrorOr<FrameRef> ErofsImage::tail(uint64_t number) {
  Node n = TRY(read_node(number));
  if (!n.has_tail) return fail(Errno::Io);
  FrameRef frame = TRY(FrameRef::allocate());
  TRY(read(n.tail_at, frame.data(), n.about.size % PageSize));
  return frame;
}

ErrorOr<size_t> ErofsImage::readlink(uint64_t link, char* out, size_t capacity) {
  Node n = TRY(read_node(link));
  size_t bytes = std::min<uint64_t>(n.about.size, capacity), done = 0;
  for (uint64_t index = 0; done < bytes; index++) {
    Piece p = TRY(piece(n, index));
    size_t step = std::min(p.length, bytes - done);
    std::memcpy(out + done, p.bytes, step);
    done += step;
  }
  return done;
}

// ---- directories ----

struct ErofsImage::Names {
  const char* bytes;
  size_t length, count;

  static ErrorOr<Names> of(const Piece& p) {
    Names names{p.bytes, p.length, 0};
    if (p.length < sizeof(Entry)) return fail(Errno::Io);
    size_t first = names.entry(0).name_at;
    if (first % sizeof(Entry) || first == 0 || first > p.length) return fail(Errno::Io);
    names.count = first / sizeof(Entry);
    return names;
  }
  Entry entry(size_t i) const {
    Entry e;
    std::memcpy(&e, bytes + i * sizeof e, sizeof e);
    return e;
  }
  // Up to the next one's, or the block's end, or a NUL.
  ErrorOr<std::string_view> name(size_t i) const {
    size_t from = entry(i).name_at, to = i + 1 < count ? entry(i + 1).name_at : length;
    if (from >= to || to > length) return fail(Errno::Io);
    std::string_view text(bytes + from, to - from);
    text = text.substr(0, text.find('\0'));
    if (text.empty() || text.size() > MaxName) return fail(Errno::Io);
    return text;
  }
};

namespace {

// The index of the last of `count` that does not come behind what is looked for; ~0 if all do.
template <class Compare>
ErrorOr<size_t> last_not_behind(size_t count, Compare compare) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (TRY(compare(middle)) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

int order(std::string_view a, std::string_view b) {
  size_t n = std::min(a.size(), b.size());
  for (size_t i = 0; i < n; i++)
    if (a[i] != b[i]) return int(uint8_t(a[i])) - int(uint8_t(b[i]));
  return a.size() < b.size() ? -1 : a.size() > b.size();
}

}  // namespace

ErrorOr<uint64_t> ErofsImage::lookup(uint64_t directory, std::string_view name) {
  Node n = TRY(read_node(directory));
  if ((n.about.mode & file_mode::Type) != file_mode::Directory) return fail(Errno::NotDirectory);
  size_t index = TRY(last_not_behind(pages_for(n.about.size), [&](size_t i) -> ErrorOr<int> {
    Piece p = TRY(piece(n, i));
    return order(TRY(TRY(Names::of(p)).name(0)), name);
  }));
  if (index == ~size_t(0)) return fail(Errno::NoEntry);
  Piece p = TRY(piece(n, index));
  Names names = TRY(Names::of(p));
  size_t i = TRY(last_not_behind(names.count, [&](size_t j) -> ErrorOr<int> { return order(TRY(names.name(j)), name); }));
  if (i == ~size_t(0) || TRY(names.name(i)) != name) return fail(Errno::NoEntry);
  return names.entry(i).node;
}

// A cookie counts places for entries: as many in each block as fit at most.
ErrorOr<bool> ErofsImage::list(uint64_t directory, uint64_t cookie, bool (*visit)(void*, const DirectoryEntry&), void* context) {
  constexpr uint64_t Places = PageSize / sizeof(Entry);
  Node n = TRY(read_node(directory));
  if ((n.about.mode & file_mode::Type) != file_mode::Directory) return fail(Errno::NotDirectory);
  for (uint64_t index = cookie / Places; index < pages_for(n.about.size); index++) {
    Piece p = TRY(piece(n, index));
    Names names = TRY(Names::of(p));
    for (uint64_t i = index == cookie / Places ? cookie % Places : 0; i < names.count; i++) {
      std::string_view name = TRY(names.name(i));
      if (name == "." || name == "..") continue;
      Entry e = names.entry(i);
      uint8_t type = e.type < sizeof EntryTypes ? EntryTypes[e.type] : 0;
      if (!visit(context, {e.node, index * Places + i + 1, type, name})) return false;
    }
  }
  return true;
}

}  // namespace pl
