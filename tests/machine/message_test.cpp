// SPDX-License-Identifier: BSD-2-Clause
// Payloads: what is encoded is decoded; what is cut, stretched, or says something that cannot be is nothing.
#include <criterion/criterion.h>

#include <random>

#include "wire/message.h"

using namespace pl::machine;

namespace {

Spawn example() {
  Spawn spawn;
  spawn.arguments = {"/usr/bin/pl-run", "--shadow", "", "ünïcode\n"};
  spawn.environment = {"A=1", "EMPTY="};
  spawn.directory = "/home/user";
  spawn.file_mask = 027;
  spawn.terminals = 5;
  spawn.absent = 2;
  spawn.window = {25, 80, 640, 480};
  spawn.modes.input = 0x500;
  spawn.modes.characters[3] = 127;
  return spawn;
}

}  // namespace

Test(message, a_command_is_decoded_as_it_was_encoded) {
  const auto spawn = decode<Spawn>(encode(example()));
  cr_assert(spawn.has_value());
  cr_expect(spawn->arguments == example().arguments);
  cr_expect(spawn->environment == example().environment);
  cr_expect(spawn->directory == "/home/user");
  cr_expect_eq(spawn->file_mask, 027u);
  cr_expect_eq(spawn->terminals, 5);
  cr_expect_eq(spawn->absent, 2);
  cr_expect_eq(spawn->window.columns, 80);
  cr_expect_eq(spawn->modes.input, 0x500u);
  cr_expect_eq(spawn->modes.characters[3], 127);
}

Test(message, the_others_too) {
  const auto hello = decode<Hello>(encode(Hello{7, "print", "text"}));
  cr_expect(hello && hello->version == 7 && hello->fingerprint == "print" && hello->text == "text");
  const auto refused = decode<Refused>(encode(Refused{Refusal::kBusy, "why"}));
  cr_expect(refused && refused->reason == Refusal::kBusy && refused->text == "why");
  const auto identity = decode<Identity>(encode(Identity{1000, 100, {4, 27, 0xffffffff}}));
  cr_expect(identity && identity->user == 1000 && identity->group == 100 && identity->groups == std::vector<uint32_t>({4, 27, 0xffffffff}));
  const auto failure = decode<Failure>(encode(Failure{2, "x"}));
  cr_expect(failure && failure->error == 2 && failure->text == "x");
  const auto signal = decode<SignalRequest>(encode(SignalRequest{15, 1}));
  cr_expect(signal && signal->number == 15 && signal->group == 1);
  const auto exit = decode<Exit>(encode(Exit{0x700, 1ull << 40}));
  cr_expect(exit && exit->status == 0x700 && exit->consumed == 1ull << 40);
  const auto pool = decode<Pool>(encode(Pool{1, 2, 3, 4, 5, 6}));
  cr_expect(pool && pool->size == 1 && pool->forks == 6);
  cr_expect(decode_number(encode_number(0x01020304)) == 0x01020304u);
}

Test(message, cut_anywhere_is_nothing) {
  const Bytes whole = encode(example());
  for (size_t size = 0; size < whole.size(); ++size) cr_assert(!decode<Spawn>(std::span(whole).first(size)), "%zu bytes were enough", size);
}

Test(message, with_a_byte_too_many_is_nothing) {
  Bytes longer = encode(example());
  longer.push_back(std::byte{0});
  cr_expect(!decode<Spawn>(longer));
  Bytes number = encode_number(1);
  number.push_back(std::byte{0});
  cr_expect(!decode_number(number));
}

Test(message, a_count_that_cannot_be_reserves_nothing) {
  Bytes bytes;
  Writer writer(bytes);
  writer.integer(uint32_t{0xffffffff});
  cr_expect(!decode<Spawn>(bytes));
  Bytes groups;
  Writer(groups).integer(uint64_t{1});
  Writer(groups).integer(uint32_t{0xffffffff});
  cr_expect(!decode<Identity>(groups));
}

Test(message, a_command_without_a_program_or_with_a_nul_is_nothing) {
  Spawn none = example();
  none.arguments.clear();
  cr_expect(!decode<Spawn>(encode(none)));
  Spawn nul = example();
  nul.arguments[1] = std::string("a\0b", 3);
  cr_expect(!decode<Spawn>(encode(nul)));
  nul = example();
  nul.environment[0] = std::string("A=\0", 3);
  cr_expect(!decode<Spawn>(encode(nul)));
  nul = example();
  nul.directory = std::string("/\0etc", 5);
  cr_expect(!decode<Spawn>(encode(nul)));
}

Test(message, bits_and_modes_that_do_not_exist_are_nothing) {
  Spawn spawn = example();
  spawn.terminals = 8;
  cr_expect(!decode<Spawn>(encode(spawn)));
  spawn = example();
  spawn.absent = 0xff;
  cr_expect(!decode<Spawn>(encode(spawn)));
  spawn = example();
  spawn.file_mask = 01000;
  cr_expect(!decode<Spawn>(encode(spawn)));
  cr_expect(!decode<SignalRequest>(encode(SignalRequest{15, 2})));
  cr_expect(!decode<Refused>(encode(Refused{static_cast<Refusal>(0), ""})));
}

Test(message, noise_is_read_within_its_bytes) {
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    Bytes noise = round % 2 ? encode(example()) : Bytes(random() % 200);
    for (int i = 0; i < 4 && !noise.empty(); ++i) noise[random() % noise.size()] = static_cast<std::byte>(random());
    decode<Spawn>(noise);
    decode<Hello>(noise);
    decode<Identity>(noise);
    decode<Refused>(noise);
    decode<Failure>(noise);
    decode<Exit>(noise);
  }
}
