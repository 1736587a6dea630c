// Thread-safe. The whole text of a file that people wrote or tools made: plans, certificates, secrets.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

// More is a mistake, such as a log given for a plan.
inline constexpr std::size_t kLargestFile = 16 * 1024 * 1024;

struct FileText {
  std::string text;
  std::string problem;  // why there is none, in words; else empty
};

enum class FileKind : std::uint8_t {
  kAny,      // a pipe too, which is waited for: what `weir check <(generate)` is given
  kRegular,  // nothing that could wait for a writer
};

// Waits as long as the disk does.
FileText read_file(const std::string& path, FileKind kind);

}  // namespace weir
