// SPDX-License-Identifier: BSD-2-Clause
// From a plan to a running enclave: a cold one, or a template that is found or built.
#pragma once

#include "device/device.hpp"
#include "run/failure.h"
#include "run/plan.h"
#include "run/say.h"

namespace pl {

struct Ending;
class DebuggerPort;
class Instance;

// The root image, where the plan has one, as the handle that the libOS will ask for; mounts follow behind it.
OrFailure<void> give_root(const Plan& plan, Instance& instance);

// Made of the plan's image and sealed, not yet run. `window` is its ocall window.
OrFailure<Enclave> make_enclave(Device& device, const Plan& plan, const Pages& image, pl_ioc_window window);

// The id of the template that the plan names, built first if there is none. Several processes may do this at once. `debugger`: of a debug
// enclave, who hears of a death on the way.
OrFailure<uint64_t> find_or_build_template(Device& device, const Plan& plan, const Digest& key, const Say& say, DebuggerPort* debugger = nullptr);

// What an ending means for the user: the exit status, and what there is to say about it. `memory` is the limit, 0 for none.
Failure describe(const Ending& ending, uint64_t memory = 0);

}  // namespace pl
