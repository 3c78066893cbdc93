// SPDX-License-Identifier: BSD-2-Clause
#pragma once

namespace pl {

// At a freeze: what is allocated stays for ever, and nothing more is put beside it.
void heap_seal();

}  // namespace pl
