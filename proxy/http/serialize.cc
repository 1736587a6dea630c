#include "proxy/http/serialize.h"

namespace weir::http {
namespace {

constexpr std::string_view kCrlf = "\r\n";

// Fields that stand side by side in the read buffer, and are whole lines there, go out as one copy.
void append_fields(const FieldList& fields, const Edits& edits, HeadBuffer& out) {
  const FieldChanges* const changes = edits.changes();
  const char* run = nullptr;
  const char* run_end = nullptr;
  const auto flush = [&] {
    if (run != nullptr) out.append(std::string_view(run, static_cast<std::size_t>(run_end - run)));
    run = nullptr;
  };
  for (const Field& field : fields) {
    if (field.id != FieldId::kOther && edits.drops(field.id)) continue;
    if (changes != nullptr && changes->drops(field.name)) continue;
    if (field.plain_line) {
      const char* const end = field.value.data() + field.value.size() + kCrlf.size();
      if (run == nullptr || run_end != field.name.data()) {
        flush();
        run = field.name.data();
      }
      run_end = end;
      continue;
    }
    flush();
    out.append(field.name, ": ", field.value, kCrlf);
  }
  flush();
}

void append_added(const Edits& edits, HeadBuffer& out) {
  const FieldChanges* const changes = edits.changes();
  const bool replaces = changes != nullptr && !changes->replaced.empty();
  for (const Edits::Added& added : edits) {
    if (replaces && changes->replaces(added.name)) continue;
    const bool both = !added.value.empty() && !added.more.empty();
    out.append(added.name, ": ", added.value, both ? ", " : "", added.more, kCrlf);
  }
  if (changes != nullptr) out.append(changes->lines);
}

void append_framing(BodyFraming framing, std::uint64_t content_length, HeadBuffer& out) {
  if (framing == BodyFraming::kChunked) {
    out.append("transfer-encoding: chunked\r\n");
  } else if (framing == BodyFraming::kLength) {
    out.append("content-length: ");
    out.append_number(content_length);
    out.append(kCrlf);
  }
}

}  // namespace

BodyFraming outgoing_framing(const ResponseHead& head, const Receiver& receiver) {
  if (head.framing == BodyFraming::kUntilClose && receiver.minor_version > 0) return BodyFraming::kChunked;
  if (head.framing == BodyFraming::kChunked && receiver.minor_version == 0) return BodyFraming::kUntilClose;
  return head.framing;
}

void write_request_head(const RequestHead& head, const Edits& edits, HeadBuffer& out) {
  const std::string_view received = head.authority.empty() ? edits.fallback_host() : head.authority;
  const std::string_view host = edits.host().empty() ? received : edits.host();
  const std::string_view path = edits.path().empty() ? head.path : edits.path();
  out.append(head.method, " ", path, head.has_query ? "?" : "", head.query, " HTTP/1.1\r\nhost: ", host, kCrlf);
  append_fields(head.fields, edits, out);
  if (head.max_forwards) {
    out.append("max-forwards: ");
    out.append_number(*head.max_forwards);
    out.append(kCrlf);
  }
  append_added(edits, out);
  append_framing(head.framing, head.content_length + edits.longer(), out);
  out.append(kCrlf);
}

void write_response_head(const ResponseHead& head, const Edits& edits, const Receiver& receiver, HeadBuffer& out) {
  out.append("HTTP/1.1 ");
  out.append_number(static_cast<std::uint64_t>(head.status));
  out.append(" ", head.reason, kCrlf);
  append_fields(head.fields, edits, out);
  append_added(edits, out);
  if (!head.interim()) {
    const BodyFraming framing = outgoing_framing(head, receiver);
    if (framing == BodyFraming::kNone && head.length_known) {
      append_framing(BodyFraming::kLength, head.content_length, out);
    } else {
      append_framing(framing, head.content_length, out);
    }
    if (!receiver.keep_alive) {
      out.append("connection: close\r\n");
    } else if (receiver.minor_version == 0) {
      out.append("connection: keep-alive\r\n");
    }
  }
  out.append(kCrlf);
}

std::string_view continue_response() { return "HTTP/1.1 100 Continue\r\n\r\n"; }

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

}  // namespace weir::http
