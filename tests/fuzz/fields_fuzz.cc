// What is read out of single fields and of a target: cookies, sticky keys, paths, queries.
#include <string>
#include <vector>

#include "proxy/http/query.h"
#include "proxy/route/path.h"
#include "proxy/split/created_ids.h"
#include "proxy/split/unit_key.h"
#include "tests/fuzz/input.h"

namespace weir::fuzz {
namespace {

void read_cookies(std::string_view text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string first(text.substr(0, end));
  const std::string second(text.substr(std::min(end + 1, text.size())));
  http::FieldList fields;
  fields.add("cookie", first);
  fields.add("Cookie", second);
  const std::string_view id = proxy::find_cookie_id(fields, "weir");
  require(id.empty() || id.size() == std::tuple_size_v<proxy::DrawnId>, "an id is one of ours");
  require(id.find_first_not_of("0123456789abcdef") == std::string_view::npos, "an id is one of ours");
  std::vector<config::KeySource> sources(2);
  sources[0].cookie = "weir";
  sources[1].header = "cookie";
  const std::string_view key = proxy::find_unit_key(sources, {fields});
  require(key == (id.empty() ? std::string_view(first) : id), "the first source that a request has is its key");
}

// Matching and whoever comes after it see one path: normal form is normal, and never climbs out.
void normalise(std::string_view path, const config::PathPolicy& policy) {
  std::vector<char> space(path.size());
  const proxy::NormalPath once = proxy::normalise_path(path, policy, space);
  if (once.fault != proxy::PathFault::kNone || !path.starts_with('/')) return;
  const std::string normal(once.path);
  require(normal.starts_with('/') && normal.size() <= path.size(), "a path stays a path");
  require((normal + "/").find("/../") == std::string::npos && (normal + "/").find("/./") == std::string::npos,
          "no dot segment is left");
  const bool kept = policy.double_slash == config::SlashPolicy::kKeep;
  require(kept || normal.find("//") == std::string::npos, "slashes that are merged or refused are not left");
  std::vector<char> again(normal.size());
  const proxy::NormalPath twice = proxy::normalise_path(normal, policy, again);
  require(twice.fault == proxy::PathFault::kNone && twice.path == normal, "a normal path is normal");
}

void normalise(std::string_view path) {
  using config::SlashPolicy;
  for (const SlashPolicy doubled : {SlashPolicy::kKeep, SlashPolicy::kReject, SlashPolicy::kMerge}) {
    for (const SlashPolicy encoded : {SlashPolicy::kKeep, SlashPolicy::kReject, SlashPolicy::kMerge}) {
      normalise(path, {doubled, encoded});
    }
  }
}

// The value is what a plain reading of the query makes of it.
void read_query(std::string_view query) {
  std::vector<char> space(query.size());
  const auto value = http::find_query_parameter(query, "a", space);
  require(!value || value->size() <= query.size(), "decoding makes nothing longer");
  if (query.starts_with("a=") && query.find_first_of("%&") == std::string_view::npos)
    require(value == query.substr(2), "a value without escapes is itself");
}

// What stands behind a collection's name is one segment of the path.
void find_collection(std::string_view path) {
  const proxy::Collection found = proxy::collection_of(path);
  require(found.kind != proxy::Collection::Kind::kNone || found.id.empty(), "an id is of something");
  require(found.id.find('/') == std::string_view::npos, "an id is one segment");
  require(found.id.empty() || path.find("/" + std::string(found.id)) != std::string_view::npos, "an id is the path's");
  require(!found.id.empty() || found.whole, "nothing stands behind nothing");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  weir::fuzz::read_cookies(text);
  weir::fuzz::normalise(text);
  weir::fuzz::read_query(text);
  weir::fuzz::find_collection(text);
  return 0;
}
