// A model server as small as can be: it thinks for a few milliseconds, answers with JSON, and fails as often as asked.
// Delays and failures come from a seed, so that a demo is the same each time. It thinks evenly between two times or,
// with --delay-median-ms, lognormally around one; some answers, or the longest, can be made to take a multiple of it.
//   model_server --port 9001 --name v1 --fail-percent 3
//   model_server --port 9002 --name v2 --delay-median-ms 20 --slow-percent 5 --slow-factor 10
#include <algorithm>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <random>
#include <string>
#include <utility>

#include "examples/support/flags.h"
#include "examples/support/message.h"

namespace weir::examples {
namespace {

using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using SteadyClock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor>;

class Model {
 public:
  explicit Model(const Flags& flags)
      : name_(flags.text("name")),
        delay_ms_(flags.number("delay-min-ms"), std::max(flags.number("delay-min-ms"), flags.number("delay-max-ms"))),
        median_ms_(flags.number("delay-median-ms")),
        sigma_(flags.number("delay-sigma")),
        tail_factor_(flags.number("tail-factor")),
        slow_(flags.number("slow-percent") / 100),
        slow_factor_(flags.number("slow-factor")),
        failure_(flags.number("fail-percent") / 100),
        random_(flags.whole("seed")) {}

  // How long the next answer takes to think of.
  std::chrono::microseconds think() {
    double delay_ms = median_ms_ > 0 ? lognormal_ms() : delay_ms_(random_);
    if (slow_(random_)) delay_ms *= slow_factor_;
    return std::chrono::microseconds(static_cast<long>(delay_ms * 1000));
  }

  std::string answer() {
    if (failure_(random_)) return respond("500 Internal Server Error", R"({"error":"the model crashed"})");
    return respond("200 OK", R"({"model":")" + name_ + R"(","score":)" + std::to_string(score_(random_)) + "}");
  }

 private:
  static std::string respond(const std::string& status, const std::string& json) {
    return "HTTP/1.1 " + status +
           "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(json.size()) + "\r\n\r\n" + json;
  }

  // The slowest 5 % stretched, by a factor that grows from 1 at p95 to tail_factor_ at p99.
  double lognormal_ms() {
    const double normal = normal_(random_);
    const double rank = 0.5 * std::erfc(-normal / std::sqrt(2.0));
    const double into_tail = std::clamp((rank - 0.95) / 0.04, 0.0, 1.0);
    return median_ms_ * std::exp(sigma_ * normal) * (1 + (tail_factor_ - 1) * into_tail);
  }

  std::string name_;
  std::uniform_real_distribution<double> delay_ms_;
  std::normal_distribution<double> normal_;
  double median_ms_;
  double sigma_;
  double tail_factor_;
  std::bernoulli_distribution slow_;
  double slow_factor_;
  std::uniform_real_distribution<double> score_;
  std::bernoulli_distribution failure_;
  std::mt19937_64 random_;
};

Awaitable<> serve(Socket socket, Model& model) {
  Timer timer(socket.get_executor());
  std::string buffer;
  while (const auto request = co_await read_message(socket, buffer)) {
    const auto delay = model.think();
    if (delay > delay.zero()) {
      timer.expires_after(delay);
      co_await timer.async_wait(kAsTuple);
    }
    const std::string response = model.answer();
    const auto [error, written] = co_await asio::async_write(socket, asio::buffer(response), kAsTuple);
    if (error || request->close) break;
  }
}

Awaitable<> accept(Acceptor& acceptor, Model& model) {
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAsTuple);
    if (error == asio::error::operation_aborted) co_return;
    if (error) continue;
    boost::system::error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    Socket accepted(std::move(socket));
    asio::co_spawn(acceptor.get_executor(), serve(std::move(accepted), model), asio::detached);
  }
}

int run(const Flags& flags) {
  IoContext context(1);
  Model model(flags);
  const auto port = static_cast<asio::ip::port_type>(flags.whole("port"));
  Acceptor acceptor(context, Tcp::endpoint(asio::ip::address_v4::loopback(), port));
  std::printf("%s listens on 127.0.0.1:%d\n", flags.text("name").c_str(), acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(context, accept(acceptor, model), asio::detached);
  asio::signal_set signals(context, SIGINT, SIGTERM);
  signals.async_wait([&context](const boost::system::error_code&, int) { context.stop(); });
  context.run();
  return 0;
}

}  // namespace
}  // namespace weir::examples

int main(int argc, char** argv) {
  const weir::examples::Flags flags(argc, argv,
                                    {{"port", "0"},
                                     {"name", "model"},
                                     {"delay-min-ms", "5"},
                                     {"delay-max-ms", "20"},
                                     {"delay-median-ms", "0"},
                                     {"delay-sigma", "0.6"},
                                     {"tail-factor", "1"},
                                     {"slow-percent", "0"},
                                     {"slow-factor", "10"},
                                     {"fail-percent", "0"},
                                     {"seed", "1"}});
  try {
    return weir::examples::run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model_server: %s\n", error.what());
    return 1;
  }
}
