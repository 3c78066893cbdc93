// SPDX-License-Identifier: BSD-2-Clause
#include "debug/lines.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "device/descriptor.h"

extern "C" {
#include <backtrace.h>
// libbacktrace's own header, for debugging information that is in no file of this machine.
#include <internal.h>
}

namespace pl {
namespace {

constexpr size_t kMemoryMost = 256 << 20;  // of the reader
constexpr rlim_t kSecondsMost = 10;
constexpr size_t kTextMost = 512;  // of a place
constexpr size_t kNameMost = 160;
static_assert(DebugSections::kNames.size() == DEBUG_MAX);

size_t memory_used = 0;

std::string shortened(const char* name) {
  if (!name) return "?";
  const std::string text(name, strnlen(name, 4096));
  return text.size() > kNameMost ? "..." + text.substr(text.size() - kNameMost) : text;
}

// The innermost call of those that were inlined comes first.
struct Found {
  std::string text, inner;
  bool closes = false;
};
int add_place(void* data, uintptr_t, const char* file, int line, const char* function) {
  auto& found = *static_cast<Found*>(data);
  if (!file || found.text.size() > kTextMost) return 1;
  const std::string place = fmt::format("{}:{}", shortened(file), line);
  if (found.text.empty()) found.text = place;
  else found.text += fmt::format("{}{}, inlined at {}", found.closes ? " in " : " (", found.inner, place), found.closes = true;
  found.inner = shortened(function);
  return 0;
}

void ignore_error(void*, const char*, int) {}

// In the process that reads: answers, each its size and its text, into the pipe.
void read_all(std::span<const PlaceInFile> places, int out) {
  struct Reader {
    backtrace_state state{};
    bool works = false;
  };
  std::map<const DebugSections*, Reader> readers;
  for (const PlaceInFile& place : places) {
    auto [entry, is_new] = readers.try_emplace(place.sections);
    Reader& reader = entry->second;
    if (is_new && place.sections) {
      dwarf_sections sections{};
      for (size_t i = 0; i < DEBUG_MAX; ++i) {
        sections.data[i] = reinterpret_cast<const unsigned char*>(place.sections->bytes[i].data());
        sections.size[i] = place.sections->bytes[i].size();
      }
      reader.works = sections.size[DEBUG_INFO] && sections.size[DEBUG_LINE] &&
                     backtrace_dwarf_add(&reader.state, 0, &sections, 0, nullptr, ignore_error, nullptr, &reader.state.fileline_fn, nullptr);
    }
    Found found;
    if (reader.works) reader.state.fileline_fn(&reader.state, place.address, add_place, ignore_error, &found);
    if (found.closes) found.text += ")";
    const auto size = static_cast<uint16_t>(std::min<size_t>(found.text.size(), UINT16_MAX));
    if (write(out, &size, sizeof size) != sizeof size || write(out, found.text.data(), size) != size) return;
  }
}

[[noreturn]] void be_reader(std::span<const PlaceInFile> places, int out) {
  for (int signal : {SIGSEGV, SIGBUS, SIGABRT}) ::signal(signal, SIG_DFL);
  const rlimit none{0, 0}, seconds{kSecondsMost, kSecondsMost};
  setrlimit(RLIMIT_CORE, &none);
  setrlimit(RLIMIT_CPU, &seconds);
  read_all(places, out);
  _exit(0);
}

// All of it, or nothing.
bool read_exactly(int descriptor, void* to, size_t size) {
  for (auto* at = static_cast<char*>(to); size;) {
    const ssize_t got = read(descriptor, at, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    size -= static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

std::vector<std::string> source_lines(std::span<const PlaceInFile> places) {
  std::vector<std::string> lines(places.size());
  // Most programs have none.
  if (std::ranges::all_of(places, [](const PlaceInFile& place) { return !place.sections || place.sections->bytes[DEBUG_INFO].empty(); })) return lines;
  int ends[2];
  if (pipe(ends) < 0) return lines;
  Descriptor in(ends[0]), out(ends[1]);
  const pid_t reader = fork();
  if (reader < 0) return lines;
  if (!reader) be_reader(places, out.get());
  out = Descriptor();
  for (std::string& line : lines) {
    uint16_t size = 0;
    if (!read_exactly(in.get(), &size, sizeof size)) break;
    line.resize(size);
    if (!read_exactly(in.get(), line.data(), size)) break;
  }
  in = Descriptor();
  while (waitpid(reader, nullptr, 0) < 0 && errno == EINTR) {}
  return lines;
}

}  // namespace pl

// ---- what libbacktrace takes its memory by: only the process that reads does, and its end gives all of it back ----

extern "C" {

void* backtrace_alloc(backtrace_state*, size_t size, backtrace_error_callback, void*) {
  if (size > pl::kMemoryMost - pl::memory_used) return nullptr;
  pl::memory_used += size;
  return std::malloc(size);
}

void backtrace_free(backtrace_state*, void* memory, size_t size, backtrace_error_callback, void*) {
  pl::memory_used -= std::min(size, pl::memory_used);
  std::free(memory);
}

void* backtrace_vector_grow(backtrace_state*, size_t size, backtrace_error_callback, void*, backtrace_vector* vector) {
  if (size > vector->alc) {
    const size_t more = std::max(size, vector->size + 1024);
    if (more > pl::kMemoryMost - pl::memory_used) return nullptr;
    void* base = std::realloc(vector->base, vector->size + more);
    if (!base) return nullptr;
    pl::memory_used += more - vector->alc;
    vector->base = base;
    vector->alc = more;
  }
  void* place = static_cast<char*>(vector->base) + vector->size;
  vector->size += size;
  vector->alc -= size;
  return place;
}

void* backtrace_vector_finish(backtrace_state*, backtrace_vector* vector, backtrace_error_callback, void*) { return std::exchange(*vector, {}).base; }

int backtrace_vector_release(backtrace_state*, backtrace_vector* vector, backtrace_error_callback, void*) {
  pl::memory_used -= std::min(vector->alc, pl::memory_used);
  vector->alc = 0;
  if (vector->size) return 1;
  std::free(std::exchange(vector->base, nullptr));
  return 1;
}

}
