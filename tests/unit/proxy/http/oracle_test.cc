// Boost.Beast's parser as an oracle: what ours accepts, Beast accepts and reads the same. Beast is not strict enough to
// forward behind; where it accepts what ours refuses, or the other way round, the reason is one of those listed here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "proxy/http/field.h"
#include "tests/unit/proxy/http/message_generator.h"
#include "tests/unit/proxy/http/readings.h"

namespace weir::http {
namespace {

constexpr std::uint64_t kSeed = 20'260'103;
constexpr int kMessages = 50'000;    // of each kind
constexpr std::size_t kSmall = 160;  // bytes: cut at every one of them

std::string printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      text += "\\r";
    } else if (c == '\n') {
      text += "\\n\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      static constexpr char kDigits[] = "0123456789abcdef";
      text += std::string("\\x") + kDigits[byte >> 4] + kDigits[byte & 15];
    } else {
      text += c;
    }
  }
  return text;
}

std::string lower(std::string_view bytes) {
  std::string text(bytes);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// What can be seen of a message without parsing it.
class Look {
 public:
  explicit Look(std::string_view message) : text_(lower(message)), raw_(message) {}

  bool has(std::string_view part) const { return text_.find(part) != std::string::npos; }
  bool begins(std::string_view part) const { return text_.starts_with(part); }
  int lines_of(std::string_view name) const {
    const std::string line = "\r\n" + std::string(name) + ":";
    int lines = 0;
    for (std::size_t at = text_.find(line); at < end_of_head(); at = text_.find(line, at + 1)) ++lines;
    return lines;
  }
  bool folds() const { return has("\r\n ") || has("\r\n\t"); }
  std::string_view target() const {
    const std::string_view line = raw_.substr(0, raw_.find('\r'));
    const std::size_t space = line.find(' ');
    return space == std::string_view::npos ? line : line.substr(space + 1, line.rfind(' ') - space - 1);
  }
  std::string value_of(std::string_view name) const {
    const std::string line = "\r\n" + std::string(name) + ":";
    const std::size_t at = text_.find(line);
    if (at == std::string::npos) return {};
    return text_.substr(at + line.size(), text_.find('\r', at + 2) - at - line.size());
  }
  // "HTTP/1.1 200", and the line ends.
  bool ends_with_status() const { return begins("http/1.") && text_.find('\r') == 12; }
  bool blank_in_chunk_line() const {
    return body().find(" ;") != std::string_view::npos || body().find("\t;") != std::string_view::npos;
  }
  bool odd_byte_in_body() const {
    const std::string_view bytes = body();
    return std::any_of(bytes.begin(), bytes.end(), [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte >= 0x7f || (byte < 0x20 && c != '\r' && c != '\n' && c != '\t');
    });
  }
  std::string_view body() const { return raw_.substr(std::min(raw_.size(), end_of_head() + 4)); }

 private:
  std::size_t end_of_head() const { return std::min(text_.find("\r\n\r\n"), text_.size()); }

  std::string text_;
  std::string_view raw_;
};

struct Reason {
  std::string_view rule;  // HTTP.md
  std::function<bool(const Look&)> holds;
};

bool chunked_alone(const std::string& value) {
  const std::size_t begin = value.find_first_not_of(" \t");
  return begin != std::string::npos && value.substr(begin, value.find_last_not_of(" \t") - begin + 1) == "chunked";
}

bool digits_alone(const std::string& value) {
  const std::size_t begin = value.find_first_not_of(" \t");
  if (begin == std::string::npos) return false;
  const std::string trimmed = value.substr(begin, value.find_last_not_of(" \t") - begin + 1);
  return std::all_of(trimmed.begin(), trimmed.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool odd_target(const Look& look) {
  const std::string_view target = look.target();
  const bool bad_byte = std::any_of(target.begin(), target.end(),
                                    [](char c) { return c == '#' || static_cast<unsigned char>(c) >= 0x7f; });
  return bad_byte || (!target.starts_with('/') && !(target == "*" && look.begins("options ")));
}

// Where Beast accepts and ours refuses: why Beast alone is not strict enough to forward behind.
const std::multimap<Fault, Reason>& stricter() {
  static const std::multimap<Fault, Reason> reasons = {
      {Fault::kFoldedField, {"3a row 8: obs-fold", [](const Look& look) { return look.folds(); }}},
      {Fault::kUnknownTransferEncoding,
       {"3a row 3: a coding that is not known",
        [](const Look& look) { return !chunked_alone(look.value_of("transfer-encoding")); }}},
      {Fault::kBadTransferEncoding,
       {"3a rows 2 and 5: chunked is not the only coding, or malformed",
        [](const Look& look) {
          return !chunked_alone(look.value_of("transfer-encoding")) || look.lines_of("transfer-encoding") > 1;
        }}},
      {Fault::kEncodingInHttp10,
       {"3a row 4: Transfer-Encoding in HTTP/1.0",
        [](const Look& look) { return look.has("http/1.0") && look.lines_of("transfer-encoding") > 0; }}},
      {Fault::kLengthAndEncoding,
       {"3a row 1: Content-Length with Transfer-Encoding",
        [](const Look& look) {
          return look.lines_of("content-length") > 0 && look.lines_of("transfer-encoding") > 0;
        }}},
      {Fault::kRepeatedContentLength,
       {"3a row 6: repeated Content-Length", [](const Look& look) { return look.lines_of("content-length") > 1; }}},
      {Fault::kBadContentLength,
       {"3a row 6: Content-Length as a list",
        [](const Look& look) { return !digits_alone(look.value_of("content-length")); }}},
      {Fault::kMissingHost, {"3a row 15: no Host", [](const Look& look) { return look.lines_of("host") == 0; }}},
      {Fault::kRepeatedHost, {"3a row 15: two Hosts", [](const Look& look) { return look.lines_of("host") > 1; }}},
      {Fault::kBadHost, {"3a row 15: an invalid Host", [](const Look& look) { return look.lines_of("host") == 1; }}},
      {Fault::kBadTarget,
       {"3a rows 17 and 18: no form of a target that is allowed, a fragment, a byte of 0x80 and above", &odd_target}},
      {Fault::kConnect, {"0: CONNECT is 501", [](const Look& look) { return look.begins("connect "); }}},
      {Fault::kTrace, {"0: TRACE is 405", [](const Look& look) { return look.begins("trace "); }}},
      {Fault::kBadExpectation,
       {"3a row 27: an expectation that nobody can meet",
        [](const Look& look) { return look.lines_of("expect") > 0; }}},
      {Fault::kBadMaxForwards,
       {"3a row 26: Max-Forwards that is no number", [](const Look& look) { return look.begins("options "); }}},
      {Fault::kBadChunk,
       {"0: white space in a chunk's line", [](const Look& look) { return look.blank_in_chunk_line(); }}},
      {Fault::kBadChunk,
       {"0: a control character, or one of 0x80 and above, in a chunk's line",
        [](const Look& look) { return look.odd_byte_in_body(); }}},
      {Fault::kBadTrailer, {"3a row 8: obs-fold in a trailer", [](const Look& look) { return look.folds(); }}},
      {Fault::kBadStatusLine,
       {"RFC 9110 15: a status that is not between 100 and 599",
        [](const Look& look) { return look.target() < "100" || look.target() >= "600"; }}},
      {Fault::kChunkTooLarge,
       {"0: a chunk size of more than 16 digits", [](const Look& look) { return look.has("00000000000000005\r\n"); }}},
      {Fault::kUnaskedUpgrade,
       {"3a row 25: 101 that nobody asked for", [](const Look& look) { return look.has(" 101"); }}},
  };
  return reasons;
}

// Where ours accepts and Beast refuses. Nothing of it can be read in two ways.
const std::vector<Reason>& laxer() {
  static const std::vector<Reason> reasons = {
      {"RFC 9112 2.2: an empty line before a request is skipped", [](const Look& look) { return look.begins("\r\n"); }},
      {"RFC 9110 7.6.1: Connection and its kin are removed, whatever they say",
       [](const Look& look) { return look.lines_of("connection") + look.lines_of("proxy-connection") > 0; }},
      {"3a row 19: chunk extensions are dropped, whatever they say",
       [](const Look& look) {
         return look.lines_of("transfer-encoding") == 1 && look.body().find(';') != std::string_view::npos;
       }},
      {"RFC 9112 5.1: white space before the colon is removed from a response",
       [](const Look& look) { return look.begins("http/") && look.has(" :"); }},
      {"RFC 9112 4: a status line without a reason may end behind its status",
       [](const Look& look) { return look.ends_with_status(); }},
  };
  return reasons;
}

struct Judged {
  std::string explanation;  // empty: they agree
  bool explained = true;
};

Judged judge(std::string_view message, const Reading& ours, const Reading& theirs) {
  using State = Reading::State;
  const Look look(message);
  if (ours.state == State::kRefused) {
    if (theirs.state != State::kDone) return {};
    const auto [begin, end] = stricter().equal_range(ours.fault);
    for (auto at = begin; at != end; ++at) {
      if (at->second.holds(look)) return {std::string(at->second.rule), true};
    }
    return {"Beast accepts it", false};
  }
  if (ours.state == theirs.state) {
    if (ours.state != State::kDone || ours == theirs) return {};
    return {"they read it differently", false};
  }
  const bool waits_for_its_end = ours.state == State::kUnfinished && ours.start.empty();
  const bool by_a_field = theirs.error.starts_with("bad ") || theirs.error.starts_with("multiple ");
  if (waits_for_its_end && by_a_field) return {"a head's meaning is judged once it is whole", true};
  for (const Reason& reason : laxer()) {
    if (theirs.state == State::kRefused && reason.holds(look)) return {std::string(reason.rule), true};
  }
  return {"Beast does not accept it", false};
}

class Oracle : public testing::TestWithParam<Message> {};

TEST_P(Oracle, AgreesOrTheReasonIsKnown) {
  RecordProperty("seed", std::to_string(kSeed));
  MessageGenerator generator(kSeed);
  std::map<std::string, int> explained;
  int accepted = 0;
  int findings = 0;
  for (int i = 0; i < kMessages && findings < 30; ++i) {
    const std::string message = generator.next(GetParam());
    const Reading ours = read_by_weir(GetParam(), message);
    const Reading theirs = read_by_beast(GetParam(), message);
    const Judged judged = judge(message, ours, theirs);
    accepted += ours.state == Reading::State::kDone ? 1 : 0;
    if (judged.explained && !judged.explanation.empty()) ++explained[judged.explanation];
    if (judged.explained) continue;
    ++findings;
    ADD_FAILURE() << judged.explanation << ", message " << i << " of seed " << kSeed << ":\n"
                  << printable(message) << "\n-- ours: " << printable(to_string(ours))
                  << "\n-- Beast: " << printable(to_string(theirs));
  }
  std::cout << "seed " << kSeed << ": " << accepted << " of " << kMessages << " messages accepted, by Beast too\n";
  for (const auto& [rule, messages] : explained) std::cout << "  " << messages << ": " << rule << "\n";
  EXPECT_GT(accepted, kMessages / 10);
}

// Which answer, and which fault, never depends on how the bytes were cut.
TEST_P(Oracle, AnswersTheSameHoweverTheBytesAreCut) {
  MessageGenerator generator(kSeed + 1);
  int small = 0;
  while (small < 1'500) {
    const std::string message = generator.next(GetParam());
    if (message.size() > kSmall) continue;
    ++small;
    Reading whole = read_by_weir(GetParam(), message);
    std::vector<std::size_t> bytewise;
    for (std::size_t cut = 1; cut <= message.size(); ++cut) {
      bytewise.push_back(cut);
      ASSERT_EQ(read_by_weir(GetParam(), message, {cut, message.size()}).error, whole.error)
          << printable(message) << "cut at " << cut;
    }
    Reading cut = read_by_weir(GetParam(), message, bytewise);
    if (whole.state != Reading::State::kDone) {
      // How much of a body that is then refused has been seen depends on the cuts.
      whole.body = cut.body = "";
      whole.consumed = cut.consumed = 0;
    }
    ASSERT_TRUE(cut == whole) << printable(message) << to_string(cut) << "\n" << to_string(whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Http1, Oracle, testing::Values(Message::kRequest, Message::kResponse),
                         [](const auto& kind) { return kind.param == Message::kRequest ? "Requests" : "Responses"; });

}  // namespace
}  // namespace weir::http
