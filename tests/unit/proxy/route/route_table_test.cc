#include "proxy/route/route_table.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"

namespace weir::proxy {
namespace {

Route route_to(std::string name) {
  Route route;
  route.name = std::move(name);
  return route;
}

Route by_path(std::string name, std::string prefix) {
  Route route = route_to(std::move(name));
  route.match.path_prefix = std::move(prefix);
  return route;
}

RequestFacts get(std::string_view host, std::string_view path, const http::FieldList* fields = nullptr) {
  RequestFacts facts;
  facts.method = "GET";
  facts.host = host;
  facts.path = path;
  facts.fields = fields;
  return facts;
}

Route by_model(std::string name, config::ValueMatch rule) {
  Route route = by_path(std::move(name), "/v1/");
  route.match.model = std::move(rule);
  return route;
}

std::string name_of(const Route* route) { return route == nullptr ? "none" : route->name; }

TEST(RouteTable, TakesTheFirstThatMatchesNotTheMostSpecific) {
  const RouteTable table({by_path("api", "/api"), by_path("users", "/api/users"), by_path("rest", "/")});
  EXPECT_EQ(name_of(table.match(get("h", "/api/users"))), "api");
  EXPECT_EQ(name_of(table.match(get("h", "/web"))), "rest");
}

TEST(RouteTable, PrefixIsPlain) {
  const RouteTable table({by_path("v1", "/v1"), by_path("v2", "/v2/")});
  EXPECT_EQ(name_of(table.match(get("h", "/v1x"))), "v1");
  EXPECT_EQ(name_of(table.match(get("h", "/v2x"))), "none");
  EXPECT_EQ(name_of(table.match(get("h", "/v2"))), "none");
}

TEST(RouteTable, AsksForTheModelOnlyWhereItWouldDecide) {
  const RouteTable table({by_path("admin", "/v1/admin"), by_model("small", {.exact = "s"}),
                          by_model("large", {.prefix = "l-"}), by_model("none", {.absent = true}), by_model("any", {}),
                          by_path("rest", "/")});
  const auto match = [&](std::string_view path, const std::optional<std::string_view>* model) {
    RequestFacts facts = get("h", path);
    facts.model = model;
    return name_of(table.match(facts));
  };
  EXPECT_EQ(match("/v1/admin", nullptr), "admin");
  EXPECT_EQ(match("/v1/chat", nullptr), "small");
  EXPECT_EQ(match("/web", nullptr), "rest");
  const std::optional<std::string_view> nothing;
  EXPECT_EQ(match("/v1/chat", &nothing), "none");
  for (const auto& [model, route] : std::vector<std::pair<std::optional<std::string_view>, std::string>>{
           {"s", "small"}, {"S", "any"}, {"l-8b", "large"}, {"l", "any"}, {"", "any"}}) {
    EXPECT_EQ(match("/v1/chat", &model), route) << *model;
  }
}

TEST(RouteTable, ExactPathMatchesNothingElse) {
  Route exact = route_to("exact");
  exact.match.path_exact = "/health";
  const RouteTable table({exact});
  EXPECT_EQ(name_of(table.match(get("h", "/health"))), "exact");
  EXPECT_EQ(name_of(table.match(get("h", "/health/"))), "none");
  EXPECT_EQ(name_of(table.match(get("h", "/healt"))), "none");
}

TEST(RouteTable, HostIsComparedWithoutCase) {
  Route mine = by_path("mine", "/");
  mine.match.host = "api.example.com";
  const RouteTable table({mine, by_path("any", "/")});
  EXPECT_EQ(name_of(table.match(get("API.example.COM", "/"))), "mine");
  EXPECT_EQ(name_of(table.match(get("api.example.co", "/"))), "any");
  EXPECT_EQ(name_of(table.match(get("", "/"))), "any");
}

TEST(RouteTable, RouteWithoutHostBeforeOneWithItWins) {
  Route mine = by_path("mine", "/");
  mine.match.host = "api.example.com";
  const RouteTable table({by_path("any", "/a"), mine});
  EXPECT_EQ(name_of(table.match(get("api.example.com", "/a"))), "any");
  EXPECT_EQ(name_of(table.match(get("api.example.com", "/b"))), "mine");
}

TEST(RouteTable, MethodIsComparedWithCase) {
  Route posts = by_path("posts", "/");
  posts.match.methods = {"POST", "PUT"};
  const RouteTable table({posts});
  RequestFacts facts = get("h", "/");
  EXPECT_EQ(name_of(table.match(facts)), "none");
  facts.method = "PUT";
  EXPECT_EQ(name_of(table.match(facts)), "posts");
  facts.method = "put";
  EXPECT_EQ(name_of(table.match(facts)), "none");
}

TEST(RouteTable, EveryHeaderRuleMustHoldOnSomeFieldLine) {
  Route beta = by_path("beta", "/");
  beta.match.headers = {
      {.name = "x-tier", .exact = "beta"}, {.name = "x-model", .prefix = "llama-"}, {.name = "x-trace"}};
  const RouteTable table({beta});
  http::FieldList fields;
  fields.add("X-Tier", "alpha");
  fields.add("x-tier", "beta");
  fields.add("x-model", "llama-3");
  EXPECT_EQ(name_of(table.match(get("h", "/", &fields))), "none");
  fields.add("X-Trace", "");
  EXPECT_EQ(name_of(table.match(get("h", "/", &fields))), "beta");
  EXPECT_EQ(name_of(table.match(get("h", "/"))), "none");
}

config::ValueMatch matching(std::string name, std::string_view regex) {
  std::string why;
  return {.name = std::move(name), .regex = Pattern::compile(regex, why)};
}

TEST(RouteTable, AnExpressionDescribesTheWholePath) {
  std::string why;
  Route versions = route_to("versions");
  versions.match.path_regex = Pattern::compile("/v[0-9]+/(chat|embed)", why);
  const RouteTable table({versions, by_path("rest", "/v1/")});
  EXPECT_EQ(name_of(table.match(get("h", "/v1/chat"))), "versions");
  EXPECT_EQ(name_of(table.match(get("h", "/v1/chats"))), "rest");
  EXPECT_EQ(name_of(table.match(get("h", "/v1"))), "none");
}

TEST(RouteTable, AWildcardIsEveryHostBelow) {
  Route below = by_path("below", "/");
  below.match.host = "*.example.com";
  Route deep = by_path("deep", "/");
  deep.match.host = "*.b.example.com";
  Route exact = by_path("exact", "/");
  exact.match.host = "a.example.com";
  const RouteTable table({deep, below, exact});
  EXPECT_EQ(name_of(table.match(get("a.example.com", "/"))), "below");  // the first of the file, not the nearest
  EXPECT_EQ(name_of(table.match(get("A.B.Example.COM", "/"))), "deep");
  EXPECT_EQ(name_of(table.match(get("b.example.com", "/"))), "below");
  EXPECT_EQ(name_of(table.match(get("x.y.z.example.com", "/"))), "below");
  for (const char* host : {"example.com", ".example.com", "aexample.com", "a.example.com.", "a.example.org", ""}) {
    EXPECT_EQ(name_of(table.match(get(host, "/"))), "none") << host;
  }
}

TEST(RouteTable, AnAbsentHeaderMustNotBeThere) {
  Route anonymous = by_path("anonymous", "/");
  anonymous.match.headers = {{.name = "x-user", .absent = true}};
  const RouteTable table({anonymous, by_path("known", "/")});
  http::FieldList fields;
  EXPECT_EQ(name_of(table.match(get("h", "/", &fields))), "anonymous");
  EXPECT_EQ(name_of(table.match(get("h", "/"))), "anonymous");
  fields.add("X-User", "");
  EXPECT_EQ(name_of(table.match(get("h", "/", &fields))), "known");
}

TEST(RouteTable, ParametersAreDecodedAndTheFirstOneCounts) {
  Route route = by_path("beta", "/");
  route.match.query = {{.name = "user id", .exact = "a&b"}, matching("n", "[0-9]+"), {.name = "no", .absent = true}};
  const RouteTable table({route});
  std::array<char, 64> space;
  const auto with_query = [&](std::string_view query) {
    RequestFacts facts = get("h", "/");
    facts.query = query;
    facts.space = space;
    return name_of(table.match(facts));
  };
  EXPECT_EQ(with_query("user%20id=a%26b&n=42"), "beta");
  EXPECT_EQ(with_query("n=%34%32&user%20id=a%26b&n=x"), "beta");
  EXPECT_EQ(with_query("user%20id=a%26b&n=x&n=42"), "none");
  EXPECT_EQ(with_query("user%20id=a%26b&n=42&no"), "none");
  EXPECT_EQ(with_query("user+id=a%26b&n=42"), "none");
  EXPECT_EQ(with_query(""), "none");
}

TEST(RouteTable, CookiesAreFoundAmongOthers) {
  Route route = by_path("beta", "/");
  route.match.cookies = {{.name = "tier", .prefix = "be"}, {.name = "old", .absent = true}};
  const RouteTable table({route});
  http::FieldList fields;
  fields.add("cookie", "a=b; tier=beta");
  EXPECT_EQ(name_of(table.match(get("h", "/", &fields))), "beta");
  fields.add("cookie", "old=1");
  EXPECT_EQ(name_of(table.match(get("h", "/", &fields))), "none");
  EXPECT_EQ(name_of(table.match(get("h", "/"))), "none");
}

TEST(RouteTable, RuleWrittenWithEscapesMatchesTheNormalForm) {
  Route exact = route_to("exact");
  exact.match.path_exact = "/%7euser";
  const RouteTable table({exact});
  EXPECT_EQ(name_of(table.match(get("h", "/~user"))), "exact");
}

TEST(RouteTable, WithoutRoutesMatchesNothing) { EXPECT_EQ(RouteTable({}).match(get("h", "/")), nullptr); }

TEST(RouteTable, CopyOutlivesItsOriginal) {
  auto original = std::make_unique<RouteTable>(std::vector<Route>{by_path("kept", "/kept")});
  const RouteTable copy = *original;
  original.reset();
  EXPECT_EQ(name_of(copy.match(get("h", "/kept"))), "kept");
}

// Draws routes and requests from a small alphabet, so that prefixes nest, hosts collide and rules overlap.
class Drawer {
 public:
  explicit Drawer(std::uint64_t seed) : random_(seed) {}

  std::string path(std::uint32_t most_parts) {
    static constexpr std::string_view kParts[] = {"/a", "/b", "/ab", "/a-", "/", "/c"};
    std::string result;
    for (std::uint32_t parts = 1 + random_.below(most_parts); parts > 0; --parts) {
      result += kParts[random_.below(std::size(kParts))];
    }
    return result;
  }
  std::string host() {
    const std::string name = std::string(1, static_cast<char>('a' + random_.below(4))) + ".example";
    return one_in(3) ? "x." + name : name;
  }
  std::string host_rule() {
    if (one_in(6)) return "*.example";
    return one_in(4) ? "*." + host() : host();
  }
  std::optional<Pattern> expression() {
    static constexpr std::string_view kExpressions[] = {"/a.*", "(/[ab])+", ".*/c", "/ab?/.*"};
    std::string why;
    return Pattern::compile(kExpressions[random_.below(std::size(kExpressions))], why);
  }
  std::string method() { return random_.below(2) == 0 ? "GET" : "POST"; }
  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }

  Route route(std::uint32_t number) {
    Route result = route_to(std::to_string(number));
    if (one_in(2)) result.match.host = host_rule();
    if (one_in(6)) {
      result.match.path_regex = expression();
    } else if (one_in(3)) {
      result.match.path_exact = path(3);
    } else if (!one_in(10)) {
      result.match.path_prefix = path(3);
    }
    if (one_in(3)) result.match.methods = {method()};
    if (one_in(3)) result.match.headers = {{.name = "x-k", .exact = std::string(1, one_in(2) ? '0' : '1')}};
    return result;
  }

 private:
  Random random_;
};

std::string first_match(const std::vector<Route>& routes, const RequestFacts& facts) {
  for (const Route& route : routes) {
    if (route.matches(facts)) return route.name;
  }
  return "none";
}

TEST(RouteTable, IndexGivesTheSameAnswerAsTryingEachInOrder) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Drawer draw(seed);
    std::vector<Route> routes;
    for (std::uint32_t i = 0; i < 5 * seed; ++i) routes.push_back(draw.route(i));
    const RouteTable table(routes);
    for (int i = 0; i < 300; ++i) {
      const std::string host = draw.host();
      const std::string path = draw.path(5);
      const std::string method = draw.method();
      http::FieldList fields;
      if (draw.one_in(2)) fields.add("X-K", draw.one_in(2) ? "0" : "1");
      RequestFacts facts = get(host, path, &fields);
      facts.method = method;
      const std::string expected = first_match(routes, facts);
      ASSERT_EQ(name_of(table.match(facts)), expected) << "seed " << seed << ' ' << method << ' ' << host << path;
      found += expected != "none";
    }
  }
  EXPECT_GT(found, 5'000) << "the drawn requests hardly match anything: the comparison shows nothing";
}

}  // namespace
}  // namespace weir::proxy
