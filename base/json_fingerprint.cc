#include "base/json_fingerprint.h"

#include <array>
#include <bit>
#include <cmath>

#include "base/hash.h"
#include "base/json_pieces.h"

namespace weir::json {
namespace {

namespace bj = boost::json;

// So that no two kinds of values have one number by mere chance of their bytes.
enum class Kind : std::uint64_t { kObject = 1, kArray, kString, kNumber, kBoolean, kNull };

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  const auto bytes = std::bit_cast<std::array<char, 2 * sizeof(std::uint64_t)>>(std::array{a, b});
  return xxh3_64({bytes.data(), bytes.size()});
}
std::uint64_t of_kind(Kind kind, std::uint64_t value) { return mixed(static_cast<std::uint64_t>(kind), value); }

// The parser's view of a text. Members of an object are added up, for their order means nothing; elements of an array are
// chained.
struct Digester : Unbounded {
  struct Open {
    bool object = false;
    std::uint64_t value = 0;
    std::uint64_t key = 0;  // of the member that comes next
  };

  bool on_document_begin(bj::error_code&) {
    depth = 0;
    result = 0;
    text.reset();
    return true;
  }
  bool on_document_end(bj::error_code&) { return true; }

  bool on_object_begin(bj::error_code&) { return open(true); }
  bool on_object_end(std::size_t, bj::error_code&) { return close(Kind::kObject); }
  bool on_array_begin(bj::error_code&) { return open(false); }
  bool on_array_end(std::size_t, bj::error_code&) { return close(Kind::kArray); }

  bool on_key_part(bj::string_view part, std::size_t, bj::error_code&) { return add(part); }
  bool on_key(bj::string_view part, std::size_t, bj::error_code&) {
    opened[depth - 1].key = whole(part);
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code&) { return add(part); }
  bool on_string(bj::string_view part, std::size_t, bj::error_code&) { return value(Kind::kString, whole(part)); }
  bool on_number_part(bj::string_view, bj::error_code&) { return true; }
  bool on_int64(std::int64_t number, bj::string_view, bj::error_code&) {
    return integer(static_cast<double>(number), static_cast<std::uint64_t>(number));
  }
  bool on_uint64(std::uint64_t number, bj::string_view, bj::error_code&) {
    return integer(static_cast<double>(number), number);
  }
  bool on_double(double number, bj::string_view, bj::error_code&) { return real(number); }
  bool on_bool(bool given, bj::error_code&) { return value(Kind::kBoolean, given ? 1 : 0); }
  bool on_null(bj::error_code&) { return value(Kind::kNull, 0); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }

  std::uint64_t result = 0;

 private:
  bool open(bool object) {
    opened[depth++] = {.object = object};
    return true;
  }
  bool close(Kind kind) {
    --depth;
    return value(kind, opened[depth].value);
  }
  bool add(bj::string_view part) {
    text.add({part.data(), part.size()});
    return true;
  }
  std::uint64_t whole(bj::string_view part) {
    text.add({part.data(), part.size()});
    const std::uint64_t hash = text.value();
    text.reset();
    return hash;
  }
  // 1 and 1.0 are the same number, as far as a double holds both.
  bool integer(double near, std::uint64_t exact) {
    constexpr double kExact = 9007199254740992;  // 2^53
    if (std::abs(near) <= kExact) return real(near);
    return value(Kind::kNumber, mixed(exact, 1));
  }
  bool real(double number) { return value(Kind::kNumber, std::bit_cast<std::uint64_t>(number == 0 ? 0.0 : number)); }

  bool value(Kind kind, std::uint64_t inner) {
    const std::uint64_t hash = of_kind(kind, inner);
    if (depth == 0) {
      result = hash;
      return true;
    }
    Open& around = opened[depth - 1];
    if (around.object) {
      around.value += mixed(around.key, hash);
    } else {
      around.value = mixed(around.value, hash);
    }
    return true;
  }

  HashStream text;  // a string or a key that comes in parts: neither stands within another
  std::size_t depth = 0;
  std::array<Open, Fingerprint::kMaxDepth> opened{};
};

}  // namespace

struct Fingerprint::State {
  PieceParser<Digester> text;
};

Fingerprint::Fingerprint() : state_(std::make_unique<State>()) {}
Fingerprint::~Fingerprint() = default;

void Fingerprint::begin() { state_->text.begin(); }
void Fingerprint::feed(std::string_view piece) { state_->text.feed(piece); }
bool Fingerprint::too_deep() const { return state_->text.too_deep(); }

std::optional<std::uint64_t> Fingerprint::end() {
  if (!state_->text.end()) return {};
  return state_->text.handler().result;
}

}  // namespace weir::json
