// A plan that is loaded, written and loaded again is the same plan; and no key of it is forgotten.
#include "config/write/write_plan.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/declaration.h"
#include "config/default_plan.h"
#include "config/load/document.h"
#include "config/load/load.h"

namespace weir::config {
namespace {

const Environment kEnvironment{
    .variable = [](const std::string& name) -> std::optional<std::string> { return "the-secret-of-" + name; },
    .file = [](const std::string& path) -> std::optional<std::string> { return "the-secret-in-" + path; }};
const Redaction kNone{.is_secret = [](std::string_view) { return false; },
                      .url = [](std::string_view url) { return std::string(url); },
                      .webhook = [](const Webhook& webhook) { return webhook.url; },
                      .in_place = "[redacted]"};

// Between them these two use every key, each with a value that is not its default, written as the weir writes it.
constexpr std::string_view kEdge = R"(
preset: edge
workers: 3
versionHeader: false
via: false
forwarded: true
tracing: { begin: false, sampled: 12.5% }
accessLog: { path: ./access.log, format: json, headers: [referer], redact: [x-mine], sample: 50% }
listeners:
  - address: 127.0.0.1:8080
    timeouts: { header: 11s, keepAlive: none }
    limits: { requestLine: 9KiB, connections: 500 }
    retries: { attempts: 0, onStatus: [500, 503] }
    paths: { doubleSlash: merge, encodedSlash: reject }
    proxyProtocol: true
    trustedHops: [10.0.0.0/8, "fd00::/8", unix]
    allow: [10.0.0.0/8]
    deny: [10.1.0.0/16]
    tls:
      certificates: [{ certificate: a.pem, key: a.key, ocsp: a.der }, { certificate: b.pem, key: b.key }]
      minVersion: "1.3"
      clientCertificates: { ca: ca.pem, require: false }
  - address: unix:/run/weir.sock
    trustedHops: [none]
admin: { address: "[::]:9901", token: { env: TOKEN } }
state: { path: ./other.db, records: 64MiB }
feedback: { memory: 32MiB, sample: 25%, address: "[::]:9902", token: { file: /run/scores } }
dns: { servers: ["10.0.0.2:5353", "[2001:db8::1]:53"], family: ipv6, minTtl: 2s, maxTtl: 3m }
timeouts:
  { header: 12s, bodyIdle: 13s, keepAlive: 14s, connect: 1500ms, upstreamIdle: 0s, responseHeader: 2m, responseIdle: 3h,
    total: 1d, drain: 15s, streamDrain: none, drainDelay: 5s }
limits:
  { requestLine: 10KiB, field: 20KiB, fields: 30KiB, responseFields: 40KiB, body: none, lookahead: 2MiB, buffer: 64KiB,
    memory: 1GiB, fieldCount: 50, responseFieldCount: 60, connections: 70, upstreamConnections: 80, pending: 90,
    endpointConnections: 10, endpointPending: 20 }
retries:
  { attempts: 3, onConnectFailure: false, onReset: true, onTimeout: true, onStatus: [599], nonIdempotent: true,
    budget: 33.3%, minConcurrent: 7, body: 1KiB }
paths: { doubleSlash: reject, encodedSlash: merge }
trustedHops: [192.0.2.1]
services:
  chat:
    versions:
      v1:
        endpoints: ["https://127.0.0.1:9001", "unix:/run/v1.sock"]
        tls: { ca: ca.pem, certificate: c.pem, key: c.key, serverName: origin.example, insecureSkipVerify: true }
        loadBalancing:
          policy: hash
          by: [{ header: x-user }, { cookie: c }, { query: q }, { apiKey: true }, { clientAddress: true }, { body: user }]
          maxLoad: 150%
          slowStart: 10s
        outlier: { consecutiveFailures: 6, ejection: 7s, maxEjection: 8m, maxEjected: 60% }
        healthCheck:
          { type: http, path: "/health?deep=1", host: well.example, expect: 200-299, interval: 3s, timeout: 2s,
            jitter: 20%, fall: 4, rise: 5 }
        limits: { upstreamConnections: 81, pending: 91, endpointConnections: 11, endpointPending: 21 }
        prices: { input: 0.15, output: 1.25, cached: 0.075 }
        model: llama-8b
        modelPath: llama/versions/8
      v2: { endpoints: ["http://127.0.0.1:9002"], healthCheck: { type: tcp }, outlier: "off" }
    createdIds: { expiry: 3d, memory: 1MiB }
    traffic: { requestsPerSecond: 12.5, errors: 0.3%, p50: 250ms }
  split:
    versions: { a: { endpoints: ["http://127.0.0.1:9003"] }, b: { endpoints: ["http://127.0.0.1:9004"] } }
    weights: { a: 99.9999%, b: 0.0001% }
    stickiness: { by: [{ clientAddress: true }], scope: user }
    createdIds: off
routes:
  - name: guarded
    match:
      host: "*.example.com"
      pathPrefix: /v1
      method: [GET, POST]
      headers:
        [{ name: x-a, exact: one }, { name: x-b, prefix: two }, { name: x-c, regex: "t[h]ree" }, { name: x-d, absent: true }]
      query: [{ name: q, absent: true }, { name: r, exact: "true" }, { name: s, prefix: five }, { name: t, regex: "six|seven" }]
      cookies: [{ name: c, exact: four }, { name: d, prefix: "8" }, { name: e, regex: "n.*" }, { name: f, absent: true }]
      model: { regex: "llama-.*" }
    service: chat
    allow: [10.0.0.0/8]
    deny: [10.1.0.0/16]
    apiKeys:
      { header: authorization, forward: true, keys: [{ name: me, key: { env: A } }, { name: you, key: { file: b } }] }
    rateLimit: { requests: 10, per: 1m, burst: 20, by: { header: x-user } }
    rewrite: { prefix: /v2, host: inner.example }
    requestHeaders: { set: { x-s: one }, add: { x-t: "two: 2" }, remove: [x-u] }
    responseHeaders: { remove: [server] }
    timeouts: { bodyIdle: 1s, total: 2s }
    limits: { body: 1MiB, responseFieldCount: 10 }
    retries: { attempts: 2, budget: 1% }
    onClientHalfClose: finish
    inspect: openai
    includeUsage: never
    streamHead: firstEvent
  - name: moved
    match: { pathExact: /old }
    redirect: { status: 308, scheme: https, host: new.example, port: 8443, path: /new }
  - { name: renamed, match: { pathPrefix: /a, model: { prefix: gpt- } }, redirect: { prefix: /b } }
  - { name: told, match: { pathRegex: "/x.*" }, respond: { status: 503, body: "later\n", contentType: text/html } }
  - name: by-key
    match: { pathPrefix: /k, model: { exact: llama-8b } }
    service: chat
    apiKeys: { keys: [{ name: me, key: { env: A } }] }
    rateLimit: { requests: 1, by: apiKey }
  - name: by-client
    match: { pathPrefix: /c, model: { absent: true } }
    service: split
    rateLimit: { requests: 1, by: clientAddress }
rollouts:
  chat:
    baseline: v1
    candidate: v2
    revision: "7"
    salt: pepper
    strategy: canary
    stickiness: { by: [{ header: x-user }, { cookie: c }], scope: session, expiry: 20m, memory: 1MiB }
    overrides:
      - { match: { header: { name: x-version, exact: v2 } }, version: v2, from: [10.0.0.0/8] }
    steps:
      - setWeight: 0%
      - mirror: { percent: 5% }
      - hold: { atLeast: 1s, minRequests: 2, atMost: 3m, onInconclusive: rollback }
      - setWeight: 0.0001%
      - hold: { atLeast: 0s }
      - pause: {}
      - pause: { duration: 10m }
      - setWeight: 100%
      - hold: {}
    mirror: { percent: 3%, methods: [GET, PUT], body: 2KiB, inFlight: 9, timeout: 1m }
    maxExposure: { excessFailures: 50, extraCost: 2.5, failedRequests: 500 }
    analysis:
      maxFalseRollback: 2%
      maxFalseAdvance: 3.5%
      warmup: 30s
      holdback: 7%
      guards:
        - { metric: latency, quantile: 0.95, allowedDegradation: { relative: 15%, absolute: 5ms }, max: 500ms }
        - { metric: errorRate, allowedDegradation: { relative: 0%, absolute: 0.25% }, max: 1%, onGuardFail: warn, gate: false }
        - { metric: capacityRate, allowedDegradation: { relative: 11%, absolute: 0% }, onGuardFail: rollback, enabled: true }
        - { metric: clientErrorRate }
        - { metric: timeToFirstOutput, quantile: 0.9, allowedDegradation: { relative: 10%, absolute: 20ms } }
        - { metric: tokensPerRequest, allowedDegradation: { relative: 5%, absolute: 12.5 }, cap: 4096 }
        - { metric: tokensPerSecond, allowedDegradation: { relative: 8% } }
        - { metric: finishReason, is: length }
        - { metric: feedback, name: stars, source: judge-v3, binary: false, better: higher, scale: { from: 1, to: 5 },
            allowedDegradation: { absolute: 0.08 } }
        - { metric: feedback, name: hallucination, binary: true, better: lower }
        - { metric: clientAbortRate, enabled: false }
        - { metric: latency, quantile: 0.99, enabled: false }
      onGuardFail: pause
      rescue:
        { onConnectFailure: false, onReset: false, onTimeout: false, onStatus: [500], nonIdempotent: true, budget: 50%,
          minConcurrent: 9 }
    webhooks:
      - { type: event, url: "https://hooks.example:8443/x?y=z", name: pager, timeout: 2s, retries: 7, secret: { env: A } }
      - { type: judge, url: "http://judge.example/", name: judge, body: 2KiB }
)";

constexpr std::string_view kSidecar = R"(
preset: sidecar
accessLog: { path: "-", format: "100%% of %client% \"%header:referer%\" %status%." }
listeners: [{ address: "[::1]:8080" }]
services:
  s:
    versions:
      v1: { endpoints: ["http://127.0.0.1:9001"], loadBalancing: { policy: roundRobin } }
      v2: { endpoints: ["http://127.0.0.1:9002"], healthCheck: { expect: "204" } }
routes: [{ name: all, match: {}, service: s, rateLimit: { requests: 5, by: route } }]
rollouts: { s: { baseline: v1, candidate: v2, analysis: "off" } }
)";

constexpr std::string_view kStrategies = R"(
listeners: [{ address: "127.0.0.1:8080" }]
services:
  s:
    versions: { v1: { endpoints: ["http://127.0.0.1:9001"] }, v2: { endpoints: ["http://127.0.0.1:9002"] } }
  t: { versions: { v1: { endpoints: ["http://127.0.0.1:9001"] }, v2: { endpoints: ["http://127.0.0.1:9002"] } } }
  u: { versions: { v1: { endpoints: ["http://127.0.0.1:9001"] } } }
  v: { versions: { v1: { endpoints: ["http://127.0.0.1:9001"] }, v2: { endpoints: ["http://127.0.0.1:9002"] } } }
routes: [{ match: { pathPrefix: / }, service: s }]
rollouts:
  u: { baseline: v1, candidate: v1, strategy: aa, splitWeight: 20%, reportEvery: 6h }
  v: { baseline: v1, candidate: v2, strategy: shadow, mirror: { percent: 4% }, reportEvery: 1h }
  s:
    baseline: v1
    candidate: v2
    strategy: blueGreen
    previewWeight: 2.5%
    previewHold: { atLeast: 3m, minRequests: 7, atMost: 2h, onInconclusive: rollback }
    bakeHold: { atLeast: 1h }
    scaleDownDelay: 10m
  t:
    baseline: v1
    candidate: v2
    strategy: blueGreen
    previewWeight: 0%
    overrides:
      - { match: { header: { name: x-version, exact: v2 } }, version: v2, from: [10.0.0.0/8] }
      - { match: { header: { name: x-version, exact: v1 }, model: { exact: llama-1 } }, version: v1 }
      - { match: { model: { exact: llama-2 } }, version: v2 }
)";

std::string problems_of(const LoadResult& result) {
  std::string text;
  for (const Problem& problem : result.problems) text += format(problem, "plan") + "\n";
  return text;
}

Config config_of(std::string_view yaml) {
  LoadResult result = load(yaml, kEnvironment);
  EXPECT_TRUE(result.ok()) << problems_of(result) << yaml;
  return result.ok() ? std::move(*result.config) : Config();
}

std::string written(const Config& config, const Redaction& redaction = kNone) {
  return json::write_pretty(write_plan(config, redaction));
}

Node document_of(std::string_view yaml) { return std::get<Node>(parse_document(yaml)); }

// Every key that stands in the document, as "section.key".
void collect(const Node& node, const Section& section, std::set<std::string>& seen) {
  for (const Node::Entry& entry : node.map) {
    const Key* const key = section.find(entry.key);
    ASSERT_NE(key, nullptr) << section.name << "." << entry.key;
    seen.insert(std::string(section.name) + "." + entry.key);
    if (key->section == nullptr) continue;
    if (key->kind == Kind::kMap) {
      for (const Node::Entry& inner : entry.value.map) collect(inner.value, *key->section, seen);
    } else if (key->kind == Kind::kList) {
      for (const Node& element : entry.value.list) collect(element, *key->section, seen);
    } else {
      collect(entry.value, *key->section, seen);
    }
  }
}

void expect_within(const Node& given, const Node& all, const std::string& path) {
  EXPECT_EQ(given.type, all.type) << path;
  EXPECT_EQ(given.scalar, all.scalar) << path;
  EXPECT_EQ(given.list.size(), all.list.size()) << path;
  for (std::size_t i = 0; i < std::min(given.list.size(), all.list.size()); ++i) {
    expect_within(given.list[i], all.list[i], path + "[" + std::to_string(i) + "]");
  }
  for (const Node::Entry& entry : given.map) {
    const Node* const other = all.find(entry.key);
    EXPECT_NE(other, nullptr) << path << "." << entry.key << " is not written";
    if (other != nullptr) expect_within(entry.value, *other, path + "." + entry.key);
  }
}

TEST(WritePlan, TheseTestsUseEveryKeyThatIsDeclared) {
  std::set<std::string> seen;
  for (const std::string_view yaml : {kEdge, kSidecar, kStrategies}) collect(document_of(yaml), plan(), seen);
  for (const Section* section : sections()) {
    for (const Key& key : section->keys) {
      const std::string name = std::string(section->name) + "." + std::string(key.name);
      EXPECT_EQ(seen.contains(name), key.kind != Kind::kUnsupported) << name;
    }
  }
}

TEST(WritePlan, WritesEveryValueThatWasGiven) {
  for (const std::string_view yaml : {kEdge, kSidecar, kStrategies}) {
    expect_within(document_of(yaml), document_of(written(config_of(yaml))), "plan");
  }
}

TEST(WritePlan, WhatIsWrittenIsThePlanItWasWrittenFrom) {
  for (const std::string_view yaml : {kEdge, kSidecar, kStrategies}) {
    const std::string once = written(config_of(yaml));
    EXPECT_EQ(written(config_of(once)), once);
  }
}

TEST(WritePlan, FillsDefaultsIn) {
  const json::Object plan = write_plan(config_of(default_plan_yaml({})), kNone);
  const json::Value all(plan);
  EXPECT_EQ(all["timeouts"]["header"].string(), "10s");
  EXPECT_EQ(all["limits"]["endpointConnections"].string(), "none");
  EXPECT_EQ(all["limits"]["fieldCount"].integer(), 100);
  EXPECT_EQ(all["retries"]["budget"].string(), "20%");
  EXPECT_EQ(all["tracing"]["sampled"].string(), "100%");
  const json::Value& rollout = all["rollouts"]["default"];
  EXPECT_EQ(rollout["salt"].string(), "default/v2/");
  EXPECT_EQ(rollout["analysis"]["guards"].array().size(), 5U);
  EXPECT_EQ(rollout["steps"].array().size(), 10U) << "five weights, each with its hold";
}

TEST(WritePlan, EveryPlanOfTheProjectComesBackTheSame) {
  std::vector<std::string> plans{default_plan_yaml({})};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(WEIR_SOURCE_DIR) + "/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    plans.push_back(text.str());
  }
  ASSERT_GE(plans.size(), 5U);
  for (const std::string& yaml : plans) {
    const std::string once = written(config_of(yaml));
    EXPECT_EQ(written(config_of(once)), once);
  }
}

TEST(WritePlan, HoldsNoSecret) {
  const Config config = config_of(R"(
listeners: [{ address: "127.0.0.1:8080" }]
admin: { token: { env: TOKEN } }
services:
  s:
    versions:
      v1: { endpoints: ["http://127.0.0.1:9001"], healthCheck: { path: "/health?token=in-a-path" } }
      v2: { endpoints: ["http://127.0.0.1:9002"] }
routes:
  - match:
      headers: [{ name: secret-a, exact: in-a-match }, { name: plain, prefix: shown }]
      query: [{ name: secret-b, regex: in-a-match }]
      cookies: [{ name: secret-c, prefix: in-a-match }]
    service: s
    apiKeys: { keys: [{ name: me, key: { file: KEY } }] }
    requestHeaders: { set: { secret-d: in-an-edit }, add: { secret-e: in-an-edit } }
    responseHeaders: { set: { secret-f: in-an-edit } }
rollouts:
  s:
    baseline: v1
    candidate: v2
    overrides: [{ match: { header: { name: secret-g, exact: in-an-override } }, version: v2, from: [10.0.0.1] }]
    webhooks: [{ type: event, url: "http://h/hook/in-a-path", secret: { env: HOOK } }]
)");
  const Redaction redaction{.is_secret = [](std::string_view name) { return name.starts_with("secret-"); },
                            .url = [](std::string_view url) { return std::string(url.substr(0, url.find('='))) + "="; },
                            .webhook = [](const Webhook& webhook) { return "http://" + webhook.to.host + "/"; },
                            .in_place = "[redacted]"};
  const std::string text = written(config, redaction);
  for (const char* secret : {"the-secret", "in-a-match", "in-a-path", "in-an-edit", "in-an-override"}) {
    EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << text;
  }
  for (const char* kept : {"\"TOKEN\"", "\"KEY\"", "\"HOOK\"", "shown", "[redacted]", "secret-d"}) {
    EXPECT_NE(text.find(kept), std::string::npos) << kept;
  }
  EXPECT_TRUE(load(text, kEnvironment).ok()) << problems_of(load(text, kEnvironment));
}

}  // namespace
}  // namespace weir::config
