// Confined to one thread. `--name value` pairs of a command line, for the small programs in examples/.
#pragma once

#include <map>
#include <string>

namespace weir::examples {

// What a program takes: each flag with its default.
using FlagDefaults = std::map<std::string, std::string>;

class Flags {
 public:
  // Ends the program with status 2, and the list of flags on stderr, when the command line is not understood.
  Flags(int argc, char** argv, FlagDefaults defaults);

  const std::string& text(const std::string& name) const { return values_.at(name); }
  double number(const std::string& name) const;
  unsigned whole(const std::string& name) const;

 private:
  FlagDefaults values_;
};

}  // namespace weir::examples
