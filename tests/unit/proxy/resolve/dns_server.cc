#include "tests/unit/proxy/resolve/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string_view>

namespace weir::proxy {
namespace {

constexpr std::uint16_t kCname = 5;

void put16(std::string& out, unsigned value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value & 0xff));
}

std::string encoded(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t dot = std::min(name.find('.'), name.size());
    out.push_back(static_cast<char>(dot));
    out += name.substr(0, dot);
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  out.push_back('\0');
  return out;
}

struct Record {
  std::string owner;  // encoded
  std::uint16_t type;
  std::uint32_t ttl_s;
};

void put_record(std::string& out, const Record& record, std::string_view data) {
  out += record.owner;
  put16(out, record.type);
  put16(out, 1);
  put16(out, record.ttl_s >> 16);
  put16(out, record.ttl_s & 0xffff);
  put16(out, static_cast<unsigned>(data.size()));
  out += data;
}

}  // namespace

DnsServer::DnsServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0) throw std::runtime_error("bind");
  ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  if (::pipe(stop_) != 0) throw std::runtime_error("pipe");
  thread_ = std::thread([this] { run(); });
}

DnsServer::~DnsServer() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
  ::close(socket_);
}

void DnsServer::set(const std::string& name, std::uint16_t type, Records records) {
  const std::lock_guard lock(mutex_);
  records_[{name, type}] = std::move(records);
}

int DnsServer::asked(const std::string& name, std::uint16_t type) const {
  const std::lock_guard lock(mutex_);
  const auto at = asked_.find({name, type});
  return at == asked_.end() ? 0 : at->second;
}

std::string DnsServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

void DnsServer::run() {
  std::array<char, 4096> buffer{};
  for (;;) {
    std::array<pollfd, 2> sockets{{{socket_, POLLIN, 0}, {stop_[0], POLLIN, 0}}};
    ::poll(sockets.data(), sockets.size(), -1);
    if (sockets[1].revents != 0) return;
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) continue;
    const std::string response = response_to({buffer.data(), static_cast<std::size_t>(got)});
    if (response.empty()) continue;
    ::sendto(socket_, response.data(), response.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

// One question is what is asked; what stands behind it is of no interest.
std::string DnsServer::response_to(const std::string& query) {
  std::string name;
  std::size_t at = 12;
  while (at < query.size() && query[at] != 0) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(query[at]));
    name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
    at += 1 + length;
  }
  if (at + 5 > query.size()) return {};
  const auto type = static_cast<std::uint16_t>(static_cast<unsigned char>(query[at + 1]) << 8 |
                                               static_cast<unsigned char>(query[at + 2]));
  const std::lock_guard lock(mutex_);
  ++asked_[{name, type}];
  const auto found = records_.find({name, type});
  const Records records = found == records_.end() ? Records{.code = kNoSuchName} : found->second;
  if (records.silent) return {};
  const std::string owner = records.alias.empty() ? encoded(name) : encoded(records.alias);
  std::string out = query.substr(0, 2);
  put16(out, 0x8580U | (records.truncated ? 0x0200U : 0U) | static_cast<unsigned>(records.code));
  put16(out, 1);
  put16(out, static_cast<unsigned>(records.addresses.size() + (records.alias.empty() ? 0 : 1)));
  put16(out, 0);
  put16(out, 0);
  out += query.substr(12, at + 5 - 12);
  if (!records.alias.empty()) put_record(out, {encoded(name), kCname, records.alias_ttl_s}, owner);
  for (const std::string& address : records.addresses) {
    std::array<char, 16> data{};
    ::inet_pton(type == kA ? AF_INET : AF_INET6, address.c_str(), data.data());
    put_record(out, {owner, type, records.ttl_s}, {data.data(), type == kA ? 4U : 16U});
  }
  return out;
}

}  // namespace weir::proxy
