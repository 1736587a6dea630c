#include "base/text.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace weir {
namespace {

// How many letters have to be added, taken away or changed.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

// Bytes of the sequence that begins with `lead`, and the least that its second byte may be, and the most.
struct Lead {
  std::size_t size = 0;  // 0: no sequence begins so
  unsigned char least = 0x80;
  unsigned char most = 0xbf;
};

Lead lead_of(unsigned char lead) {
  if (lead < 0x80) return {.size = 1};
  if (lead < 0xc2 || lead > 0xf4) return {};
  if (lead < 0xe0) return {.size = 2};
  if (lead < 0xf0) {
    const auto least = static_cast<unsigned char>(lead == 0xe0 ? 0xa0 : 0x80);
    const auto most = static_cast<unsigned char>(lead == 0xed ? 0x9f : 0xbf);
    return {.size = 3, .least = least, .most = most};
  }
  const auto least = static_cast<unsigned char>(lead == 0xf0 ? 0x90 : 0x80);
  const auto most = static_cast<unsigned char>(lead == 0xf4 ? 0x8f : 0xbf);
  return {.size = 4, .least = least, .most = most};
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower_case(c);
  return out;
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return is_visible(c); });
}

bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  for (std::size_t i = 0; i < text.size();) {
    const Lead lead = lead_of(byte(i));
    if (lead.size == 0 || text.size() - i < lead.size) return false;
    if (lead.size > 1 && (byte(i + 1) < lead.least || byte(i + 1) > lead.most)) return false;
    for (std::size_t k = 2; k < lead.size; ++k) {
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    }
    i += lead.size;
  }
  return true;
}

bool equal_in_constant_time(std::string_view secret, std::string_view guess) {
  if (secret.empty()) return false;
  // The length of the guess decides the time; it is the guesser's own.
  volatile unsigned difference = secret.size() == guess.size() ? 0U : 1U;
  for (std::size_t i = 0; i < guess.size(); ++i) {
    const auto ours = static_cast<unsigned char>(secret[i % secret.size()]);
    difference = difference | (ours ^ static_cast<unsigned char>(guess[i]));
  }
  return difference == 0;
}

std::string_view without_line_break(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::string_view nearest_word(const std::vector<std::string_view>& words, std::string_view word) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  const std::string meant = lower_case(word);
  for (const std::string_view known : words) {
    const std::size_t apart = distance(meant, lower_case(known));
    if (apart >= least) continue;
    least = apart;
    best = known;
  }
  return best;
}

}  // namespace weir
