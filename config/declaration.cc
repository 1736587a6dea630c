#include "config/declaration.h"

#include <algorithm>

#include "base/text.h"

namespace weir::config {
namespace {

// What a key takes, without its bounds.
std::string form(const Key& key) {
  switch (key.kind) {
    case Kind::kString:
      return "a text";
    case Kind::kName:
      return "a name: letters, digits and ._-:@+, at most 64 of them, a letter or digit first";
    case Kind::kFieldName:
      return "a header's name (an RFC 9110 token of at most 64 bytes)";
    case Kind::kCookieName:
      return "a cookie's name (an RFC 9110 token of at most 64 bytes)";
    case Kind::kMethods:
      return "a method in capitals, or a list of them; CONNECT and TRACE are answered by the proxy itself";
    case Kind::kHost:
      return "a host without its port, such as api.example.com";
    case Kind::kHostRule:
      return "a host without its port, such as api.example.com, or all that are below one, such as *.example.com";
    case Kind::kPattern:
      return "a regular expression (RE2)";
    case Kind::kBody:
      return "a text of at most 64 KiB";
    case Kind::kFields:
      return "header names and values";
    case Kind::kPath:
      return "a path in its normal form, such as /v1/chat: from / on, no query, no dot segments, percent-encoded where "
             "it must be";
    case Kind::kAddress:
      return "host:port, the host in digits, such as 127.0.0.1:8080 or [::1]:8080";
    case Kind::kListenAddress:
      return "host:port, the host in digits, such as 127.0.0.1:8080 or [::1]:8080; or unix:/path, the path of at most "
             "107 "
             "bytes";
    case Kind::kBoolean:
      return "true or false";
    case Kind::kCount:
      return "a whole number";
    case Kind::kDuration:
      return "a duration with a unit (ms, s, m, h, d), such as 30s";
    case Kind::kSize:
      return "a size with a unit (B, KiB, MiB, GiB), such as 64KiB";
    case Kind::kPercent:
      return "a percentage in steps of 0.0001";
    case Kind::kShare:
      return "a percentage with its sign, such as 10%";
    case Kind::kNumber:
      return "a number";
    case Kind::kDegradation:
      return "a percentage such as 0.1%";
    case Kind::kWord: {
      std::string words;
      for (const std::string_view word : key.words) words += (words.empty() ? "one of " : ", ") + std::string(word);
      return words;
    }
    case Kind::kObject:
      return "keys and values";
    case Kind::kObjectOrOff:
      return "keys and values, or off";
    case Kind::kWordOrObject: {
      std::string words;
      for (const std::string_view word : key.words) words += std::string(word) + ", ";
      return words + "or keys and values";
    }
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "names and values";
    case Kind::kUnsupported:
      break;
  }
  return "nothing: this version does not have it yet";
}

}  // namespace

const Key* Section::find(std::string_view key) const {
  const auto at = std::find_if(keys.begin(), keys.end(), [&](const Key& known) { return known.name == key; });
  return at == keys.end() ? nullptr : &*at;
}

std::vector<const Section*> sections() {
  std::vector<const Section*> found{&plan()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (const Key& key : found[i]->keys) {
      const bool known = std::find(found.begin(), found.end(), key.section) != found.end();
      if (key.section != nullptr && !known) found.push_back(key.section);
    }
  }
  return found;
}

std::string_view nearest_key(const Section& section, std::string_view name) {
  std::vector<std::string_view> known;
  for (const Key& key : section.keys) {
    if (key.kind != Kind::kUnsupported) known.push_back(key.name);
  }
  return nearest_word(known, name);
}

std::string range_words(const Range& range) {
  std::string words;
  if (!range.least.empty()) words += ", from " + std::string(range.least) + " to " + std::string(range.most);
  if (range.none) words += ", or none";
  return words;
}

std::string expectation(const Key& key) {
  const std::string words = form(key) + range_words(key.range);
  if (key.kind != Kind::kDegradation) return words;
  const std::string times = words + ", or for times a duration" + range_words(key.time);
  return key.amount.most.empty() ? times : times + ", or for amounts and scores a number" + range_words(key.amount);
}

std::string_view place_words(Place innermost) {
  switch (innermost) {
    case Place::kFile:
      return "the file alone";
    case Place::kListener:
      return "the file or a listener";
    case Place::kRoute:
      break;
  }
  return {};
}

}  // namespace weir::config
