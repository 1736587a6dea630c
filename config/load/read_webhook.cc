#include <algorithm>

#include "config/load/read.h"
#include "config/load/values.h"

namespace weir::config {
namespace {

constexpr std::string_view kUrlForm = "http://host:port/path or https://host/path, in ASCII and without a fragment";

// Of a URL that may hold a password nothing is said.
void read_url(const Node& node, const std::string& path, Webhook& webhook, Report& report) {
  const std::string* const url = scalar(node, "url");
  if (url == nullptr) return;
  const Position position = node.find("url")->position;
  if (has_user(*url)) {
    return report.error(position, path + ".url has a user in it",
                        "it without one; what is sent can be signed with a secret");
  }
  const std::optional<HttpUrl> parsed = parse_http_url_with_path(*url);
  if (!parsed) return report.error(position, path + ".url: \"" + *url + "\"", std::string(kUrlForm));
  webhook.url = *url;
  webhook.to = *parsed;
}

}  // namespace

std::vector<Webhook> read_webhooks(const Node& node, const std::string& path, const Environment& environment,
                                   Report& report) {
  std::vector<Webhook> webhooks;
  if (node.list.size() > Webhook::kMostOfARollout) {
    report.error(node.position, path + " has " + std::to_string(node.list.size()) + " entries",
                 "at most " + std::to_string(Webhook::kMostOfARollout));
  }
  for (std::size_t i = 0; i < node.list.size(); ++i) {
    const Node& element = node.list[i];
    const std::string inner = path + "[" + std::to_string(i) + "]";
    Webhook webhook{.name = "webhook-" + std::to_string(i + 1)};
    read_url(element, inner, webhook, report);
    read(element, "name", webhook.name);
    webhook.timeout = duration_of(element, "timeout").value_or(webhook.timeout);
    read_count(element, "retries", webhook.retries);
    const std::string* const type = scalar(element, "type");
    if (type != nullptr && *type == "judge") webhook.type = Webhook::Type::kJudge;
    webhook.body = size_of(element, "body").value_or(webhook.body);
    if (const Node* const body = element.find("body"); body != nullptr && webhook.type != Webhook::Type::kJudge) {
      report.error(body->position, inner + ".body belongs to a webhook of type judge", "type: judge, or the key left out");
    }
    if (const Node* const secret = element.find("secret")) {
      webhook.secret = read_secret(*secret, inner + ".secret", environment, report);
    }
    const auto same = [&](const Webhook& other) { return other.name == webhook.name; };
    if (std::any_of(webhooks.begin(), webhooks.end(), same)) {
      report.error(element.position, inner + ": another webhook of the rollout is called " + webhook.name,
                   "a name of its own");
    }
    webhooks.push_back(std::move(webhook));
  }
  return webhooks;
}

}  // namespace weir::config
