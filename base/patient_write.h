// Thread-safe. Writing to what somebody else may or may not read: a pipe to a collector of logs, a terminal.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/clock.h"

namespace weir {

struct Written {
  std::size_t bytes = 0;
  int error = 0;  // errno; EAGAIN: it was not read in time; 0: all was written
};

// Waits for the reader no longer than until `deadline`; of a file, as long as the disk takes. The descriptor itself
// stays blocking, for others may have it too: where they write into the same pipe at the same moment, one write of a
// page at most can still wait.
Written write_until(int descriptor, std::string_view bytes, SteadyTime deadline);

}  // namespace weir
