// SPDX-License-Identifier: BSD-2-Clause
#pragma once

namespace pl::test {

// Prints what the calls cost, in instructions (with QEMU -icount shift=0, one hart). With `step`, instead waits for a
// line before and after one spawn and one doorbell, so that somebody outside can trace just these.
void measure(bool step);

}  // namespace pl::test
