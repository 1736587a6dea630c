// Both ends of the stream bench in one event loop: two model servers that stream, and the users who read. Each stream
// says so many events a second, as tokens come, and each event when it was sent; when a stream has ended its user asks
// for another.
//   bench_stream_peers --origin-1 9001 --origin-2 9002 --users 1000 --rate 50 --events 500
// Each line of stdin is a round, "PORT STREAMS SECONDS". When every stream has begun, "ready" is said on stdout, and another
// line of stdin begins the time that counts; how many events the users got in it and how old they were is one line of JSON on
// stdout, as bench_peers writes it of requests. Then all streams end. Ends with its input.
#include <fcntl.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <iostream>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/event_loop.h"
#include "examples/support/flags.h"
#include "examples/support/tally.h"

namespace weir::bench {
namespace {

using examples::Flags;
using examples::Tally;
using std::chrono::microseconds;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
constexpr std::string_view kId = "chatcmpl-";
constexpr std::size_t kStamp = 16;  // hexadecimal digits behind it: when the event was sent
constexpr std::string_view kLastChunk = "0\r\n\r\n";

microseconds now() { return std::chrono::duration_cast<microseconds>(SteadyClock::now().time_since_epoch()); }

std::string chunk(const std::string& data) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + data + "\r\n";
}

// As an OpenAI-compatible server writes a token. `finish` is JSON.
std::string event(std::string_view delta, std::string_view finish) {
  return "data: {\"id\":\"" + std::string(kId) + std::string(kStamp, '0') +
         R"(","object":"chat.completion.chunk","created":1700000000,"model":"llama-8b","choices":[{"index":0,"delta":{)" +
         std::string(delta) + R"(},"logprobs":null,"finish_reason":)" + std::string(finish) + "}]}\n\n";
}

// The pace of all streams, and whether they go on.
struct Schedule {
  microseconds interval{};
  unsigned events = 0;  // of a stream
  bool ending = false;  // each says its last event when its next one is due
};

// One connection of the proxy: streams that it asks for, one after another.
class StreamConnection final : public Peer {
 public:
  StreamConnection(int descriptor, const Schedule& schedule, std::deque<StreamConnection*>& due)
      : Peer(descriptor), schedule_(schedule), due_(due) {}

  void on_ready() override {
    const ssize_t count = ::recv(descriptor(), space_.data(), space_.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN)) {
      if (!streaming_) hang_up();
      closed_ = true;
      return;
    }
    // A request comes in one piece or in two; it ends with its body, which is the only thing that ends so.
    if (count < 2 || streaming_) return;
    if (std::string_view(space_.data(), static_cast<std::size_t>(count)).ends_with("}]}")) begin();
  }

  // Its next event is due.
  void say_next() {
    if (closed_) return end();
    static const std::string token = chunk(event(R"("content":" token")", "null"));
    static const std::string last = chunk(event("", R"("stop")") + "data: [DONE]\n\n") + std::string(kLastChunk);
    const bool ends = ++said_ >= schedule_.events || schedule_.ending;
    say(ends ? last : token);
    if (ends) return end();
    go_on();
  }
  microseconds due() const { return due_at_; }

 private:
  void begin() {
    static const std::string role = chunk(event(R"("role":"assistant","content":"")", "null"));
    streaming_ = true;
    said_ = 0;
    due_at_ = now();
    say(std::string(kHead) + role);
    go_on();
  }
  void go_on() {
    due_at_ += schedule_.interval;
    due_.push_back(this);
  }
  void end() {
    streaming_ = false;
    if (closed_) hang_up();
  }
  void say(std::string text) {
    char stamp[kStamp + 1];
    std::snprintf(stamp, sizeof stamp, "%016llx", static_cast<unsigned long long>(now().count()));
    text.replace(text.find(kId) + kId.size(), kStamp, stamp, kStamp);
    if (::send(descriptor(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
        static_cast<ssize_t>(text.size())) {
      closed_ = true;  // a reader that is so far behind has lost its stream
    }
  }

  const Schedule& schedule_;
  std::deque<StreamConnection*>& due_;
  std::array<char, 8192> space_;
  bool streaming_ = false;
  bool closed_ = false;
  unsigned said_ = 0;
  microseconds due_at_{};
};

// A model server without a model.
class StreamOrigin final : public Peer {
 public:
  StreamOrigin(const Loop& loop, unsigned port, const Schedule& schedule)
      : Peer(listening_at(port)), loop_(loop), schedule_(schedule) {
    loop.watch(*this);
  }

  void on_ready() override {
    std::erase_if(connections_, [](const auto& connection) { return connection->descriptor() < 0; });
    for (int accepted = 0; (accepted = ::accept4(descriptor(), nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      send_at_once(accepted);
      connections_.push_back(std::make_unique<StreamConnection>(accepted, schedule_, due_));
      loop_.watch(*connections_.back());
    }
    if (errno != EAGAIN) fail("accept");
  }

  // All intervals are as long, so the first in the queue is due first.
  void say_what_is_due() {
    while (!due_.empty() && due_.front()->due() <= now()) {
      StreamConnection* const one = due_.front();
      due_.pop_front();
      one->say_next();
    }
  }

 private:
  const Loop& loop_;
  const Schedule& schedule_;
  std::deque<StreamConnection*> due_;
  std::vector<std::unique_ptr<StreamConnection>> connections_;
};

struct Round {
  Tally tally;
  unsigned begun = 0;    // streams of which something has come
  unsigned ended = 0;    // users who do not ask again
  bool ending = false;
};

// Reads one stream after another.
class Reader final : public Peer {
 public:
  Reader(Round& round, unsigned port, unsigned user) : Peer(connected_to(port)), round_(round), user_(user) {
    ::fcntl(descriptor(), F_SETFL, O_NONBLOCK);
  }

  void ask() {
    const std::string body = R"({"model":"llama-8b","stream":true,"messages":[{"role":"user","content":"What is a weir?"}]})";
    const std::string request = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-user-id: user-" +
                                std::to_string(user_) +
                                "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
                                "\r\n\r\n" + body;
    if (::send(descriptor(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      round_.tally.failed(user_, "");
    }
  }

  void on_ready() override {
    for (;;) {
      const ssize_t count = ::recv(descriptor(), space_.data() + kept_, space_.size() - kept_, MSG_DONTWAIT);
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) {
        if (!round_.ending) round_.tally.failed(user_, "");
        return hang_up();
      }
      take({space_.data(), kept_ + static_cast<std::size_t>(count)});
    }
  }

 private:
  void take(std::string_view bytes) {
    const bool ended = bytes.ends_with(kLastChunk);
    if (!std::exchange(begun_, true)) {
      ++round_.begun;
      if (!bytes.starts_with("HTTP/1.1 200 ")) round_.tally.failed(user_, "");
    }
    for (;;) {
      const std::size_t id = bytes.find(kId);
      if (id == std::string_view::npos || bytes.size() < id + kId.size() + kStamp) break;
      bytes.remove_prefix(id + kId.size());
      count_event(bytes.substr(0, kStamp));
    }
    // What the next read may make an event of.
    kept_ = ended ? 0 : std::min(bytes.size(), kId.size() + kStamp - 1);
    std::memmove(space_.data(), bytes.data() + (bytes.size() - kept_), kept_);
    if (!ended) return;
    begun_ = false;
    if (!round_.ending) return ask();
    ++round_.ended;
  }

  void count_event(std::string_view stamp) {
    std::uint64_t sent = 0;
    std::from_chars(stamp.data(), stamp.data() + stamp.size(), sent, 16);
    round_.tally.answered("", now() - microseconds(sent));
  }

  Round& round_;
  unsigned user_;
  std::array<char, 16 * 1024> space_;
  std::size_t kept_ = 0;
  bool begun_ = false;
};

class Bench {
 public:
  explicit Bench(const Flags& flags)
      : schedule_{.interval = microseconds(static_cast<std::int64_t>(1e6 / flags.number("rate"))),
                  .events = flags.whole("events")},
        users_(flags.whole("users")),
        v1_(loop_, flags.whole("origin-1"), schedule_),
        v2_(loop_, flags.whole("origin-2"), schedule_) {}

  void play(unsigned port, unsigned streams, double seconds) {
    Round round;
    std::vector<std::unique_ptr<Reader>> readers;
    schedule_.ending = false;
    // They begin one after another within an interval, as they would go on.
    const microseconds started = now();
    for (unsigned i = 0; i < streams; ++i) {
      readers.push_back(std::make_unique<Reader>(round, port, i % users_));
      loop_.watch(*readers.back());
      turn_until([&] { return now() - started >= i * (kBeginning / streams); }, kBeginning * 2);
      readers.back()->ask();
    }
    if (!turn_until([&] { return round.begun >= streams; }, std::chrono::seconds(20))) {
      throw std::runtime_error(std::to_string(streams - round.begun) + " streams did not begin");
    }
    std::cout << "ready" << std::endl;
    if (std::string go; !std::getline(std::cin, go)) return;
    round.tally = Tally();
    const microseconds begun = now();
    const auto length = microseconds(static_cast<std::int64_t>(seconds * 1e6));
    turn_until([&] { return now() - begun >= length; }, length * 2);
    std::cout << round.tally.json(std::chrono::duration<double>(now() - begun).count()) << std::endl;
    schedule_.ending = round.ending = true;
    turn_until([&] { return round.ended == streams; }, std::chrono::seconds(5));
  }

 private:
  static constexpr microseconds kBeginning{1'000'000};

  // Whether it was so within the time given.
  template <class Condition>
  bool turn_until(const Condition& condition, microseconds patience) {
    for (const microseconds started = now(); now() - started < patience;) {
      if (condition()) return true;
      loop_.turn();
      v1_.say_what_is_due();
      v2_.say_what_is_due();
    }
    return false;
  }

  Loop loop_;
  Schedule schedule_;
  unsigned users_;
  StreamOrigin v1_;
  StreamOrigin v2_;
};

int run(const Flags& flags) {
  Bench bench(flags);
  for (std::string line; std::getline(std::cin, line);) {
    unsigned port = 0;
    unsigned streams = 0;
    double seconds = 0;
    std::istringstream(line) >> port >> streams >> seconds;
    bench.play(port, streams, seconds);
  }
  return 0;
}

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  const weir::examples::Flags flags(
      argc, argv, {{"origin-1", "9001"}, {"origin-2", "9002"}, {"users", "1000"}, {"rate", "50"}, {"events", "500"}});
  try {
    return weir::bench::run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_stream_peers: %s\n", error.what());
    return 1;
  }
}
