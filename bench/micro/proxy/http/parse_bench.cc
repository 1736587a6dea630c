// What it costs to read a head: of a request as SDKs and browsers send them, of the response to it, and of a large one.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "proxy/http/scanner.h"

namespace weir::http {
namespace {

constexpr std::string_view kSdkRequest =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: models.example.com\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: client/Python 1.30.1\r\n"
    "Authorization: Bearer 0123456789abcdef0123456789abcdef0123456789abcdef\r\n"
    "X-User-Id: 4f9c1e2a-user-1048576\r\n"
    "Content-Length: 412\r\n\r\n";

constexpr std::string_view kBrowserRequest =
    "GET /assets/app.js?v=20260101 HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: https://shop.example.com/\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-GB,en;q=0.9\r\n"
    "Cookie: theme=dark; session=eyJhbGciOiJIUzI1NiJ9; weir=0123456789abcdef0123456789abcdef\r\n\r\n";

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    "Server: uvicorn\r\n"
    "Content-Length: 1834\r\n"
    "Content-Type: application/json\r\n"
    "Cache-Control: no-store\r\n"
    "X-Model: chat-v2\r\n"
    "Keep-Alive: timeout=5\r\n\r\n";

template <class Scanner, class Head>
void parse_in_loop(benchmark::State& state, std::string_view message) {
  Scanner scanner{HeadLimits{}};
  Head head;
  for (auto _ : state) {
    const Scan scan = scanner.scan(message, head);
    if (!scan.done()) return state.SkipWithError("refused");
    benchmark::DoNotOptimize(head);
    scanner.reset();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}

void BM_ParseSdkRequest(benchmark::State& state) { parse_in_loop<RequestScanner, RequestHead>(state, kSdkRequest); }
BENCHMARK(BM_ParseSdkRequest);

void BM_ParseBrowserRequest(benchmark::State& state) {
  parse_in_loop<RequestScanner, RequestHead>(state, kBrowserRequest);
}
BENCHMARK(BM_ParseBrowserRequest);

void BM_ParseResponse(benchmark::State& state) { parse_in_loop<ResponseScanner, ResponseHead>(state, kResponse); }
BENCHMARK(BM_ParseResponse);

void BM_ParseRequestOfManyFields(benchmark::State& state) {
  std::string message = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 1; i < 100; ++i)
    message += "X-Field-" + std::to_string(i) + ": some value of field " + std::to_string(i) + "\r\n";
  parse_in_loop<RequestScanner, RequestHead>(state, message + "\r\n");
}
BENCHMARK(BM_ParseRequestOfManyFields);

}  // namespace
}  // namespace weir::http
