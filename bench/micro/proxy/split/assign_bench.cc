// What it costs to assign a request: by header, by cookie among others, with nothing to assign, and drawn at random.
#include <benchmark/benchmark.h>

#include <string>

#include "proxy/split/split.h"

namespace weir::proxy {
namespace {

SplitSpec rollout_by(config::KeySource source) {
  SplitSpec spec;
  spec.service = "chat";
  spec.baseline = 0;
  spec.candidate = 1;
  spec.salt = "chat/v2/2026-11-23";
  spec.stickiness.by = {std::move(source)};
  return spec;
}

void add_usual_fields(http::FieldList& fields) {
  fields.add("User-Agent", "client/1.0 (Linux; x86_64)");
  fields.add("Accept", "application/json");
  fields.add("Accept-Encoding", "gzip, br");
  fields.add("Content-Type", "application/json");
}

void assign_in_loop(benchmark::State& state, const SplitSpec& spec, const http::FieldList& fields) {
  const Split split(spec);
  RolloutTraffic traffic;
  traffic.weight_ppm = 50'000;
  Random random(1);
  for (auto _ : state) benchmark::DoNotOptimize(split.assign({fields, ClientAddress{}}, traffic, random));
}

void BM_AssignByHeader(benchmark::State& state) {
  http::FieldList fields;
  add_usual_fields(fields);
  fields.add("X-User-Id", "4f9c1e2a-user-1048576");
  assign_in_loop(state, rollout_by({"x-user-id", ""}), fields);
}
BENCHMARK(BM_AssignByHeader);

void BM_AssignByCookie(benchmark::State& state) {
  http::FieldList fields;
  add_usual_fields(fields);
  fields.add("Cookie", "theme=dark; session=eyJhbGciOiJIUzI1NiJ9; weir=0123456789abcdef0123456789abcdef");
  assign_in_loop(state, rollout_by({"", "weir"}), fields);
}
BENCHMARK(BM_AssignByCookie);

void BM_AssignUnkeyed(benchmark::State& state) {
  http::FieldList fields;
  add_usual_fields(fields);
  assign_in_loop(state, rollout_by({"x-user-id", ""}), fields);
}
BENCHMARK(BM_AssignUnkeyed);

void BM_AssignOneVersion(benchmark::State& state) {
  http::FieldList fields;
  add_usual_fields(fields);
  SplitSpec spec;
  spec.service = "chat";
  spec.weights = {{0, kMillion}};
  assign_in_loop(state, spec, fields);
}
BENCHMARK(BM_AssignOneVersion);

}  // namespace
}  // namespace weir::proxy
