// Users. So many requests a second from so many users over kept-alive connections; each request says who its user is.
// With --rate 0, as many as the other side answers. What they saw goes to stdout at the end and, with --json, to a file
// that is replaced every second.
//   steady_load --port 8080 --rate 500 --users 500 --seconds 60
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "examples/support/flags.h"
#include "examples/support/message.h"
#include "examples/support/tally.h"

namespace weir::examples {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor>;

// A user who was refused a connection waits this long before the next try.
constexpr std::chrono::milliseconds kReconnectPause{50};

class Load {
 public:
  Load(IoContext& context, const Flags& flags)
      : context_(context),
        endpoint_(asio::ip::address_v4::loopback(), static_cast<asio::ip::port_type>(flags.whole("port"))),
        rate_(flags.number("rate")),
        connections_(std::max(1U, flags.whole("connections"))),
        user_(0, std::max(1U, flags.whole("users")) - 1),
        seconds_(flags.number("seconds")),
        json_path_(flags.text("json")),
        random_(flags.whole("seed")) {
    for (unsigned user = 0; user <= user_.max(); ++user) {
      requests_.push_back("GET " + flags.text("path") + " HTTP/1.1\r\nhost: " + flags.text("host") +
                          "\r\nx-user-id: user-" + std::to_string(user) + "\r\n\r\n");
    }
  }

  void start() {
    for (unsigned index = 0; index < connections_; ++index) {
      asio::co_spawn(context_, use_connection(index), asio::detached);
    }
    asio::co_spawn(context_, report_every_second(), asio::detached);
  }

  void report() const {
    const double seconds = elapsed();
    std::printf("%llu requests in %.1f s, %llu errors seen by %zu users; p50 %.2f ms, p99 %.2f ms\n",
                static_cast<unsigned long long>(tally_.requests()), seconds,
                static_cast<unsigned long long>(tally_.errors()), tally_.users_with_errors(),
                static_cast<double>(tally_.latency_us(0.5)) / 1000,
                static_cast<double>(tally_.latency_us(0.99)) / 1000);
    write_json();
  }

 private:
  double elapsed() const { return std::chrono::duration<double>(SteadyClock::now() - started_).count(); }

  // When the connection's turn number `turn` is; the connections take turns.
  SteadyClock::time_point due(unsigned index, std::uint64_t turn) const {
    const double number = static_cast<double>(turn * connections_ + index);
    return started_ + std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(number / rate_));
  }

  Awaitable<> use_connection(unsigned index) {
    Timer timer(context_);
    for (std::uint64_t turn = 0;;) {
      Socket socket(context_);
      const auto [error] = co_await socket.async_connect(endpoint_, kAsTuple);
      if (error) {
        tally_.failed(user_(random_), "");
        timer.expires_after(kReconnectPause);
        co_await timer.async_wait(kAsTuple);
        continue;
      }
      boost::system::error_code ignored;
      socket.set_option(Tcp::no_delay(true), ignored);
      std::string buffer;
      for (bool alive = true; alive; ++turn) {
        if (rate_ > 0) {
          timer.expires_at(due(index, turn));
          co_await timer.async_wait(kAsTuple);
        }
        alive = co_await ask(socket, buffer);
      }
    }
  }

  // One request and its answer; false when the connection is of no more use.
  Awaitable<bool> ask(Socket& socket, std::string& buffer) {
    const unsigned user = user_(random_);
    const auto sent_at = SteadyClock::now();
    const auto [error, written] = co_await asio::async_write(socket, asio::buffer(requests_[user]), kAsTuple);
    const auto answer = co_await read_message(socket, buffer);
    if (error || !answer) {
      tally_.failed(user, "");
      co_return false;
    }
    const std::string_view version = answer->field("x-weir-version");
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - sent_at);
    if (answer->status() >= 200 && answer->status() < 400) {
      tally_.answered(version, took);
    } else {
      tally_.failed(user, version);
    }
    co_return !answer->close;
  }

  Awaitable<> report_every_second() {
    Timer timer(context_);
    for (int second = 1; seconds_ == 0 || second <= seconds_; ++second) {
      timer.expires_at(started_ + std::chrono::seconds(second));
      co_await timer.async_wait(kAsTuple);
      write_json();
    }
    context_.stop();
  }

  // Whoever reads the file finds all of it: it is written beside and renamed.
  void write_json() const {
    if (json_path_.empty()) return;
    const std::string fresh = json_path_ + ".new";
    std::ofstream(fresh) << tally_.json(elapsed()) << "\n";
    std::filesystem::rename(fresh, json_path_);
  }

  IoContext& context_;
  Tcp::endpoint endpoint_;
  double rate_;
  unsigned connections_;
  std::uniform_int_distribution<unsigned> user_;
  double seconds_;
  std::string json_path_;
  std::mt19937 random_;
  std::vector<std::string> requests_;
  Tally tally_;
  SteadyClock::time_point started_ = SteadyClock::now();
};

int run(const Flags& flags) {
  IoContext context(1);
  Load load(context, flags);
  load.start();
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&context](const boost::system::error_code&, int) { context.stop(); });
  context.run();
  load.report();
  return 0;
}

}  // namespace
}  // namespace weir::examples

int main(int argc, char** argv) {
  const weir::examples::Flags flags(argc, argv,
                                    {{"port", "8080"},
                                     {"host", "localhost"},
                                     {"path", "/"},
                                     {"rate", "500"},
                                     {"users", "500"},
                                     {"connections", "64"},
                                     {"seconds", "0"},
                                     {"json", ""},
                                     {"seed", "1"}});
  try {
    return weir::examples::run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "steady_load: %s\n", error.what());
    return 1;
  }
}
