// Judge::snapshot() and Judge::of_snapshot(): what Judge::save() has, and behind it what may be lost in a restart but
// not when a tick is to be judged again to the last bit.
#include <algorithm>
#include <utility>

#include "analysis/judge/bytes.h"
#include "analysis/judge/save_users.h"
#include "analysis/judge/state.h"

namespace weir::analysis {
namespace {

constexpr std::uint64_t kVersion = 2;
constexpr std::uint64_t kMostBytes = 64 * 1024 * 1024;
constexpr std::uint64_t kMostNamed = 16;

void write_names(ByteWriter& out, const std::vector<std::string>& names) {
  out.integer(names.size());
  for (const std::string& name : names) out.text(name);
}
void read_names(ByteReader& in, std::vector<std::string>& names) {
  names.resize(in.integer_up_to(kMostNamed));
  for (std::string& name : names) name = in.text(kMaxRequestId);
}

}  // namespace

std::string Judge::snapshot() const {
  State& s = *state_;
  ByteWriter out;
  out.integer(kVersion);
  out.text(save());
  for (const std::int64_t overdue : s.overdue) out.word(static_cast<std::uint64_t>(overdue));
  out.integer(static_cast<std::uint64_t>(s.current.seed));
  out.integer(s.threshold_version);
  out.integer(s.stepped ? 1 : 0);
  out.integer(s.minute_began ? 1 : 0);
  for (const GuardState& guard : s.guards) {
    out.integer(guard.metric);
    out.integer(guard.is_limit ? 1 : 0);
    write_names(out, guard.failed);
  }
  save_waiting(out, s.split.waiting());
  return out.take();
}

std::optional<Judge> Judge::of_snapshot(const JudgeSpec& spec, std::string_view bytes) {
  ByteReader in(bytes);
  if (in.integer() != kVersion) return {};
  std::optional<Judge> judge = restore(spec, in.text(kMostBytes));
  if (!judge) return {};
  State& s = *judge->state_;
  for (std::int64_t& overdue : s.overdue) overdue = static_cast<std::int64_t>(in.word());
  s.current.seed =
      static_cast<StepContext::Seed>(in.integer_up_to(static_cast<std::uint64_t>(StepContext::Seed::kEvidenceLost)));
  s.threshold_version = static_cast<std::uint32_t>(in.integer());
  s.stepped = in.integer_up_to(1) == 1;
  s.minute_began = in.integer_up_to(1) == 1;
  // An edit has moved guards, and restore() puts them as the plan has them: sums would differ in their last bit.
  for (auto guard = s.guards.begin(); guard != s.guards.end(); ++guard) {
    const std::uint64_t metric = in.integer();
    const bool is_limit = in.integer_up_to(1) == 1;
    const auto here = std::find_if(guard, s.guards.end(), [&](const GuardState& other) {
      return other.metric == metric && other.is_limit == is_limit;
    });
    if (here == s.guards.end()) return {};
    std::rotate(guard, here, here + 1);
    read_names(in, guard->failed);
  }
  restore_waiting(in, s.split.waiting());
  if (!in.ok() || !in.at_end()) return {};
  return judge;
}

}  // namespace weir::analysis
