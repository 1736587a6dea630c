#include "app/webhooks/event.h"

#include <array>
#include <utility>

#include "base/hex.h"
#include "base/random.h"
#include "proxy/net/hmac.h"

namespace weir::app {

std::string new_event_id() {
  std::array<unsigned char, 16> bytes{};
  secure_random_bytes(bytes.data(), bytes.size());
  std::string id;
  for (const unsigned char byte : bytes) append_hex(byte, id);
  return id;
}

WebhookEvent event_of(const json::Value& record, std::string id) {
  json::Object body{{"id", id},
                    {"type", "event"},
                    {"event", record["decision"]},
                    {"service", record["service"]},
                    {"baseline", record["baseline"]},
                    {"candidate", record["candidate"]},
                    {"revision", record["revision"]},
                    {"phase", record["phase_after"]},
                    {"phase_before", record["phase_before"]},
                    {"weight_percent", record["weight_after_percent"]},
                    {"weight_before_percent", record["weight_before_percent"]},
                    {"actor", record["actor"]},
                    {"message", record["reason"]},
                    {"time", record["time"]},
                    {"record", record}};
  return {.id = std::move(id), .body = json::write(std::move(body))};
}

std::string signature_of(std::string_view body, std::string_view secret) {
  return "sha256=" + proxy::hmac_sha256_hex(secret, body);
}

}  // namespace weir::app
