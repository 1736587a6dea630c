#include "examples/support/flags.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace weir::examples {
namespace {

[[noreturn]] void refuse(const std::string& what, const FlagDefaults& flags) {
  std::fprintf(stderr, "%s\nflags, with their defaults:\n", what.c_str());
  for (const auto& [name, value] : flags) std::fprintf(stderr, "  --%s %s\n", name.c_str(), value.c_str());
  std::exit(2);
}

template <class Number>
Number parse(const std::string& name, const std::string& text, const FlagDefaults& flags) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || value < 0) refuse("--" + name + ": no number: " + text, flags);
  return value;
}

}  // namespace

Flags::Flags(int argc, char** argv, FlagDefaults defaults) : values_(std::move(defaults)) {
  for (int i = 1; i < argc; i += 2) {
    const std::string_view word = argv[i];
    const auto flag = word.starts_with("--") ? values_.find(std::string(word.substr(2))) : values_.end();
    if (flag == values_.end() || i + 1 == argc) refuse("not understood: " + std::string(word), values_);
    flag->second = argv[i + 1];
  }
}

double Flags::number(const std::string& name) const { return parse<double>(name, text(name), values_); }

unsigned Flags::whole(const std::string& name) const { return parse<unsigned>(name, text(name), values_); }

}  // namespace weir::examples
