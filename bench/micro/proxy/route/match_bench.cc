// What it costs to find a request's route: with one route, with a thousand, and with rules that cannot be looked up.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "proxy/route/path.h"
#include "proxy/route/route_table.h"

namespace weir::proxy {
namespace {

constexpr int kRoutes = 1'000;

Route route_to(int number) {
  Route route;
  route.name = "route-" + std::to_string(number);
  return route;
}

void match(benchmark::State& state, const RouteTable& table, std::string_view host, std::string_view path) {
  http::FieldList fields;
  fields.add("accept", "*/*");
  RequestFacts facts{"GET", host, path, &fields};
  if (table.match(facts) == nullptr) state.SkipWithError("no route");
  for (auto _ : state) benchmark::DoNotOptimize(table.match(facts));
}

void one_route(benchmark::State& state) {
  Route route = route_to(0);
  route.match.path_prefix = "/";
  match(state, RouteTable({route}), "api.example.com", "/v1/chat/completions");
}
BENCHMARK(one_route);

void thousand_prefixes(benchmark::State& state) {
  std::vector<Route> routes;
  for (int i = 0; i < kRoutes; ++i) {
    routes.push_back(route_to(i));
    routes.back().match.path_prefix = "/service-" + std::to_string(i) + "/";
  }
  match(state, RouteTable(std::move(routes)), "api.example.com", "/service-700/v1/chat");
}
BENCHMARK(thousand_prefixes);

void thousand_hosts(benchmark::State& state) {
  std::vector<Route> routes;
  for (int i = 0; i < kRoutes; ++i) {
    routes.push_back(route_to(i));
    routes.back().match.host = "host-" + std::to_string(i) + ".example.com";
  }
  match(state, RouteTable(std::move(routes)), "host-700.example.com", "/v1/chat");
}
BENCHMARK(thousand_hosts);

void thousand_wildcards(benchmark::State& state) {
  std::vector<Route> routes;
  for (int i = 0; i < kRoutes; ++i) {
    routes.push_back(route_to(i));
    routes.back().match.host = "*.host-" + std::to_string(i) + ".example.com";
  }
  match(state, RouteTable(std::move(routes)), "a.b.host-700.example.com", "/v1/chat");
}
BENCHMARK(thousand_wildcards);

// Expressions of other hosts cost nothing.
void expressions_of_a_thousand_hosts(benchmark::State& state) {
  std::vector<Route> routes;
  std::string why;
  for (int i = 0; i < kRoutes; ++i) {
    routes.push_back(route_to(i));
    routes.back().match.host = "host-" + std::to_string(i) + ".example.com";
    routes.back().match.path_regex = Pattern::compile("/v[0-9]+/(chat|embed).*", why);
  }
  match(state, RouteTable(std::move(routes)), "host-700.example.com", "/v1/chat/completions");
}
BENCHMARK(expressions_of_a_thousand_hosts);

void plain_path(benchmark::State& state) {
  std::vector<char> space(8192);
  std::string_view path = "/v1/chat/completions";
  for (auto _ : state) {
    benchmark::DoNotOptimize(path);
    benchmark::DoNotOptimize(normalise_path(path, {}, space));
  }
}
BENCHMARK(plain_path);

}  // namespace
}  // namespace weir::proxy
