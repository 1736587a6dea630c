// Immutable. The plan file's keys, declared once: what each is called, what it takes and within which bounds, where it
// may stand, what it means when left out, and the sentence that explains it. The loader's checks, the JSON Schema and
// the reference page all come from here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

enum class Kind : std::uint8_t {
  kString,         // no control characters
  kName,           // of a service, a version or a route
  kFieldName,      // of a request header that the proxy leaves to be matched
  kCookieName,     // an RFC 9110 token
  kHost,           // without a port
  kHostRule,       // a host, or "*." and the names below which any will do
  kPattern,        // a regular expression
  kBody,           // any text
  kFields,         // header names to texts
  kPath,           // as a request's target can hold it
  kAddress,        // host:port, the host in digits
  kListenAddress,  // that, or unix:/path
  kBoolean,
  kCount,     // a whole number
  kDuration,  // with a unit
  kSize,      // with a unit
  kPercent,   // "%" optional, to the last part per million
  kShare,     // a percentage, "%" needed
  kNumber,
  kDegradation,   // a percentage, a duration, or with `amount` a number
  kWord,          // one of `words`
  kObject,        // `section`
  kObjectOrOff,   // `section`, or the word "off"
  kWordOrObject,  // one of `words`, or `section`
  kList,          // of `section`, or of strings without one
  kMethods,       // one method or a list of them; upper case, as every registered one is
  kMap,           // names to `section`, or to percentages without one
  kUnsupported,   // a key of the product that this version does not have yet
};

// Where a value holds: for all, for one listener, for one route. What stands further in wins.
enum class Place : std::uint8_t { kFile, kListener, kRoute };

// Of what is counted or measured, as a plan would write it; both ends included.
struct Range {
  std::string_view least = {};
  std::string_view most = {};
  bool none = false;  // the word "none" means without a limit
};

struct Section;

struct Key {
  std::string_view name = {};
  Kind kind = Kind::kString;
  std::string_view sentence = {};
  std::string_view fallback = {};  // what it is when left out, as a reader would write it
  bool required = false;
  const Section* section = nullptr;
  std::vector<std::string_view> words = {};
  Range range = {};
  Range time = {};                  // kDegradation: of a duration
  Range amount = {};                // kDegradation: of a number
  Place innermost = Place::kRoute;  // where it may stand at the most
  bool names = false;               // kMap: its names are new ones, to which other keys refer
};

struct Section {
  std::string_view name = {};
  std::string_view sentence = {};
  std::vector<Key> keys = {};
  bool one_of = false;              // exactly one of the keys is given (a step, a key source)
  std::optional<Place> place = {};  // of all that stands in it; else the one around it
  const Key* find(std::string_view key) const;
};

// The whole file.
const Section& plan();
// Every section once, in the order of the reference page.
std::vector<const Section*> sections();

// The known key nearest to `name`, or empty when none is near.
std::string_view nearest_key(const Section& section, std::string_view name);
// What a key's value should look like, for messages: "a duration with a unit, such as 30s".
std::string expectation(const Key& key);
// " from 1ms to 1d, or none"; empty without bounds.
std::string range_words(const Range& range);
// "the file alone", for a key that may not stand everywhere; else empty.
std::string_view place_words(Place innermost);

inline constexpr std::size_t kMaxName = 64;     // bytes of a name, of a header's and of a cookie's
inline constexpr std::size_t kMaxText = 4096;   // bytes of any other text
inline constexpr std::size_t kMaxBody = 65536;  // bytes of a response's body

}  // namespace weir::config
