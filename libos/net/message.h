// SPDX-License-Identifier: BSD-2-Clause
// What travels between sockets: bytes, who sent them, and descriptors (SCM_RIGHTS). A stream is a row of messages whose borders do not show.
#pragma once

#include <cstdint>

#include "base/list.h"
#include "base/ref.h"
#include "fs/file.h"
#include "memory/user.h"
#include "net/address.h"

namespace pl {

class Endpoint;

// Files under way in a message. They keep their files open.
struct Rights {
  static constexpr unsigned Maximum = 253;  // SCM_MAX_FD
  static ErrorOr<Rights*> create(unsigned capacity);
  static void destroy(Rights* rights);
  void add(Ref<File> file);
  // The same files again, for a look at a message that stays. Null without memory.
  Rights* clone() const;

  unsigned count = 0, capacity = 0;
  Endpoint* receiver = nullptr;  // in whose queue it is
  struct Message* message = nullptr;  // and with which bytes
  ListLink<Rights> link;         // of all that are in queues (net/rights.cpp)
  File* files[];             // each a reference
};

struct Message {
  // A stream's messages are cut to this size, header and all: the largest that the heap recycles.
  static constexpr size_t StreamUnit = 2048;

  // Room for `bytes`, in pieces of at most a page.
  static ErrorOr<Message*> create(size_t bytes);
  static void destroy(Message* message);
  // From the program into it, at its end; and from `offset` of what is left out to the program. May sleep. On an error nothing has changed
  // but the buffer.
  ErrorOr<void> fill(Buffer& from, size_t bytes);
  ErrorOr<void> drain(size_t offset, Buffer& to, size_t bytes) const;
  // A copy of `other`'s bytes behind its own; they must fit into the first piece.
  void append(const Message& other);
  size_t left() const { return end - begin; }
  size_t room_in_first() const { return pieces || end > inline_capacity ? 0 : inline_capacity - end; }

  ListLink<Message> link;
  Ref<Endpoint> sender;        // who is charged for it, and whose name the receiver learns
  Rights* rights = nullptr;
  PeerIdentity identity{};
  InetAddress source, target;  // of the Internet families
  uint32_t begin = 0, end = 0; // of what was not read yet
  uint32_t charge = 0;         // what it counts for against buffer sizes
  uint32_t inline_capacity = 0;
  enum class Urgent : uint8_t { No, Waits, Taken } urgent = Urgent::No;  // TCP's urgent byte; taken with MSG_OOB, it stays as the mark

 private:
  struct Piece {
    Piece* next;
    uint32_t capacity;
    std::byte bytes[];
  };
  template <class Visit> ErrorOr<void> each(size_t from, size_t bytes, Visit visit) const;
  std::byte* inline_bytes() const { return const_cast<std::byte*>(reinterpret_cast<const std::byte*>(this + 1)); }
  Piece* pieces = nullptr;
};
constexpr size_t StreamCapacity = Message::StreamUnit - sizeof(Message);

class MessageQueue {
 public:
  Message* first() const { return messages_.first(); }
  Message* last() const { return messages_.last(); }
  static Message* next(Message* m) { return List<Message, &Message::link>::next(m); }
  void push(Message* m) { messages_.push_back(m); ++count_; bytes_ += m->left(); charge_ += m->charge; }
  void remove(Message* m) { messages_.remove(m); --count_; bytes_ -= m->left(); charge_ -= m->charge; }
  void grew(size_t bytes) { bytes_ += bytes; }
  void consume(Message* m, size_t bytes) { m->begin += uint32_t(bytes); bytes_ -= bytes; }
  bool empty() const { return count_ == 0; }
  unsigned count() const { return count_; }
  size_t bytes() const { return bytes_; }
  size_t charge() const { return charge_; }

 private:
  List<Message, &Message::link> messages_;
  unsigned count_ = 0;
  size_t bytes_ = 0, charge_ = 0;
};

}  // namespace pl
