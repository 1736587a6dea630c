#include "app/cli/admin_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "app/build/build_info.h"
#include "base/asio.h"

namespace weir::app {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using Resolver = asio::ip::basic_resolver<Tcp, Executor>;
using Stream = beast::basic_stream<Tcp, Executor>;
using Request = http::request<http::string_body>;

constexpr auto kTuple = asio::as_tuple(kUseAwaitable);
constexpr std::uint64_t kReplyLimit = 16 * 1024 * 1024;

beast::string_view view(std::string_view text) { return {text.data(), text.size()}; }

// One exchange: resolve, connect, write, read. Leaves the reason in `reply.error` when it stops half-way.
Awaitable<> exchange(config::HostPort address, Request request, AdminReply& reply) {
  const Executor executor = co_await asio::this_coro::executor;
  Resolver resolver(executor);
  const std::string port = std::to_string(address.port);
  const auto [resolve_error, endpoints] = co_await resolver.async_resolve(address.host, port, kTuple);
  if (resolve_error) {
    reply.error = resolve_error.message();
    co_return;
  }
  Stream stream(executor);
  const auto [connect_error, endpoint] = co_await stream.async_connect(endpoints, kTuple);
  if (connect_error) {
    reply.error = connect_error.message();
    co_return;
  }
  const auto [write_error, written] = co_await http::async_write(stream, request, kTuple);
  if (write_error) {
    reply.error = write_error.message();
    co_return;
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kReplyLimit);
  const auto [read_error, bytes] = co_await http::async_read(stream, buffer, parser, kTuple);
  if (read_error) {
    reply.error = read_error.message();
    co_return;
  }
  if (parser.get().count(kAdminHeader) == 0) {
    reply.error = "what answers there is another program";
    co_return;
  }
  reply.status = static_cast<int>(parser.get().result_int());
  reply.body = std::move(parser.get().body());
}

}  // namespace

std::optional<config::HostPort> parse_admin_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  return config::parse_http_url(url.starts_with(kScheme) ? std::string(url) : std::string(kScheme) + std::string(url));
}

config::HostPort reachable(config::HostPort listening) {
  if (listening.host == "0.0.0.0") listening.host = "127.0.0.1";
  if (listening.host == "::") listening.host = "::1";
  return listening;
}

std::string AdminClient::url() const { return "http://" + to_string(options_.address); }

AdminReply AdminClient::call(std::string_view method, std::string_view target, std::string_view body) const {
  Request request;
  request.version(11);
  request.method_string(view(method));
  request.target(view(target));
  request.set(http::field::host, url().substr(std::string_view("http://").size()));
  request.set(http::field::connection, "close");
  if (!options_.token.empty()) request.set(http::field::authorization, "Bearer " + options_.token);
  if (!options_.actor.empty()) request.set("x-weir-actor", options_.actor);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();

  AdminReply reply;
  IoContext io(1);
  asio::co_spawn(io, exchange(options_.address, std::move(request), reply), asio::detached);
  io.run_for(options_.timeout);
  if (!io.stopped()) reply.error = "no answer within " + std::to_string(options_.timeout.count()) + " ms";
  return reply;
}

}  // namespace weir::app
