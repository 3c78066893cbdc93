// SPDX-License-Identifier: BSD-2-Clause
#include "core/monitor.h"

namespace pl {

constinit Monitor monitor;

}  // namespace pl
