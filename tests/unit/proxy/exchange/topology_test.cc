// What a plan file becomes: which setting wins, what a name is called, which rollout a split belongs to.
#include "proxy/exchange/topology.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace weir::proxy {
namespace {

using std::chrono::seconds;

class TopologyTest : public testing::Test {
 protected:
  TopologyTest() {
    for (const char* address : {"127.0.0.1:1", "127.0.0.1:2"}) config_.listeners.emplace_back().address = address;
    config_.services["chat"].versions["v1"].endpoints.push_back({"", "127.0.0.1", 9'001});
    config_.services["chat"].versions["v2"].endpoints.push_back({"", "::1", 80});
    config_.services["chat"].weights_ppm = {{"v1", 900'000}, {"v2", 100'000}};
    config_.services["files"].versions["only"].endpoints.push_back({"", "files.example", 80});
    add_route("one", "/1");
    add_route("two", "/2");
  }
  void add_route(const std::string& name, const std::string& prefix) {
    config::Route route;
    route.name = name;
    route.service = "chat";
    route.match.path_prefix = prefix;
    config_.routes.push_back(route);
  }
  std::shared_ptr<const Topology> build() { return build_topology(config_, names_); }
  const Route& route(const Topology& topology, std::size_t listener, std::string_view path) {
    const http::FieldList fields;
    const Route* const found = topology.listeners.at(listener).routes.match({"GET", "a", path, &fields});
    if (found == nullptr) throw std::runtime_error("no route");
    return *found;
  }

  config::Config config_;
  Names names_;
};

class NamesTest : public TopologyTest {
 protected:
  NamesTest() { config_.services["files"].versions["only"].endpoints = {{"http://a.test:80/", "a.test", 80}}; }
  // Of the version, with these known.
  std::vector<std::string> endpoints(const std::string& name, std::vector<std::string> addresses) {
    resolution_.names[name].addresses = std::move(addresses);
    const std::shared_ptr<const Topology> before = std::move(topology_);
    topology_ = build_topology(config_, names_, {limiters_, tls_, before.get(), &resolution_});
    std::vector<std::string> found;
    for (const EndpointAddress& endpoint : version().endpoints) {
      EXPECT_EQ(endpoint.remote.host, endpoint.remote.host == "10.9.9.9" ? "10.9.9.9" : "a.test");
      found.push_back(endpoint.url + " at " + endpoint.remote.address);
    }
    return found;
  }
  const VersionTopology& version() const { return *topology_->version(names_.versions.find("files/only")); }

  RateLimiters limiters_;
  TlsContexts tls_;
  Resolution resolution_;
  std::shared_ptr<const Topology> topology_;
};

TEST_F(NamesTest, MakesEachAddressAnEndpoint) {
  EXPECT_EQ(endpoints("a.test", {"10.0.0.1", "::1"}),
            (std::vector<std::string>{"http://a.test:80/10.0.0.1 at 10.0.0.1", "http://a.test:80/::1 at ::1"}));
  EXPECT_EQ(version().endpoints[0].authority, "a.test");
}

TEST_F(NamesTest, KeepsWhatIsKnownOfAnAddressThatStays) {
  endpoints("a.test", {"10.0.0.1", "10.0.0.2"});
  const auto state = version().group->endpoint("http://a.test:80/10.0.0.2");
  endpoints("a.test", {"10.0.0.2", "10.0.0.3"});
  EXPECT_EQ(version().group->endpoint("http://a.test:80/10.0.0.2"), state);
  const SteadyTime now = std::chrono::steady_clock::now();
  EXPECT_EQ(state->in_since(now), SteadyTime());
  EXPECT_NE(version().group->endpoint("http://a.test:80/10.0.0.3")->in_since(now), SteadyTime());
}

TEST_F(NamesTest, LeavesOutANameWithoutAnAddressAsLongAsThereIsAnotherEndpoint) {
  EXPECT_EQ(endpoints("a.test", {}), (std::vector<std::string>{"http://a.test:80/ at "}));
  config_.services["files"].versions["only"].endpoints.push_back({"http://10.9.9.9", "10.9.9.9", 80});
  EXPECT_EQ(endpoints("a.test", {}), (std::vector<std::string>{"http://10.9.9.9 at "}));
  EXPECT_EQ(endpoints("a.test", {"10.0.0.1"}),
            (std::vector<std::string>{"http://a.test:80/10.0.0.1 at 10.0.0.1", "http://10.9.9.9 at "}));
}

TEST_F(TopologyTest, StartsFromThePreset) {
  const auto edge = build();
  EXPECT_FALSE(edge->listeners[0].passes_all_on);
  EXPECT_EQ(route(*edge, 0, "/1").timeouts.header, config::preset_timeouts(config::Preset::kEdge).header);
  config_.preset = config::Preset::kSidecar;
  const auto sidecar = build();
  EXPECT_TRUE(sidecar->listeners[0].passes_all_on);
  EXPECT_EQ(route(*sidecar, 0, "/1").timeouts.header, seconds(30));
  EXPECT_EQ(sidecar->listeners[0].limits.buffer, 64U * 1024);
}

TEST_F(TopologyTest, BelievesTheHopsThatAreNamed) {
  config_.preset = config::Preset::kSidecar;
  config_.trusted_hops = config::TrustedHops{.networks = {}, .unix_sockets = true};
  config_.listeners[1].trusted_hops = config::TrustedHops();
  const auto topology = build();
  EXPECT_TRUE(topology->listeners[0].trusted_hops.unix_sockets);
  EXPECT_FALSE(topology->listeners[1].trusted_hops.unix_sockets);
  for (const ListenerTopology& listener : topology->listeners) EXPECT_FALSE(listener.passes_all_on);
}

TEST_F(TopologyTest, LetsTheInnerSettingWin) {
  config_.timeouts.connect = seconds(11);
  config_.timeouts.header = seconds(12);
  config_.timeouts.total = seconds(13);
  config_.listeners[0].timeouts.header = seconds(22);
  config_.listeners[0].timeouts.total = seconds(23);
  config_.routes[0].timeouts.total = seconds(33);
  config_.limits.body = 101;
  config_.limits.field_count = 102;
  config_.limits.buffer = 103;
  config_.listeners[0].limits.field_count = 202;
  config_.listeners[0].limits.buffer = 203;
  config_.routes[0].limits.buffer = 303;
  const auto topology = build();
  struct Expected {
    std::size_t listener;
    std::string_view path;
    int connect, header, total;
    std::uint64_t body, field_count, buffer;
  };
  for (const Expected& expected :
       {Expected{0, "/1", 11, 22, 33, 101, 202, 303}, Expected{0, "/2", 11, 22, 23, 101, 202, 203},
        Expected{1, "/1", 11, 12, 33, 101, 102, 303}, Expected{1, "/2", 11, 12, 13, 101, 102, 103}}) {
    const Route& found = route(*topology, expected.listener, expected.path);
    EXPECT_EQ(found.timeouts.connect, seconds(expected.connect));
    EXPECT_EQ(found.timeouts.header, seconds(expected.header));
    EXPECT_EQ(found.timeouts.total, seconds(expected.total)) << expected.listener << expected.path;
    EXPECT_EQ(found.limits.body, expected.body);
    EXPECT_EQ(found.limits.field_count, expected.field_count);
    EXPECT_EQ(found.limits.buffer, expected.buffer);
  }
  // What is settled before a route is known is the listener's.
  EXPECT_EQ(topology->listeners[0].timeouts.header, seconds(22));
  EXPECT_EQ(topology->listeners[0].timeouts.total, seconds(23));
  EXPECT_EQ(topology->listeners[0].limits.buffer, 203U);
  EXPECT_EQ(topology->listeners[1].limits.buffer, 103U);
}

TEST_F(TopologyTest, LetsTheInnerWordOnRetriesWin) {
  config_.retries.attempts = 2;
  config_.retries.when.on_reset = true;
  config_.listeners[0].retries.attempts = 3;
  config_.routes[0].retries.when.on_reset = false;
  const auto topology = build();
  EXPECT_EQ(route(*topology, 0, "/1").retries.attempts, 3U);
  EXPECT_FALSE(route(*topology, 0, "/1").retries.when.on_reset);
  EXPECT_TRUE(route(*topology, 0, "/2").retries.when.on_reset);
  EXPECT_EQ(route(*topology, 1, "/2").retries.attempts, 2U);
}

TEST_F(TopologyTest, GivesEachVersionTheFilesLimits) {
  config_.limits.upstream_connections = 7;
  config_.limits.pending = 8;
  const auto topology = build();
  for (const VersionTopology* const version : topology->versions) {
    EXPECT_EQ(version->max_connections, 7U);
    EXPECT_EQ(version->max_pending, 8U);
  }
}

TEST_F(TopologyTest, AsksForTokensWhereThePlanHasAUseForThem) {
  const auto asks = [&] {
    const auto topology = build();
    return route(*topology, 0, "/1").asks_usage;
  };
  config::Route& first = config_.routes.front();
  config::Version& version = config_.services["chat"].versions["v2"];
  first.inspect = config::Inspect::kAuto;
  EXPECT_FALSE(asks());
  version.prices = config::Prices{.input = 1, .output = 2, .cached = 1};
  EXPECT_TRUE(asks());
  first.inspect = config::Inspect::kAnthropic;
  EXPECT_FALSE(asks()) << "who says them anyway would not know the word";
  first.inspect = config::Inspect::kOpenAi;
  first.include_usage = config::IncludeUsage::kLeave;
  EXPECT_FALSE(asks());
  first.include_usage = config::IncludeUsage::kAuto;
  version.prices.reset();
  EXPECT_FALSE(asks());
  config_.services["chat"].weights_ppm.clear();
  config::Rollout& rollout = config_.rollouts["chat"];
  rollout.baseline = "v1";
  rollout.candidate = "v2";
  EXPECT_FALSE(asks());
  for (const auto metric : {config::GuardMetric::kTokensPerRequest, config::GuardMetric::kCostPer1kTokens,
                            config::GuardMetric::kTokensPerSecond}) {
    rollout.analysis.guards = {{.metric = metric}};
    EXPECT_TRUE(asks());
  }
  config_.rollouts.clear();
  config_.services["chat"].weights_ppm = {{"v1", 1'000'000}};
  first.include_usage = config::IncludeUsage::kAlways;
  EXPECT_TRUE(asks());
}

TEST_F(TopologyTest, SaysAVersionsModelAsJson) {
  config_.services["chat"].versions["v1"].model = "a\"b";
  const auto topology = build();
  EXPECT_EQ(topology->version(names_.versions.find("chat/v1"))->model, R"("a\"b")");
  EXPECT_EQ(topology->version(names_.versions.find("chat/v2"))->model, "");
}

TEST_F(TopologyTest, WritesAnEndpointAsAHostFieldDoes) {
  const auto topology = build();
  const auto authority = [&](std::string_view service, std::string_view version) {
    return topology->version(names_.version(service, version))->endpoints.at(0).authority;
  };
  EXPECT_EQ(authority("chat", "v1"), "127.0.0.1:9001");
  EXPECT_EQ(authority("chat", "v2"), "[::1]");
  EXPECT_EQ(authority("files", "only"), "files.example");
}

TEST_F(TopologyTest, KeepsTheIdsOfNamesThroughReloads) {
  const auto before = build();
  const VersionId v1 = names_.version("chat", "v1");
  const ServiceId chat = names_.services.find("chat");
  config_.services["another"].versions["v1"].endpoints.push_back({"", "127.0.0.1", 9'003});
  config_.services.erase("files");
  const auto after = build();
  EXPECT_EQ(after->version(v1)->name, "v1");
  EXPECT_EQ(after->service(chat)->name, "chat");
  EXPECT_EQ(before->service(chat)->name, "chat");
  EXPECT_NE(names_.version("another", "v1"), v1);  // a version's name means something within its service only
  EXPECT_EQ(after->version(names_.version("files", "only")), nullptr);
  EXPECT_EQ(after->service(names_.services.find("files")), nullptr);
  EXPECT_EQ(after->service(kNoId), nullptr);
  EXPECT_EQ(route(*after, 0, "/1").id, route(*before, 0, "/1").id);
}

TEST_F(TopologyTest, KnowsARolloutByWhatMakesItTheSame) {
  config::Rollout rollout;
  rollout.baseline = "v1";
  rollout.candidate = "v2";
  rollout.revision = "7";
  rollout.salt = "chat/v2/7";
  config_.rollouts["chat"] = rollout;
  const auto topology = build();
  const SplitSpec& spec = topology->service(names_.services.find("chat"))->split.spec();
  EXPECT_EQ(spec.identity, rollout_identity({"chat", "v1", "v2", "7", "chat/v2/7"}));
  EXPECT_EQ(spec.salt, "chat/v2/7");
  EXPECT_EQ(spec.baseline, names_.version("chat", "v1"));
  EXPECT_EQ(spec.candidate, names_.version("chat", "v2"));
  EXPECT_TRUE(spec.weights.empty());

  // Its steps may be edited, its revision may not.
  config_.rollouts["chat"].steps.push_back({.weight_ppm = 10'000, .stages = {}});
  EXPECT_EQ(build()->service(names_.services.find("chat"))->split.spec().identity, spec.identity);
  config_.rollouts["chat"].revision = "8";
  EXPECT_NE(build()->service(names_.services.find("chat"))->split.spec().identity, spec.identity);
}

TEST_F(TopologyTest, SplitsByStaticWeightsWithoutARollout) {
  const auto topology = build();
  const SplitSpec& chat = topology->service(names_.services.find("chat"))->split.spec();
  EXPECT_EQ(chat.identity, 0U);
  EXPECT_EQ(chat.salt, "chat");
  ASSERT_EQ(chat.weights.size(), 2U);
  EXPECT_EQ(chat.weights[0].version, names_.version("chat", "v1"));
  EXPECT_EQ(chat.weights[0].weight_ppm, 900'000U);
  const SplitSpec& files = topology->service(names_.services.find("files"))->split.spec();
  ASSERT_EQ(files.weights.size(), 1U);
  EXPECT_EQ(files.weights[0].weight_ppm, kMillion);
}

}  // namespace
}  // namespace weir::proxy
