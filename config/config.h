// Immutable once loaded. The plan file (PRODUCT.md section 2) as values: what a user wrote, with defaults filled in.
// Names here are the YAML's, in snake_case. Durations are milliseconds, sizes bytes, shares parts per million.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/limits.h"
#include "config/rollout.h"

namespace weir::config {

// Where a value stands in the file, for messages. Line and column count from 1; 0: not from a file.
struct Position {
  int line = 0;
  int column = 0;
};

// `{ env: NAME }` or `{ file: PATH }`, resolved when the file is loaded; never printed.
struct Secret {
  std::string env;
  std::string file;
  std::string value;
};

struct Listener {
  std::string address;  // host:port in its one form; an IPv6 address in brackets
  TimeoutOverrides timeouts;
  LimitOverrides limits;
};

struct Admin {
  std::string address = "127.0.0.1:9901";
  std::optional<Secret> token;  // required when the address is not loopback
};

struct State {
  std::string path = "./weir.db";
};

struct Endpoint {
  std::string url;   // as written: http://host:port
  std::string host;  // without brackets
  std::uint16_t port = 80;
};

struct Version {
  std::vector<Endpoint> endpoints;
};

struct Service {
  std::map<std::string, Version> versions;
  // Static sticky split, summing to kMillion; empty when the service has one version or a rollout.
  std::map<std::string, std::uint32_t> weights_ppm;
  Stickiness stickiness;  // of the static split
};

struct HeaderMatch {
  std::string name;                  // lower case
  std::optional<std::string> exact;  // neither: present
  std::optional<std::string> prefix;
};

struct RouteMatch {
  std::string host;  // lower case, no port; empty: any
  std::optional<std::string> path_prefix;
  std::optional<std::string> path_exact;
  std::vector<std::string> methods;  // empty: any
  std::vector<HeaderMatch> headers;  // all must match
};

struct Route {
  std::string name;  // default: "route-<n>", n from 1
  RouteMatch match;
  std::string service;
  TimeoutOverrides timeouts;
  LimitOverrides limits;
  OnClientHalfClose on_client_half_close = OnClientHalfClose::kFinish;
  Position position;
};

struct Config {
  Preset preset = Preset::kEdge;
  std::uint32_t workers = 0;   // 0: one per core
  bool version_header = true;  // x-weir-version on replies
  bool via = true;             // Via on requests
  std::vector<Listener> listeners;
  Admin admin;
  State state;
  TimeoutOverrides timeouts;
  LimitOverrides limits;
  std::map<std::string, Service> services;
  std::vector<Route> routes;
  std::map<std::string, Rollout> rollouts;  // by service name
};

}  // namespace weir::config
