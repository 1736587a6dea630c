#include "proxy/split/split.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/score.h"

namespace weir::proxy {
namespace {

constexpr VersionId kV1 = 4;
constexpr VersionId kV2 = 9;

SplitSpec chat_rollout() {
  SplitSpec spec;
  spec.service = "chat";
  spec.baseline = kV1;
  spec.candidate = kV2;
  spec.salt = "chat/v2/";
  spec.stickiness.by = {{"x-user-id", ""}};
  return spec;
}

SplitSpec::Override ask_for(VersionId version, std::string value) {
  SplitSpec::Override entry;
  entry.rule.header = "x-weir-version";
  entry.rule.exact = std::move(value);
  entry.version = version;
  return entry;
}

ClientAddress ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

http::FieldList user(std::string_view name) {
  http::FieldList fields;
  fields.add("X-User-Id", name);
  return fields;
}

RolloutTraffic at_weight(std::uint32_t weight_ppm) {
  RolloutTraffic traffic;
  traffic.step = 7;
  traffic.weight_ppm = weight_ppm;
  traffic.judged = true;
  return traffic;
}

Assignment assign(const SplitSpec& spec, const http::FieldList& fields, const RolloutTraffic& traffic) {
  Random random(42);
  return Split(spec).assign({fields, ipv4(192, 0, 2, 1)}, traffic, random);
}

struct Vector {
  const char* key;
  std::uint32_t bucket;         // of the rollout, salt "chat/v2/"
  std::uint32_t static_bucket;  // of static weights, salt "chat"
};

// Computed by an implementation of MurmurHash3_x86_32 in another language. They never change: other programs compute
// them too, and a user would change versions.
constexpr Vector kVectors[] = {
    {"a", 996'035, 876'172},
    {"user-1", 9'660, 83'281},
    {"user-2", 763'152, 490'724},
    {"user-3", 114'895, 412'518},
    {"user-42", 443'128, 682'755},
    {"alice@example.com", 495'179, 112'022},
    {"0123456789abcdef0123456789abcdef", 226'755, 445'571},
    {"Zo\xc3\xab", 363'746, 366'243},
};

TEST(Split, AssignsByTheContractsBuckets) {
  for (const Vector& vector : kVectors) {
    const http::FieldList fields = user(vector.key);
    EXPECT_EQ(assign(chat_rollout(), fields, at_weight(vector.bucket)).version, kV1) << vector.key;
    EXPECT_EQ(assign(chat_rollout(), fields, at_weight(vector.bucket + 1)).version, kV2) << vector.key;
  }
}

TEST(Split, StaticWeightsFollowTheContractsBuckets) {
  SplitSpec spec;
  spec.service = "chat";
  spec.salt = "chat";
  spec.stickiness.by = {{"x-user-id", ""}};
  for (const Vector& vector : kVectors) {
    const http::FieldList fields = user(vector.key);
    spec.weights = {{kV1, vector.static_bucket}, {kV2, kMillion - vector.static_bucket}};
    EXPECT_EQ(assign(spec, fields, RolloutTraffic()).version, kV2) << vector.key;
    spec.weights = {{kV1, vector.static_bucket + 1}, {kV2, kMillion - vector.static_bucket - 1}};
    EXPECT_EQ(assign(spec, fields, RolloutTraffic()).version, kV1) << vector.key;
  }
}

TEST(Split, SaysWhoseEvidenceTheRequestIs) {
  const Assignment result = assign(chat_rollout(), user("user-1"), at_weight(10'000));
  EXPECT_EQ(result.arm, Arm::kCandidate);
  EXPECT_EQ(result.reason, AssignmentReason::kHash);
  EXPECT_TRUE(result.judged);
  EXPECT_TRUE(result.keyed);
  EXPECT_EQ(result.step, 7u);
}

// Computed through the C library of xxHash from the key and the service's name.
TEST(Split, ClusterAndUserHashDependOnServiceAndKeyAlone) {
  SplitSpec spec = chat_rollout();
  for (const char* salt : {"chat/v2/", "chat/v3/next"}) {
    spec.salt = salt;
    const Assignment result = assign(spec, user("user-1"), at_weight(10'000));
    EXPECT_EQ(result.cluster, 139);
    EXPECT_EQ(result.user_hash, 943'138u);
    EXPECT_EQ(assign(spec, user("user-42"), at_weight(10'000)).cluster, 135);
    EXPECT_EQ(assign(spec, user("user-42"), at_weight(10'000)).user_hash, 30'300u);
  }
}

TEST(Split, TellsTheSessionWhereAnswersAreScored) {
  RolloutTraffic traffic = at_weight(500'000);
  EXPECT_EQ(assign(chat_rollout(), user("alice"), traffic).session, 0U);
  traffic.scored = true;
  EXPECT_EQ(assign(chat_rollout(), user("alice"), traffic).session, join_key(JoinKind::kSession, "alice"));
  EXPECT_EQ(assign(chat_rollout(), {}, traffic).session, 0U);  // nobody could name it
}

TEST(Split, IsTheSameAfterARestart) {
  const Split before(chat_rollout());
  const Split after(chat_rollout());
  Random random(1);
  Random other_random(2);
  for (int i = 0; i < 1'000; ++i) {
    const std::string name = "user-" + std::to_string(i);
    const http::FieldList fields = user(name);
    const Assignment a = before.assign({fields, ipv4(10, 0, 0, 1)}, at_weight(300'000), random);
    const Assignment b = after.assign({fields, ipv4(10, 9, 9, 9)}, at_weight(300'000), other_random);
    ASSERT_EQ(a.version, b.version) << name;
    ASSERT_EQ(a.cluster, b.cluster) << name;
    ASSERT_EQ(a.user_hash, b.user_hash) << name;
  }
}

TEST(Split, WithoutAKeyIsRandomAndSaysSo) {
  const Assignment result = assign(chat_rollout(), http::FieldList(), at_weight(kMillion));
  EXPECT_EQ(result.version, kV2);
  EXPECT_EQ(result.reason, AssignmentReason::kUnkeyed);
  EXPECT_FALSE(result.keyed);
  EXPECT_TRUE(result.judged);
}

TEST(Split, RequestThatGetsTheCookieIsAlreadyAssignedByIt) {
  SplitSpec spec = chat_rollout();
  spec.stickiness.by.push_back({"", "weir"});
  const Split split(spec);
  EXPECT_EQ(split.cookie_name(), "weir");
  Random random(42);
  for (int i = 0; i < 1'000; ++i) {
    const Assignment first = split.assign({http::FieldList(), {}}, at_weight(500'000), random);
    ASSERT_EQ(first.reason, AssignmentReason::kNewCookie);
    ASSERT_TRUE(first.keyed);
    const std::string value = "weir=" + std::string(first.cookie.data(), first.cookie.size());
    http::FieldList fields;
    fields.add("Cookie", value);
    const Assignment next = split.assign({fields, {}}, at_weight(500'000), random);
    ASSERT_EQ(next.reason, AssignmentReason::kHash);
    ASSERT_EQ(next.version, first.version);
    ASSERT_EQ(next.cluster, first.cluster);
    ASSERT_EQ(next.user_hash, first.user_hash);
  }
}

TEST(Split, HeaderSparesTheCookie) {
  SplitSpec spec = chat_rollout();
  spec.stickiness.by = {{"", "weir"}, {"x-user-id", ""}};
  EXPECT_EQ(assign(spec, user("user-1"), at_weight(0)).reason, AssignmentReason::kHash);
}

TEST(Split, OneVersionNeedsNoKey) {
  SplitSpec spec;
  spec.service = "chat";
  spec.weights = {{kV1, kMillion}};
  spec.stickiness.by = {{"", "weir"}};
  const Assignment result = assign(spec, http::FieldList(), RolloutTraffic());
  EXPECT_EQ(result.version, kV1);
  EXPECT_EQ(result.reason, AssignmentReason::kOnly);
  EXPECT_FALSE(result.judged);
  EXPECT_FALSE(result.keyed);
}

TEST(SplitOverride, ServesTheVersionAndIsNoEvidence) {
  SplitSpec spec = chat_rollout();
  spec.overrides = {ask_for(kV1, "v1"), ask_for(kV2, "v2")};
  http::FieldList fields = user("user-1");
  fields.add("X-Weir-Version", "v2");
  const Assignment result = assign(spec, fields, at_weight(0));
  EXPECT_EQ(result.version, kV2);
  EXPECT_EQ(result.arm, Arm::kCandidate);
  EXPECT_EQ(result.reason, AssignmentReason::kOverride);
  EXPECT_FALSE(result.judged);
}

TEST(SplitOverride, NeedsTheExactValue) {
  SplitSpec spec = chat_rollout();
  spec.overrides = {ask_for(kV2, "v2")};
  for (const char* value : {"", "V2", "v22", "v"}) {
    http::FieldList fields = user("user-1");
    fields.add("X-Weir-Version", value);
    EXPECT_EQ(assign(spec, fields, at_weight(0)).version, kV1) << value;
  }
}

TEST(SplitOverride, RollbackOutranksIt) {
  SplitSpec spec = chat_rollout();
  spec.overrides = {ask_for(kV1, "v1"), ask_for(kV2, "v2")};
  RolloutTraffic closed = at_weight(kMillion);
  closed.candidate_closed = true;
  http::FieldList fields = user("user-1");
  fields.add("X-Weir-Version", "v2");
  const Assignment result = assign(spec, fields, closed);
  EXPECT_EQ(result.version, kV1);
  EXPECT_EQ(result.reason, AssignmentReason::kHash);

  http::FieldList baseline = user("user-1");
  baseline.add("X-Weir-Version", "v1");
  EXPECT_EQ(assign(spec, baseline, closed).reason, AssignmentReason::kOverride);
}

// A reload gives the routes a rollout that the plan in hand does not know yet, or no longer.
TEST(SplitOverride, IsNotTakenByAPlanForAnotherRollout) {
  SplitSpec spec = chat_rollout();
  spec.identity = 11;
  spec.overrides = {ask_for(kV1, "v1"), ask_for(kV2, "v2")};
  RolloutTraffic other = at_weight(kMillion);
  other.identity = 12;
  http::FieldList fields = user("user-1");
  fields.add("X-Weir-Version", "v2");
  const Assignment result = assign(spec, fields, other);
  EXPECT_EQ(result.version, kV1);
  EXPECT_EQ(result.reason, AssignmentReason::kHash);
  EXPECT_FALSE(result.judged);

  other.identity = 11;
  EXPECT_EQ(assign(spec, fields, other).version, kV2);
}

// What has to be known of the body, and what follows from it.
TEST(SplitOverride, GoesByTheModelThatTheBodyAsksFor) {
  SplitSpec spec = chat_rollout();
  spec.overrides = {ask_for(kV1, "v1"), ask_for(kV2, ""), ask_for(kV2, "v2")};
  spec.overrides[1].rule.header.clear();
  spec.overrides[1].rule.model = "llama-2";
  const Split split(spec);
  Random random(1);
  http::FieldList fields = user("user-1");
  config::BodyTexts body{"llama-2"};
  EXPECT_EQ(split.needs({.fields = fields}, at_weight(0)).all, config::BodyText::kModel);
  EXPECT_EQ(split.assign({.fields = fields}, at_weight(0), random).version, kV1) << "nothing has been read";
  const Assignment result = split.assign({.fields = fields, .body = &body}, at_weight(0), random);
  EXPECT_EQ(result.version, kV2);
  EXPECT_EQ(result.arm, Arm::kCandidate);
  EXPECT_EQ(result.reason, AssignmentReason::kOverride);
  EXPECT_FALSE(result.judged);
  body[0] = "llama";
  EXPECT_EQ(split.assign({.fields = fields, .body = &body}, at_weight(0), random).reason, AssignmentReason::kHash);

  fields.add("X-Weir-Version", "v1");
  EXPECT_TRUE(split.needs({.fields = fields}, at_weight(0)).none()) << "an earlier rule has chosen";
  RolloutTraffic closed = at_weight(kMillion);
  closed.candidate_closed = true;
  const http::FieldList other = user("user-1");
  EXPECT_TRUE(split.needs({.fields = other}, closed).none()) << "it would choose a version that is closed";
}

TEST(SplitOverride, OfAModelAndAHeaderWantsBoth) {
  SplitSpec spec = chat_rollout();
  spec.overrides = {ask_for(kV2, "v2")};
  spec.overrides[0].rule.model = "llama-2";
  const Split split(spec);
  Random random(1);
  http::FieldList fields = user("user-1");
  const config::BodyTexts body{"llama-2"};
  EXPECT_TRUE(split.needs({.fields = fields}, at_weight(0)).none());
  EXPECT_EQ(split.assign({.fields = fields, .body = &body}, at_weight(0), random).version, kV1);
  fields.add("X-Weir-Version", "v2");
  EXPECT_EQ(split.needs({.fields = fields}, at_weight(0)).all, config::BodyText::kModel);
  EXPECT_EQ(split.assign({.fields = fields, .body = &body}, at_weight(0), random).version, kV2);
}

config::Cidr range(ClientAddress address, int prefix_bits) { return {"", address, prefix_bits}; }

struct RangeCase {
  config::Cidr from;
  ClientAddress client;
  bool inside;
};

TEST(SplitOverride, IsLimitedToItsAddresses) {
  const RangeCase cases[] = {
      {range(ipv4(10, 0, 0, 0), 104), ipv4(10, 255, 0, 1), true},
      {range(ipv4(10, 0, 0, 0), 104), ipv4(11, 0, 0, 1), false},
      {range(ipv4(172, 16, 0, 0), 108), ipv4(172, 31, 255, 255), true},
      {range(ipv4(172, 16, 0, 0), 108), ipv4(172, 32, 0, 0), false},
      {range(ipv4(192, 0, 2, 7), 128), ipv4(192, 0, 2, 7), true},
      {range(ipv4(192, 0, 2, 7), 128), ipv4(192, 0, 2, 6), false},
      {range(ipv4(0, 0, 0, 0), 96), ipv4(203, 0, 113, 9), true},
      {range(ClientAddress{}, 0), ClientAddress{0x20, 0x01}, true},
      {range(ClientAddress{}, 0), ipv4(203, 0, 113, 9), false},
  };
  for (const RangeCase& one : cases) {
    SplitSpec spec = chat_rollout();
    spec.overrides = {ask_for(kV2, "v2")};
    spec.overrides.front().rule.from = {one.from};
    http::FieldList fields;
    fields.add("X-Weir-Version", "v2");
    Random random(1);
    const Assignment result = Split(spec).assign({fields, one.client}, at_weight(0), random);
    EXPECT_EQ(result.version == kV2, one.inside) << one.from.prefix_bits;
  }
}

class SplitSession : public testing::Test {
 protected:
  SplitSession() {
    spec_ = chat_rollout();
    spec_.versions = {kV1, kV2};
    spec_.sessions = std::make_shared<PinTable>(4'096, std::chrono::hours(1));
  }

  Assignment ask(std::string_view name, const RolloutTraffic& traffic) {
    const http::FieldList fields = user(name);
    return Split(spec_).assign({.fields = fields, .now = now_}, traffic, random_);
  }
  // Of another step, as every change of the weight begins one.
  static RolloutTraffic step(StepId id, std::uint32_t weight_ppm) {
    RolloutTraffic traffic = at_weight(weight_ppm);
    traffic.step = id;
    return traffic;
  }

  SplitSpec spec_;
  SteadyTime now_{std::chrono::hours(50)};
  Random random_{5};
};

// user-1 is in bucket 9660: on the candidate from 1 % on.
TEST_F(SplitSession, StaysWhereItBeganWhenTheWeightMoves) {
  for (int i = 0; i < 2; ++i) {
    const Assignment first = ask("user-1", step(7, 0));
    EXPECT_EQ(first.version, kV1);
    EXPECT_EQ(first.reason, AssignmentReason::kHash);
    EXPECT_TRUE(first.judged) << "this step's split put it there";
  }
  const Assignment kept = ask("user-1", step(8, 500'000));
  EXPECT_EQ(kept.version, kV1);
  EXPECT_EQ(kept.arm, Arm::kBaseline);
  EXPECT_EQ(kept.reason, AssignmentReason::kSession);
  EXPECT_FALSE(kept.judged);
  EXPECT_TRUE(kept.keyed);
  EXPECT_EQ(kept.step, 8U);
  EXPECT_FALSE(chosen_by_split(kept.reason));
}

TEST_F(SplitSession, StaysOnTheCandidateWhenTheWeightFalls) {
  EXPECT_EQ(ask("user-1", step(7, 500'000)).version, kV2);
  const Assignment kept = ask("user-1", step(8, 1));
  EXPECT_EQ(kept.version, kV2);
  EXPECT_EQ(kept.arm, Arm::kCandidate);
  EXPECT_FALSE(kept.judged);
}

// Were those judged whom the step would have put there anyway, its other arm would lack those whom it would not.
TEST_F(SplitSession, IsNoEvidenceOfAnotherStepWhereverThatWouldPutIt) {
  ask("user-1", step(7, 500'000));
  const Assignment same = ask("user-1", step(8, 600'000));
  EXPECT_EQ(same.version, kV2);
  EXPECT_EQ(same.reason, AssignmentReason::kSession);
  EXPECT_FALSE(same.judged);
}

TEST_F(SplitSession, IsAssignedAnewWhenItIsOver) {
  ask("user-1", step(7, 0));
  now_ += std::chrono::minutes(59);
  EXPECT_EQ(ask("user-1", step(8, 500'000)).version, kV1) << "each request prolongs it";
  now_ += std::chrono::minutes(59);
  EXPECT_EQ(ask("user-1", step(8, 500'000)).version, kV1);
  now_ += std::chrono::minutes(63);
  const Assignment anew = ask("user-1", step(8, 500'000));
  EXPECT_EQ(anew.version, kV2);
  EXPECT_EQ(anew.reason, AssignmentReason::kHash);
  EXPECT_TRUE(anew.judged);
}

TEST_F(SplitSession, ARollbackKeepsNobody) {
  ask("user-1", step(7, 500'000));
  RolloutTraffic closed = step(8, 0);
  closed.candidate_closed = true;
  EXPECT_EQ(ask("user-1", closed).version, kV1);
  // The session goes on where it is now.
  const Assignment kept = ask("user-1", step(9, 500'000));
  EXPECT_EQ(kept.version, kV1);
  EXPECT_EQ(kept.reason, AssignmentReason::kSession);
}

TEST_F(SplitSession, EndsWithItsVersion) {
  ask("user-1", step(7, 500'000));
  spec_.versions = {kV1};
  spec_.candidate = kNoId;
  spec_.weights = {{kV1, 500'000}, {kV1, 500'000}};
  EXPECT_EQ(ask("user-1", step(8, 0)).version, kV1);
}

TEST_F(SplitSession, BeginsWithTheCookieThatItsFirstAnswerSets) {
  spec_.stickiness.by = {{"", "weir"}};
  const Split split(spec_);
  const http::FieldList none;
  const Assignment first = split.assign({.fields = none, .now = now_}, step(7, 0), random_);
  EXPECT_EQ(first.reason, AssignmentReason::kNewCookie);
  EXPECT_TRUE(first.judged);
  const std::string cookie = "weir=" + std::string(first.cookie.data(), first.cookie.size());
  http::FieldList fields;
  fields.add("Cookie", cookie);
  const Assignment kept = split.assign({.fields = fields, .now = now_}, step(8, kMillion), random_);
  EXPECT_EQ(kept.version, kV1);
  EXPECT_EQ(kept.reason, AssignmentReason::kSession);
}

TEST_F(SplitSession, OfNobodyIsNotKept) {
  const Split split(spec_);
  const http::FieldList none;
  EXPECT_EQ(split.assign({.fields = none, .now = now_}, step(7, 0), random_).reason, AssignmentReason::kUnkeyed);
  EXPECT_TRUE(spec_.sessions->empty());
}

}  // namespace
}  // namespace weir::proxy
