# SPDX-License-Identifier: BSD-2-Clause
platform-cppflags-y =
platform-genflags-y = -I$(src_dir) -I$(src_dir)/platform/generic/include
platform-cflags-y =
platform-asflags-y =
# The monitor: C++ objects, linked beside OpenSBI.
platform-ldflags-y = $(PENGLAI_OBJECTS)

platform-objs-y += platform.o
platform-objs-y += device_tree.o

FW_DYNAMIC=y
