#include "config/network.h"

#include <gtest/gtest.h>

namespace weir::config {
namespace {

constexpr IpBytes v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

TEST(Network, HoldsWhatItsPrefixSays) {
  const Cidr network{.text = {}, .address = v4(10, 1, 0x80, 7), .prefix_bits = 96 + 17};
  EXPECT_TRUE(contains(network, v4(10, 1, 0x80, 0)));
  EXPECT_TRUE(contains(network, v4(10, 1, 0xff, 255)));
  EXPECT_FALSE(contains(network, v4(10, 1, 0x7f, 255)));
  EXPECT_FALSE(contains(network, v4(10, 0, 0x80, 7)));
  EXPECT_FALSE(contains(network, IpBytes{}));
}

TEST(Network, HoldsAllWithoutAPrefixAndOneWithAWholeOne) {
  EXPECT_TRUE(contains(Cidr{}, IpBytes{0xfd}));
  EXPECT_FALSE(contains(Cidr{}, v4(1, 2, 3, 4)));  // ::/0 is all of IPv6
  EXPECT_TRUE(contains(Cidr{.text = {}, .address = v4(0, 0, 0, 0), .prefix_bits = 96}, v4(1, 2, 3, 4)));
  const Cidr one{.text = {}, .address = v4(1, 2, 3, 4), .prefix_bits = 128};
  EXPECT_TRUE(contains(one, v4(1, 2, 3, 4)));
  EXPECT_FALSE(contains(one, v4(1, 2, 3, 5)));
  const std::vector<Cidr> two{{.text = {}, .address = v4(9, 9, 9, 9), .prefix_bits = 128}, one};
  EXPECT_TRUE(contains(two, v4(1, 2, 3, 4)));
  EXPECT_FALSE(contains(two, v4(1, 2, 3, 5)));
  EXPECT_FALSE(contains(std::vector<Cidr>{}, v4(1, 2, 3, 4)));
}

TEST(Network, KnowsItsFamily) {
  EXPECT_TRUE((Cidr{.text = {}, .address = v4(10, 0, 0, 0), .prefix_bits = 104}.is_v4()));
  EXPECT_TRUE((Cidr{.text = {}, .address = v4(0, 0, 0, 0), .prefix_bits = 96}.is_v4()));
  EXPECT_FALSE((Cidr{.text = {}, .address = v4(10, 0, 0, 0), .prefix_bits = 95}.is_v4()));
  EXPECT_FALSE(Cidr{}.is_v4());
}

}  // namespace
}  // namespace weir::config
