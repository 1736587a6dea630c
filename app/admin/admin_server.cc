#include "app/admin/admin_server.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>

#include "app/admin/access.h"
#include "app/build/build_info.h"
#include "base/asio.h"
#include "base/clock.h"
#include "base/log.h"

namespace weir::app {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using Stream = beast::basic_stream<Tcp, Executor>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;
using Parser = http::request_parser<http::string_body>;
using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

constexpr auto kTuple = asio::as_tuple(kUseAwaitable);
constexpr std::uint64_t kBodyLimit = 64 * 1024;
constexpr std::uint64_t kScoresLimit = 1024 * 1024;
constexpr std::uint32_t kHeadLimit = 16 * 1024;
constexpr int kConnectionLimit = 64;
constexpr int kSpareConnections = 16;  // for probes, beyond the limit
constexpr std::chrono::seconds kIdleTimeout{15};     // to send a request, or to take an answer
constexpr std::chrono::seconds kCommandDeadline{5};  // of the control thread
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

bool is_feedback(std::string_view target) { return path_of(target) == kFeedbackPath; }

AccessFacts facts_of(const Request& request) {
  const std::string_view target = view(request.target());
  AccessFacts facts;
  facts.post = request.method() != http::verb::get && request.method() != http::verb::head;
  facts.probe = path_of(target) == "/healthz" || path_of(target) == "/readyz";
  facts.api = target.starts_with("/api/") || is_feedback(target);
  facts.host = view(request[http::field::host]);
  if (request.count(http::field::origin) > 0) facts.origin = view(request[http::field::origin]);
  facts.fetch_site = view(request["sec-fetch-site"]);
  facts.authorization = view(request[http::field::authorization]);
  return facts;
}

std::optional<ApiReply> refusal(Access access) {
  switch (access) {
    case Access::kAllowed:
      return {};
    case Access::kForeignHost:
      return error_reply({.status = 403,
                          .code = "foreign_host",
                          .message = "without a token the admin API answers to a Host of loopback only",
                          .problems = {}});
    case Access::kForeignOrigin:
      return error_reply({.status = 403,
                          .code = "foreign_origin",
                          .message = "a page of another origin may not command this weir",
                          .problems = {}});
    case Access::kNoToken:
      break;
  }
  return error_reply({.status = 401, .code = "unauthorized", .message = "a valid token is needed", .problems = {}});
}

Response to_http(const Request& request, ApiReply reply) {
  Response response;
  response.version(11);
  response.result(static_cast<unsigned>(reply.status));
  response.set(http::field::content_type, beast::string_view(reply.content_type.data(), reply.content_type.size()));
  response.set(http::field::cache_control, "no-store");
  response.set("x-content-type-options", "nosniff");
  response.set(kAdminHeader, beast::string_view(version().data(), version().size()));
  if (reply.status == 401) response.set(http::field::www_authenticate, "Bearer");
  if (!reply.allow.empty())
    response.set(http::field::allow, beast::string_view(reply.allow.data(), reply.allow.size()));
  response.body() = std::move(reply.body);
  response.keep_alive(request.keep_alive());
  response.prepare_payload();
  return response;
}

// A reply that is on its way from the control thread.
struct Pending {
  explicit Pending(const Executor& executor) : timer(executor) {}
  Timer timer;
  std::optional<ApiReply> reply;
};

}  // namespace

class AdminServer::Loop {
 public:
  Loop(AdminOptions options, AdminBackend& backend)
      : options_(std::move(options)), token_(options_.token), backend_(backend) {}
  ~Loop() { stop(); }

  std::string start() {
    const std::string where = to_string(options_.address);
    if (options_.token.empty() && !config::is_loopback_host(options_.address.host)) {
      return section() + ".address " + where + " is not loopback: set " + section() + ".token, or listen on 127.0.0.1";
    }
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options_.address.host, error);
    if (error) return section() + ".address " + where + ": the host must be an IP address";
    const Tcp::endpoint endpoint(address, options_.address.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    // As the plan's listeners: [::] is no IPv4 address.
    if (!error && address.is_v6()) acceptor_.set_option(asio::ip::v6_only(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(kConnectionLimit, error);
    if (error) return section() + ".address " + where + ": " + error.message();
    port_ = acceptor_.local_endpoint(error).port();
    asio::co_spawn(io_, accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
    builder_ = std::thread([this] { builds_.run(); });
    return {};
  }

  std::uint16_t port() const { return port_; }
  std::uint64_t turned_away() const { return turned_away_.load(std::memory_order_relaxed); }

  void set_token(std::string token) {
    if (token.empty() && !config::is_loopback_host(options_.address.host)) return;
    asio::post(io_, [this, token = std::move(token)]() mutable { token_ = std::move(token); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    io_.stop();
    thread_.join();
    builds_.stop();
    builder_.join();
  }

 private:
  Awaitable<> accept() {
    for (;;) {
      Socket socket(io_.get_executor());
      const auto [error] = co_await acceptor_.async_accept(socket, kTuple);
      if (error) {
        // Out of descriptors: wait for some to come back, rather than spin.
        Timer pause(io_.get_executor(), kAcceptPause);
        co_await pause.async_wait(kTuple);
        continue;
      }
      bool spare = connections_ >= kConnectionLimit;
      if (spare && !asking_.empty()) {
        // Whoever has said nothing longest goes, so that the silent cannot keep an operator out.
        turned_away_.fetch_add(1, std::memory_order_relaxed);
        asking_.front()->close();
        asking_.pop_front();
        spare = connections_ > kConnectionLimit;
      } else if (connections_ >= kConnectionLimit + kSpareConnections) {
        turned_away_.fetch_add(1, std::memory_order_relaxed);
        continue;  // closed by its destructor
      }
      ++connections_;
      asio::co_spawn(io_, serve(std::move(socket), spare), asio::detached);
    }
  }

  // A spare connection is for one probe, which so finds a place while all others are being answered.
  Awaitable<> serve(Socket socket, bool spare) {
    boost::system::error_code error;
    const std::string peer = socket.remote_endpoint(error).address().to_string();
    Stream stream(std::move(socket));
    beast::flat_buffer buffer;
    for (bool open = true; open;) {
      Parser parser;
      parser.body_limit(kScoresLimit);
      parser.header_limit(kHeadLimit);
      stream.expires_after(kIdleTimeout);
      asking_.push_back(&stream);
      const boost::system::error_code read_error = co_await read(stream, buffer, parser);
      asking_.remove(&stream);
      if (read_error && !too_large(read_error)) break;
      const Request& request = parser.get();
      const bool long_body = request.body().size() > kBodyLimit && !is_feedback(view(request.target()));
      ApiReply reply;
      if (read_error || long_body)
        reply = too_large_reply();
      else if (spare && !facts_of(request).probe)
        reply = busy_reply();
      else
        reply = co_await answer(request, peer);
      const bool head = request.method() == http::verb::head;
      Response response = to_http(request, std::move(reply));
      if (read_error || spare) response.keep_alive(false);
      stream.expires_after(kIdleTimeout);
      const boost::system::error_code write_error = co_await write(stream, response, head);
      open = !write_error && response.keep_alive();
    }
    stream.socket().shutdown(Tcp::socket::shutdown_send, error);
    --connections_;
  }

  static Awaitable<boost::system::error_code> read(Stream& stream, beast::flat_buffer& buffer, Parser& parser) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [head_error, head_bytes] = co_await http::async_read_header(stream, buffer, parser, kTuple);
    if (head_error) co_return head_error;
    // RFC 9110 10.1.1: who waits to be told to send his body is told; HTTP/1.0 does not know of it.
    const bool may_wait = !parser.is_done() && parser.get().version() >= 11;
    if (may_wait && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      const auto [write_error, written] = co_await asio::async_write(stream, asio::buffer(kContinue), kTuple);
      if (write_error) co_return write_error;
    }
    const auto [body_error, body_bytes] = co_await http::async_read(stream, buffer, parser, kTuple);
    co_return body_error;
  }

  static Awaitable<boost::system::error_code> write(Stream& stream, Response& response, bool head) {
    http::response_serializer<http::string_body> serializer(response);
    if (head) {
      const auto [error, written] = co_await http::async_write_header(stream, serializer, kTuple);
      co_return error;
    }
    const auto [error, written] = co_await http::async_write(stream, serializer, kTuple);
    co_return error;
  }

  std::string section() const { return options_.scores_alone ? "feedback" : "admin"; }
  bool serves(const AccessFacts& facts, std::string_view target) const {
    return !options_.scores_alone || facts.probe || is_feedback(target);
  }

  static bool too_large(const boost::system::error_code& error) {
    return error == http::error::body_limit || error == http::error::header_limit;
  }
  static ApiReply too_large_reply() {
    return error_reply({.status = 413,
                        .code = "too_large",
                        .message = "at most 64 KiB are read, of scores 1 MiB, of a head 16 KiB",
                        .problems = {}});
  }

  ApiReply busy_reply() {
    turned_away_.fetch_add(1, std::memory_order_relaxed);
    return error_reply({.status = 503,
                        .code = "busy",
                        .message = "all connections of the admin API are being answered; only probes are beside them",
                        .problems = {}});
  }

  Awaitable<ApiReply> answer(const Request& request, const std::string& peer) {
    const AccessFacts facts = facts_of(request);
    std::optional<ApiReply> refused = refusal(decide_access(facts, token_));
    if (refused) {
      // Without its query, where whoever guesses may have put a token.
      const std::string_view path = path_of(view(request.target()));
      log::warn("admin_refused", {{"peer", peer}, {"target", path}, {"status", refused->status}});
      co_return std::move(*refused);
    }
    if (!serves(facts, view(request.target()))) co_return not_found_reply();
    const ApiRequest asked{view(request.method_string()), view(request.target()), request.body()};
    auto routed = route_api(asked);
    if (auto* query = std::get_if<ApiQuery>(&routed)) {
      if (facts.probe) co_return backend_.query(*query);
      co_return co_await build(std::move(*query));
    }
    if (auto* wrong = std::get_if<ApiReply>(&routed)) co_return std::move(*wrong);
    auto& command = std::get<ApiCommand>(routed);
    command.actor = actor_name(view(request["x-weir-actor"]), peer);
    co_return co_await obey(std::move(command));
  }

  // From another thread: to the coroutine that waits for it. Whoever has it may drop it after this loop is gone, and a
  // timer may not outlive its loop.
  std::function<void(ApiReply)> to(const std::shared_ptr<Pending>& pending) {
    return [waits = std::weak_ptr(pending), executor = Executor(io_.get_executor())](ApiReply reply) {
      asio::post(executor, [waits, reply = std::move(reply)]() mutable {
        const std::shared_ptr<Pending> asked = waits.lock();
        if (asked == nullptr) return;  // answered as too late
        asked->reply = std::move(reply);
        asked->timer.cancel();
      });
    };
  }

  // One after another, on a thread of their own: metrics of a thousand services take a tenth of a second, and a probe does
  // not wait for those of all who scrape.
  Awaitable<ApiReply> build(ApiQuery query) {
    auto pending = std::make_shared<Pending>(io_.get_executor());
    pending->timer.expires_at(SteadyTime::max());
    asio::post(builds_, [this, query = std::move(query), done = to(pending)] { done(backend_.query(query)); });
    co_await pending->timer.async_wait(kTuple);
    co_return std::move(*pending->reply);
  }

  Awaitable<ApiReply> obey(ApiCommand command) {
    auto pending = std::make_shared<Pending>(io_.get_executor());
    pending->timer.expires_after(kCommandDeadline);
    backend_.submit(std::move(command), to(pending));
    co_await pending->timer.async_wait(kTuple);
    if (pending->reply) co_return std::move(*pending->reply);
    co_return error_reply(
        {.status = 504,
         .code = "no_answer",
         .message = "the control thread has not answered in time; the command may still be carried out",
         .problems = {}});
  }

  const AdminOptions options_;
  std::string token_;  // of the loop's thread once it runs
  AdminBackend& backend_;
  IoContext io_{1};
  Acceptor acceptor_{io_};
  std::uint16_t port_ = 0;
  int connections_ = 0;
  std::atomic<std::uint64_t> turned_away_{0};
  std::list<Stream*> asking_;  // those that have not sent a whole request, the longest first
  std::thread thread_;
  IoContext builds_{1};
  asio::executor_work_guard<IoContext::executor_type> more_builds_{builds_.get_executor()};
  std::thread builder_;
};

AdminServer::AdminServer(AdminOptions options, AdminBackend& backend)
    : loop_(std::make_unique<Loop>(std::move(options), backend)) {}
AdminServer::~AdminServer() = default;

std::string AdminServer::start() { return loop_->start(); }
std::uint16_t AdminServer::port() const { return loop_->port(); }
std::uint64_t AdminServer::connections_turned_away() const { return loop_->turned_away(); }
void AdminServer::set_token(std::string token) { loop_->set_token(std::move(token)); }
void AdminServer::stop() { loop_->stop(); }

}  // namespace weir::app
