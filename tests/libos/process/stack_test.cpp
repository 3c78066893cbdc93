// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "hosted.h"
#include "process/stack.h"

using namespace pl;

namespace {

uint64_t word(uint64_t at) {
  uint64_t value = 0;
  cr_assert(copy_from_user(&value, UserAddress(at), sizeof(value)).has_value());
  return value;
}
std::string text(uint64_t at) { return reinterpret_cast<const char*>(hosted::memory.data() + (at - hosted::Base)); }

struct Seen {
  std::vector<std::string> arguments, environment;
  std::map<uint64_t, uint64_t> auxiliary;
};
Seen read_stack(uint64_t sp) {
  Seen seen;
  uint64_t count = word(sp);
  sp += 8;
  for (uint64_t i = 0; i < count; ++i, sp += 8) seen.arguments.push_back(text(word(sp)));
  cr_assert_eq(word(sp), 0u);
  for (sp += 8; word(sp); sp += 8) seen.environment.push_back(text(word(sp)));
  for (sp += 8; word(sp); sp += 16) seen.auxiliary[word(sp)] = word(sp + 8);
  return seen;
}

ErrorOr<StackLayout> write(const ArgumentStrings& arguments, const ArgumentStrings& environment, const ArgumentStrings* script = nullptr) {
  static const AuxiliaryEntry entries[] = {{auxiliary::PageSize, 4096}, {auxiliary::Uid, 12}};
  StackContents contents{script, arguments, environment, "/bin/program", entries, 2, {}};
  std::memset(contents.random, 0x5a, 16);
  return write_stack(UserAddress(hosted::Base + hosted::memory.size()), contents);
}

}  // namespace

Test(stack, a_program_finds_its_arguments_environment_and_auxiliary_vector) {
  hosted::reset(65536);
  ArgumentStrings arguments, environment;
  for (const char* s : {"program", "", "two words"}) cr_assert(arguments.append(s).has_value());
  cr_assert(environment.append("A=1").has_value());
  auto layout = write(arguments, environment);
  cr_assert(layout.has_value());
  cr_expect_eq(layout->sp % 16, 0u);
  Seen seen = read_stack(layout->sp);
  cr_expect((seen.arguments == std::vector<std::string>{"program", "", "two words"}));
  cr_expect((seen.environment == std::vector<std::string>{"A=1"}));
  cr_expect_eq(seen.auxiliary[auxiliary::Uid], 12u);
  cr_expect(text(seen.auxiliary[auxiliary::ExecutableName]) == "/bin/program");
  cr_expect_eq(word(seen.auxiliary[auxiliary::Random]), 0x5a5a5a5a5a5a5a5au);
  cr_expect_eq(word(hosted::Base + 65536 - 8), 0u);
}

Test(stack, strings_of_any_length_arrive_whole) {
  hosted::reset(1 << 20);
  ArgumentStrings arguments, environment;
  std::vector<std::string> wanted;
  for (size_t length : {0, 1, 383, 384, 385, 4079, 4080, 4081, 9000, 100000}) {
    wanted.push_back(std::string(length, char('a' + wanted.size())));
    cr_assert(arguments.append(wanted.back()).has_value());
    cr_assert(environment.append(wanted.back()).has_value());
  }
  auto layout = write(arguments, environment);
  cr_assert(layout.has_value());
  Seen seen = read_stack(layout->sp);
  cr_expect(seen.arguments == wanted);
  cr_expect(seen.environment == wanted);
}

Test(stack, a_scripts_interpreter_takes_the_place_of_the_first_argument) {
  hosted::reset(65536);
  for (size_t first : {3, 382, 383, 384, 600, 5000}) {
    ArgumentStrings arguments, environment, script;
    for (std::string s : {std::string(first, 'x'), std::string("last")}) cr_assert(arguments.append(s).has_value());
    arguments.drop_first();
    for (const char* s : {"/bin/sh", "-x", "/script"}) cr_assert(script.append(s).has_value());
    auto layout = write(arguments, environment, &script);
    cr_assert(layout.has_value());
    cr_expect((read_stack(layout->sp).arguments == std::vector<std::string>{"/bin/sh", "-x", "/script", "last"}), "%zu", first);
  }
}

Test(stack, the_strings_of_a_program_are_copied_up_to_a_limit) {
  hosted::reset(65536);
  auto put = [](uint64_t at, const void* from, size_t n) { cr_assert(copy_to_user(UserAddress(hosted::Base + at), from, n).has_value()); };
  std::string big(20000, 'b');
  put(4090, "crosses a page", 15);
  put(8192, big.c_str(), big.size() + 1);
  uint64_t pointers[] = {hosted::Base + 4090, hosted::Base + 8192, 0};
  put(0, pointers, sizeof(pointers));
  ArgumentStrings strings;
  cr_assert(strings.append_user(UserAddress(hosted::Base), 30000).has_value());
  cr_expect_eq(strings.count(), 2u);
  cr_expect_eq(strings.bytes(), 15u + 20001u);
  ArgumentStrings limited;
  auto result = limited.append_user(UserAddress(hosted::Base), 15000);
  cr_expect(!result && result.error() == Errno::TooBig);
  pointers[1] = 0x10;
  put(0, pointers, sizeof(pointers));
  ArgumentStrings bad;
  result = bad.append_user(UserAddress(hosted::Base), 30000);
  cr_expect(!result && result.error() == Errno::Fault);
}

Test(stack, nothing_is_left_allocated) {
  hosted::reset(65536);
  size_t before = hosted::allocations;
  {
    ArgumentStrings strings;
    cr_assert(strings.append(std::string(30000, 'x')).has_value());
    hosted::heap_is_full = true;
    cr_expect(!strings.append(std::string(30000, 'y')).has_value());
    hosted::heap_is_full = false;
  }
  cr_expect_eq(hosted::allocations, before);
}

Test(stack, a_stack_that_does_not_fit_is_an_error) {
  hosted::reset(1024);
  ArgumentStrings arguments, environment;
  cr_assert(arguments.append(std::string(3000, 'x')).has_value());
  cr_expect(!write(arguments, environment).has_value());
}

Test(stack, arguments_and_variables_can_be_replaced_in_place) {
  hosted::reset(65536);
  ArgumentStrings arguments, environment;
  for (const char* s : {"other", "words"}) cr_assert(arguments.append(s).has_value());
  for (const char* s : {"A=1", "B=2"}) cr_assert(environment.append(s).has_value());
  const uint64_t room = hosted::Base + 4096, slots = hosted::Base + 512;
  std::memset(hosted::memory.data() + 512, 0xee, 64);
  auto places = write_arguments(UserAddress(room), UserAddress(slots), 4, arguments, environment);
  cr_assert(places.has_value());
  cr_expect_eq(text(word(room)), "other");
  cr_expect_eq(text(word(room + 8)), "words");
  cr_expect_eq(word(room + 16), 0u);
  cr_expect_eq(places->strings, room + 24);
  cr_expect_eq(text(word(slots)), "A=1");
  cr_expect_eq(word(slots), places->environment_strings);
  cr_expect_eq(text(word(slots + 8)), "B=2");
  cr_expect_eq(word(slots + 16), 0u);
  cr_expect_eq(word(slots + 24), 0u);
  cr_expect_eq(word(slots + 32), 0xeeeeeeeeeeeeeeeeu, "nothing behind the slots is touched");
  cr_expect_eq(places->end - room, argument_block_bytes(arguments, environment));
  auto few = write_arguments(UserAddress(room), UserAddress(slots), 2, arguments, environment);
  cr_expect(!few && few.error() == Errno::TooBig, "two variables and a null need three slots");
}
