// SPDX-License-Identifier: BSD-2-Clause
// Physical frames. A frame is reached through the frame window only while it is filled or copied; no object lives there.
// Frames of a template, seen from a fork, are immortal: ref and unref leave them alone.
#pragma once

#include <utility>

#include "arch/layout.h"
#include "base/address.h"
#include "base/error.h"

namespace pl {

// Zeroed. May ask the monitor for another extent, or sleep while the host makes room.
ErrorOr<PhysicalAddress> allocate_frame();
void ref_frame(PhysicalAddress frame);
void unref_frame(PhysicalAddress frame);  // frees at the last one
bool frame_is_frozen(PhysicalAddress frame);
// In the frame window. Valid while a reference is held; writable only when this instance owns the frame alone or shares it on purpose.
#ifdef PL_HOSTED
void* frame_pointer(PhysicalAddress frame);
#else
inline void* frame_pointer(PhysicalAddress frame) { return reinterpret_cast<void*>(PL_FRAME_WINDOW + frame.value); }
#endif

// One counted reference.
class FrameRef {
 public:
  FrameRef() = default;
  static ErrorOr<FrameRef> allocate() { return adopt(TRY(allocate_frame())); }
  static FrameRef adopt(PhysicalAddress frame) { FrameRef r; r.frame_ = frame; return r; }
  static FrameRef share(PhysicalAddress frame) { ref_frame(frame); return adopt(frame); }
  FrameRef(const FrameRef& o) : frame_(o.frame_) { if (frame_) ref_frame(frame_); }
  FrameRef(FrameRef&& o) noexcept : frame_(std::exchange(o.frame_, {})) {}
  FrameRef& operator=(FrameRef o) noexcept { std::swap(frame_, o.frame_); return *this; }
  ~FrameRef() { if (frame_) unref_frame(frame_); }
  PhysicalAddress address() const { return frame_; }
  PhysicalAddress leak() { return std::exchange(frame_, {}); }
  std::byte* data() const { return static_cast<std::byte*>(frame_pointer(frame_)); }
  explicit operator bool() const { return bool(frame_); }

 private:
  PhysicalAddress frame_;
};

}  // namespace pl
