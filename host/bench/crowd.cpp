// SPDX-License-Identifier: BSD-2-Clause
#include "bench/crowd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string_view>
#include <thread>
#include <unordered_set>

#include "bench/counter.h"
#include "image/sha256.h"
#include "server/invocation.h"
#include "server/server.h"

namespace pl::bench {
namespace {

constexpr const char* kNonceProgram = "bench-nonce";
// Pool memory of an instance at the most: two extents, and the monitor's record.
constexpr uint64_t kMostBytes = 132 << 10;

using Nonce = std::array<std::byte, 32>;

template <class Body>
OrFailure<Spent> timed(Body body) {
  const uint64_t time = monotonic_now(), start = instructions();
  if (auto done = body(); !done) return std::unexpected(done.error());
  const uint64_t end = instructions();
  return Spent{end - start, monotonic_now() - time};
}

OrFailure<void> exited_well(const Ending& ending) {
  const Failure described = describe(ending);
  if (!described.message.empty()) return std::unexpected(described);
  if (described.status) return failure(kOwnFailure, fmt::format("an instance ended with status {}", described.status));
  return {};
}

// One of those alive at once: the enclave's side, and the end of its socket that the world outside holds.
struct Member : Instance {
  explicit Member(WindowPiece taken) : Instance(taken.bytes()), piece(std::move(taken)) {}
  WindowPiece piece;
  Descriptor inside, outside;
};

// The world outside, on a thread of its own: knows the sockets alone.
class Outside {
 public:
  explicit Outside(std::vector<std::unique_ptr<Member>>& members) : members_(members), nonces_(members.size()), ids_(members.size()) {}

  // Empty, or what went wrong; then nobody is left waiting.
  std::string talk(const std::function<void()>& at_the_peak) {
    std::string wrong = converse(at_the_peak);
    if (!wrong.empty())
      for (auto& member : members_) shutdown(member->outside.get(), SHUT_RDWR);
    return wrong;
  }

 private:
  std::string converse(const std::function<void()>& at_the_peak) {
    for (size_t i = 0; i < members_.size(); ++i)
      if (!ask(i)) return fmt::format("instance {} cannot be asked", i);
    for (size_t i = 0; i < members_.size(); ++i)
      if (std::string wrong = check(i); !wrong.empty()) return wrong;
    at_the_peak();
    std::vector<size_t> order(members_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::shuffle(order, std::mt19937(std::random_device{}()));
    for (size_t i : order) {
      if (!ask(i)) return fmt::format("instance {} cannot be asked again", i);
      if (std::string wrong = check(i); !wrong.empty()) return wrong;
      char more;
      if (read(members_[i]->outside.get(), &more, 1) != 0) return fmt::format("instance {} does not end", i);
    }
    return {};
  }

  bool ask(size_t i) {
    Nonce& nonce = nonces_[i];
    if (getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) return false;
    return write(members_[i]->outside.get(), nonce.data(), nonce.size()) == static_cast<ssize_t>(nonce.size());
  }

  std::string check(size_t i) {
    std::string digest, got;
    for (uint8_t byte : sha256(nonces_[i])) digest += fmt::format("{:02x}", byte);
    char buffer[160];
    while (!got.ends_with('\n')) {
      const ssize_t n = read(members_[i]->outside.get(), buffer, sizeof buffer);
      if (n <= 0) break;
      got.append(buffer, static_cast<size_t>(n));
    }
    const size_t space = got.find(' ');
    const std::string id = got.substr(0, space);
    if (space == got.npos || got.substr(space + 1) != digest + "\n") return fmt::format("instance {} answered '{}' for '{}'", i, got, digest);
    // Its own, as the monitor named it: nobody else's, and the same the second time.
    if (ids_[i].empty() ? !seen_.insert(ids_[i] = id).second : ids_[i] != id) return fmt::format("instance {} calls itself {}", i, id);
    return "";
  }

  std::vector<std::unique_ptr<Member>>& members_;
  std::vector<Nonce> nonces_;
  std::vector<std::string> ids_;
  std::unordered_set<std::string> seen_;
};

OrFailure<std::unique_ptr<Member>> make_member(Device& device, unsigned number, const std::shared_ptr<Stream>& errors) {
  auto piece = WindowPiece::take(device, PL_WINDOW_MIN);
  if (!piece) return failure(kOwnFailure, fmt::format("window {}: {}", number, std::strerror(piece.error())));
  auto member = std::make_unique<Member>(std::move(*piece));
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
    return failure(kOwnFailure, fmt::format("socket {}: {}", number, std::strerror(errno)));
  member->inside = Descriptor(ends[0]);
  member->outside = Descriptor(ends[1]);
  auto stream = std::make_shared<Stream>(std::move(*Stream::adopt(ends[0])));
  member->handles().set_stream(0, stream);
  member->handles().set_stream(1, stream);
  member->handles().set_stream(2, errors);
  Invocation invocation;
  invocation.arguments = {kNonceProgram};
  prepare_window(member->window(), invocation);
  return member;
}

unsigned threads_of_this_process() {
  std::error_code error;
  auto tasks = std::filesystem::directory_iterator("/proc/self/task", error);
  return static_cast<unsigned>(std::distance(begin(tasks), end(tasks)));
}

}  // namespace

OrFailure<Spent> instances_in_a_row(Laboratory& laboratory, const std::string& program, unsigned count) {
  auto id = laboratory.template_of(program);
  if (!id) return std::unexpected(id.error());
  auto piece = WindowPiece::take(laboratory.device(), PL_WINDOW_DEFAULT);
  if (!piece) return failure(kOwnFailure, fmt::format("window: {}", std::strerror(piece.error())));
  Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  auto adopted = Stream::adopt(null.get());
  if (!adopted) return failure(kOwnFailure, "/dev/null cannot be opened");
  const auto stream = std::make_shared<Stream>(std::move(*adopted));
  Server server(laboratory.device(), nullptr, nullptr);
  Invocation invocation;
  invocation.arguments = {program};
  laboratory.count_forks(count);
  return timed([&]() -> OrFailure<void> {
    for (unsigned i = 0; i < count; ++i) {
      Instance instance(piece->bytes());
      for (uint32_t number = 0; number < 3; ++number) instance.handles().set_stream(number, stream);
      prepare_window(instance.window(), invocation);
      server.add_fork(instance, *id, piece->place(), 0);
      if (auto well = exited_well(server.next()); !well) return well;
    }
    return {};
  });
}

OrFailure<Spent> processes_in_a_row(Laboratory& laboratory, const std::string& program, unsigned count) {
  Spent spent;
  for (unsigned i = 0; i < count; ++i) {
    auto run = laboratory.process(program);
    if (!run) return std::unexpected(run.error());
    if (run->status) return failure(kOwnFailure, fmt::format("a process ended with status {}", run->status));
    spent.instructions += run->instructions;
    spent.nanoseconds += run->nanoseconds;
  }
  return spent;
}

OrFailure<Crowd> all_at_once(Laboratory& laboratory, unsigned count) {
  auto id = laboratory.template_of(kNonceProgram);
  if (!id) return std::unexpected(id.error());
  const pl_ioc_stat before = laboratory.stat();
  count = static_cast<unsigned>(std::min<uint64_t>(count, before.pool_free / kMostBytes));
  if (!count) return failure(kOwnFailure, "no room in the enclaves' memory for a single instance");
  const size_t arena = std::bit_ceil(size_t{count} * PL_WINDOW_MIN);
  auto device = Device::open(PL_DEVICE, std::max<size_t>(arena, 64 << 10));
  if (!device) return failure(kOwnFailure, fmt::format("an arena of {} bytes: {}", arena, std::strerror(device.error())));

  Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const auto errors = std::make_shared<Stream>(std::move(*Stream::adopt(null.get())));
  std::vector<std::unique_ptr<Member>> members;
  for (unsigned i = 0; i < count; ++i) {
    auto member = make_member(*device, i, errors);
    if (!member) return std::unexpected(member.error());
    members.push_back(std::move(*member));
  }

  Crowd crowd;
  std::string wrong;
  OrFailure<void> ended;
  const uint64_t start = monotonic_now();
  {
    Server server(*device, nullptr, nullptr);
    for (auto& member : members) server.add_fork(*member, *id, member->piece.place(), 0);
    laboratory.count_forks(count);
    std::jthread outside([&] {
      wrong = Outside(members).talk([&] {
        const pl_ioc_stat now = laboratory.stat();
        crowd.instances = static_cast<unsigned>((now.enclaves - now.templates) - (before.enclaves - before.templates));
        crowd.threads = threads_of_this_process();
        crowd.pool_bytes = (before.pool_free - now.pool_free) / count;
      });
    });
    for (size_t alive = members.size(); alive; --alive) {
      const Ending ending = server.next();
      auto& member = static_cast<Member&>(*ending.instance);
      shutdown(member.inside.get(), SHUT_RDWR);  // and the world outside sees its end
      if (auto well = exited_well(ending); !well && ended) ended = failure(kOwnFailure, "an instance: " + well.error().message);
    }
  }
  if (!ended) return std::unexpected(ended.error());
  if (!wrong.empty()) return failure(kOwnFailure, wrong);
  crowd.nanoseconds = monotonic_now() - start;
  const pl_ioc_stat after = laboratory.stat();
  if (after.pool_free != before.pool_free || after.enclaves != before.enclaves)
    return failure(kOwnFailure, fmt::format("{} bytes of the pool and {} enclaves did not come back", before.pool_free - after.pool_free, after.enclaves - before.enclaves));
  return crowd;
}

}  // namespace pl::bench
