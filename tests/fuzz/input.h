// Pure functions. What a fuzzer's bytes are taken for: where a message is cut into reads, and the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace weir::fuzz {

// What must hold for every input. The fuzzer takes an abort for a finding.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

struct Input {
  std::uint8_t choice = 0;  // what else a target has to decide
  std::uint64_t cut_seed = 0;
  std::string_view bytes;
};

// The first bytes are no message, so that a mutation of either leaves the other alone.
inline Input split_input(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeader = 4;
  Input input;
  if (size < kHeader) return input;
  input.choice = data[0];
  input.cut_seed = data[1] | static_cast<std::uint64_t>(data[2]) << 8 | static_cast<std::uint64_t>(data[3]) << 16;
  input.bytes = {reinterpret_cast<const char*>(data) + kHeader, size - kHeader};
  return input;
}

// Ascending, the last one the size. One input in eight is cut at every byte.
inline std::vector<std::size_t> cuts_of(const Input& input) {
  std::vector<std::size_t> cuts;
  std::uint64_t state = input.cut_seed * 2 + 1;
  const bool everywhere = input.cut_seed % 8 == 0;
  for (std::size_t at = 1; at < input.bytes.size(); ++at) {
    state = state * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX generator
    if (everywhere || (state >> 60) == 0) cuts.push_back(at);
  }
  cuts.push_back(input.bytes.size());
  return cuts;
}

}  // namespace weir::fuzz
