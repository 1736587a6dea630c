// Pure functions. A plan file's text to a Config, or to everything that is wrong with it at once. Reads no file and no
// environment but through what it is given.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace weir::config {

struct Problem {
  enum class Severity { kWarning, kError };
  Severity severity = Severity::kError;
  Position position;
  std::string what;      // "routes[0].service: there is no service \"chta\""
  std::string expected;  // may be empty
  std::string nearest;   // the nearest known key or name; may be empty
};

// `file:line:column: error: what; expected …; did you mean …?`
std::string format(const Problem& problem, std::string_view file);

// Where secrets come from, and who looks at files of which a plan says the names alone.
struct Environment {
  std::function<std::optional<std::string>(const std::string& name)> variable;
  std::function<std::optional<std::string>(const std::string& path)> file;
  // What is wrong with the files; they are not looked at without it.
  std::function<std::vector<TlsFault>(const ListenerTls&)> listener_tls = {};
  std::function<std::vector<TlsFault>(const OriginTls&)> origin_tls = {};
  // What people should know of files that can be used, such as that a certificate expires.
  std::function<std::vector<TlsFault>(const ListenerTls&)> listener_tls_doubts = {};
  std::function<std::vector<TlsFault>(const OriginTls&)> origin_tls_doubts = {};
  // Why no log can be written to the file of this path beside that of the state; empty: it can. Nobody asks without it.
  std::function<std::string(const std::string& path, const std::string& state)> log_file = {};
};

struct Node;

struct LoadResult {
  std::optional<Config> config;   // when there is no error
  std::vector<Problem> problems;  // by position
  // Where each step of a rollout is written, for who finds more to say about it; the nearest place of one that is not.
  std::map<std::string, std::vector<Position>> steps = {};
  std::shared_ptr<const Node> document = {};
  bool ok() const { return config.has_value(); }
  // Where the value of a key is written, for who finds more to say about it; the nearest place of one that is not.
  Position place(std::span<const std::string> path) const;
};

LoadResult load(std::string_view yaml, const Environment& environment);

// Where the weir that runs a plan is to be found, though the plan may be wrong: what keeps the next start
// from serving must not keep people from the one that serves.
struct AdminResult {
  Admin admin;
  std::string error;  // why the address cannot be known; a token that cannot be read is left empty
};
AdminResult load_admin(std::string_view yaml, const Environment& environment);

}  // namespace weir::config
