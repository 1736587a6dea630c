// Confined to one thread. Messages for parsers to disagree about: whole ones, odd ones, and ones with bytes changed.
#pragma once

#include <string>

#include "base/random.h"
#include "tests/unit/proxy/http/readings.h"

namespace weir::http {

class MessageGenerator {
 public:
  explicit MessageGenerator(std::uint64_t seed) : random_(seed) {}

  // Equal seeds give equal messages, one after another.
  std::string next(Message kind);

 private:
  template <std::size_t size>
  std::string pick(const char* const (&from)[size]) {
    return from[random_.below(size)];
  }
  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  std::string start_line(Message kind);
  std::string fields(Message kind);
  std::string value();
  std::string framed_body();
  std::string chunks();
  void mutate(std::string& message);

  Random random_;
};

}  // namespace weir::http
