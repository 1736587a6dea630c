#include "tests/unit/proxy/http/message_generator.h"

namespace weir::http {
namespace {

// The likely ones first and often, then what has been used against parsers.
constexpr const char* kMethods[] = {"GET",     "GET",     "POST",  "POST",  "PUT",      "HEAD",
                                    "OPTIONS", "DELETE",  "PATCH", "QUERY", "M-SEARCH", "get",
                                    "TRACE",   "CONNECT", "G@T",   "",      "GET "};
constexpr const char* kTargets[] = {"/",
                                    "/",
                                    "/a/b?c=d",
                                    "/?",
                                    "/%2f..//x",
                                    "*",
                                    "http://b.example/c",
                                    "HTTPS://b:8080?q",
                                    "http://u@b/",
                                    "http:///x",
                                    "b:443",
                                    "/a#b",
                                    "/\xc3\xa9",
                                    "x",
                                    "/\"<>^`{|}",
                                    "//",
                                    "",
                                    "/a\tb"};
constexpr const char* kVersions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0",  "HTTP/1.2",
                                     "HTTP/2.0", "HTTP/0.9", "http/1.1", "HTTP/1.",  "HTTP/1.1 ", "HTTP/01.1"};
constexpr const char* kStatuses[] = {"200 OK",
                                     "200 OK",
                                     "200 OK",
                                     "404 Not Found",
                                     "204 No Content",
                                     "304 Not Modified",
                                     "100 Continue",
                                     "103 Early Hints",
                                     "101 Switching Protocols",
                                     "500 \351chec",
                                     "200 ",
                                     "200",
                                     "099 x",
                                     "600 x",
                                     "20 OK",
                                     "2000 OK",
                                     "200\tOK",
                                     "200 O\x01K",
                                     "-20 OK"};
constexpr const char* kHosts[] = {
    "Host: a.example", "Host: a.example", "Host: a.example:80", "host:[::1]:8080", "HOST:\t a \t", "Host: a b",
    "Host:",           "Host: u@a",       "Host: a/b",          "Host: a:port",    "Host : a",     "Host: \xe9"};
constexpr const char* kLengths[] = {"Content-Length: 5",
                                    "Content-Length: 0",
                                    "content-length:3",
                                    "Content-Length: 5, 5",
                                    "Content-Length: +5",
                                    "Content-Length: -1",
                                    "Content-Length: 0x5",
                                    "Content-Length:",
                                    "Content-Length: 005",
                                    "Content-Length: 18446744073709551615",
                                    "Content-Length: 18446744073709551616",
                                    "Content-Length: 5 5",
                                    "Content-Length: 5;",
                                    "Content-Length : 5",
                                    "Content-Length: 5\r\nContent-Length: 5",
                                    "Content-Length: 5\r\nContent-Length: 6"};
constexpr const char* kCodings[] = {"Transfer-Encoding: chunked",
                                    "transfer-encoding: Chunked",
                                    "Transfer-Encoding: gzip",
                                    "Transfer-Encoding: gzip, chunked",
                                    "Transfer-Encoding: chunked, gzip",
                                    "Transfer-Encoding: chunked, chunked",
                                    "Transfer-Encoding: ,chunked",
                                    "Transfer-Encoding: chunked;q=1",
                                    "Transfer-Encoding: identity",
                                    "Transfer-Encoding:",
                                    "Transfer-Encoding: \013chunked",
                                    "Transfer-Encoding: \"chunked\"",
                                    "Transfer-Encoding : chunked",
                                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                                    "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"};
constexpr const char* kNames[] = {"X-A",   "x-b", "Accept", "Cookie",         "Set-Cookie",
                                  "X_y.z", "X-A", "Date",   "!#$%&'*+-.^_`|~"};
constexpr const char* kOdd[] = {"Connection: close",
                                "Connection: keep-alive, X-A",
                                "Connection: ,close,",
                                "Connection: @",
                                "Connection:",
                                "Keep-Alive: timeout=5",
                                "Upgrade: websocket\r\nConnection: upgrade",
                                "Upgrade: h2c",
                                "TE: trailers",
                                "Trailer: X-Sum",
                                "Expect: 100-continue",
                                "Expect: tea",
                                "Max-Forwards: 0",
                                "Max-Forwards: x",
                                "Proxy-Connection: keep-alive",
                                "Proxy-Connection: (",
                                "X-Fold: a\r\n b",
                                "X-Fold: a\r\n\tb",
                                ": empty",
                                "no colon",
                                "X Y: z",
                                "X-A : z",
                                "X-\xe9: z",
                                "X-A: \x01",
                                "X-A: \x7f",
                                "X-A: a\rb",
                                "X-A: a\nb"};
constexpr const char* kChunks[] = {"5\r\nhello\r\n",
                                   "5\r\nhello\r\n",
                                   "A\r\n0123456789\r\n",
                                   "a\r\n0123456789\r\n",
                                   "005\r\nhello\r\n",
                                   "5;a=b\r\nhello\r\n",
                                   "5;a=\"b;c\"\r\nhello\r\n",
                                   "5;\r\nhello\r\n",
                                   "5;;\r\nhello\r\n",
                                   "5 \r\nhello\r\n",
                                   "5 ;a\r\nhello\r\n",
                                   "5\nhello\r\n",
                                   "5\r\nhello\n",
                                   "5\r\nhello!\r\n",
                                   "0x5\r\nhello\r\n",
                                   "00000000000000005\r\nhello\r\n",
                                   "FFFFFFFFFFFFFFFFF\r\n",
                                   "-5\r\nhello\r\n",
                                   "\r\n"};
constexpr const char* kEnds[] = {"0\r\n\r\n",
                                 "0\r\n\r\n",
                                 "0\r\nX-Sum: 1\r\n\r\n",
                                 "0\r\nX-Sum: 1\r\nHost: b\r\nX-B: 2\r\n\r\n",
                                 "0;x\r\n\r\n",
                                 "00\r\n\r\n",
                                 "0\r\n",
                                 "0\r\nX: a\r\n b\r\n\r\n",
                                 "0\r\nX : a\r\n\r\n",
                                 "0\r\nno colon\r\n\r\n",
                                 ""};
constexpr const char* kBytes[] = {"\r",   "\n",   "\r\n", " ",    "\t", ":", ",", ";", "#",
                                  "\x7f", "\x80", "\xff", "\x0b", "0",  "5", "a", "/", "\""};

}  // namespace

std::string MessageGenerator::start_line(Message kind) {
  // Most messages are odd in few places, or one oddity hides the others.
  const auto mostly = [&](const auto& from, const char* usual) { return one_in(6) ? pick(from) : std::string(usual); };
  // One after another: the operands of a sum may be drawn in any order.
  if (kind == Message::kRequest) {
    std::string line = mostly(kMethods, "POST") + " ";
    line += mostly(kTargets, "/path?q") + " ";
    return line + mostly(kVersions, "HTTP/1.1") + "\r\n";
  }
  std::string line = mostly(kVersions, "HTTP/1.1") + " ";
  return line + mostly(kStatuses, "200 OK") + "\r\n";
}

std::string MessageGenerator::value() {
  std::string text;
  for (std::uint32_t i = random_.below(40); i > 0; --i) {
    text += static_cast<char>(one_in(20) ? 0x80 + random_.below(128) : 0x20 + random_.below(95));
  }
  return text;
}

std::string MessageGenerator::fields(Message kind) {
  std::string lines;
  const auto add = [&](const std::string& line) { lines += line + "\r\n"; };
  if (kind == Message::kRequest && !one_in(25)) add(one_in(6) ? pick(kHosts) : "Host: a.example");
  for (std::uint32_t i = random_.below(5); i > 0; --i) {
    if (one_in(10)) {
      add(pick(kOdd));
    } else {
      std::string line = pick(kNames);
      line += one_in(4) ? ":" : ": ";
      add(line + value());
    }
  }
  if (one_in(40)) add(pick(kHosts));
  return lines;
}

std::string MessageGenerator::chunks() {
  std::string body;
  for (std::uint32_t i = random_.below(4); i > 0; --i) body += one_in(5) ? pick(kChunks) : "5\r\nhello\r\n";
  return body + (one_in(3) ? pick(kEnds) : "0\r\n\r\n");
}

// The fields that frame the body, the empty line, and the body.
std::string MessageGenerator::framed_body() {
  std::string framed;
  switch (random_.below(6)) {
    case 0:
      return "\r\n";
    case 1:
      return "Content-Length: 5\r\n\r\nhello";
    case 2:
      return pick(kLengths) + "\r\n\r\nhello";
    case 3:
      return "Transfer-Encoding: chunked\r\n\r\n" + chunks();
    case 4:
      framed = pick(kCodings) + "\r\n\r\n";
      return framed + chunks();
    default:
      framed = pick(kCodings) + "\r\n";
      framed += pick(kLengths) + "\r\n\r\n";
      return framed + (one_in(2) ? "hello" : chunks());
  }
}

void MessageGenerator::mutate(std::string& message) {
  const std::size_t at = random_.below(static_cast<std::uint32_t>(message.size()));
  switch (random_.below(6)) {
    case 0:
      message[at] = static_cast<char>(random_.below(256));
      break;
    case 1:
      message.erase(at, 1 + random_.below(3));
      break;
    case 2:
      message.insert(at, pick(kBytes));
      break;
    case 3:
      message.insert(at, message.substr(at, 1 + random_.below(30)));
      break;
    case 4:
      message.resize(at);
      break;
    default:
      message.insert(at, std::string(1, '\0'));
      break;
  }
}

std::string MessageGenerator::next(Message kind) {
  std::string message;
  if (one_in(30)) message += "\r\n";
  message += start_line(kind);
  message += fields(kind);
  message += framed_body();
  if (one_in(4)) message += "GET /next HTTP/1.1\r\nHost: b\r\n\r\n";
  for (std::uint32_t i = one_in(3) ? random_.below(4) : 0; i > 0 && !message.empty(); --i) mutate(message);
  return message;
}

}  // namespace weir::http
