#include "app/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace weir::app {

Terminal Terminal::of_process() {
  Terminal out;
  const char* term = std::getenv("TERM");
  const char* no_colour = std::getenv("NO_COLOR");
  const bool plain =
      (no_colour != nullptr && *no_colour != '\0') || (term != nullptr && std::string_view(term) == "dumb");
  out.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  out.out_colour = out.out_is_terminal && !plain;
  out.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  out.err_colour = out.err_is_terminal && !plain;
  winsize size{};
  if (out.out_is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    out.columns = size.ws_col;
  return out;
}

std::string tinted(std::string_view text, Tint tint, bool colour) {
  constexpr std::array<std::string_view, 6> kCodes = {"", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"};
  if (!colour || tint == Tint::kPlain) return std::string(text);
  std::string out(kCodes[static_cast<std::size_t>(tint)]);
  out += text;
  out += "\x1b[0m";
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
      if (i == std::string_view::npos) break;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++columns;
    }
  }
  return columns;
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out(text);
  const std::size_t width = display_width(text);
  if (width < columns) out.append(columns - width, ' ');
  return out;
}

void print_error(const Terminal& terminal, std::string_view what, std::string_view advice) {
  const std::string head = tinted("weir:", Tint::kRed, terminal.err_colour);
  std::fprintf(stderr, "%s %s\n", head.c_str(), std::string(what).c_str());
  if (!advice.empty()) std::fprintf(stderr, "%s\n", std::string(advice).c_str());
}

}  // namespace weir::app
