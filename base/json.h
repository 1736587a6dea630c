// Immutable values and pure functions. JSON as plain values: what the admin API, the command line, the schema and the
// logs read and write. Objects keep the order in which they were built; reading is bounded in size and depth.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace weir::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;

// Members in the order they were added; a name is there once.
class Object {
 public:
  Object() = default;
  Object(std::initializer_list<Member> members);

  // Replaces the value of a name that is there.
  Object& set(std::string_view name, Value value);
  // Looks for no other of the name: there must be none.
  void append(std::string_view name, Value value);
  // Null when there is none.
  const Value* find(std::string_view name) const;
  const std::vector<Member>& members() const { return members_; }
  bool empty() const;

 private:
  std::vector<Member> members_;
};

// Numbers stay what they are: 64-bit integers are exact. A double that is no number is written as null.
class Value {
 public:
  Value() = default;
  // In json.cc: inlined, GCC 12 takes the alternatives that a value does not have for uninitialised ones at -O2.
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  Value(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): values are built from literals all over
  Value(bool value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}
  template <std::signed_integral T>
  Value(T value) : data_(static_cast<std::int64_t>(value)) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Value(T value) : data_(static_cast<std::uint64_t>(value)) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  bool is_object() const { return std::holds_alternative<Object>(data_); }
  bool is_number() const;
  bool is_boolean() const { return std::holds_alternative<bool>(data_); }

  // Readers never fail: a value of another kind reads as the fallback, or as something empty. That suits the readers of
  // our own documents, which must live with what an older or a newer program sent.
  bool boolean(bool fallback = false) const;
  double number(double fallback = 0) const;
  std::int64_t integer(std::int64_t fallback = 0) const;  // a double is cut, and held within 64 bits
  const std::string& string() const;
  const Array& array() const;
  const Object& object() const;
  // The member of an object; a null value when there is none.
  const Value& operator[](std::string_view name) const;

 private:
  friend std::string write(const Value& value);
  friend std::string write_pretty(const Value& value);
  friend class Writer;

  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> data_ = nullptr;
};

struct ParseLimits {
  std::size_t bytes = 1 << 20;
  std::size_t depth = 32;  // arrays and objects within each other
};

struct ParseResult {
  Value value;
  std::string error;  // empty: read; else what is wrong, and at which byte
  bool ok() const { return error.empty(); }
};

// One whole document, strictly by RFC 8259; of a name that comes twice, the last value counts.
ParseResult parse(std::string_view text, const ParseLimits& limits = {});

std::string write(const Value& value);         // one line
std::string write_pretty(const Value& value);  // two spaces a level, ends with a line feed

}  // namespace weir::json
