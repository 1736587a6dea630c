// Requests. How the bytes were cut never matters, and what is sent on for a request that was accepted is one request
// with the same meaning and nothing behind it: the property that request smuggling breaks.
#include "tests/fuzz/cuts.h"
#include "tests/fuzz/forwarded.h"

namespace weir::fuzz {
namespace {

constexpr std::uint64_t kAny = std::uint64_t{1} << 20;

// Of what is refused a log tells only what a request line may hold.
void require_tellable(const http::RequestHead& head) {
  for (const std::string_view part : {head.method, head.path, head.query, head.authority}) {
    for (const char c : part) require(c > ' ' && c < 0x7f, "what is told of a refused request is valid");
  }
}

void forward(std::string_view message) {
  http::ServerCodec client_side(config::Limits{});
  const http::Scan scan = client_side.read_head(message);
  if (!scan.done()) return require_tellable(client_side.refused_head(message));
  if (client_side.head().answer_here) return;
  if (client_side.start_body(config::kUnlimited) != http::Fault::kNone) return;
  const http::RequestHead& head = client_side.head();
  require_clean(lines_of(head.fields));

  http::ClientCodec origin_side(config::Limits{});
  http::Edits edits;
  edits.set_fallback_host("origin");
  http::HeadBuffer out;
  origin_side.write_head(head, edits, out);
  std::string_view rest = message.substr(scan.bytes);
  const Body body = carry_body(client_side, rest, &origin_side, &out);
  if (body.state != Body::State::kWhole) return;

  http::ServerCodec origin(config::Limits{.request_line = kAny, .field = kAny, .fields = kAny, .field_count = 200});
  const http::Scan again = origin.read_head(out.view());
  require(again.done(), "an origin understands what we send");
  const http::RequestHead& seen = origin.head();
  require(seen.method == head.method, "the method is the same");
  require(seen.path == head.path && seen.has_query == head.has_query && seen.query == head.query,
          "the target is the same");
  require(seen.authority == (head.authority.empty() ? "origin" : head.authority), "the authority is the same");
  require(origin.start_body(config::kUnlimited) == http::Fault::kNone, "any length is allowed");
  std::string_view rest_seen = out.view().substr(again.bytes);
  const Body body_seen = carry_body<http::ServerCodec, http::ClientCodec>(origin, rest_seen, nullptr, nullptr);
  require(body_seen.state == Body::State::kWhole && rest_seen.empty(), "it ends where we end");
  require(body_seen.data == body.data && body_seen.trailers == body.trailers, "the body is the same");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const fuzz::Input input = fuzz::split_input(data, size);
  fuzz::require_cuts_do_not_matter(http::Message::kRequest, input);
  fuzz::forward(input.bytes);
  return 0;
}
