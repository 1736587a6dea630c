// Immutable. The plan file's keys, declared once: what each is called, what it takes, what it means when left out, and
// the sentence that explains it. The loader's checks, the JSON Schema and the reference page all come from here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

enum class Kind {
  kString,
  kBoolean,
  kCount,        // a whole number
  kDuration,     // with a unit, or "none"
  kSize,         // with a unit, or "none"
  kPercent,      // 0 to 100, "%" optional
  kShare,        // a percentage, "%" needed
  kNumber,       // between 0 and 1
  kDegradation,  // a percentage or a duration
  kWord,         // one of `words`
  kObject,       // `section`
  kObjectOrOff,  // `section`, or the word "off"
  kList,         // of `section`, or of strings without one
  kStringOrList,
  kMap,          // names to `section`, or to percentages without one
  kUnsupported,  // a key of the product that this version does not have yet
};

struct Section;

struct Key {
  std::string_view name;
  Kind kind = Kind::kString;
  std::string_view sentence;
  std::string_view fallback = {};  // what it is when left out, as a reader would write it
  bool required = false;
  const Section* section = nullptr;
  std::vector<std::string_view> words = {};
};

struct Section {
  std::string_view name;
  std::string_view sentence;
  std::vector<Key> keys;
  // Exactly one of the keys may be given (a step, a key source).
  bool one_of = false;

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

}  // namespace weir::config
