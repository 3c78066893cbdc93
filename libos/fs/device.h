// SPDX-License-Identifier: BSD-2-Clause
// Character devices, by number (Documentation/admin-guide/devices.txt).
#pragma once

#include "fs/file.h"

namespace pl {

class TmpDirectory;

// ENXIO for a number that has no device here.
ErrorOr<Ref<File>> open_device(Ref<Inode> node, uint64_t number, uint32_t flags);
// Fills /dev.
ErrorOr<void> populate_devices(TmpDirectory& directory);

}  // namespace pl
