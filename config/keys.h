// Pure functions. The words in which keys are declared, for sources of config alone.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "config/declaration.h"

namespace weir::config::keys {

inline Key timeout(std::string_view name, std::string_view sentence, std::string_view fallback, Range range) {
  return {.name = name, .kind = Kind::kDuration, .sentence = sentence, .fallback = fallback, .range = range};
}

inline Key size(std::string_view name, std::string_view sentence, std::string_view fallback, Range range) {
  return {.name = name, .kind = Kind::kSize, .sentence = sentence, .fallback = fallback, .range = range};
}

inline Key count(std::string_view name, std::string_view sentence, std::string_view fallback, std::string_view most) {
  return {.name = name, .kind = Kind::kCount, .sentence = sentence, .fallback = fallback, .range = {"1", most}};
}

inline Key word(std::string_view name, std::string_view sentence, std::string_view fallback,
                std::vector<std::string_view> words) {
  return {.name = name, .kind = Kind::kWord, .sentence = sentence, .fallback = fallback, .words = std::move(words)};
}

inline Key object(std::string_view name, std::string_view sentence, const Section& section) {
  return {.name = name, .kind = Kind::kObject, .sentence = sentence, .section = &section};
}

inline Key list(std::string_view name, std::string_view sentence, const Section& section) {
  return {.name = name, .kind = Kind::kList, .sentence = sentence, .section = &section};
}

inline Key unsupported(std::string_view name, std::string_view what) {
  return {.name = name, .kind = Kind::kUnsupported, .sentence = what};
}

inline Key required(Key key) {
  key.required = true;
  return key;
}

// The request is read before its route is known.
inline Key not_on_a_route(Key key) {
  key.innermost = Place::kListener;
  return key;
}

// The proxies before us; `fallback` says who they are when nobody is named.
inline Key trusted_hops(std::string_view fallback) {
  return not_on_a_route(
      {.name = "trustedHops",
       .kind = Kind::kList,
       .sentence = "Networks (10.0.0.0/8) whose word about a request is believed: X-Forwarded-For, -Proto and -Host, "
                   "Forwarded, x-request-id. The client is the last address in X-Forwarded-For that is not in them. "
                   "`unix` is whoever connects to a Unix socket; `none` alone is nobody.",
       .fallback = fallback});
}

// A version is one for all that lead to it.
inline Key on_the_file(Key key) {
  key.innermost = Place::kFile;
  return key;
}

// Networks that may and that may not.
Key allow(std::string_view sentence);
Key deny(std::string_view sentence);

// One declaration a noun of the plan; each is in the source named after what it belongs to.
const Section& timeouts();
const Section& limits();
const Section& version_limits();
const Section& retries();
const Section& rescue();
const Section& paths();
const Section& access_log();
const Section& dns();
const Section& secret();
const Section& listener_tls();
const Section& origin_tls();
const Section& listener();
const Section& key_source();
const Section& stickiness();
const Section& load_balancing();
const Section& outlier();
const Section& health_check();
const Section& service();
const Section& route();
const Section& api_keys();
const Section& rate_limit();
const Section& header_edits();
const Section& rewrite();
const Section& redirect();
const Section& respond();
const Section& guard();
const Section& rollout();
const Section& webhook();

}  // namespace weir::config::keys
