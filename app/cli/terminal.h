// Immutable. What may be written to standard output and standard error: colours are for terminals only.
#pragma once

#include <string>
#include <string_view>

namespace weir::app {

enum class Tint { kPlain, kBold, kDim, kRed, kGreen, kYellow };

struct Terminal {
  bool out_is_terminal = false;
  bool out_colour = false;
  bool err_is_terminal = false;
  bool err_colour = false;
  int columns = 100;

  // Of this process: colours unless NO_COLOR is set or TERM is dumb (no-color.org).
  static Terminal of_process();
};

std::string tinted(std::string_view text, Tint tint, bool colour);
// Text that came from elsewhere, with nothing in it that could move the cursor.
std::string printable(std::string_view text);
// Bytes of UTF-8 as columns, our own ANSI sequences as none.
std::size_t display_width(std::string_view text);
std::string padded(std::string_view text, std::size_t columns);

// "weir: what" to standard error, and below it what to do about it.
void print_error(const Terminal& terminal, std::string_view what, std::string_view advice = {});

}  // namespace weir::app
