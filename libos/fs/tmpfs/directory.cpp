// SPDX-License-Identifier: BSD-2-Clause
#include <cstring>

#include "base/hot.h"
#include "base/random.h"
#include "base/word_of.h"
#include "fs/abi.h"
#include "fs/context.h"
#include "fs/text.h"
#include "fs/tmpfs/tmpfs.h"

namespace pl {

namespace {

constexpr unsigned FirstBuckets = 8;

// Whoever chooses names cannot choose which of them share a bucket. Forks have their template's: its directories are theirs.
struct Secret { uint64_t start, factor; };
constinit Secret secret{0x9e3779b97f4a7c15, 0xd6e8feb86659fd93};

uint64_t mix(uint64_t word) {
  const auto product = static_cast<unsigned __int128>(word) * secret.factor;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

// A name, hashed and made ready for being compared.
struct Sought {
  explicit Sought(std::string_view name) : text(name.data()), length(name.size()) {
    uint64_t h = secret.start ^ length;
    for (; whole + sizeof(uint64_t) < length; whole += sizeof(uint64_t)) h = mix(h ^ word_of(text + whole, sizeof(uint64_t)));
    last = word_of(text + whole, length - whole);
    hash = uint32_t(mix(h ^ last));
  }
  bool is(const TmpEntry& entry) const {
    if (entry.hash != hash || entry.length != length || entry.word(whole) != last) return false;
    for (size_t i = 0; i < whole; i += sizeof(uint64_t))
      if (entry.word(i) != word_of(text + i, sizeof(uint64_t))) return false;
    return true;
  }

  const char* text;
  size_t length, whole = 0;  // bytes; those before the last word
  uint64_t last;
  uint32_t hash;
};

size_t entry_bytes(size_t length) { return sizeof(TmpEntry) + round_up(length, sizeof(uint64_t)); }

TmpEntry** new_heads(unsigned count) {
  void* memory = heap_allocate(count * sizeof(TmpEntry*), alignof(TmpEntry*));
  if (memory) std::memset(memory, 0, count * sizeof(TmpEntry*));
  return static_cast<TmpEntry**>(memory);
}

}  // namespace

ErrorOr<TmpEntry*> TmpEntry::create(std::string_view name, Ref<TmpInode> inode) {
  void* memory = heap_allocate(entry_bytes(name.size()), alignof(TmpEntry));
  if (!memory) return fail(Errno::NoMemory);
  auto entry = new (memory) TmpEntry{};
  entry->inode = std::move(inode);
  entry->hash = Sought(name).hash;
  entry->length = uint8_t(name.size());
  for (size_t i = 0; i < name.size(); i += sizeof(uint64_t)) entry->word(i) = word_of(name.data() + i, std::min(name.size() - i, sizeof(uint64_t)));
  return entry;
}

void TmpEntry::destroy(TmpEntry* entry) {
  size_t bytes = entry_bytes(entry->length);
  entry->~TmpEntry();
  if (!is_frozen(entry)) heap_free(entry, bytes, alignof(TmpEntry));
}

TmpDirectory::TmpDirectory(uint32_t mode, uint32_t uid, uint32_t gid)
    : TmpInode((mode & file_mode::Permissions) | file_mode::Directory, uid, gid) {
  links_ = 2;
}

TmpDirectory::TmpDirectory(const LowerNode& node, const Lower& lower)
    : TmpInode(node, lower.number), next_cookie_(LowerCookies), lower_(lower), lower_size_(node.size) {}

TmpDirectory::~TmpDirectory() {
  while (TmpEntry* entry = entries_.first()) {
    if (entry->inode) count_link(*entry->inode, -1);
    if (entry->inode && entry->inode->entry_ == entry) entry->inode->entry_ = nullptr;
    unhook(entry);
    TmpEntry::destroy(entry);
  }
  free_buckets(top_, buckets_);
}

void TmpDirectory::choose_secret() { secret = {random::word(), random::word() | 1}; }

ErrorOr<Ref<TmpDirectory>> TmpDirectory::create_root(uint32_t mode, FileSystem file_system) {
  auto root = TRY(make<TmpDirectory>(mode, 0u, 0u));
  root->file_system_ = file_system;
  return root;
}

TmpEntry** TmpDirectory::bucket(uint32_t hash) const {
  unsigned index = hash & (buckets_ - 1);
  if (buckets_ <= BlockHeads) return &top_[index];
  return &reinterpret_cast<TmpEntry***>(top_)[index / BlockHeads][index % BlockHeads];
}

void TmpDirectory::free_buckets(TmpEntry** top, unsigned buckets) {
  if (!top || is_frozen(top)) return;
  unsigned heads = buckets <= BlockHeads ? buckets : buckets / BlockHeads;
  for (unsigned i = 0; buckets > BlockHeads && i < heads; i++)
    if (auto block = reinterpret_cast<TmpEntry***>(top)[i]) heap_free(block, PageSize, alignof(TmpEntry*));
  heap_free(top, heads * sizeof(TmpEntry*), alignof(TmpEntry*));
}

// Eight times as many; entries keep their hash, so nothing is computed again.
ErrorOr<void> TmpDirectory::grow_buckets() {
  if (buckets_ >= BlockHeads * BlockHeads) return {};
  unsigned wanted = buckets_ ? buckets_ * 8 : FirstBuckets;
  unsigned heads = wanted <= BlockHeads ? wanted : wanted / BlockHeads;
  TmpEntry** top = new_heads(heads);
  if (!top) return fail(Errno::NoMemory);
  if (wanted > BlockHeads) {
    for (unsigned i = 0; i < heads; i++) {
      TmpEntry** block = new_heads(BlockHeads);
      if (!block) {
        free_buckets(top, wanted);
        return fail(Errno::NoMemory);
      }
      reinterpret_cast<TmpEntry***>(top)[i] = block;
    }
  }
  free_buckets(top_, buckets_);
  top_ = top;
  buckets_ = wanted;
  for (TmpEntry& entry : entries_) {
    TmpEntry** head = bucket(entry.hash);
    entry.chain = *head;
    *head = &entry;
  }
  return {};
}

ErrorOr<void> TmpDirectory::make_buckets() {
  if (hooked_ >= buckets_) TRY(grow_buckets());
  return buckets_ ? ErrorOr<void>() : fail(Errno::NoMemory);
}

TmpEntry* TmpDirectory::find(std::string_view name) const {
  if (!buckets_) return nullptr;
  const Sought sought(name);
  for (TmpEntry* e = *bucket(sought.hash); e; e = e->chain)
    if (sought.is(*e)) return e;
  return nullptr;
}

// Makes a look for a name that is below bring it here: its entry, which counts as no new link.
ErrorOr<TmpEntry*> TmpDirectory::see(std::string_view name) {
  if (TmpEntry* entry = find(name)) return entry;
  if (!lower_ || name.size() > MaxName) return nullptr;
  auto below = lower_.files->lookup(lower_.number, name);
  if (!below) return below.error() == Errno::NoEntry ? ErrorOr<TmpEntry*>(nullptr) : fail(below.error());
  auto inode = TRY(TmpInode::of({lower_.files, *below}));
  TRY(make_buckets());
  TmpEntry* entry = TRY(TmpEntry::create(name, std::move(inode)));
  // The look below may have slept.
  if (TmpEntry* there = find(name)) {
    TmpEntry::destroy(entry);
    return there;
  }
  entry->is_below = true;
  hook(entry);
  return entry;
}

ErrorOr<bool> TmpDirectory::is_empty() {
  if (count_) return false;
  if (!lower_) return true;
  // Nothing is there: so every entry that there is hides a name below.
  return lower_.files->list(lower_.number, 0, [](void* directory, const DirectoryEntry& e) {
    return static_cast<TmpDirectory*>(directory)->find(e.name) != nullptr;
  }, this);
}

void TmpDirectory::count(const TmpEntry& entry, int change) {
  count_ += unsigned(change);
  if (!entry.is_below) own_count_ += unsigned(change);
}

void TmpDirectory::count_link(TmpInode& inode, int change) { (inode.is_directory() ? links_ : inode.links_) += unsigned(change); }

void TmpDirectory::hook(TmpEntry* entry) {
  entry->directory = this;
  entry->cookie = next_cookie_++;
  TmpEntry** head = bucket(entry->hash);
  entry->chain = *head;
  *head = entry;
  entries_.push_back(entry);
  ++hooked_;
  count(*entry, 1);
  entry->inode->go_by(entry);
}

void TmpDirectory::unhook(TmpEntry* entry) {
  TmpEntry** at = bucket(entry->hash);
  while (*at != entry) at = &(*at)->chain;
  *at = entry->chain;
  if (hint_ == entry) hint_ = nullptr;
  entries_.remove(entry);
  --hooked_;
  if (entry->inode) count(*entry, -1);
}

void TmpDirectory::attach(TmpEntry* entry) {
  hook(entry);
  count_link(*entry->inode, 1);
}

TmpEntry* TmpDirectory::detach(TmpEntry* entry) {
  if (entry->inode->entry_ == entry) entry->inode->entry_ = nullptr;
  count_link(*entry->inode, -1);
  if (entry->is_below) count(*entry, -1);
  else unhook(entry);
  entry->inode = nullptr;
  return entry->is_below ? nullptr : entry;
}

// An inode, which the caller holds, loses a name. If it went by that one, it remembers it (proc(5), /proc/PID/fd); a directory is gone.
ErrorOr<void> TmpDirectory::drop(TmpEntry* entry) {
  TmpInode& inode = *entry->inode;
  const bool went_by = inode.entry_ == entry;
  TmpEntry* name = went_by && entry->is_below ? TRY(TmpEntry::create(entry->name(), nullptr)) : nullptr;
  if (TmpEntry* left = detach(entry)) name = left;
  if (went_by) inode.remember(name, this);
  else if (name) TmpEntry::destroy(name);
  if (inode.is_directory()) inode.links_ = 0;
  inode.touch_change(false);
  touch_change(true);
  return {};
}

// A new name for an inode, in the place of what hid the same name below, if it did.
ErrorOr<void> TmpDirectory::insert(std::string_view name, Ref<TmpInode> inode) {
  if (is_removed()) return fail(Errno::NoEntry);
  if (name.size() > MaxName) return fail(Errno::NameTooLong);
  if (TmpEntry* there = TRY(see(name)); there && there->inode) return fail(Errno::Exists);
  // linkat(2): of a file that has no name any more, or never was to have one (O_TMPFILE with O_EXCL).
  if (inode->links_ == 0 && !inode->linkable_) return fail(Errno::NoEntry);
  TRY(make_buckets());
  TmpEntry* entry = TRY(TmpEntry::create(name, std::move(inode)));
  replace_hidden(entry);
  entry->inode->file_system_ = file_system_;
  attach(entry);
  entry->inode->linkable_ = false;
  touch_change(true);
  return {};
}

void TmpDirectory::replace_hidden(TmpEntry* entry) {
  TmpEntry* hidden = find(entry->name());
  if (!hidden) return;
  entry->is_below = true;
  unhook(hidden);
  TmpEntry::destroy(hidden);
}

ErrorOr<Ref<Inode>> TmpDirectory::lookup(std::string_view name) {
  TmpEntry* entry = TRY(see(name));
  if (!entry || !entry->inode) return fail(Errno::NoEntry);
  return Ref<Inode>(entry->inode);
}

ErrorOr<Ref<Inode>> TmpDirectory::create(std::string_view name, uint32_t mode, uint64_t rdev, uint32_t uid, uint32_t gid) {
  if (mode_ & file_mode::SetGroup) {
    gid = gid_;
    if ((mode & file_mode::Type) == file_mode::Directory) mode |= file_mode::SetGroup;
  }
  Ref<TmpInode> inode;
  switch (mode & file_mode::Type) {
    case file_mode::Regular: inode = TRY(make<TmpRegular>(mode, uid, gid)); break;
    case file_mode::Directory: inode = TRY(make<TmpDirectory>(mode, uid, gid)); break;
    case file_mode::Character:
    case file_mode::Block:
    case file_mode::Fifo:
    case file_mode::Socket: inode = TRY(make<TmpNode>(mode, uid, gid, rdev)); break;
    default: return fail(Errno::Invalid);
  }
  TRY(insert(name, inode));
  return Ref<Inode>(std::move(inode));
}

ErrorOr<Ref<Inode>> TmpDirectory::create_unnamed(uint32_t mode, uint32_t uid, uint32_t gid, Linkable linkable) {
  auto file = TRY(make<TmpRegular>(file_mode::Regular | (mode & file_mode::Permissions), uid, gid));
  char text[24];
  TextSpan name(text, sizeof text);
  name << '#' << file->number_;
  TRY(file->remember(name.view(), this));
  file->linkable_ = linkable == Linkable::Yes;
  file->file_system_ = file_system_;
  return Ref<Inode>(std::move(file));
}

ErrorOr<void> TmpDirectory::symlink(std::string_view name, std::string_view target, uint32_t uid, uint32_t gid) {
  return insert(name, TRY(TmpLink::create(target, uid, mode_ & file_mode::SetGroup ? gid_ : gid)));
}

ErrorOr<void> TmpDirectory::link(std::string_view name, Inode& inode) {
  if (inode.is_directory()) return fail(Errno::Perm);
  auto& mine = static_cast<TmpInode&>(inode);
  TRY(insert(name, Ref<TmpInode>(&mine)));
  mine.touch_change(false);
  return {};
}

ErrorOr<void> TmpDirectory::unlink(std::string_view name, bool directory) {
  TmpEntry* entry = TRY(see(name));
  if (!entry || !entry->inode) return fail(Errno::NoEntry);
  Ref<TmpInode> inode = entry->inode;
  if (inode->is_mount_point()) return fail(Errno::Busy);
  if (directory && !inode->is_directory()) return fail(Errno::NotDirectory);
  if (!directory && inode->is_directory()) return fail(Errno::IsDirectory);
  if (directory && !TRY(static_cast<TmpDirectory&>(*inode).is_empty())) return fail(Errno::NotEmpty);
  // That look may have slept.
  entry = find(name);
  if (!entry || !(entry->inode == inode)) return fail(Errno::NoEntry);
  return drop(entry);
}

ErrorOr<void> TmpDirectory::rename(std::string_view name, Inode& new_parent, std::string_view new_name, uint32_t flags) {
  auto& to = static_cast<TmpDirectory&>(new_parent);
  // What may sleep comes first.
  TRY(see(name));
  bool full = false;
  if (TmpEntry* there = TRY(to.see(new_name)); there && there->inode && there->inode->is_directory()) {
    Ref<TmpInode> held = there->inode;
    full = !TRY(static_cast<TmpDirectory&>(*held).is_empty());
  }
  TmpEntry* source = find(name);
  if (!source || !source->inode) return fail(Errno::NoEntry);
  if (to.is_removed()) return fail(Errno::NoEntry);
  TmpEntry* target = to.find(new_name);
  if (target && !target->inode) target = nullptr;
  Ref<TmpInode> moved = source->inode;
  Ref<TmpInode> old = target ? target->inode : Ref<TmpInode>();
  if (moved->is_mount_point() || (old && old->is_mount_point())) return fail(Errno::Busy);
  // A directory does not go below itself; with an exchange neither of them.
  auto below = [](TmpInode* above, TmpInode* inode) {
    for (; inode; inode = inode->entry_ ? inode->entry_->directory : nullptr)
      if (inode == above) return true;
    return false;
  };
  if (moved->is_directory() && below(moved.get(), &to)) return fail(Errno::Invalid);

  if (flags & rename_flag::Exchange) {
    if (!target) return fail(Errno::NoEntry);
    if (old->is_directory() && below(old.get(), this)) return fail(Errno::Invalid);
    if (source == target) return {};
    int change = int(old->is_directory()) - int(moved->is_directory());
    links_ += unsigned(change);
    to.links_ -= unsigned(change);
    std::swap(source->inode, target->inode);
    source->inode->go_by(source);
    target->inode->go_by(target);
  } else {
    if (target) {
      if (flags & rename_flag::NoReplace) return fail(Errno::Exists);
      if (moved == old) return {};  // rename(2): two names of one file stay
      if (old->is_directory()) {
        if (!moved->is_directory()) return fail(Errno::IsDirectory);
        if (full || static_cast<TmpDirectory&>(*old).count_) return fail(Errno::NotEmpty);
      } else if (moved->is_directory()) {
        return fail(Errno::NotDirectory);
      }
    }
    TRY(to.make_buckets());
    Ref<TmpInode> whiteout;
    if (flags & rename_flag::Whiteout) {
      FileCredentials who = current_file_credentials();
      whiteout = TRY(make<TmpNode>(file_mode::Character, who.uid, mode_ & file_mode::SetGroup ? gid_ : who.gid, 0));
      whiteout->linkable_ = false;
      whiteout->file_system_ = file_system_;
    }
    TmpEntry* entry = TRY(TmpEntry::create(new_name, moved));
    Guard undo([&] { TmpEntry::destroy(entry); });
    if (target) TRY(to.drop(target));
    undo.disarm();
    TmpEntry* left = detach(source);
    to.replace_hidden(entry);
    to.attach(entry);
    if (whiteout) {
      if (!left) unhook(left = source);
      left->inode = std::move(whiteout);
      attach(left);
    } else if (left) {
      TmpEntry::destroy(left);
    }
  }
  touch_change(true);
  to.touch_change(true);
  moved->touch_change(false);
  return {};
}

// First the names below, but for those that are gone, then those that are here only.
ErrorOr<bool> TmpDirectory::list(uint64_t cookie, size_t, bool (*visit)(void*, const DirectoryEntry&), void* context) {
  if (lower_ && cookie < LowerCookies - 1) {
    struct Below {
      TmpDirectory& directory;
      bool (*visit)(void*, const DirectoryEntry&);
      void* context;
    } below{*this, visit, context};
    bool ended = TRY(lower_.files->list(lower_.number, cookie, [](void* b, const DirectoryEntry& e) {
      auto& below = *static_cast<Below*>(b);
      TmpEntry* here = below.directory.find(e.name);
      if (!here) return below.visit(below.context, {number_of(e.inode), e.cookie, e.type, e.name});
      if (!here->inode) return true;
      return below.visit(below.context, {here->inode->number_, e.cookie, uint8_t(here->inode->type() >> 12), e.name});
    }, &below));
    if (!ended) return false;
    cookie = LowerCookies - 1;
  }
  TmpEntry* entry = entries_.first();
  if (hint_ && hint_->cookie == cookie) entry = entries_.next(hint_);
  else while (entry && entry->cookie <= cookie) entry = entries_.next(entry);
  TmpEntry* last = nullptr;
  bool ended = true;
  for (; entry; entry = entries_.next(entry)) {
    if (entry->is_below) continue;
    if (!visit(context, {entry->inode->number_, entry->cookie, uint8_t(entry->inode->type() >> 12), entry->name()})) {
      ended = false;
      break;
    }
    last = entry;
  }
  // The next call begins here without a search. Not worth copying a template's page for a short one.
  if (last && !ended && (count_ > 64 || !is_frozen(this))) hint_ = last;
  touch_access();
  return ended;
}

}  // namespace pl
