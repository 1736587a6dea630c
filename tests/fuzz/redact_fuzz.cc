// What the access log and the dump of the plan must not hold: values of secret names, names and passwords in URLs, and
// parameters of URLs within values, however the names are written and however often a URL was encoded.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/percent.h"
#include "proxy/observe/redact.h"
#include "tests/fuzz/input.h"

namespace weir::fuzz {
namespace {

// Stands in no word of the table; no encoding changes it, nor makes a part of it.
constexpr std::string_view kHidden = "QZXWQZXK";
// Of each rule of the table, and a name of the plan's own.
constexpr std::array<std::string_view, 6> kSecretNames = {"token", "apikey", "codeverifier", "sid", "key", "tenant"};
const std::vector<std::string> kMore = {"tenant"};

std::string query_shown(std::string_view query) {
  std::string out;
  proxy::append_redacted_query(query, kMore, out);
  return out;
}

std::string url_shown(std::string_view url) {
  std::string out;
  proxy::append_redacted_url(url, kMore, out);
  return out;
}

bool hides(const std::string& shown) { return shown.find(kHidden) == std::string::npos; }

std::size_t separators(std::string_view query) {
  return static_cast<std::size_t>(
      std::count_if(query.begin(), query.end(), [](char c) { return c == '&' || c == ';'; }));
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      out += c;
    } else {
      const auto escape = escape_of(c);
      out.append(escape.data(), escape.size());
    }
  }
  return out;
}

std::string without(std::string_view text, std::string_view marks) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [&](char c) { return marks.find(c) == std::string_view::npos; });
  return out;
}

// In any case, with any of its characters escaped, and escapes escaped.
std::string spelled(std::string_view name, std::string_view choices) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const int choice = choices.empty() ? 0 : static_cast<unsigned char>(choices[i % choices.size()]) % 5;
    const char upper = static_cast<char>(name[i] - 'a' + 'A');
    const auto escape = escape_of(choice == 4 ? upper : name[i]);
    if (choice < 2) out += choice == 0 ? name[i] : upper;
    if (choice >= 2) out += choice == 3 ? "%25" : "%";
    if (choice >= 2) out.append(escape.data() + 1, escape.size() - 1);
  }
  return out;
}

void hide_values(const Input& input) {
  const std::string name = spelled(kSecretNames[input.choice % kSecretNames.size()], input.bytes.substr(0, 16));
  require(proxy::names_secret(name, kMore), "a name is a secret's however it is written");
  // Whatever stands around it.
  const std::string pair = name + "=" + std::string(kHidden) + without(input.bytes, "&;");
  const std::string around = without(input.bytes, "&;=");
  for (const std::string& query : {pair, around + "&" + pair, around + ";" + pair + "&" + around}) {
    require(hides(query_shown(query)), "the value of a secret is not shown");
    require(hides(url_shown("/path?" + query)), "nor in a target");
  }
}

// A URL with a password before its host and a secret in its query, as the value of a parameter.
void hide_urls(const Input& input) {
  const std::size_t half = input.bytes.size() / 2;
  const std::string user = encoded(input.bytes.substr(0, half));
  const std::string path = without(input.bytes.substr(half), "?#&;");
  const std::string hidden(kHidden);
  const std::string with_user = "https://" + user + ":" + hidden + "@host/";
  const std::string with_query = "https://host/" + encoded(path) + (input.choice % 2 == 0 ? "?a=" : "#a=") + hidden;
  require(hides(url_shown(with_user)), "a password in a URL is not shown");
  std::string inner_user = with_user;
  std::string inner_query = with_query;
  for (int times = 0; times < 4; ++times) {
    require(hides(query_shown("next=" + inner_user)), "nor in a URL that is a parameter");
    require(hides(query_shown("next=" + inner_query)), "nor are such a URL's own parameters");
    inner_user = encoded(inner_user);
    inner_query = encoded(inner_query);
  }
}

void keep_the_rest(std::string_view text) {
  const std::string shown = query_shown(text);
  require(separators(shown) == separators(text), "parameters stay apart, and none is left out");
  require(query_shown(shown) == shown, "what is shown hides nothing more");
  if (text.find_first_of("%?#@=") == std::string_view::npos) require(shown == text, "what is no secret is shown");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weir::fuzz::Input input = weir::fuzz::split_input(data, size);
  // What is hidden must be ours alone.
  if (weir::fuzz::without(input.bytes, "?#&;=").find(weir::fuzz::kHidden) != std::string::npos) return 0;
  weir::fuzz::hide_values(input);
  weir::fuzz::hide_urls(input);
  weir::fuzz::keep_the_rest(input.bytes);
  return 0;
}
