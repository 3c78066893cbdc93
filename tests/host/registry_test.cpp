// SPDX-License-Identifier: BSD-2-Clause
// Entries of serving processes, the living and the dead, and what may be asked of them.
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "commands/lines.h"
#include "registry/control.h"
#include "registry/entry.h"
#include "registry/query.h"

using namespace pl;

namespace {

// A registry of the test's own.
struct Home {
  char path[32] = "/tmp/pl-registry-XXXXXX";
  Home() {
    cr_assert(mkdtemp(path));
    setenv("XDG_RUNTIME_DIR", path, 1);
  }
  ~Home() { std::filesystem::remove_all(path); }
};

// A process that has an entry and answers nothing; ends when it is told to.
struct Serving {
  pid_t process;
  int stop[2];
  Serving(const char* name, Kept kept) {
    int ready[2];
    cr_assert(pipe(ready) == 0 && pipe(stop) == 0);
    process = fork();
    if (process == 0) {
      close(stop[1]);
      auto entry = Entry::make(name, Description{.program = "./prog", .arguments = {}, .created = 1, .process = getpid(), .message = {}}, kept);
      char byte = entry ? 'y' : 'n';
      [[maybe_unused]] ssize_t size = write(ready[1], &byte, 1);
      size = read(stop[0], &byte, 1);
      if (entry) entry->ended(7, "why");
      entry = std::unexpected("gone");  // its destructor runs
      _exit(0);
    }
    close(ready[1]);
    char byte = 0;
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(byte, 'y');
    close(ready[0]);
  }
  void end() {
    close(stop[1]);
    waitpid(process, nullptr, 0);
  }
  void kill() {
    ::kill(process, SIGKILL);
    waitpid(process, nullptr, 0);
  }
};

}  // namespace

Test(registry, an_attached_entry_is_gone_with_its_process) {
  Home home;
  Serving serving("one", Kept::No);
  auto found = find_entry("one");
  cr_assert(found && found->alive());
  cr_expect_eq(remove_entry("one").error(), EBUSY);
  serving.end();
  cr_expect_eq(find_entry("one").error(), ENOENT);
}

Test(registry, what_a_killed_process_left_is_taken_away_by_who_looks) {
  Home home;
  Serving serving("one", Kept::No);
  serving.kill();
  cr_expect(list_entries()->empty());
  cr_expect_neq(access(entry_folder("one")->c_str(), F_OK), 0);
}

Test(registry, a_detached_entry_tells_how_it_ended_until_it_is_removed) {
  Home home;
  Serving serving("one", Kept::AfterTheEnd);
  serving.end();
  auto found = find_entry("one");
  cr_assert(found && !found->alive() && found->description);
  cr_expect_eq(found->description->status, 7);
  cr_expect_str_eq(found->description->message.c_str(), "why");
  cr_expect_eq(await_instance("one")->status, 7);
  cr_expect(!Entry::make("one", {}, Kept::No).has_value(), "its name is taken");
  cr_expect(forget_instance("one", Force::No).has_value());
  cr_expect_eq(find_entry("one").error(), ENOENT);
}

Test(registry, a_detached_one_whose_process_was_killed_is_shown_as_killed) {
  Home home;
  Serving serving("one", Kept::AfterTheEnd);
  serving.kill();
  auto rows = all_instances(Which::All);
  cr_assert_eq(rows->size(), 1);
  cr_expect_str_eq((*rows)[0].state.c_str(), "killed");
  cr_expect_eq((*rows)[0].status, 137);
}

Test(registry, a_name_is_taken_once_and_free_again_after_its_process) {
  Home home;
  {
    Serving serving("one", Kept::No);
    auto second = Entry::make("one", {}, Kept::No);
    cr_assert(!second);
    cr_expect(second.error().find("taken") != std::string::npos);
    serving.kill();
  }
  cr_expect(Entry::make("one", {}, Kept::No).has_value());
}

Test(registry, names_cannot_lead_elsewhere) {
  for (const char* name : {"", ".", "..", "a/b", ".hidden", "a.b", "-x", "a b"}) {
    cr_expect(!valid_instance_name(name), "%s", name);
    cr_expect_eq(find_entry(name).error(), ENOENT, "%s", name);
  }
  cr_expect(parse_instance_name("web.12")->index == 12u);
  cr_expect(!parse_instance_name("web.x") && !parse_instance_name("web."));
}

Test(registry, a_folder_that_others_can_enter_is_refused) {
  Home home;
  std::filesystem::create_directory(std::string(home.path) + "/penglai");
  std::filesystem::permissions(std::string(home.path) + "/penglai", std::filesystem::perms::all);
  cr_expect_eq(list_entries().error(), EACCES);
}

Test(control, a_request_is_answered_and_who_waits_is_told) {
  Home home;
  signal(SIGIO, SIG_IGN);
  auto entry = Entry::make("one", {}, Kept::No);
  Control control(entry->listener(), [](const std::string& request) { return request == "wait" ? "" : "to " + request; });
  pid_t child = fork();
  if (child == 0) {
    auto found = find_entry("one");
    if (*ask(found->connection.get(), "x") != "to x") _exit(1);
    _exit(*ask(found->connection.get(), "wait", Patience::Endless) == "the end" ? 0 : 2);
  }
  int status = -1;
  while (waitpid(child, &status, WNOHANG) == 0) {
    control.attend();
    control.tell("the end");  // to who waits by now
    usleep(1000);
  }
  cr_expect_eq(status, 0);
}

Test(lines, a_signal_that_no_terminal_sends_is_refused_with_the_list) {
  const char* wrong[] = {"pl-kill", "-s", "USR1", "x"};
  auto line = parse_command_line("pl-kill", 4, wrong);
  cr_assert(!line);
  cr_expect_eq(line.error().status, 2);
  cr_expect(line.error().text.find("WINCH") != std::string::npos, "%s", line.error().text.c_str());
  const char* right[] = {"pl-kill", "-s", "SIGint", "x", "y"};
  cr_expect_eq(parse_command_line("pl-kill", 5, right)->signal, SIGINT);
}
