// Immutable. A place in the plan file.
#pragma once

namespace weir::config {

// Where a value stands in the file, for messages. Line and column count from 1; 0: not from a file.
struct Position {
  int line = 0;
  int column = 0;
};

}  // namespace weir::config
