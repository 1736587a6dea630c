#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <bit>

namespace weir {
namespace {

constexpr std::uint32_t kC1 = 0xcc9e2d51;
constexpr std::uint32_t kC2 = 0x1b873593;

// Feeds bytes four at a time across string boundaries.
class Murmur3 {
 public:
  explicit Murmur3(std::uint32_t seed) : hash_(seed) {}

  void add(std::string_view data) {
    for (const char c : data) {
      pending_ |= std::uint32_t{static_cast<unsigned char>(c)} << (8 * (size_ & 3));
      if ((++size_ & 3) == 0) {
        hash_ ^= scramble(pending_);
        hash_ = std::rotl(hash_, 13) * 5 + 0xe6546b64;
        pending_ = 0;
      }
    }
  }

  std::uint32_t finish() {
    std::uint32_t h = hash_ ^ scramble(pending_) ^ static_cast<std::uint32_t>(size_);
    h = (h ^ (h >> 16)) * 0x85ebca6b;
    h = (h ^ (h >> 13)) * 0xc2b2ae35;
    return h ^ (h >> 16);
  }

 private:
  static std::uint32_t scramble(std::uint32_t k) { return std::rotl(k * kC1, 15) * kC2; }

  std::uint32_t hash_;
  std::uint32_t pending_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace

std::uint32_t murmur3_32(std::string_view data, std::uint32_t seed) { return murmur3_32(data, {}, seed); }

std::uint32_t murmur3_32(std::string_view head, std::string_view tail, std::uint32_t seed) {
  Murmur3 hash(seed);
  hash.add(head);
  hash.add(tail);
  return hash.finish();
}

std::uint64_t xxh3_64(std::string_view data, std::uint64_t seed) {
  return XXH3_64bits_withSeed(data.data(), data.size(), seed);
}

static_assert(sizeof(XXH64_state_t) == sizeof(HashStream) - sizeof(std::uint64_t));

void HashStream::reset() {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  state_ = std::bit_cast<decltype(state_)>(state);
  size_ = 0;
}

void HashStream::add(std::string_view piece) {
  if (piece.empty()) return;
  auto state = std::bit_cast<XXH64_state_t>(state_);
  XXH64_update(&state, piece.data(), piece.size());
  state_ = std::bit_cast<decltype(state_)>(state);
  size_ += piece.size();
}

std::uint64_t HashStream::value() const {
  const auto state = std::bit_cast<XXH64_state_t>(state_);
  return XXH64_digest(&state);
}

std::uint64_t rollout_identity(const std::array<std::string_view, 5>& words) {
  std::uint64_t identity = 0;
  // Chained, so that no shift of letters between words gives the same.
  for (const std::string_view word : words) identity = xxh3_64(word, identity + 1);
  return identity == 0 ? 1 : identity;
}

}  // namespace weir
