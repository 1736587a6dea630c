#include "base/json.h"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <limits>

namespace weir::json {
namespace {

namespace bj = boost::json;

std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

// As deep as the parser let it be.
Value convert(const bj::value& from) {
  switch (from.kind()) {
    case bj::kind::null:
      return {};
    case bj::kind::bool_:
      return from.get_bool();
    case bj::kind::int64:
      return from.get_int64();
    case bj::kind::uint64:
      return from.get_uint64();
    case bj::kind::double_:
      return from.get_double();
    case bj::kind::string:
      return view(from.get_string());
    case bj::kind::array: {
      Array out;
      out.reserve(from.get_array().size());
      for (const bj::value& element : from.get_array()) out.push_back(convert(element));
      return out;
    }
    case bj::kind::object: {
      Object out;
      for (const auto& member : from.get_object()) {
        // There is one of a name already, and a hostile text may have a hundred thousand of them.
        out.append({member.key().data(), member.key().size()}, convert(member.value()));
      }
      return out;
    }
  }
  return {};
}

std::string quoted(std::string_view text) { return bj::serialize(bj::string_view(text.data(), text.size())); }

}  // namespace

Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

Object::Object(std::initializer_list<Member> members) {
  for (const Member& member : members) set(member.first, member.second);
}

bool Object::empty() const { return members_.empty(); }

Object& Object::set(std::string_view name, Value value) {
  for (Member& member : members_) {
    if (member.first == name) {
      member.second = std::move(value);
      return *this;
    }
  }
  members_.emplace_back(std::string(name), std::move(value));
  return *this;
}

void Object::append(std::string_view name, Value value) { members_.emplace_back(std::string(name), std::move(value)); }

const Value* Object::find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

bool Value::is_number() const {
  return std::holds_alternative<std::int64_t>(data_) || std::holds_alternative<std::uint64_t>(data_) ||
         std::holds_alternative<double>(data_);
}

bool Value::boolean(bool fallback) const {
  const bool* value = std::get_if<bool>(&data_);
  return value != nullptr ? *value : fallback;
}

double Value::number(double fallback) const {
  if (const auto* value = std::get_if<double>(&data_)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<std::uint64_t>(&data_)) return static_cast<double>(*value);
  return fallback;
}

std::int64_t Value::integer(std::int64_t fallback) const {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  if (const auto* value = std::get_if<std::int64_t>(&data_)) return *value;
  if (const auto* value = std::get_if<std::uint64_t>(&data_)) {
    return *value > static_cast<std::uint64_t>(kMax) ? kMax : static_cast<std::int64_t>(*value);
  }
  const auto* value = std::get_if<double>(&data_);
  if (value == nullptr || std::isnan(*value)) return fallback;
  if (*value >= 0x1p63) return kMax;
  if (*value < -0x1p63) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(*value);
}

const std::string& Value::string() const {
  static const std::string kEmpty;
  const auto* value = std::get_if<std::string>(&data_);
  return value != nullptr ? *value : kEmpty;
}

const Array& Value::array() const {
  static const Array kEmpty;
  const auto* value = std::get_if<Array>(&data_);
  return value != nullptr ? *value : kEmpty;
}

const Object& Value::object() const {
  static const Object kEmpty;
  const auto* value = std::get_if<Object>(&data_);
  return value != nullptr ? *value : kEmpty;
}

const Value& Value::operator[](std::string_view name) const {
  static const Value kNull;
  const Value* value = object().find(name);
  return value != nullptr ? *value : kNull;
}

ParseResult parse(std::string_view text, const ParseLimits& limits) {
  if (text.size() > limits.bytes) {
    return {.value = {}, .error = "longer than " + std::to_string(limits.bytes) + " bytes"};
  }
  bj::parse_options options;
  options.max_depth = limits.depth;
  bj::stream_parser parser({}, options);
  bj::error_code error;
  const std::size_t read = parser.write_some(text.data(), text.size(), error);
  if (!error && read < text.size()) error = bj::error::extra_data;
  if (!error) parser.finish(error);
  if (error) return {.value = {}, .error = error.message() + " at byte " + std::to_string(read)};
  return {.value = convert(parser.release()), .error = {}};
}

// Indents when `pretty`. Empty arrays and objects stay on one line.
class Writer {
 public:
  explicit Writer(bool pretty) : pretty_(pretty) {}

  void write(const Value& value) {
    std::visit([this](const auto& data) { put(data); }, value.data_);
  }
  std::string take() { return std::move(out_); }

 private:
  void put(std::nullptr_t) { out_ += "null"; }
  void put(bool value) { out_ += value ? "true" : "false"; }
  void put(std::int64_t value) { out_ += std::to_string(value); }
  void put(std::uint64_t value) { out_ += std::to_string(value); }
  void put(double value) {
    if (!std::isfinite(value)) return put(nullptr);
    if (value == 0) value = 0;  // "-0" reads as the integer, which has no sign
    // Fifteen digits: what Boost.JSON 1.81 reads may be off in the last of seventeen, and what is read and written
    // again must stay the same text.
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 15);
    out_.append(text.data(), end.ptr);
  }
  void put(const std::string& value) { out_ += quoted(value); }

  void put(const Array& array) {
    open('[');
    for (std::size_t i = 0; i < array.size(); ++i) {
      next(i == 0);
      write(array[i]);
    }
    close(']', array.empty());
  }

  void put(const Object& object) {
    open('{');
    bool first = true;
    for (const Member& member : object.members()) {
      next(first);
      first = false;
      out_ += quoted(member.first);
      out_ += pretty_ ? ": " : ":";
      write(member.second);
    }
    close('}', object.empty());
  }

  void open(char bracket) {
    out_ += bracket;
    ++depth_;
  }
  void next(bool first) {
    if (!first) out_ += ',';
    line();
  }
  void close(char bracket, bool empty) {
    --depth_;
    if (!empty) line();
    out_ += bracket;
  }
  void line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  std::string out_;
  std::size_t depth_ = 0;
  bool pretty_;
};

std::string write(const Value& value) {
  Writer writer(false);
  writer.write(value);
  return writer.take();
}

std::string write_pretty(const Value& value) {
  Writer writer(true);
  writer.write(value);
  return writer.take() + '\n';
}

}  // namespace weir::json
