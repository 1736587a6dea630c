// Pure functions. Reading one value of a map, when it is there and can be read: what cannot was reported by
// structure.h.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/load/document.h"
#include "config/units.h"

namespace weir::config {

inline const std::string* scalar(const Node& node, std::string_view key) {
  const Node* const value = node.find(key);
  return value != nullptr && value->type == Node::Type::kScalar ? &value->scalar : nullptr;
}

inline void read(const Node& node, std::string_view key, std::string& into) {
  if (const std::string* text = scalar(node, key)) into = *text;
}

inline void read(const Node& node, std::string_view key, bool& into) {
  if (const std::string* text = scalar(node, key)) into = *text == "true";
}

// A whole number of any width.
template <class T>
void read_count(const Node& node, std::string_view key, T& into) {
  const std::string* const text = scalar(node, key);
  std::uint32_t value = 0;
  if (text == nullptr) return;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc() && end == text->data() + text->size()) into = value;
}

inline std::optional<double> number_of(const Node& value) {
  double number = 0;
  if (value.type != Node::Type::kScalar) return {};
  const std::string& text = value.scalar;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

inline std::optional<double> decimal_of(const Node& node, std::string_view key) {
  const Node* const value = node.find(key);
  return value == nullptr ? std::nullopt : number_of(*value);
}

inline std::optional<Duration> duration_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  return text == nullptr ? std::nullopt : parse_duration(*text);
}

inline std::optional<std::uint64_t> size_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  return text == nullptr ? std::nullopt : parse_size(*text);
}

inline std::optional<double> share_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  return text == nullptr ? std::nullopt : parse_share(*text);
}

inline std::optional<std::uint32_t> percent_of(const Node& node, std::string_view key) {
  const std::string* const text = scalar(node, key);
  return text == nullptr ? std::nullopt : parse_percent_ppm(*text);
}

// One of the words of an enumeration, in its order.
template <class Enum, std::size_t kSize>
void read_word(const Node& node, std::string_view key, const std::array<std::string_view, kSize>& words, Enum& into) {
  const std::string* const text = scalar(node, key);
  if (text == nullptr) return;
  const auto word = std::find(words.begin(), words.end(), *text);
  if (word != words.end()) into = static_cast<Enum>(word - words.begin());
}

}  // namespace weir::config
