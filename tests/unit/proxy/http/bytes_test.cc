#include "proxy/http/bytes.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

constexpr std::size_t kLongest = 40;  // two blocks of sixteen and a rest

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

bool is_no_target(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte >= 0x7f || c == '#';
}

// Every byte at every place between bytes that are none of those searched for.
template <typename Search, typename Searched>
void expect_finds(const Search& find, const Searched& searched) {
  for (std::size_t size = 0; size <= kLongest; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string bytes(size, 'a');
      for (int byte = 0; byte < 256; ++byte) {
        bytes[at] = static_cast<char>(byte);
        const std::size_t expected = searched(bytes[at]) ? at : size;
        ASSERT_EQ(find(bytes, 0), expected) << "byte " << byte << " at " << at << " of " << size;
        ASSERT_EQ(find(bytes, at), expected) << "byte " << byte << " at " << at << " of " << size << ", from there";
        ASSERT_EQ(find(bytes, at + 1), size) << "byte " << byte << " at " << at << " of " << size << ", from behind it";
      }
    }
  }
}

TEST(Bytes, FindsWhatIsNoTokenCharacter) {
  expect_finds(find_not_token, [](char c) { return !is_token(c); });
}

TEST(Bytes, FindsWhatIsNoTokenCharacterBehindAnUnusualOne) {
  const std::string name = "x~header-that-is-longer-than-a-block|and:on";
  EXPECT_EQ(find_not_token(name, 0), name.find(':'));
}

TEST(Bytes, FindsControlCharacters) { expect_finds(find_control, is_control); }

TEST(Bytes, FindsWhatCannotStandInATarget) { expect_finds(find_not_target, is_no_target); }

}  // namespace
}  // namespace weir::http
