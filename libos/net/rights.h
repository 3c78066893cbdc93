// SPDX-License-Identifier: BSD-2-Clause
// Descriptors under way (SCM_RIGHTS). A socket that is only in a message which only that socket could receive is unreachable: such cycles
// are found whenever a Unix socket closes, and taken apart.
#pragma once

#include "net/message.h"

namespace pl::rights {

// Under the network lock: `message` is in `receiver`'s queue now, or has left it.
void arrived(Message& message, Endpoint& receiver);
void left(Message& message);
unsigned under_way();

// Not under the lock. Files may end, each of which may hold a queue with more of them: one after the other, not one inside the other.
void dispose(Message* message);
void dispose(Rights* rights);
void collect();

}  // namespace pl::rights
