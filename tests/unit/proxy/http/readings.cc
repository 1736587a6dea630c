#include "tests/unit/proxy/http/readings.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <limits>
#include <memory>

#include "config/limits.h"
#include "proxy/http/body.h"
#include "proxy/http/scanner.h"

namespace weir::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

template <class View>
std::string text_of(View text) {
  return std::string(text.data(), text.size());
}

std::string start_of(const RequestHead& head) {
  return text_of(head.method) + " " + text_of(head.target) + " 1." + std::to_string(head.minor_version);
}

std::string start_of(const ResponseHead& head) {
  // Beast puts the usual reason where there is none.
  const auto usual = beast::http::obsolete_reason(beast::http::int_to_status(static_cast<unsigned>(head.status)));
  return std::to_string(head.status) + " " + (head.reason.empty() ? text_of(usual) : text_of(head.reason)) + " 1." +
         std::to_string(head.minor_version);
}

template <class Head>
std::string framing_of(const Head& head) {
  switch (head.framing) {
    case BodyFraming::kNone:
      return "none";
    case BodyFraming::kLength:
      return head.content_length == 0 ? "none" : "length " + std::to_string(head.content_length);
    case BodyFraming::kChunked:
      return "chunked";
    case BodyFraming::kUntilClose:
      return "close";
  }
  return "";
}

// All field lines as they stand there, those that are not to be forwarded too.
void collect_lines(std::string_view head, Reading& reading) {
  std::size_t begin = head.starts_with("\r\n") ? 2 : 0;
  begin = head.find("\r\n", begin) + 2;
  FieldScanner scanner({.field = head.size() + 1, .fields = head.size() + 2, .count = 1'000},
                       SpaceBeforeColon::kRemoved);
  scanner.start(begin);
  if (!scanner.scan(head) || scanner.fault() != Fault::kNone) return;
  FieldList fields;
  scanner.collect(head, fields);
  for (const Field& field : fields) reading.fields.emplace_back(field.name, field.value);
}

void refuse(Reading& reading, Fault fault) {
  reading.state = Reading::State::kRefused;
  reading.fault = fault;
  reading.error = text_of(describe(fault).code);
}

// The body behind the head, in the same pieces.
template <class Head>
void read_body(std::string_view message, const std::vector<std::size_t>& cuts, const Head& head, Reading& reading) {
  BodyDecoder decoder;
  Fault fault = decoder.start(head.framing, head.content_length, config::kUnlimited);
  for (const std::size_t cut : cuts) {
    while (fault == Fault::kNone && !decoder.ended() && reading.consumed < cut) {
      const std::string piece(message.substr(reading.consumed, cut - reading.consumed));
      const BodyDecoder::Result result = decoder.decode(piece);
      fault = result.fault;
      reading.body += result.part.data;
      reading.consumed += result.consumed;
    }
  }
  if (fault != Fault::kNone) return refuse(reading, fault);
  if (decoder.finish_at_eof() != Fault::kNone) return;
  reading.state = Reading::State::kDone;
  for (const Field& field : decoder.trailers()) reading.trailers.emplace_back(field.name, field.value);
}

template <class Scanner, class Head>
Reading read_ours(std::string_view message, const std::vector<std::size_t>& cuts) {
  Reading reading;
  Scanner scanner(HeadLimits{});
  Head head;
  Scan scan;
  std::string buffer;
  for (const std::size_t cut : cuts) {
    buffer = std::string(message.substr(0, cut));  // moves, as a growing buffer does
    scan = scanner.scan(buffer, head);
    if (scan.failed()) refuse(reading, scan.fault);
    if (scan.done() || scan.failed()) break;
  }
  if (!scan.done()) return reading;
  reading.consumed = scan.bytes;
  reading.start = start_of(head);
  reading.framing = framing_of(head);
  collect_lines(std::string_view(buffer).substr(0, scan.bytes), reading);
  read_body(message, cuts, head, reading);
  return reading;
}

// A body for Beast's parser that allocates nothing for a length before its bytes have come.
struct CollectedBody {
  struct value_type {
    std::string data;
    bool begun = false;
  };
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>&, error_code& error) {
      error = {};
      body_.begun = true;
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      body_.data += beast::buffers_to_string(buffers);
      return beast::buffer_bytes(buffers);
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

// Keeps the fields in the order of their lines, which Beast's own containers do not.
template <bool is_request>
class Listening final : public beast::http::parser<is_request, CollectedBody> {
 public:
  explicit Listening(Reading& reading) : reading_(reading) {
    this->eager(true);
    this->header_limit(std::numeric_limits<std::uint32_t>::max());
    this->body_limit(boost::none);
  }

 private:
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code& error) override {
    error = {};
    if (!head_done_) {
      reading_.fields.emplace_back(text_of(name), text_of(value));
    } else if (!forbidden_in_trailers(text_of(name))) {
      reading_.trailers.emplace_back(text_of(name), text_of(value));
    }
  }
  void on_header_impl(error_code& error) override {
    error = {};
    head_done_ = true;
  }

  Reading& reading_;
  bool head_done_ = false;
};

template <class Fields>
std::string start_of(const beast::http::header<true, Fields>& head) {
  return text_of(head.method_string()) + " " + text_of(head.target()) + " 1." + std::to_string(head.version() % 10);
}

template <class Fields>
std::string start_of(const beast::http::header<false, Fields>& head) {
  return std::to_string(head.result_int()) + " " + text_of(head.reason()) + " 1." + std::to_string(head.version() % 10);
}

template <bool is_request>
Reading read_theirs(std::string_view message) {
  Reading reading;
  // Exactly as large as the message, so that a sanitizer sees a byte read too many.
  const std::vector<char> bytes(message.begin(), message.end());
  Listening<is_request> parser(reading);
  error_code error;
  while (!parser.is_done() && !error && reading.consumed < bytes.size()) {
    reading.consumed +=
        parser.put(asio::buffer(bytes.data() + reading.consumed, bytes.size() - reading.consumed), error);
  }
  if (error == beast::http::error::need_more) error = {};
  const bool until_close = parser.is_header_done() && !parser.is_done() && parser.need_eof() && !parser.chunked();
  if (!error && until_close && !parser.content_length()) {
    parser.put_eof(error);
  } else if (!error && !parser.is_done()) {
    return reading;
  }
  if (error) {
    reading.state = Reading::State::kRefused;
    reading.error = error.message();
    return reading;
  }
  reading.state = Reading::State::kDone;
  reading.start = start_of(parser.get().base());
  reading.body = parser.get().body().data;
  reading.framing = until_close ? "close" : "none";
  if (!until_close && parser.get().body().begun) {
    reading.framing = parser.chunked() ? "chunked" : "length " + std::to_string(*parser.content_length());
  }
  return reading;
}

}  // namespace

std::string to_string(const Reading& reading) {
  static constexpr const char* kStates[] = {"unfinished", "done", "refused"};
  std::string text = std::string(kStates[static_cast<int>(reading.state)]) + " " + reading.error;
  if (reading.state != Reading::State::kDone) return text;
  text += reading.start + "; " + reading.framing + "; consumed " + std::to_string(reading.consumed) + "; body " +
          reading.body;
  for (const auto& [name, value] : reading.fields) text += "\n  " + name + "=" + value;
  for (const auto& [name, value] : reading.trailers) text += "\n  trailer " + name + "=" + value;
  return text;
}

Reading read_by_weir(Message kind, std::string_view message, const std::vector<std::size_t>& cuts) {
  return kind == Message::kRequest ? read_ours<RequestScanner, RequestHead>(message, cuts)
                                   : read_ours<ResponseScanner, ResponseHead>(message, cuts);
}

Reading read_by_beast(Message kind, std::string_view message) {
  return kind == Message::kRequest ? read_theirs<true>(message) : read_theirs<false>(message);
}

}  // namespace weir::http
