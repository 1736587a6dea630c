#include "proxy/split/split.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/hash.h"
#include "base/score.h"
#include "proxy/split/created_ids.h"

namespace weir::proxy {
namespace {

constexpr std::uint64_t kClusterSeed = 2;
constexpr std::uint64_t kUserSeed = 3;
constexpr std::uint64_t kSessionSeed = 4;
constexpr std::uint32_t kUserHashMask = (1u << 20) - 1;

// As far as the head says.
bool may_apply(const config::Override& rule, const UnitFacts& request) {
  if (!rule.header.empty()) {
    const http::Field* field = request.fields.find(rule.header);
    if (field == nullptr || field->value != rule.exact) return false;
  }
  return rule.from.empty() || config::contains(rule.from, request.client);
}

bool applies(const config::Override& rule, const UnitFacts& request) {
  if (!may_apply(rule, request)) return false;
  if (rule.model.empty()) return true;
  return request.body != nullptr && config::text_of(*request.body, config::BodyText::kModel) == rule.model;
}

VersionId by_cumulative_weight(const std::vector<WeightedVersion>& weights, std::uint32_t bucket) {
  std::uint32_t cumulative = 0;
  for (const WeightedVersion& entry : weights) {
    cumulative += entry.weight_ppm;
    if (bucket < cumulative) return entry.version;
  }
  return weights.back().version;
}

std::string first_cookie(const std::vector<config::KeySource>& sources) {
  const auto at = std::find_if(sources.begin(), sources.end(),
                               [](const config::KeySource& source) { return !source.cookie.empty(); });
  return at == sources.end() ? std::string() : at->cookie;
}

}  // namespace

Split::Split(SplitSpec spec)
    : spec_(std::move(spec)),
      cookie_name_(first_cookie(spec_.stickiness.by)),
      cluster_seed_(xxh3_64(spec_.service) + kClusterSeed),
      user_seed_(xxh3_64(spec_.service) + kUserSeed),
      session_seed_(xxh3_64(spec_.service) + kSessionSeed) {}

// Meant for another rollout: what this candidate may get is not known, and it may have been rolled back.
const RolloutTraffic& Split::own(const RolloutTraffic& planned) const {
  static const RolloutTraffic kClosed{.candidate_closed = true};
  return planned.identity == spec_.identity ? planned : kClosed;
}

config::BodyNeeds Split::needs(const UnitFacts& request, const RolloutTraffic& planned) const {
  const RolloutTraffic& traffic = own(planned);
  config::BodyNeeds needs;
  for (const SplitSpec::Override& entry : spec_.overrides) {
    if (is_closed(entry.version, traffic) || !may_apply(entry.rule, request)) continue;
    if (entry.rule.model.empty()) return needs;
    needs.all.add(config::BodyText::kModel);
  }
  if (spec_.creators != nullptr && !spec_.creators->empty()) {
    needs.all.add(naming_texts(collection_of(request.path), request.method));
  }
  if (has_rollout() || spec_.weights.size() > 1) add_key_needs(spec_.stickiness.by, request, needs);
  return needs;
}

Assignment Split::assign(const UnitFacts& request, const RolloutTraffic& planned, Random& random) const {
  const RolloutTraffic& traffic = own(planned);
  Assignment result;
  result.step = traffic.step;
  result.epoch = traffic.epoch;
  if (take_override(request, traffic, result) || take_creator(request, traffic, result)) return result;
  if (!has_rollout() && spec_.weights.size() == 1) {
    result.version = spec_.weights.front().version;
    return result;
  }

  const std::string_view key = find_unit_key(spec_.stickiness.by, request);
  if (!key.empty()) {
    result.reason = AssignmentReason::kHash;
    result.keyed = true;
    take_key(key, traffic, result);
    if (spec_.sessions != nullptr) keep_session(key, request, traffic, result);
  } else if (!cookie_name_.empty()) {
    result.reason = AssignmentReason::kNewCookie;
    result.keyed = true;
    result.cookie = draw_id(random);
    const std::string_view drawn(result.cookie.data(), result.cookie.size());
    take_key(drawn, traffic, result);
    if (spec_.sessions != nullptr) keep_session(drawn, request, traffic, result);
  } else {
    result.reason = AssignmentReason::kUnkeyed;
    const auto id = std::bit_cast<std::array<char, sizeof(std::uint64_t)>>(random.next());
    take_key(std::string_view(id.data(), id.size()), traffic, result);
  }
  return result;
}

bool Split::is_closed(VersionId version, const RolloutTraffic& traffic) const {
  return traffic.candidate_closed && is_candidate(version);
}

bool Split::take_override(const UnitFacts& request, const RolloutTraffic& traffic, Assignment& result) const {
  for (const SplitSpec::Override& entry : spec_.overrides) {
    if (is_closed(entry.version, traffic) || !applies(entry.rule, request)) continue;
    take_version(entry.version, AssignmentReason::kOverride, result);
    return true;
  }
  return false;
}

void Split::take_version(VersionId version, AssignmentReason reason, Assignment& result) const {
  result.version = version;
  result.arm = is_candidate(version) ? Arm::kCandidate : Arm::kBaseline;
  result.reason = reason;
}

// Whether anybody may be kept there: a reload may have taken it away, and to one that is rolled back nobody returns.
bool Split::serves(VersionId version, const RolloutTraffic& traffic) const {
  return !is_closed(version, traffic) &&
         std::find(spec_.versions.begin(), spec_.versions.end(), version) != spec_.versions.end();
}

bool Split::take_creator(const UnitFacts& request, const RolloutTraffic& traffic, Assignment& result) const {
  if (spec_.creators == nullptr || spec_.creators->empty()) return false;
  const Collection collection = collection_of(request.path);
  const auto take = [&](std::string_view id) {
    const std::optional<Pin> made = id.empty() ? std::nullopt : spec_.creators->find(created_key(id), request.now);
    if (!made || !serves(made->version, traffic)) return false;
    take_version(made->version, AssignmentReason::kCreator, result);
    return true;
  };
  if (take(collection.id)) return true;
  const config::BodyTextSet named = naming_texts(collection, request.method);
  if (request.body == nullptr || named.empty()) return false;
  for (std::size_t i = 0; i < config::kBodyTextCount; ++i) {
    const auto text = static_cast<config::BodyText>(i);
    if (named.has(text) && take(config::text_of(*request.body, text))) return true;
  }
  return false;
}

// `result` is as this step's split has it. Whoever began under another stays where that was, and is none of this one's
// evidence, even if the version is the same: the others whom that split had are missing in the other arm.
void Split::keep_session(std::string_view key, const UnitFacts& request, const RolloutTraffic& traffic,
                         Assignment& result) const {
  // What its rollout is at is not known yet: sessions are left as they are.
  if (traffic.identity != spec_.identity) return;
  const std::uint64_t hash = xxh3_64(key, session_seed_);
  // A step id is a rollout's own; two rollouts seldom begin at the same one.
  const auto mark = static_cast<std::uint32_t>((traffic.identity ^ traffic.identity >> 32) + traffic.step) % Pin::kMarks;
  const Pin assigned{.version = result.version, .mark = mark};
  std::optional<Pin> pin = spec_.sessions->find(hash, request.now);
  if (!pin) {
    const PinTable::Kept kept = spec_.sessions->keep(hash, assigned, request.now);
    pin = kept.pin;
    result.forgot_session = kept.forgot;
  }
  if (*pin == assigned) return;
  if (!serves(pin->version, traffic)) {
    spec_.sessions->move(hash, assigned, request.now);
    return;
  }
  take_version(pin->version, AssignmentReason::kSession, result);
  result.judged = false;
}

void Split::take_key(std::string_view key, const RolloutTraffic& traffic, Assignment& result) const {
  const std::uint32_t bucket = bucket_ppm(murmur3_32(spec_.salt, key, 0));
  if (!has_rollout()) {
    result.version = by_cumulative_weight(spec_.weights, bucket);
    return;
  }
  const bool candidate = !traffic.candidate_closed && bucket < traffic.weight_ppm;
  result.arm = candidate ? Arm::kCandidate : Arm::kBaseline;
  result.version = candidate ? spec_.candidate : spec_.baseline;
  result.judged = traffic.judged;
  result.cluster = static_cast<std::uint8_t>(xxh3_64(key, cluster_seed_));
  if (traffic.scored && result.keyed) result.session = join_key(JoinKind::kSession, key);
  result.user_hash = static_cast<std::uint32_t>(xxh3_64(key, user_seed_)) & kUserHashMask;
}

}  // namespace weir::proxy
