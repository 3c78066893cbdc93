// SPDX-License-Identifier: BSD-2-Clause
// The daemon: relays between its clients and the agent, and decides when the machine starts and ends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "../system/loop.h"
#include "../system/queue.h"
#include "../wire/message.h"
#include "board.h"
#include "console.h"

namespace pl::machine {

class Server {
 public:
  Server(Configuration configuration, Directory directory, Descriptor listener, Descriptor log);
  ~Server();
  // Starts QEMU. An error is a line for the user.
  std::expected<void, std::string> start();
  // Runs until the machine is off. Returns the process's exit status.
  int run();

 private:
  enum class State { kStarting, kRunning, kStopping };
  static constexpr size_t kPortFull = 1u << 20;  // bytes on their way to the agent; then no client is read

  struct Client {
    uint64_t id = 0;
    Descriptor fd;
    Loop::Watch watch;
    FrameReader reader;
    ByteQueue out;
    Identity identity;
    uint32_t session = 0;   // of its command, while that runs
    bool greeted = false;
    bool awaits_stop = false;
    bool awaits_status = false;
    std::function<void()> awaits_count;  // goes on when the count of instances is as fresh as the answer to question `count`
    uint64_t count = 0;
    bool gone = false;
    Bytes held;             // frames for the agent, until there is one
  };

  // clients.cpp
  void accept();
  void on_client(Client& client, uint32_t events);
  void receive(Client& client);
  void handle(Client& client, const Frame& frame);
  void greet(Client& client, const Frame& frame);
  void welcome(Client& client, bool outdated);
  void relay(Client& client, const Frame& frame);
  void stop_for(Client& client, bool force);
  void stop_if_unused(Client& client);
  void send(Client& client, Type type, std::span<const std::byte> payload);
  void refuse(Client& client, Refusal reason, const std::string& text);
  void flush(Client& client);
  void drop(Client& client);
  size_t commands() const;
  uint64_t ask_pool();
  void count_afresh(Client& client, std::function<void()> then);
  void counted(Client& client, uint64_t answer);
  void get_status(Client& client);
  void answer_status(const Pool& pool);
  std::string status(const Pool& pool) const;

  // agent.cpp
  void on_port(uint32_t events);
  void receive_from_agent();
  void handle_agent(const Frame& frame);
  void flush_port();
  void ping();

  // server.cpp
  void on_console();
  void on_exit();
  void watch_idle();
  void begin_stop();
  void lose(const std::string& why);
  void after_events();

  static double seconds(Loop::Clock::duration time) { return std::chrono::duration<double>(time).count(); }

  Loop loop_;
  Configuration configuration_;
  Directory directory_;
  Descriptor listener_;
  Console console_;
  Board board_;
  Loop::Watch accept_watch_, port_watch_, console_watch_, exit_watch_;
  FrameReader port_reader_;
  ByteQueue port_out_;
  std::map<uint64_t, std::unique_ptr<Client>> clients_;
  std::map<uint32_t, Client*> sessions_;
  uint64_t next_client_ = 1;
  uint32_t next_session_ = 1;
  State state_ = State::kStarting;
  Loop::Clock::time_point started_ = Loop::Clock::now();
  Loop::Clock::time_point ready_{};
  Loop::Clock::time_point heard_{};
  Loop::Clock::time_point last_use_ = Loop::Clock::now();
  std::string release_;
  uint64_t instances_ = 0;  // that live inside, as of a moment ago
  uint64_t pools_asked_ = 0;  // the agent answers in turn
  uint64_t pools_told_ = 0;
  int exit_status_ = 0;
};

}  // namespace pl::machine
