// PROXY headers. How the bytes were cut never matters: whoever asks again with each piece comes to the same end as who
// asks once, and has not been told otherwise on the way. A header is never longer than what has come, nor than any may
// be, and does not depend on what stands behind it.
#include "proxy/net/proxy_header.h"
#include "tests/fuzz/input.h"

namespace weir::fuzz {
namespace {

using proxy::ProxyHeader;

bool same(const ProxyHeader& one, const ProxyHeader& other) {
  if (one.state != other.state || one.size != other.size || one.source.has_value() != other.source.has_value())
    return false;
  return !one.source || to_string(*one.source) == to_string(*other.source);
}

void check(const ProxyHeader& header, std::string_view bytes) {
  if (header.state != ProxyHeader::State::kWhole) {
    require(header.size == 0 && !header.source, "what is no whole header says nothing");
    require(header.state != ProxyHeader::State::kMore || bytes.size() < proxy::kLongestProxyHeader,
            "a header has an end");
    return;
  }
  require(header.size > 0 && header.size <= bytes.size(), "no more is taken than there is");
  require(header.size <= proxy::kLongestProxyHeader, "a header has an end");
  require(!header.source || header.source->family() == AF_INET || header.source->family() == AF_INET6,
          "who is named has an IP address");
  require(same(proxy::parse_proxy_header(bytes.substr(0, header.size)), header), "what stands behind it is not read");
}

// As a connection does: with all that has come, until the answer is another than kMore.
ProxyHeader read_cut(const Input& input) {
  ProxyHeader header;
  for (const std::size_t size : cuts_of(input)) {
    header = proxy::parse_proxy_header(input.bytes.substr(0, size));
    check(header, input.bytes.substr(0, size));
    if (header.state != ProxyHeader::State::kMore) break;
  }
  return header;
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const fuzz::Input input = fuzz::split_input(data, size);
  const proxy::ProxyHeader whole = proxy::parse_proxy_header(input.bytes);
  fuzz::check(whole, input.bytes);
  fuzz::require(fuzz::same(fuzz::read_cut(input), whole), "cuts do not matter");
  return 0;
}
