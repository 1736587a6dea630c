// Confined to the thread that owns it; serves on a thread of its own, and puts answers together on another. The admin API
// over HTTP/1.1, bounded in everything: a stuck or hostile client costs one of a few connections, for seconds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/admin/backend.h"
#include "config/address.h"

namespace weir::app {

struct AdminOptions {
  config::HostPort address{"127.0.0.1", 9901};  // in digits; port 0: any free one
  std::string token;                            // required off loopback
  bool scores_alone = false;                    // what is posted of answers is all that is taken
};

class AdminServer {
 public:
  AdminServer(AdminOptions options, AdminBackend& backend);
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // "" when it serves; else why not, and what to do.
  std::string start();
  std::uint16_t port() const;
  // Connections closed because too many were open, ever.
  std::uint64_t connections_turned_away() const;
  // From the next request on. Ignored when it would leave an address off loopback without one.
  void set_token(std::string token);
  void stop();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace weir::app
