// Thread-safe. A DNS server on loopback that answers what a test tells it to, on a thread of its own.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace weir::proxy {

class DnsServer {
 public:
  static constexpr std::uint16_t kA = 1;
  static constexpr std::uint16_t kAaaa = 28;
  static constexpr int kNoSuchName = 3;
  static constexpr int kServerFailure = 2;

  struct Records {
    std::vector<std::string> addresses = {};
    std::uint32_t ttl_s = 60;
    int code = 0;            // of the response
    bool silent = false;     // no response
    bool truncated = false;  // the response says so, and holds nothing; there is no TCP
    std::string alias = {};  // a CNAME before the addresses, which are its
    std::uint32_t alias_ttl_s = 60;
  };

  DnsServer();
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  // What is asked for without having been told of does not exist.
  void set(const std::string& name, std::uint16_t type, Records records);
  int asked(const std::string& name, std::uint16_t type) const;
  std::string address() const;  // host:port

 private:
  using Key = std::pair<std::string, std::uint16_t>;
  void run();
  std::string response_to(const std::string& query);

  int socket_;
  int stop_[2];
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<Key, Records> records_;
  std::map<Key, int> asked_;
  std::thread thread_;
};

}  // namespace weir::proxy
