// Immutable values. The texts at the top of a JSON request that a plan may go by, and which of them somebody has to know.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weir::config {

enum class BodyText : std::uint8_t {
  kModel,
  // Who asks, or in which conversation: what a plan may name as a key.
  kUser,
  kPromptCacheKey,
  kSafetyIdentifier,
  kConversation,  // or its `id`, where it is an object
  kMetadataUserId,
  kMetadataSessionId,
  // What a version has made, by its id.
  kPreviousResponseId,
  kInputFileId,
  kAnswerFormat,  // response_format.type, or what stands for it elsewhere
};
inline constexpr std::size_t kBodyTextCount = 10;

// As the request writes them; what stands inside an object behind a dot.
inline constexpr std::array<std::string_view, kBodyTextCount> kBodyTextNames = {
    "model",
    "user",
    "prompt_cache_key",
    "safety_identifier",
    "conversation",
    "metadata.user_id",
    "metadata.session_id",
    "previous_response_id",
    "input_file_id",
    "response_format.type"};

// Those that a plan may name as keys.
inline constexpr std::span<const std::string_view> kBodyKeyNames = std::span(kBodyTextNames).subspan(1, 6);
inline BodyText body_key(std::size_t index) { return static_cast<BodyText>(index + 1); }

class BodyTextSet {
 public:
  constexpr BodyTextSet() = default;
  constexpr BodyTextSet(BodyText one) { add(one); }

  constexpr void add(BodyText one) { bits_ |= bit(one); }
  constexpr void add(BodyTextSet others) { bits_ |= others.bits_; }
  constexpr bool has(BodyText one) const { return (bits_ & bit(one)) != 0; }
  // All that are in `others`, too.
  constexpr bool has_all(BodyTextSet others) const { return (others.bits_ & ~bits_) == 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const BodyTextSet&) const = default;

 private:
  static constexpr std::uint32_t bit(BodyText one) { return std::uint32_t{1} << static_cast<unsigned>(one); }

  std::uint32_t bits_ = 0;
};

// Of one request; an empty one is not there. The views are into whoever has read them.
using BodyTexts = std::array<std::string_view, kBodyTextCount>;

inline std::string_view text_of(const BodyTexts& texts, BodyText which) {
  return texts[static_cast<std::size_t>(which)];
}

// What has to be known of a body before it is decided where it goes.
struct BodyNeeds {
  BodyTextSet all;  // each of these
  // And of these the first that the request has: what stands behind one that it has need not be known.
  std::array<BodyText, kBodyTextCount> first_of{};
  std::size_t count = 0;

  constexpr void or_else(BodyText next) {
    for (std::size_t i = 0; i < count; ++i) {
      if (first_of[i] == next) return;
    }
    first_of[count++] = next;
  }
  bool none() const { return all.empty() && count == 0; }
};

}  // namespace weir::config
