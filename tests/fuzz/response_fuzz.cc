// Responses. How the bytes were cut never matters, and what a client gets for one that was accepted is one response
// with the same meaning: the property that response splitting breaks.
#include "tests/fuzz/cuts.h"
#include "tests/fuzz/forwarded.h"

namespace weir::fuzz {
namespace {

constexpr std::uint64_t kAny = std::uint64_t{1} << 20;
constexpr int kMaxInterim = 16;

// What the client asked: it decides how its answer is framed.
std::string_view request_of(std::uint8_t choice) {
  switch (choice % 4) {
    case 0:
      return "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    case 1:
      return "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    case 2:
      return "GET / HTTP/1.0\r\nHost: a\r\n\r\n";
    default:
      return "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  }
}

void ask(http::ServerCodec& client, http::ClientCodec& origin, std::string_view request) {
  http::HeadBuffer sent;
  require(client.read_head(request).done(), "our own request is one");
  require(client.start_body(0) == http::Fault::kNone, "it has no body");
  origin.write_head(client.head(), http::Edits{}, sent);
}

// The final head at the front of `bytes`, which goes on behind it; false when there is none.
bool read_final_head(http::ClientCodec& origin, std::string_view& bytes) {
  for (int i = 0; i < kMaxInterim; ++i) {
    const http::Scan scan = origin.read_head(bytes);
    if (!scan.done()) return false;
    bytes.remove_prefix(scan.bytes);
    if (!origin.head().interim()) return true;
    origin.next_head();
  }
  return false;
}

void forward(std::string_view message, std::uint8_t choice) {
  http::ServerCodec client_side(config::Limits{});
  http::ClientCodec origin_side(config::Limits{});
  ask(client_side, origin_side, request_of(choice));
  std::string_view rest = message;
  if (!read_final_head(origin_side, rest)) return;
  require_clean(lines_of(origin_side.head().fields));
  require(origin_side.head().reason.find_first_of("\r\n") == std::string_view::npos, "the reason is one line");
  http::HeadBuffer out;
  client_side.write_head(origin_side.head(), http::Edits{}, false, out);
  const Body body = carry_body(origin_side, rest, &client_side, &out);
  if (body.state != Body::State::kWhole) return;

  http::ServerCodec ours(config::Limits{});
  http::ClientCodec client(config::Limits{.response_fields = kAny, .response_field_count = 400});
  ask(ours, client, request_of(choice));
  std::string_view seen = out.view();
  require(read_final_head(client, seen), "a client understands what we send");
  require(client.head().status == origin_side.head().status, "the status is the same");
  const Body body_seen = carry_body<http::ClientCodec, http::ServerCodec>(client, seen, nullptr, nullptr);
  require(body_seen.state == Body::State::kWhole && seen.empty(), "it ends where we end");
  require(body_seen.data == body.data, "the body is the same");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const fuzz::Input input = fuzz::split_input(data, size);
  fuzz::require_cuts_do_not_matter(http::Message::kResponse, input);
  fuzz::forward(input.bytes, input.choice);
  return 0;
}
