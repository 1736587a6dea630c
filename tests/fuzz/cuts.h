// Pure functions. How the bytes of a message are cut into reads never matters.
#pragma once

#include "tests/fuzz/input.h"
#include "tests/unit/proxy/http/readings.h"

namespace weir::fuzz {

// Of a message that is refused, only that it is and why: how far it was read before depends on the cuts.
inline void require_cuts_do_not_matter(http::Message kind, const Input& input) {
  const http::Reading whole = http::read_by_weir(kind, input.bytes);
  const http::Reading cut = http::read_by_weir(kind, input.bytes, cuts_of(input));
  const bool refused = whole.state == http::Reading::State::kRefused;
  require(refused ? cut.state == whole.state && cut.fault == whole.fault : cut == whole, "cuts do not matter");
}

}  // namespace weir::fuzz
