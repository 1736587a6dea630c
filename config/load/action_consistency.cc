#include "config/load/action_consistency.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "config/load/access_consistency.h"
#include "config/load/places.h"
#include "config/scalar.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostEdits = 32;  // of one direction: each is looked for in every head

class Checker {
 public:
  Checker(const Route& route, const Node& node, const std::string& path, Report& report)
      : route_(route), node_(node), path_(path), report_(report) {}

  void check() {
    check_goal();
    check_rewrite();
    check_redirect();
    if (route_.respond) check_respond(*route_.respond);
    check_edits("requestHeaders", route_.request_headers);
    check_edits("responseHeaders", route_.response_headers);
    if (route_.stream_head == StreamHead::kFirstEvent && route_.inspect == Inspect::kOff) {
      report_.warn(at("streamHead"), path_ + ".streamHead: nobody looks into the route's answers for their first event",
                   "inspect: auto on the route");
    }
  }

 private:
  bool given(std::string_view key) const { return node_.find(key) != nullptr; }
  Position at(std::string_view key) const { return place(node_, {key}); }

  void check_goal() {
    const int goals = given("service") + given("redirect") + given("respond");
    if (goals == 0) report_.error(node_.position, path_ + " leads nowhere", "one of service, redirect, respond");
    if (goals > 1)
      report_.error(node_.position, path_ + " leads to more than one goal", "one of service, redirect, respond");
    if (given("service")) return;
    for (const std::string_view key : {"rewrite", "requestHeaders", "inspect"}) {
      if (given(key)) {
        report_.error(at(key), path_ + "." + std::string(key) + " changes what a service is sent, and there is none",
                      "the key left out");
      }
    }
  }

  void check_rewrite() {
    if (!route_.rewrite) return;
    const Rewrite& rewrite = *route_.rewrite;
    if (!rewrite.prefix && rewrite.host.empty())
      report_.error(at("rewrite"), path_ + ".rewrite changes nothing", "prefix, host, or both");
    if (rewrite.prefix) need_prefix("rewrite");
  }

  void need_prefix(std::string_view key) {
    if (route_.match.path_prefix) return;
    report_.error(at(key), path_ + "." + std::string(key) + ".prefix replaces the pathPrefix of a match without one",
                  "pathPrefix in the match");
  }

  void check_redirect() {
    if (!route_.redirect) return;
    const Redirect& redirect = *route_.redirect;
    if (redirect.status > 303 && redirect.status < 307) {
      report_.error(place(node_, {"redirect", "status"}),
                    path_ + ".redirect.status: " + std::to_string(redirect.status) + " leads nowhere",
                    "301, 302, 303, 307 or 308");
    }
    check_slashes("path", redirect.path);
    check_slashes("prefix", redirect.prefix);
    if (redirect.path && redirect.prefix)
      report_.error(at("redirect"), path_ + ".redirect has both path and prefix", "one of them");
    if (redirect.prefix) need_prefix("redirect");
    if (redirect.scheme.empty() && redirect.host.empty() && redirect.port == 0 && !redirect.path && !redirect.prefix) {
      report_.error(at("redirect"), path_ + ".redirect leads back to where it came from",
                    "scheme, host, port, path or prefix");
    }
  }

  // RFC 3986 4.2: "//x" leads to the host x, and is never sent.
  void check_slashes(std::string_view key, const std::optional<std::string>& path) {
    if (!path || !path->starts_with("//")) return;
    report_.error(place(node_, {"redirect", key}),
                  path_ + ".redirect." + std::string(key) + ": \"" + *path + "\" would be a host, and no path",
                  "one slash at the front, and a host under host");
  }

  // RFC 9110 15.3.5, 15.3.6 and 15.4.5: no content.
  void check_respond(const Respond& respond) {
    const bool bare = respond.status == 204 || respond.status == 205 || respond.status == 304;
    if (bare && !respond.body.empty()) {
      report_.error(place(node_, {"respond", "body"}),
                    path_ + ".respond: a " + std::to_string(respond.status) + " has no body", "the key left out");
    }
  }

  void check_edits(std::string_view key, const HeaderEdits& edits) {
    const std::string what = path_ + "." + std::string(key);
    const std::size_t count = edits.set.size() + edits.add.size() + edits.remove.size();
    if (count > kMostEdits) {
      report_.error(at(key), what + " has " + std::to_string(count) + " changes",
                    "at most " + std::to_string(kMostEdits));
    }
    if (given(key) && count == 0) report_.error(at(key), what + " changes nothing", "set, add or remove");
    std::set<std::string> named;
    for (const auto& [name, value] : edits.set) check_name(name, at(key), what, named);
    named.clear();
    for (const auto& [name, value] : edits.add) check_name(name, at(key), what, named);
    named.clear();
    for (const std::string& name : edits.remove) check_name(name, at(key), what, named);
    const auto is_cookie = [](const auto& field) { return field.first == "set-cookie"; };
    if (std::any_of(edits.set.begin(), edits.set.end(), is_cookie))
      report_.error(at(key), what + ".set: every other cookie would go with it", "set-cookie under add");
  }

  void check_name(const std::string& name, const Position& position, const std::string& what,
                  std::set<std::string>& named) {
    static const Key kToken{.kind = Kind::kCookieName};
    const std::string_view kept = why_kept(name);
    const std::string taken_for = with_dashes(name);
    if (!fits(kToken, name)) {
      report_.error(position, what + ": \"" + name + "\" is no header's name", "an RFC 9110 token of at most 64 bytes");
    } else if (!kept.empty()) {
      const std::string alike =
          name == taken_for ? std::string() : ", which servers of the CGI kind take for \"" + taken_for + "\",";
      report_.error(position,
                    what + ": \"" + name + "\"" + alike + " is not the plan's to change: " + std::string(kept),
                    "another header");
    } else if (!named.insert(name).second) {
      report_.error(position, what + ": \"" + name + "\" is named twice", "each name once");
    }
  }

  const Route& route_;
  const Node& node_;
  const std::string& path_;
  Report& report_;
};

}  // namespace

void check_action(const Route& route, const Node& node, const std::string& path, Report& report) {
  Checker(route, node, path, report).check();
}

}  // namespace weir::config
