// Both ends of the load bench in one event loop: the two origins, and the users. What is measured is the proxy between
// them, so they are lean enough to keep its core busy throughout, and while a round lasts they look for work without
// ever sleeping: to wake a sleeping core costs the one who sends, between virtual cores as much as a request, and how
// often it happens depends on how fast the others are.
//   bench_peers --origin-1 9001 --origin-2 9002 --users 1000 --body 45 --paths 1 --tls 0
// Answers have bodies of so many bytes, and requests ask for /service-N/ with so many N. Each line of stdin is a round,
// "PORT CONNECTIONS SECONDS [SLOW RUSHING]". When all its connections are open and have been answered once, "ready" is
// said on stdout, and another line of stdin begins the time that counts; what the users saw is one line of JSON on
// stdout, as soon as that time is over. Ends with its input.
#include <fcntl.h>
#include <openssl/ssl.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <random>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/load/event_loop.h"
#include "examples/support/flags.h"
#include "examples/support/tally.h"

namespace weir::bench {
namespace {

using examples::Flags;
using examples::Tally;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

// What every request gets. As a file, so that a long one is sent without a copy.
class CannedAnswer {
 public:
  CannedAnswer(const std::string& model, std::size_t body_bytes) : file_(::memfd_create("answer", MFD_CLOEXEC)) {
    std::string body = R"({"model":")" + model + R"(","score":0.123456})";
    body.resize(std::max(body.size(), body_bytes), ' ');
    bytes_ = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
             std::string(kHeadEnd) + body;
    if (::write(file_, bytes_.data(), bytes_.size()) != static_cast<ssize_t>(bytes_.size())) fail("memfd");
  }
  ~CannedAnswer() { ::close(file_); }
  CannedAnswer(const CannedAnswer&) = delete;
  CannedAnswer& operator=(const CannedAnswer&) = delete;

  // Sends from `sent` on, as much as there is room for; whether that was all.
  bool send_rest(int socket, off_t& sent) const {
    const auto size = static_cast<off_t>(bytes_.size());
    constexpr off_t kSmall = 32 * 1024;
    if (size <= kSmall && sent == 0) sent += std::max<ssize_t>(0, ::send(socket, bytes_.data(), bytes_.size(), kFlags));
    while (sent<size&& ::sendfile(socket, file_, &sent, static_cast<std::size_t>(size - sent))> 0) continue;
    return sent == size;
  }

 private:
  static constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

  int file_;
  std::string bytes_;
};

// Answers requests that have no body, one after another.
class OriginConnection final : public Peer {
 public:
  OriginConnection(int descriptor, const CannedAnswer& answer) : Peer(descriptor), answer_(answer) {}

  void on_ready() override {
    if (answering_) answering_ = !answer_.send_rest(descriptor(), sent_);
    const ssize_t count = ::recv(descriptor(), space_.data() + size_, space_.size() - size_, MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return hang_up();
    if (count < 0) return;
    size_ += static_cast<std::size_t>(count);
    if (!std::string_view(space_.data(), size_).ends_with(kHeadEnd)) return;
    size_ = 0;
    sent_ = 0;
    answering_ = !answer_.send_rest(descriptor(), sent_);
  }

 private:
  const CannedAnswer& answer_;
  std::array<char, 8192> space_;
  std::size_t size_ = 0;
  off_t sent_ = 0;
  bool answering_ = false;
};

// A model server without a model: its connections last until the proxy closes them.
class Origin final : public Peer {
 public:
  Origin(const Loop& loop, unsigned port, const CannedAnswer& answer)
      : Peer(listening_at(port)), loop_(loop), answer_(answer) {
    loop.watch(*this);
  }

  void on_ready() override {
    std::erase_if(connections_, [](const auto& connection) { return connection->descriptor() < 0; });
    for (int accepted = 0; (accepted = ::accept4(descriptor(), nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      send_at_once(accepted);
      connections_.push_back(std::make_unique<OriginConnection>(accepted, answer_));
      loop_.watch(*connections_.back());
    }
    if (errno != EAGAIN) fail("accept");
  }

 private:
  const Loop& loop_;
  const CannedAnswer& answer_;
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
  Round(const std::vector<std::string>& texts, SSL_CTX* with_tls) : requests(texts), tls(with_tls) {}

  const std::vector<std::string>& requests;
  SSL_CTX* tls;  // null: they speak in the clear
  std::mt19937 random{1};
  Tally tally;
  unsigned settled = 0;  // users who have been answered once
  bool ending = false;   // whoever is answered asks no more
  unsigned answered = 0;
};

// One user's connection, in the clear or by TLS.
class Line {
 public:
  Line(int socket, SSL_CTX* tls) : socket_(socket) {
    if (tls == nullptr) return;
    tls_.reset(SSL_new(tls));
    if (SSL_set_fd(tls_.get(), socket) != 1 || SSL_connect(tls_.get()) != 1) fail("TLS handshake");
  }

  bool send(std::string_view bytes) const {
    if (tls_) return SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  // 0: nothing more now; below it: closed.
  int receive(std::span<char> space) const {
    if (tls_) {
      const int count = SSL_read(tls_.get(), space.data(), static_cast<int>(space.size()));
      return count > 0 ? count : SSL_get_error(tls_.get(), count) == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    return received(::recv(socket_, space.data(), space.size(), MSG_DONTWAIT));
  }
  // Forgets up to so many bytes that have come, without a copy where there is no need for one.
  int skip(std::size_t bytes) const {
    static std::array<char, 256 * 1024> nowhere;
    if (tls_) return receive(std::span(nowhere).first(std::min(bytes, nowhere.size())));
    return received(::recv(socket_, nowhere.data(), std::min(bytes, nowhere.size()), MSG_DONTWAIT | MSG_TRUNC));
  }

 private:
  struct Free {
    void operator()(SSL* tls) const { SSL_free(tls); }
  };

  static int received(ssize_t count) {
    if (count == 0) return -1;
    return count > 0 ? static_cast<int>(count) : errno == EAGAIN ? 0 : -1;
  }

  int socket_;
  std::unique_ptr<SSL, Free> tls_;
};

// One connection; each of its requests is another user's, the next one goes out when the last one is answered.
class User final : public Peer {
 public:
  User(Round& round, unsigned port) : Peer(connected_to(port)), round_(round), line_(descriptor(), round.tls) {
    ::fcntl(descriptor(), F_SETFL, O_NONBLOCK);
  }

  void ask() {
    user_ = static_cast<unsigned>(round_.random() % round_.requests.size());
    sent_at_ = SteadyClock::now();
    if (!line_.send(round_.requests[user_])) round_.tally.failed(user_, "");
  }

  void on_ready() override {
    for (;;) {
      const int count = rest_ > 0 ? line_.skip(rest_) : line_.receive(std::span(space_).subspan(size_));
      if (count < 0) {
        hang_up();
        return round_.tally.failed(user_, "");
      }
      if (count == 0) return;
      if (rest_ > 0) {
        rest_ -= static_cast<std::size_t>(count);
      } else {
        size_ += static_cast<std::size_t>(count);
        if (!take_head()) continue;
      }
      if (rest_ == 0) finish();
    }
  }

 private:
  bool take_head() {
    const std::string_view bytes(space_.data(), size_);
    const std::size_t end = bytes.find(kHeadEnd);
    if (end == std::string_view::npos) return false;
    const Answer answer = read_head(bytes.substr(0, end + 2));
    status_ = answer.status;
    version_ = answer.version;
    rest_ = end + kHeadEnd.size() + answer.body - bytes.size();
    size_ = 0;
    return true;
  }

  void finish() {
    if (status_ >= 200 && status_ < 400) {
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - sent_at_);
      round_.tally.answered(version_, took);
    } else {
      round_.tally.failed(user_, version_);
    }
    if (!std::exchange(settled_, true)) ++round_.settled;
    if (!round_.ending) return ask();
    ++round_.answered;
  }

  Round& round_;
  Line line_;
  std::array<char, 8192> space_;
  std::size_t size_ = 0;  // of a head that has not come whole
  std::size_t rest_ = 0;  // of a body
  int status_ = 0;
  std::string version_;
  bool settled_ = false;
  unsigned user_ = 0;
  SteadyClock::time_point sent_at_;
};

// Asks for much and reads nothing.
class SlowReader final : public Peer {
 public:
  SlowReader(unsigned port, const std::string& request) : Peer(connected_to(port)) {
    constexpr int kAsked = 100;
    for (int i = 0; i < kAsked; ++i) ::send(descriptor(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  void on_ready() override {}
};

// Comes when there is no room, is told so, and comes again when it was told to: a second later.
class Rusher final : public Peer {
 public:
  Rusher(unsigned port, const std::string& request) : Peer(connected_to(port)), came_at_(SteadyClock::now()) {
    ::send(descriptor(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void on_ready() override {
    std::array<char, 4096> answer;
    if (::recv(descriptor(), answer.data(), answer.size(), MSG_DONTWAIT) >= 0) hang_up();
  }
  bool comes_again() const { return descriptor() < 0 && SteadyClock::now() - came_at_ > std::chrono::seconds(1); }

 private:
  SteadyClock::time_point came_at_;
};

struct Spec {
  unsigned port = 0;
  unsigned connections = 0;
  std::chrono::duration<double> length{};
  unsigned slow = 0;
  unsigned rushing = 0;
};

// Turns until it is so; whether that was within the time given.
template <class Condition>
bool turn_until(Loop& loop, std::chrono::duration<double> patience, const Condition& condition) {
  for (const auto started = SteadyClock::now(); SteadyClock::now() - started < patience; loop.turn()) {
    if (condition()) return true;
  }
  return false;
}

void play(Loop& loop, Round& round, const Spec& spec) {
  std::vector<std::unique_ptr<User>> users;
  for (unsigned i = 0; i < spec.connections; ++i) {
    users.push_back(std::make_unique<User>(round, spec.port));
    loop.watch(*users.back());
  }
  for (const auto& user : users) user->ask();
  // To open connections, on both sides of the proxy, is another thing than to use them.
  if (!turn_until(loop, std::chrono::seconds(20), [&] { return round.settled == spec.connections; })) {
    throw std::runtime_error(std::to_string(spec.connections - round.settled) +
                             " of the connections were not answered");
  }
  // After the users, who have their places by now.
  std::vector<std::unique_ptr<SlowReader>> slow;
  while (slow.size() < spec.slow) slow.push_back(std::make_unique<SlowReader>(spec.port, round.requests.front()));
  std::vector<std::unique_ptr<Rusher>> rushing(spec.rushing);
  std::cout << "ready" << std::endl;
  if (std::string go; !std::getline(std::cin, go)) return;
  round.tally = Tally();
  const auto started = SteadyClock::now();
  std::chrono::duration<double> elapsed{};
  while (elapsed < spec.length) {
    loop.turn();
    elapsed = SteadyClock::now() - started;
    for (std::unique_ptr<Rusher>& rusher : rushing) {
      if (rusher != nullptr && !rusher->comes_again()) continue;
      rusher = std::make_unique<Rusher>(spec.port, round.requests.front());
      loop.watch(*rusher);
    }
  }
  std::cout << round.tally.json(elapsed.count()) << std::endl;
  // What is under way is answered, so that the proxy has nothing left of this round when the next one begins.
  round.ending = true;
  turn_until(loop, std::chrono::seconds(1), [&] { return round.answered == spec.connections; });
}

std::vector<std::string> requests_of(unsigned users, unsigned paths) {
  std::vector<std::string> requests;
  for (unsigned user = 0; user < users; ++user) {
    requests.push_back("GET /service-" + std::to_string(user % paths) +
                       "/ HTTP/1.1\r\nhost: localhost\r\nx-user-id: user-" + std::to_string(user) + "\r\n\r\n");
  }
  return requests;
}

int run(const Flags& flags) {
  Loop loop;
  const CannedAnswer from_v1("v1", flags.whole("body"));
  const CannedAnswer from_v2("v2", flags.whole("body"));
  Origin v1(loop, flags.whole("origin-1"), from_v1);
  Origin v2(loop, flags.whole("origin-2"), from_v2);
  const std::vector<std::string> requests = requests_of(flags.whole("users"), flags.whole("paths"));
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  for (std::string line; std::getline(std::cin, line);) {
    Spec spec;
    double seconds = 0;
    std::istringstream(line) >> spec.port >> spec.connections >> seconds >> spec.slow >> spec.rushing;
    spec.length = std::chrono::duration<double>(seconds);
    Round round(requests, flags.whole("tls") != 0 ? tls.get() : nullptr);
    play(loop, round, spec);
  }
  return 0;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  const weir::examples::Flags flags(
      argc, argv,
      {{"origin-1", "9001"}, {"origin-2", "9002"}, {"users", "1000"}, {"body", "0"}, {"paths", "1"}, {"tls", "0"}});
  std::signal(SIGPIPE, SIG_IGN);  // sendfile() has no flag against it
  try {
    return weir::bench::run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_peers: %s\n", error.what());
    return 1;
  }
}
