// SPDX-License-Identifier: BSD-2-Clause
#include "net/rights.h"

#include "net/endpoint.h"
#include "net/socket.h"

namespace pl::rights {

namespace {

// Not hot: only what passes descriptors writes it.
constinit List<Rights, &Rights::link> in_queues{};
constinit List<Rights, &Rights::link> doomed{};
constinit unsigned files_under_way = 0, sockets_under_way = 0;
constinit unsigned closes = 0;  // since the last collection
constinit bool disposing = false, collecting = false;

template <class Visit>
void each_socket(Rights& rights, Visit visit) {
  for (unsigned i = 0; i < rights.count; i++)
    if (Socket* socket = rights.files[i]->as_socket()) visit(*socket);
}

// Whose descriptor leads to what is in the queue: the listener's for a connection that nobody accepted.
Socket* reader_of(const Rights& rights) {
  Endpoint* at = rights.receiver;
  return at->socket ? at->socket : at->listener ? at->listener->socket : nullptr;
}

}  // namespace

unsigned under_way() { return files_under_way; }

void arrived(Message& message, Endpoint& receiver) {
  Rights* rights = message.rights;
  if (!rights) return;
  rights->receiver = &receiver;
  rights->message = &message;
  in_queues.push_back(rights);
  files_under_way += rights->count;
  each_socket(*rights, [](Socket& s) { ++s.under_way, ++sockets_under_way; });
}

void left(Message& message) {
  Rights* rights = message.rights;
  if (!rights || !rights->receiver) return;
  rights->receiver = nullptr;
  rights->message = nullptr;
  in_queues.remove(rights);
  files_under_way -= rights->count;
  each_socket(*rights, [](Socket& s) { --s.under_way, --sockets_under_way; });
}

void dispose(Message* message) {
  if (!message) return;
  Rights* rights = std::exchange(message->rights, nullptr);
  Message::destroy(message);
  dispose(rights);
}

void dispose(Rights* rights) {
  if (!rights) return;
  doomed.push_back(rights);
  if (disposing) return;
  disposing = true;
  while (Rights* next = doomed.pop_front()) Rights::destroy(next);
  disposing = false;
  collect();  // what ended may have been the last way to others
}

void collect() {
  // Only sockets can hold each other. Many of them under way are looked at less often, so that a close costs the same on average.
  constexpr unsigned Few = 64;
  if (!sockets_under_way || collecting || disposing || ++closes * Few < sockets_under_way) return;
  closes = 0;
  collecting = true;
  List<Rights, &Rights::link> garbage;
  {
    NetworkLocked lock;
    // Sockets that nothing but messages keep open ...
    for (Rights& r : in_queues) each_socket(r, [](Socket& s) { s.unreachable = s.holders() == s.under_way; });
    // ... unless such a message can be received by somebody.
    for (bool changed = true; changed;) {
      changed = false;
      for (Rights& r : in_queues) {
        Socket* reader = reader_of(r);
        if (reader && reader->unreachable) continue;
        each_socket(r, [&](Socket& s) { changed |= std::exchange(s.unreachable, false); });
      }
    }
    for (Rights *r = in_queues.first(), *next; r; r = next) {
      next = in_queues.next(r);
      Socket* reader = reader_of(*r);
      if (!reader || !reader->unreachable) continue;
      Message& message = *r->message;
      left(message);
      message.rights = nullptr;
      garbage.push_back(r);
    }
    for (Rights& r : garbage) each_socket(r, [](Socket& s) { s.unreachable = false; });
  }
  while (Rights* r = garbage.pop_front()) dispose(r);
  collecting = false;
}

}  // namespace pl::rights
