#include "app/cli/target.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/text.h"

namespace weir::app {
namespace {

constexpr std::string_view kDefaultAdmin = "http://127.0.0.1:9901";
constexpr std::size_t kTokenLimit = 4096;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string read_token(const std::string& path, std::string& error) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    error = "cannot read the token file " + path;
    return {};
  }
  std::string text(kTokenLimit + 2, '\0');  // and a line break
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  std::string token(without_line_break(text));
  if (!is_visible(token) || token.size() > kTokenLimit)
    error = "the token file " + path + " does not hold a token alone, on one line";
  return token;
}

}  // namespace

Environment Environment::of_process() { return {.admin = variable("WEIR_ADMIN"), .token = variable("WEIR_TOKEN")}; }

Target resolve_target(const TargetArguments& arguments, const Environment& environment, const PlanReader& read_plan) {
  Target out;
  PlanAdmin plan;
  if (!arguments.config.empty()) plan = read_plan(arguments.config);
  if (!plan.error.empty()) {
    out.error = plan.error;
    return out;
  }
  std::string url(kDefaultAdmin);
  if (!arguments.admin.empty())
    url = arguments.admin;
  else if (!arguments.config.empty())
    url = plan.address;
  else if (!environment.admin.empty())
    url = environment.admin;
  const std::optional<config::HostPort> address = parse_admin_url(url);
  if (!address) {
    out.error = "\"" + url + "\" is no admin address; expected http://HOST:PORT";
    return out;
  }
  out.options.address = reachable(*address);
  if (!arguments.token_file.empty())
    out.options.token = read_token(arguments.token_file, out.error);
  else if (!environment.token.empty())
    out.options.token = environment.token;
  else
    out.options.token = plan.token;
  return out;
}

std::string actor_of_process() {
  const passwd* entry = ::getpwuid(::geteuid());
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string name = entry != nullptr ? entry->pw_name : std::to_string(::geteuid());
  return host[0] == '\0' ? name : name + "@" + host.data();
}

}  // namespace weir::app
