// Judge::snapshot() and Judge::of_snapshot(): what Judge::save() has, and behind it what may be lost in a restart but
// not when a tick is to be judged again to the last bit.
#include <utility>

#include "analysis/judge/bytes.h"
#include "analysis/judge/save_users.h"
#include "analysis/judge/state.h"

namespace weir::analysis {
namespace {

constexpr std::uint64_t kVersion = 1;
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
  for (const GuardState& guard : s.guards) write_names(out, guard.failed);
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
  for (GuardState& guard : s.guards) read_names(in, guard.failed);
  restore_waiting(in, s.split.waiting());
  if (!in.ok() || !in.at_end()) return {};
  return judge;
}

}  // namespace weir::analysis
