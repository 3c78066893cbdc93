// SPDX-License-Identifier: BSD-2-Clause
// What an init does before it can serve: file systems, the driver, its device, the loopback interface.
#pragma once

#include <sys/types.h>

#include <string>

#include "../system/descriptor.h"
#include "../wire/message.h"

namespace pl::machine::agent {

// A line on the console, which the daemon keeps as the machine's log.
void log(const std::string& line);

void mount_file_systems();
// Loads the driver and gives its device to the group. Without the driver the machine still runs plain commands.
void load_driver();
// /run/penglai/USER, where its commands find one another's instances.
void make_user_folder(uint32_t user, uint32_t group);
void bring_up_loopback();
// The serial port that the daemon holds the other end of; empty if there is none within five seconds.
Descriptor open_port();
Pool read_pool();
void set_clock(uint64_t nanoseconds);
[[noreturn]] void power_off();

// The group that may open /dev/penglai.
inline constexpr gid_t kPenglaiGroup = 900;

}  // namespace pl::machine::agent
