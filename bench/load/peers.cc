// Both ends of the load bench in one event loop: the two origins, and the users. What is measured is the proxy between
// them, so they are lean enough to keep its core busy throughout, and while a round lasts they look for work without
// ever sleeping: to wake a sleeping core costs the one who sends, between virtual cores as much as a request, and how
// often it happens depends on how fast the others are.
//   bench_peers --origin-1 9001 --origin-2 9002 --users 1000
// Each line of stdin is a round, "PORT CONNECTIONS SECONDS"; what its users saw is one line of JSON on stdout. Ends
// with its input.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "examples/support/flags.h"
#include "examples/support/tally.h"

namespace weir::bench {
namespace {

using examples::Flags;
using examples::Tally;
using SteadyClock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

sockaddr_in loopback(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Something that the loop calls when its descriptor, which it owns, can be read.
class Peer {
 public:
  explicit Peer(int descriptor) : descriptor_(descriptor) {}
  virtual ~Peer() { hang_up(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  int descriptor() const { return descriptor_; }
  virtual void on_readable() = 0;

 protected:
  // The messages are small and one at a time is under way: a send buffer takes each whole.
  bool send(std::string_view bytes) const {
    return ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }

  // Is not called any more.
  void hang_up() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

class Loop {
 public:
  Loop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) fail("epoll_create1");
  }
  ~Loop() { ::close(epoll_); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void watch(Peer& peer) const {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;
    event.data.ptr = &peer;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, peer.descriptor(), &event) != 0) fail("epoll_ctl");
  }
  // Calls those that can be read, at most every kTurn.
  void turn() {
    while (SteadyClock::now() < next_turn_) continue;
    next_turn_ = SteadyClock::now() + kTurn;
    const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 0);
    for (int i = 0; i < count; ++i) static_cast<Peer*>(events_[static_cast<std::size_t>(i)].data.ptr)->on_readable();
  }

 private:
  // Much less than a request takes with all connections in use, and enough for several to come together.
  static constexpr std::chrono::microseconds kTurn{50};

  int epoll_;
  SteadyClock::time_point next_turn_;
  std::array<epoll_event, 256> events_{};
};

// What has come of a message, which fits in here whole.
class Inbox {
 public:
  // False when the other side has closed, or sends what does not fit.
  bool receive(int descriptor) {
    const ssize_t count = ::recv(descriptor, space_.data() + size_, space_.size() - size_, MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN;
    size_ += static_cast<std::size_t>(count);
    return count > 0;
  }
  std::string_view bytes() const { return {space_.data(), size_}; }
  void clear() { size_ = 0; }

 private:
  std::array<char, 8192> space_;
  std::size_t size_ = 0;
};

constexpr std::string_view kHeadEnd = "\r\n\r\n";

// Answers requests that have no body.
class OriginConnection final : public Peer {
 public:
  OriginConnection(int descriptor, const std::string& answer) : Peer(descriptor), answer_(answer) {}

  void on_readable() override {
    const bool open = inbox_.receive(descriptor());
    if (inbox_.bytes().ends_with(kHeadEnd)) {
      inbox_.clear();
      send(answer_);
    } else if (!open) {
      hang_up();
    }
  }

 private:
  const std::string& answer_;
  Inbox inbox_;
};

// A model server without a model: its connections last as long as it does.
class Origin final : public Peer {
 public:
  Origin(const Loop& loop, unsigned port, const std::string& name)
      : Peer(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), loop_(loop) {
    const int on = 1;
    const sockaddr_in address = loopback(port);
    ::setsockopt(descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
    if (::listen(descriptor(), SOMAXCONN) != 0) fail("listen");
    loop.watch(*this);
    const std::string body = R"({"model":")" + name + R"(","score":0.123456})";
    answer_ = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body;
  }

  void on_readable() override {
    for (int accepted = 0; (accepted = ::accept4(descriptor(), nullptr, nullptr, 0)) >= 0;) {
      const int on = 1;
      ::setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.push_back(std::make_unique<OriginConnection>(accepted, answer_));
      loop_.watch(*connections_.back());
    }
  }

 private:
  const Loop& loop_;
  std::string answer_;
  std::vector<std::unique_ptr<OriginConnection>> connections_;
};

// An answer as far as a user looks at it.
struct Answer {
  int status = 0;
  std::size_t body = 0;
  std::string_view version;
};

template <class Number>
Number number_at(std::string_view text) {
  Number value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// `head` ends with the line end of its last field.
Answer read_head(std::string_view head) {
  Answer answer;
  if (head.starts_with("HTTP/1.1 ")) answer.status = number_at<int>(head.substr(9));
  while (!head.empty()) {
    head.remove_prefix(std::min(head.find('\n') + 1, head.size()));
    const auto value_of = [head](std::string_view name) {
      const bool here = head.size() > name.size() && ::strncasecmp(head.data(), name.data(), name.size()) == 0;
      return here ? head.substr(name.size(), head.find('\r') - name.size()) : std::string_view();
    };
    if (const auto length = value_of("content-length: "); !length.empty()) answer.body = number_at<std::size_t>(length);
    if (const auto version = value_of("x-weir-version: "); !version.empty()) answer.version = version;
    if (head.find('\n') == std::string_view::npos) break;
  }
  return answer;
}

// What all users of a round share: what they ask, and what they saw.
struct Round {
  explicit Round(const std::vector<std::string>& texts) : requests(texts) {}

  const std::vector<std::string>& requests;
  std::mt19937 random{1};
  Tally tally;
};

// One connection; each of its requests is another user's, the next one goes out when the last one is answered.
class User final : public Peer {
 public:
  User(Round& round, unsigned port) : Peer(::socket(AF_INET, SOCK_STREAM, 0)), round_(round) {
    const sockaddr_in address = loopback(port);
    if (::connect(descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
    const int on = 1;
    ::setsockopt(descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  void ask() {
    user_ = static_cast<unsigned>(round_.random() % round_.requests.size());
    sent_at_ = SteadyClock::now();
    if (!send(round_.requests[user_])) round_.tally.failed(user_, "");
  }

  void on_readable() override {
    if (!inbox_.receive(descriptor())) {
      hang_up();
      return round_.tally.failed(user_, "");
    }
    const std::string_view bytes = inbox_.bytes();
    const std::size_t end = bytes.find(kHeadEnd);
    if (end == std::string_view::npos) return;
    const Answer answer = read_head(bytes.substr(0, end + 2));
    if (bytes.size() < end + kHeadEnd.size() + answer.body) return;
    if (answer.status >= 200 && answer.status < 400) {
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - sent_at_);
      round_.tally.answered(answer.version, took);
    } else {
      round_.tally.failed(user_, answer.version);
    }
    inbox_.clear();
    ask();
  }

 private:
  Round& round_;
  Inbox inbox_;
  unsigned user_ = 0;
  SteadyClock::time_point sent_at_;
};

struct Spec {
  unsigned port = 0;
  unsigned connections = 0;
  std::chrono::duration<double> length{};
};

std::string play(Loop& loop, Round& round, const Spec& spec) {
  std::vector<std::unique_ptr<User>> users;
  for (unsigned i = 0; i < spec.connections; ++i) {
    users.push_back(std::make_unique<User>(round, spec.port));
    loop.watch(*users.back());
  }
  const auto started = SteadyClock::now();
  for (const auto& user : users) user->ask();
  std::chrono::duration<double> elapsed{};
  while (elapsed < spec.length) {
    loop.turn();
    elapsed = SteadyClock::now() - started;
  }
  return round.tally.json(elapsed.count());
}

int run(const Flags& flags) {
  Loop loop;
  Origin v1(loop, flags.whole("origin-1"), "v1");
  Origin v2(loop, flags.whole("origin-2"), "v2");
  std::vector<std::string> requests;
  for (unsigned user = 0; user < flags.whole("users"); ++user) {
    requests.push_back("GET / HTTP/1.1\r\nhost: localhost\r\nx-user-id: user-" + std::to_string(user) + "\r\n\r\n");
  }
  for (std::string line; std::getline(std::cin, line);) {
    Spec spec;
    double seconds = 0;
    std::istringstream(line) >> spec.port >> spec.connections >> seconds;
    spec.length = std::chrono::duration<double>(seconds);
    Round round(requests);
    std::cout << play(loop, round, spec) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  const weir::examples::Flags flags(argc, argv, {{"origin-1", "9001"}, {"origin-2", "9002"}, {"users", "1000"}});
  try {
    return weir::bench::run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_peers: %s\n", error.what());
    return 1;
  }
}
