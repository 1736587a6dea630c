#include "base/json_plain.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::json {
namespace {

using Node = Paths::Node;

// Where a string's plain bytes end: at a quote, a backslash or a control character, or with the text.
const char* plain_end(const char* at, const char* end) {
#ifdef __SSE2__
  const __m128i last_control = _mm_set1_epi8(0x1f);
  while (end - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, last_control), block);
    const __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    const int mask = _mm_movemask_epi8(_mm_or_si128(control, _mm_or_si128(quote, backslash)));
    if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
    at += 16;
  }
#endif
  while (at != end && *at != '"' && *at != '\\' && static_cast<std::uint8_t>(*at) >= 0x20) ++at;
  return at;
}

struct Escape {
  std::uint16_t stands_for = 0;
  std::uint8_t size = 0;  // 0: it is none, or half of a pair
};

// At a backslash.
Escape escape_at(const char* at, const char* end) {
  if (end - at < 2) return {};
  switch (at[1]) {
    case '"':
    case '\\':
    case '/':
      return {static_cast<std::uint8_t>(at[1]), 2};
    case 'b':
      return {'\b', 2};
    case 'f':
      return {'\f', 2};
    case 'n':
      return {'\n', 2};
    case 'r':
      return {'\r', 2};
    case 't':
      return {'\t', 2};
    default:
      break;
  }
  constexpr std::ptrdiff_t kDigits = 4;
  std::uint16_t unit = 0;
  if (at[1] != 'u' || end - at < 2 + kDigits) return {};
  const auto [stop, error] = std::from_chars(at + 2, at + 2 + kDigits, unit, 16);
  const bool of_a_pair = unit >= 0xd800 && unit < 0xe000;
  if (error != std::errc() || stop != at + 2 + kDigits || of_a_pair) return {};
  return {unit, 2 + kDigits};
}

std::size_t write_utf8(std::uint16_t unit, std::array<char, 3>& to) {
  const auto last_six = [](unsigned bits) { return static_cast<char>(0x80 | (bits & 0x3f)); };
  if (unit < 0x80) {
    to[0] = static_cast<char>(unit);
    return 1;
  }
  if (unit < 0x800) {
    to = {static_cast<char>(0xc0 | unit >> 6), last_six(unit), 0};
    return 2;
  }
  to = {static_cast<char>(0xe0 | unit >> 12), last_six(unit >> 6U), last_six(unit)};
  return 3;
}

}  // namespace

// At its quote. Null: it has none, or what is not plain before it.
const char* PlainTexts::string_end(const char* at, const char* end, bool& escaped) {
  escaped = false;
  for (at = plain_end(at, end); at != end && *at == '\\'; at = plain_end(at, end)) {
    const Escape escape = escape_at(at, end);
    if (escape.size == 0) return nullptr;
    escaped = true;
    at += escape.size;
  }
  return at != end && *at == '"' ? at : nullptr;
}

// Null: it is none, or not plain. One that is told, to `count`, is a count that a double holds exactly; of others only
// where they end is asked.
const char* PlainTexts::number_end(const char* at, const char* end, std::uint64_t* count) {
  constexpr std::ptrdiff_t kMostDigits = 15;
  const auto is_digit = [end](const char* place) { return place != end && *place >= '0' && *place <= '9'; };
  if (count == nullptr && at != end && *at == '-') ++at;
  const char* const begin = at;
  std::uint64_t number = 0;
  for (; is_digit(at); ++at) number = number * 10 + static_cast<std::uint64_t>(*at - '0');
  const std::ptrdiff_t size = at - begin;
  if (size == 0 || size > kMostDigits || (size > 1 && *begin == '0')) return nullptr;
  if (count != nullptr) {
    *count = number;
  } else if (at != end && *at == '.') {
    if (!is_digit(++at)) return nullptr;
    while (is_digit(at)) ++at;
  }
  // A fraction, if it is told, or an exponent.
  return at != end && (*at == '.' || *at == 'e' || *at == 'E') ? nullptr : at;
}

// One text, of no shape that is known. Nothing is told before all of it is known to be JSON.
class PlainTexts::Reading {
 public:
  Reading(const Paths& paths, std::string_view text)
      : paths_(paths), at_(text.data()), end_(text.data() + text.size()) {}

  bool read() {
    skip_space();
    if (!value(Paths::kRoot)) return false;
    skip_space();
    return at_ == end_;
  }
  void tell(Scan::Sink& sink) const {
    for (std::size_t i = 0; i < items_size_; ++i) PlainTexts::tell(items_[i], gaps_, sink);
  }

 private:
  friend Shape;

  static constexpr int kMostDepth = 16;

  // Each takes what its name says off the text. False: it is not there, or is not plain.
  bool value(Node at);
  bool object(Node at);
  bool array(Node at);
  bool key(Node parent, Node& child);
  bool text(Node at);
  bool number(Node at);
  bool word(std::string_view word) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  // Behind white space.
  bool take(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  // If it is looked for. False: there is no room.
  bool keep(Node at, Kind kind, std::size_t number) {
    const int path = paths_.path_at(at);
    if (path < 0) return true;
    if (items_size_ == kMostItems) return false;
    items_[items_size_++] = {kind, static_cast<std::int16_t>(path), static_cast<std::uint32_t>(number)};
    return true;
  }
  bool keep_gap(Node at, Kind kind, const Gap& gap) {
    const bool room = gaps_size_ < kMostGaps;
    if (room) gaps_[gaps_size_++] = gap;
    all_gaps_ = all_gaps_ && room;
    return paths_.path_at(at) < 0 || (room && keep(at, kind, gaps_size_ - 1));
  }

  const Paths& paths_;
  const char* at_;
  const char* const end_;
  int depth_ = 0;
  bool all_gaps_ = true;  // are in gaps_
  std::size_t items_size_ = 0;
  std::size_t gaps_size_ = 0;
  std::array<Item, kMostItems> items_;
  Gaps gaps_;
};

bool PlainTexts::Reading::value(Node at) {
  if (at_ == end_) return false;
  switch (*at_) {
    case '{':
      return object(at);
    case '[':
      return array(at);
    case '"':
      return text(at);
    case 't':
      return word("true") && keep(at, Kind::kBoolean, 1);
    case 'f':
      return word("false") && keep(at, Kind::kBoolean, 0);
    case 'n':
      return word("null");
    default:
      return number(at);
  }
}

bool PlainTexts::Reading::object(Node at) {
  if (++depth_ > kMostDepth || !keep(at, Kind::kObject, 0)) return false;
  ++at_;
  std::size_t members = 0;
  if (!take('}')) {
    do {
      Node child = Paths::kNowhere;
      if (!key(at, child) || !value(child)) return false;
      ++members;
    } while (take(','));
    if (!take('}')) return false;
  }
  --depth_;
  return keep(at, Kind::kObjectEnd, members);
}

// Its elements stand where it stands.
bool PlainTexts::Reading::array(Node at) {
  if (++depth_ > kMostDepth) return false;
  ++at_;
  if (!take(']')) {
    do {
      skip_space();
      if (!value(at)) return false;
    } while (take(','));
    if (!take(']')) return false;
  }
  --depth_;
  return true;
}

bool PlainTexts::Reading::key(Node parent, Node& child) {
  if (!take('"')) return false;
  const char* const begin = at_;
  at_ = plain_end(at_, end_);
  if (at_ == end_ || *at_ != '"') return false;
  if (parent != Paths::kNowhere) child = paths_.child(parent, {begin, static_cast<std::size_t>(at_ - begin)});
  ++at_;
  if (!take(':')) return false;
  skip_space();
  return true;
}

bool PlainTexts::Reading::text(Node at) {
  const char* const begin = ++at_;
  bool escaped = false;
  at_ = string_end(begin, end_, escaped);
  if (at_ == nullptr) return false;
  const auto size = static_cast<std::size_t>(at_++ - begin);
  return keep_gap(at, Kind::kText, {begin, size, 0, false, escaped});
}

bool PlainTexts::Reading::number(Node at) {
  const char* const begin = at_;
  std::uint64_t count = 0;
  at_ = number_end(at_, end_, paths_.path_at(at) < 0 ? nullptr : &count);
  return at_ != nullptr &&
         keep_gap(at, Kind::kNumber, {begin, static_cast<std::size_t>(at_ - begin), count, true, false});
}

bool PlainTexts::Shape::learn(std::string_view text, const Reading& reading) {
  if (!reading.all_gaps_ || text.size() > bytes_.size()) return false;
  known_ = true;
  gaps_ = static_cast<std::uint8_t>(reading.gaps_size_);
  items_ = static_cast<std::uint8_t>(reading.items_size_);
  std::copy_n(reading.items_.begin(), items_, told_.begin());
  char* to = bytes_.data();
  const char* from = text.data();
  for (std::size_t i = 0; i < gaps_; ++i) {
    const Gap& gap = reading.gaps_[i];
    parts_[i] = {.size = static_cast<std::uint16_t>(gap.begin - from), .is_number = gap.is_number};
    to = std::copy(from, gap.begin, to);
    from = gap.begin + gap.size;
  }
  for (std::size_t i = 0; i < items_; ++i) {
    if (told_[i].kind == Kind::kNumber) parts_[told_[i].number].told = true;
  }
  rest_begin_ = static_cast<std::uint16_t>(to - bytes_.data());
  rest_ = static_cast<std::uint16_t>(text.data() + text.size() - from);
  std::copy_n(from, rest_, to);
  return true;
}

PlainTexts::Fit PlainTexts::Shape::fit(std::string_view text, Gaps& gaps, std::size_t& looked_at) const {
  // Most shapes that are not the text's end otherwise.
  if (!known_ || text.size() < rest_ || std::memcmp(text.data() + text.size() - rest_, rest(), rest_) != 0) {
    return Fit::kOther;
  }
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* bytes = bytes_.data();
  for (std::size_t i = 0; i < gaps_; ++i) {
    const Part& part = parts_[i];
    looked_at += part.size;
    if (end - at < part.size || std::memcmp(at, bytes, part.size) != 0) return Fit::kOther;
    at += part.size;
    bytes += part.size;
    Gap& gap = gaps[i];
    gap.begin = at;
    at = part.is_number ? number_end(at, end, part.told ? &gap.count : nullptr) : string_end(at, end, gap.escaped);
    // Whatever else is where a number was may be plain. A string is one in the text as in the shape.
    if (at == nullptr) return part.is_number ? Fit::kOther : Fit::kNotPlain;
    gap.size = static_cast<std::size_t>(at - gap.begin);
    looked_at += gap.size;
  }
  return end - at == rest_ ? Fit::kSame : Fit::kOther;
}

void PlainTexts::Shape::tell(const Gaps& gaps, Scan::Sink& sink) const {
  for (std::size_t i = 0; i < items_; ++i) PlainTexts::tell(told_[i], gaps, sink);
}

bool PlainTexts::tell(std::string_view text, Source& source, Scan::Sink& sink) {
  if (source.strangeness >= kStrange) return false;
  const std::size_t most_looked_at = 4 * text.size();
  std::size_t looked_at = 0;
  Gaps gaps;
  for (std::size_t tried = 0; tried < kShapes && looked_at <= most_looked_at; ++tried) {
    const std::size_t at = (source.shape + tried) % kShapes;
    const Fit fit = shapes_[at].fit(text, gaps, looked_at);
    if (fit == Fit::kOther) continue;
    if (fit == Fit::kNotPlain) {
      source.strangeness = static_cast<std::uint8_t>(source.strangeness + kStranger);
      return false;
    }
    source.shape = static_cast<std::uint8_t>(at);
    if (source.strangeness > 0) --source.strangeness;
    shapes_[at].tell(gaps, sink);
    return true;
  }
  source.strangeness = static_cast<std::uint8_t>(source.strangeness + kStranger);
  Reading reading(paths_, text);
  if (!reading.read()) return false;
  if (shapes_[next_].learn(text, reading)) {
    source.shape = next_;
    next_ = static_cast<std::uint8_t>((next_ + 1) % kShapes);
  }
  reading.tell(sink);
  return true;
}

void PlainTexts::tell(const Item& item, const Gaps& gaps, Scan::Sink& sink) {
  switch (item.kind) {
    case Kind::kText:
      return tell_text(item.path, gaps[item.number], sink);
    case Kind::kNumber:
      return sink.on_number(item.path, static_cast<double>(gaps[item.number].count));
    case Kind::kBoolean:
      return sink.on_boolean(item.path, item.number != 0);
    case Kind::kObject:
      return sink.on_object(item.path);
    case Kind::kObjectEnd:
      return sink.on_object_end(item.path, item.number);
  }
}

// What stands between its escapes, and each of them.
void PlainTexts::tell_text(int path, const Gap& gap, Scan::Sink& sink) {
  std::string_view text(gap.begin, gap.size);
  while (gap.escaped) {
    const std::size_t at = text.find('\\');
    if (at == std::string_view::npos) break;
    if (at > 0) sink.on_text(path, text.substr(0, at), false);
    text.remove_prefix(at);
    const Escape escape = escape_at(text.data(), text.data() + text.size());
    text.remove_prefix(escape.size);
    std::array<char, 3> utf8;
    sink.on_text(path, {utf8.data(), write_utf8(escape.stands_for, utf8)}, false);
  }
  sink.on_text(path, text, true);
}

}  // namespace weir::json
