// SPDX-License-Identifier: BSD-2-Clause
// Flow control: never more than a window on the way, nothing lost, no standstill; who cheats is caught.
#include <criterion/criterion.h>

#include <random>

#include "system/queue.h"
#include "wire/window.h"

using namespace pl::machine;

Test(window, every_byte_arrives_and_never_more_than_a_window_is_on_the_way) {
  std::mt19937 random(5);
  SendWindow sender;
  ReceiveWindow receiver;
  size_t on_the_way = 0, held = 0, sent = 0, consumed = 0;
  constexpr size_t kTotal = 64 << 20;
  while (consumed < kTotal) {
    const size_t before = sent + consumed;
    const size_t size = std::min({sender.available(), kTotal - sent, size_t{1} + random() % 70000});
    sender.sent(size);
    sent += size;
    on_the_way += size;
    const size_t arrives = on_the_way ? random() % (on_the_way + 1) : 0;
    cr_assert(receiver.received(arrives));
    on_the_way -= arrives;
    held += arrives;
    const size_t taken = held ? 1 + random() % held : 0;
    held -= taken;
    consumed += taken;
    if (const uint32_t grant = receiver.consumed(taken)) cr_assert(sender.granted(grant));
    cr_assert_leq(on_the_way + held, kWindow);
    cr_assert(sent + consumed > before || on_the_way > 0, "standstill");
  }
}

Test(window, a_sender_that_overruns_is_caught) {
  ReceiveWindow receiver;
  cr_expect(receiver.received(kWindow));
  cr_expect(!receiver.received(1));
  cr_expect_eq(receiver.consumed(10), 0u);
  cr_expect(!receiver.received(1), "what is not granted yet is not to be used");
}

Test(window, a_receiver_that_grants_too_much_is_caught) {
  SendWindow sender;
  cr_expect(!sender.granted(1));
  sender.sent(100);
  cr_expect(!sender.granted(101));
  cr_expect(!sender.granted(0xffffffff));
  cr_expect(sender.granted(100));
  cr_expect_eq(sender.available(), kWindow);
}

Test(queue, gives_bytes_back_in_order) {
  std::mt19937 random(9);
  ByteQueue queue;
  uint8_t in = 0, out = 0;
  for (int round = 0; round < 20000; ++round) {
    Bytes more(random() % 300);
    for (auto& byte : more) byte = static_cast<std::byte>(in++);
    queue.push(more);
    const size_t take = random() % (queue.size() + 1);
    for (const std::byte byte : queue.front().first(take)) cr_assert(byte == static_cast<std::byte>(out++));
    queue.pop(take);
  }
}
