#include "analysis/records/entry.h"

#include <utility>

#include "analysis/records/state_code.h"

namespace weir::analysis {
namespace {

constexpr std::uint64_t kMostBody = 64 * 1024 * 1024;

void write(ByteWriter& out, Moment moment) { out.integer(static_cast<std::uint64_t>(moment)); }
Moment read_moment(ByteReader& in) {
  return static_cast<Moment>(in.integer_up_to(static_cast<std::uint64_t>(Moment::kBetweenTicks)));
}

void write(ByteWriter& out, Decision::Kind kind) { out.integer(static_cast<std::uint64_t>(kind)); }
Decision::Kind read_kind(ByteReader& in) {
  return static_cast<Decision::Kind>(in.integer_up_to(static_cast<std::uint64_t>(Decision::Kind::kReport)));
}

void write(ByteWriter& out, bool value) { out.integer(value ? 1 : 0); }
bool read_bool(ByteReader& in) { return in.integer_up_to(1) == 1; }

template <class T>
std::optional<T> whole(const ByteReader& in, T value) {
  return in.ok() && in.at_end() ? std::optional<T>(std::move(value)) : std::nullopt;
}

}  // namespace

void write_tick(ByteWriter& out, std::chrono::nanoseconds dt, bool open) {
  out.integer(static_cast<std::uint64_t>(EntryKind::kTick));
  out.integer(static_cast<std::uint64_t>(dt.count()));
  write(out, open);
}

void write_entry(ByteWriter& out, EntryKind kind, std::uint64_t rollout, std::string_view body) {
  out.integer(static_cast<std::uint64_t>(kind));
  out.integer(rollout);
  out.text(body);
}

std::string body_of(const Frame& frame) {
  const auto& [moment, follows, pending, minutes, key, state, judge, policy] = frame;
  ByteWriter out;
  write(out, moment);
  write(out, follows);
  write(out, pending);
  out.integer(minutes);
  write(out, key);
  write(out, state);
  write(out, judge.has_value());
  if (judge) out.text(*judge);
  write(out, policy);
  return out.take();
}

std::optional<Frame> read_frame(std::string_view body) {
  ByteReader in(body);
  Frame frame;
  auto& [moment, follows, pending, minutes, key, state, judge, policy] = frame;
  moment = read_moment(in);
  follows = read_bool(in);
  pending = read_bool(in);
  minutes = in.integer();
  read(in, key);
  read(in, state);
  if (read_bool(in)) judge = in.text(kMostBody);
  read(in, policy);
  return whole(in, std::move(frame));
}

std::string body_of(const Proposed& proposed) {
  const auto& [moment, kind, ours, unix_ms, record] = proposed;
  ByteWriter out;
  write(out, moment);
  write(out, kind);
  write(out, ours);
  out.integer(static_cast<std::uint64_t>(unix_ms));
  out.text(record);
  return out.take();
}

std::optional<Proposed> read_proposed(std::string_view body) {
  ByteReader in(body);
  Proposed proposed;
  auto& [moment, kind, ours, unix_ms, record] = proposed;
  moment = read_moment(in);
  kind = read_kind(in);
  ours = read_bool(in);
  unix_ms = static_cast<std::int64_t>(in.integer());
  record = in.text(kMostBody);
  return whole(in, proposed);
}

std::string body_of(const Effect& effect) {
  const auto& [moment, kind, new_judge, resumes, after] = effect;
  ByteWriter out;
  write(out, moment);
  write(out, kind);
  write(out, new_judge);
  write(out, resumes);
  write(out, after);
  return out.take();
}

std::optional<Effect> read_effect(std::string_view body) {
  ByteReader in(body);
  Effect effect;
  auto& [moment, kind, new_judge, resumes, after] = effect;
  moment = read_moment(in);
  kind = read_kind(in);
  new_judge = read_bool(in);
  resumes = read_bool(in);
  read(in, after);
  return whole(in, std::move(effect));
}

std::string body_of(Moment moment) {
  ByteWriter out;
  write(out, moment);
  return out.take();
}

std::optional<Moment> read_moment(std::string_view body) {
  ByteReader in(body);
  const Moment moment = read_moment(in);
  return whole(in, moment);
}

std::string block_of(const BlockHead& head, std::string_view entries) {
  const auto& [number, unix_ms, ticks] = head;
  ByteWriter out;
  out.integer(number);
  out.integer(static_cast<std::uint64_t>(unix_ms));
  out.integer(ticks);
  out.text(entries);
  return out.take();
}

BlockReader::BlockReader(std::string_view block) : in_(block) {
  head_.number = in_.integer();
  head_.unix_ms = static_cast<std::int64_t>(in_.integer());
  head_.ticks = in_.integer();
  const std::string_view entries = in_.text(block.size());
  if (!in_.at_end()) in_.fail();
  if (in_.ok()) in_ = ByteReader(entries);
}

std::optional<Entry> BlockReader::next() {
  if (!in_.ok() || in_.at_end()) return {};
  Entry entry;
  entry.kind = static_cast<EntryKind>(in_.integer_up_to(static_cast<std::uint64_t>(EntryKind::kLeft)));
  if (entry.kind == EntryKind::kTick) {
    entry.dt = std::chrono::nanoseconds(static_cast<std::int64_t>(in_.integer()));
    entry.open = read_bool(in_);
  } else {
    entry.rollout = in_.integer();
    entry.body = in_.text(kMostBody);
  }
  return in_.ok() ? std::optional<Entry>(entry) : std::nullopt;
}

}  // namespace weir::analysis
