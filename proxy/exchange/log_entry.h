// Confined to one worker. What a request said that the access log asks for, kept until its line is written.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "config/access_log.h"

namespace weir::proxy {

struct LogEntry {
  std::string text;  // of each part of the format, one after another
  std::array<std::uint32_t, config::LogFormat::kMostParts> ends{};
};

}  // namespace weir::proxy
