// SPDX-License-Identifier: BSD-2-Clause
#include "sockets.h"

pl::PeerIdentity pl::current_identity() { return hosted::identity; }
pl::PeerIdentity pl::current_sender() { return hosted::identity; }
