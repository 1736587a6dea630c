// Immutable. Which version a request is served by: the contract that other programs can compute for themselves.
//
//   bucket = (MurmurHash3_x86_32(salt + key, seed 0) * 1,000,000) >> 32;   candidate iff bucket < weight_ppm
//
// That is flagd's `fractional` (v2) with the candidate listed first. Raising the weight only moves units from baseline
// to candidate, lowering it takes back those added last; the answer depends on nothing but salt, key and weight, so it
// is the same after a restart and on another machine. Static weights: the first version, in the order of the names,
// whose cumulative weight exceeds the bucket; the salt is then the service's name.
//
// With the salt "chat/v2/": "alice" -> 273985, "bob" -> 329274, "user-1" -> 9660, the empty key -> 834967; more in
// tests/unit/proxy/split/split_test.cc.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/outcome.h"
#include "base/random.h"
#include "base/traffic_plan.h"
#include "config/rollout.h"
#include "proxy/http/field_list.h"
#include "proxy/split/pin_table.h"
#include "proxy/split/unit_key.h"

namespace weir::proxy {

struct Assignment {
  VersionId version = kNoId;
  Arm arm = Arm::kBaseline;
  AssignmentReason reason = AssignmentReason::kOnly;
  bool judged = false;  // copied from RolloutTraffic::judged, but false for an override
  bool keyed = false;
  std::uint8_t cluster = 0;     // low 8 bits of XXH3_64(key, XXH3_64(service) + 2)
  std::uint32_t user_hash = 0;  // low 20 bits of XXH3_64(key, XXH3_64(service) + 3)
  StepId step = 0;
  Epoch epoch = 0;
  // join_key() of its key, where answers are scored; 0: it has none, or nobody scores.
  std::uint64_t session = 0;
  // The response sets this cookie: reason is kNewCookie.
  DrawnId cookie{};
  bool forgot_session = false;  // another's, before its time, for want of room
};

struct WeightedVersion {
  VersionId version = kNoId;
  std::uint32_t weight_ppm = 0;
};

struct SplitSpec {
  std::string service;
  config::Stickiness stickiness;
  // A rollout's two arms; kNoId both when the split is static.
  VersionId baseline = kNoId;
  VersionId candidate = kNoId;
  std::string salt;
  std::uint64_t identity = 0;  // of the rollout: traffic meant for another one is not taken
  struct Override {
    config::Override rule;
    VersionId version = kNoId;
  };
  std::vector<Override> overrides;
  std::vector<VersionId> versions = {};  // of the service
  // Which of them has made what requests name by its id; null: nobody remembers.
  std::shared_ptr<PinTable> creators = {};
  std::shared_ptr<PinTable> sessions = {};  // where each stays; null: nobody is kept
  // Static split, in the order of the version names; one entry when the service has one version.
  std::vector<WeightedVersion> weights;
};

class Split {
 public:
  explicit Split(SplitSpec spec);

  // What of the request's body assign() goes by, as far as its head does not decide it.
  config::BodyNeeds needs(const UnitFacts& request, const RolloutTraffic& traffic) const;

  // `traffic` is this service's entry of the plan that the request keeps. Allocates nothing. Only a fresh cookie id, or
  // the draw of an unkeyed request, takes from `random`.
  Assignment assign(const UnitFacts& request, const RolloutTraffic& traffic, Random& random) const;

  // The cookie that a kNewCookie response sets: its name, or empty.
  std::string_view cookie_name() const { return cookie_name_; }
  PinTable* creators() const { return spec_.creators.get(); }
  bool has_rollout() const { return spec_.candidate != kNoId; }
  const SplitSpec& spec() const { return spec_; }

 private:
  // The entry that this split goes by: another rollout's is not its own.
  const RolloutTraffic& own(const RolloutTraffic& planned) const;
  // Where both arms are the same version, it is the first.
  bool is_candidate(VersionId version) const {
    return version == spec_.candidate && spec_.candidate != spec_.baseline;
  }
  bool is_closed(VersionId version, const RolloutTraffic& traffic) const;
  bool take_override(const UnitFacts& request, const RolloutTraffic& traffic, Assignment& result) const;
  bool take_creator(const UnitFacts& request, const RolloutTraffic& traffic, Assignment& result) const;
  void take_version(VersionId version, AssignmentReason reason, Assignment& result) const;
  bool serves(VersionId version, const RolloutTraffic& traffic) const;
  void keep_session(std::string_view key, const UnitFacts& request, const RolloutTraffic& traffic,
                    Assignment& result) const;
  // Fills what follows from the unit key: version and arm, and for a rollout whether and as whom it is judged.
  void take_key(std::string_view key, const RolloutTraffic& traffic, Assignment& result) const;

  SplitSpec spec_;
  std::string cookie_name_;
  std::uint64_t cluster_seed_ = 0;
  std::uint64_t user_seed_ = 0;
  std::uint64_t session_seed_ = 0;
};

}  // namespace weir::proxy
