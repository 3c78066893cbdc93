// SPDX-License-Identifier: BSD-2-Clause
#pragma once

namespace pl {

// At a freeze: what is allocated stays for ever, nothing more is put beside it, and what was freed is zero.
void heap_seal();

}  // namespace pl
