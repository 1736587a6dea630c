// Confined to one thread, that of the resolver. One name that is looked up: in /etc/hosts, and if it is not there, by
// DNS, A and AAAA as questions of their own. It never waits: its owner polls the sockets.
#pragma once

#include <poll.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/dns.h"
#include "proxy/resolve/name_table.h"

struct ares_addrinfo;
struct ares_channeldata;

namespace weir::proxy {

class Lookup {
 public:
  // Of one server, for one question: then it is asked again, waiting twice as long, or another one is.
  static constexpr Milliseconds kServerPatience{1'000};
  static constexpr int kTries = 2;  // of each server
  // In all, for names that are sought in many domains of many servers.
  static constexpr Milliseconds kPatience{10'000};

  // Begins at once; what is known at once, as from /etc/hosts, is there when this returns. Each has its own view of
  // /etc/resolv.conf, so that a change of it is noticed, and asks from a port of its own.
  Lookup(std::string name, const config::Dns& rules, SteadyTime now);
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

  const std::string& name() const { return name_; }
  // All answers are there, or have been taken.
  bool done() const;
  std::vector<std::pair<AddressFamily, FamilyAnswer>> take() { return std::exchange(answers_, {}); }

  // Adds the sockets that it waits for.
  void add_to(std::vector<pollfd>& sockets) const;
  // When it wants to go on though nothing has come.
  SteadyTime wake_at(SteadyTime now) const;
  // What poll() says of its sockets, of whose others it takes no notice; and what has become late.
  void go_on(const std::vector<pollfd>& sockets, SteadyTime now);

 private:
  struct Question {
    Lookup* lookup = nullptr;
    AddressFamily family = AddressFamily::kIpv4;
    bool open = false;
    int error = 0;  // that a server answered it with last
  };
  struct Closer {
    void operator()(ares_channeldata* channel) const;
  };
  using Channel = std::unique_ptr<ares_channeldata, Closer>;

  Channel open_channel(const char* where, const config::Dns& rules);
  bool find_in_file(const config::Dns& rules);
  void ask(Question& question);
  void note_error(int socket);
  void answer(AddressFamily family, FamilyAnswer answer);
  static void on_socket(void* self, int socket, int readable, int writable);
  static void on_file(void* found, int status, int timeouts, ares_addrinfo* result);
  static void on_answer(void* question, int status, int timeouts, ares_addrinfo* result);

  const std::string name_;
  const SteadyTime give_up_at_;
  std::array<Question, kAddressFamilies> questions_;
  std::vector<std::pair<AddressFamily, FamilyAnswer>> answers_;
  std::map<int, short> sockets_;  // to poll()'s events
  Channel channel_;               // its end calls back: before all else
};

}  // namespace weir::proxy
