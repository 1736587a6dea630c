#include "analysis/judge/save_users.h"

#include <span>
#include <utility>
#include <vector>

namespace weir::analysis {
namespace {

constexpr std::uint64_t kMostSteps = 1'000'000'000;  // operators may set any number of weights
// Gaps between more bits than these take as many bytes as the whole map.
constexpr std::uint32_t kMostGaps = UserBitmap::kBits / 8;

void write(ByteWriter& out, const UserBitmap& users) {
  const bool gaps = users.population() <= kMostGaps;
  out.integer(gaps ? 1 : 0);
  if (!gaps) {
    for (const std::uint64_t word : users.words()) out.word(word);
    return;
  }
  out.integer(users.population());
  std::uint32_t next = 0;
  users.each_bit([&](std::uint32_t bit) {
    out.integer(bit - next);
    next = bit + 1;
  });
}

// Likewise.
void write(ByteWriter& out, const UserSet& users) {
  if (users.bitmap()) return write(out, *users.bitmap());
  const std::vector<std::uint32_t> bits = users.bits();
  out.integer(1);
  out.integer(bits.size());
  std::uint32_t next = 0;
  for (const std::uint32_t bit : bits) {
    out.integer(bit - next);
    next = bit + 1;
  }
}

void set(UserBitmap& users, std::span<const std::uint64_t, UserBitmap::kWords> words) { users.set_words(words); }
void set(UserSet& users, std::span<const std::uint64_t, UserBitmap::kWords> words) {
  UserBitmap bitmap;
  bitmap.set_words(words);
  users.set(std::move(bitmap));
}

// Into a UserBitmap or a UserSet.
template <class Users>
void read(ByteReader& in, Users& users) {
  users.clear();
  if (in.integer_up_to(1) == 0) {
    std::vector<std::uint64_t> words(UserBitmap::kWords);
    for (std::uint64_t& word : words) word = in.word();
    set(users, std::span<const std::uint64_t, UserBitmap::kWords>(words));
    return;
  }
  const std::uint64_t count = in.integer_up_to(kMostGaps);
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::uint64_t bit = next + in.integer_up_to(UserBitmap::kBits - 1);
    if (bit >= UserBitmap::kBits) {
      in.fail();
      return;
    }
    users.add(static_cast<std::uint32_t>(bit));
    next = bit + 1;
  }
}

}  // namespace

void save_split(ByteWriter& out, const SrmTest& test) {
  const SrmTest::State& state = test.state();
  out.number(state.weight);
  out.integer(state.steps);
  out.integer(state.frozen ? 1 : 0);
  for (const double log : {state.log_past, state.log_step, state.log_most, state.most_weight}) out.number(log);
  for (const auto& users : {state.users, state.most_users}) {
    for (const double count : users) out.number(count);
  }
  if (!test.counts()) return;
  for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) write(out, test.users(arm));
}

void restore_split(ByteReader& in, SrmTest& test) {
  SrmTest::State state;
  state.weight = in.number();
  state.steps = static_cast<std::uint32_t>(in.integer_up_to(kMostSteps));
  state.frozen = in.integer_up_to(1) == 1;
  for (double* log : {&state.log_past, &state.log_step, &state.log_most, &state.most_weight}) *log = in.number();
  for (auto* users : {&state.users, &state.most_users}) {
    for (double& count : *users) count = in.number();
  }
  test.restore(state);
  if (!test.counts()) return;
  for (const Arm arm : {Arm::kBaseline, Arm::kCandidate}) read(in, test.bitmap(arm));
}

namespace {

void write(ByteWriter& out, const SplitWatch::Span& span) {
  out.number(span.since.count());
  out.number(span.known_after.count());
  for (const UserSet& users : span.users) write(out, users);
}
void read(ByteReader& in, SplitWatch::Span& span) {
  span.since = Seconds(in.number());
  span.known_after = Seconds(in.number());
  for (UserSet& users : span.users) read(in, users);
}

}  // namespace

void save_waiting(ByteWriter& out, const SplitWatch::Waiting& waiting) {
  const auto& [now, tick, known_after, open, closed, waits] = waiting;
  for (const Seconds time : {now, tick, known_after}) out.number(time.count());
  write(out, open);
  write(out, closed);
  out.integer(waits ? 1 : 0);
}

void restore_waiting(ByteReader& in, SplitWatch::Waiting& waiting) {
  auto& [now, tick, known_after, open, closed, waits] = waiting;
  for (Seconds* time : {&now, &tick, &known_after}) *time = Seconds(in.number());
  read(in, open);
  read(in, closed);
  waits = in.integer_up_to(1) == 1;
}

}  // namespace weir::analysis
