#include "proxy/resolve/lookup.h"

#include <ares.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "proxy/net/address.h"

namespace weir::proxy {
namespace {

using Kind = FamilyAnswer::Kind;

bool means_none(int status) { return status == ARES_ENODATA || status == ARES_ENOTFOUND; }

std::string words_for(int status) {
  switch (status) {
    case ARES_ENOTFOUND:
      return "no such name";
    case ARES_ENODATA:
      return "the name has no address";
    case ARES_ETIMEOUT:
      return "no DNS server answers";
    case ARES_ECONNREFUSED:
      return "no DNS server can be reached";
    default:
      return std::string("DNS: ") + ares_strerror(status);
  }
}

std::string_view name_of_error(int code) {
  switch (code) {
    case 2:
      return "SERVFAIL";
    case 4:
      return "NOTIMP";
    default:
      return "REFUSED";
  }
}

// An error (RFC 1035 4.1.1) that a server has answered a question with.
struct ErrorAnswer {
  int type = 0;  // of the question
  int code = 0;
};
// Of the datagram that waits at a socket, which stays there. c-ares takes such an answer for a server that is not
// there.
std::optional<ErrorAnswer> error_at(int socket) {
  constexpr std::size_t kHeader = 12;
  std::array<unsigned char, 512> bytes{};
  const ssize_t received = ::recv(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  const std::size_t size = received < 0 ? 0 : static_cast<std::size_t>(received);
  const int code = bytes[3] & 0x0f;
  const bool is_response = (bytes[2] & 0x80) != 0;
  const bool asks_one = bytes[4] == 0 && bytes[5] == 1;
  if (size < kHeader || !is_response || !asks_one || (code != 2 && code != 4 && code != 5)) return std::nullopt;
  std::size_t at = kHeader;
  while (at < size && bytes[at] != 0) at += bytes[at] + 1U;  // the name's labels
  if (at + 2 >= size) return std::nullopt;
  return ErrorAnswer{.type = (bytes[at + 1] << 8) + bytes[at + 2], .code = code};
}

// Whether a packet could leave for there. A datagram socket that is connected sends none.
bool has_way_to(const SocketAddress& address) {
  const int probe = ::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return errno != EAFNOSUPPORT;
  const bool connected = ::connect(probe, address.get(), address.size) == 0;
  const int error = errno;
  ::close(probe);
  return connected || (error != ENETUNREACH && error != EHOSTUNREACH && error != EADDRNOTAVAIL);
}

std::optional<SocketAddress> address_of(const ares_addrinfo_node& node) {
  SocketAddress address;
  if (node.ai_addr == nullptr || node.ai_addrlen > sizeof address.storage) return std::nullopt;
  std::memcpy(address.get(), node.ai_addr, node.ai_addrlen);
  address.size = node.ai_addrlen;
  address.set_port(80);  // any will do
  // "Any address" is what blocking servers answer; a connection there would come to this machine.
  const bool any = address.family() == AF_INET
                       ? reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr.s_addr == INADDR_ANY
                       : IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
  return any ? std::nullopt : std::optional(address);
}

// What a result says of one family.
FamilyAnswer answer_of(const ares_addrinfo* result, AddressFamily family) {
  FamilyAnswer answer;
  const int wanted = family == AddressFamily::kIpv4 ? AF_INET : AF_INET6;
  int ttl_s = 0;
  const auto hold_to = [&ttl_s](int said_s) {
    if (said_s > 0) ttl_s = ttl_s == 0 ? said_s : std::min(ttl_s, said_s);
  };
  for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != wanted) continue;
    const std::optional<SocketAddress> address = address_of(*node);
    if (!address) continue;
    if (answer.addresses.empty()) answer.reachable = has_way_to(*address);
    answer.addresses.push_back(ip_text(*address));
    hold_to(node->ai_ttl);
  }
  for (const ares_addrinfo_cname* alias = result->cnames; alias != nullptr; alias = alias->next) hold_to(alias->ttl);
  answer.kind = answer.addresses.empty() ? Kind::kNone : Kind::kAddresses;
  if (answer.addresses.empty()) answer.problem = words_for(ARES_ENODATA);
  if (ttl_s > 0) answer.ttl = std::chrono::seconds(ttl_s);
  return answer;
}

// Of what ares_getaddrinfo() gives; owned by the callback.
struct FreeResult {
  void operator()(ares_addrinfo* result) const { ares_freeaddrinfo(result); }
};
using Result = std::unique_ptr<ares_addrinfo, FreeResult>;

}  // namespace

void Lookup::Closer::operator()(ares_channeldata* channel) const { ares_destroy(channel); }

Lookup::Lookup(std::string name, const config::Dns& rules, SteadyTime now)
    : name_(std::move(name)), give_up_at_(now + kPatience) {
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    const auto family = static_cast<AddressFamily>(i);
    const bool only_other = rules.family == (i == 0 ? config::Dns::Family::kIpv6 : config::Dns::Family::kIpv4);
    questions_[i] = {.lookup = this, .family = family, .open = !only_other};
  }
  if (find_in_file(rules)) return;
  channel_ = open_channel("b", rules);
  for (Question& question : questions_) {
    if (question.open) ask(question);
  }
}

Lookup::~Lookup() = default;

bool Lookup::done() const {
  return std::none_of(questions_.begin(), questions_.end(), [](const Question& question) { return question.open; });
}

// `where` is "f" for the file, "b" for DNS. Null: there is no memory for it, or no usable server.
Lookup::Channel Lookup::open_channel(const char* where, const config::Dns& rules) {
  std::string lookups(where);
  ares_options options{};
  options.timeout = static_cast<int>(kServerPatience.count());
  options.tries = kTries;
  options.lookups = lookups.data();
  options.sock_state_cb = on_socket;
  options.sock_state_cb_data = this;
  ares_channeldata* opened = nullptr;
  const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&opened, &options, mask) != ARES_SUCCESS) return nullptr;
  Channel channel(opened);
  std::string servers;
  for (const std::string& server : rules.servers) servers += (servers.empty() ? "" : ",") + server;
  if (!servers.empty() && ares_set_servers_ports_csv(opened, servers.c_str()) != ARES_SUCCESS) return nullptr;
  return channel;
}

// A name that is in the file is what the file says, for both families, and DNS is not asked: so getaddrinfo(3) has it.
bool Lookup::find_in_file(const config::Dns& rules) {
  const Channel channel = open_channel("f", rules);
  if (channel == nullptr) return false;
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = AF_UNSPEC;
  Result found;
  ares_getaddrinfo(channel.get(), name_.c_str(), nullptr, &hints, on_file, &found);
  if (found == nullptr) return false;
  for (Question& question : questions_) {
    if (question.open) answer(question.family, answer_of(found.get(), question.family));
  }
  return true;
}

void Lookup::ask(Question& question) {
  if (channel_ == nullptr) {
    FamilyAnswer failed;
    failed.problem = "no DNS server can be asked";
    return answer(question.family, std::move(failed));
  }
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = question.family == AddressFamily::kIpv4 ? AF_INET : AF_INET6;
  ares_getaddrinfo(channel_.get(), name_.c_str(), nullptr, &hints, on_answer, &question);
}

void Lookup::answer(AddressFamily family, FamilyAnswer answer) {
  questions_[static_cast<std::size_t>(family)].open = false;
  answers_.emplace_back(family, std::move(answer));
}

void Lookup::on_socket(void* self, int socket, int readable, int writable) {
  auto& sockets = static_cast<Lookup*>(self)->sockets_;
  const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
  if (events == 0) {
    sockets.erase(socket);
  } else {
    sockets[socket] = static_cast<short>(events);
  }
}

void Lookup::on_file(void* found, int status, int, ares_addrinfo* result) {
  Result owned(result);
  if (status == ARES_SUCCESS) *static_cast<Result*>(found) = std::move(owned);
}

void Lookup::on_answer(void* context, int status, int, ares_addrinfo* result) {
  const Result owned(result);
  auto& question = *static_cast<Question*>(context);
  if (status == ARES_EDESTRUCTION || !question.open) return;  // nobody wants to know any more
  FamilyAnswer said;
  if (status == ARES_SUCCESS && result != nullptr) {
    said = answer_of(result, question.family);
  } else {
    said.kind = means_none(status) ? Kind::kNone : Kind::kFailed;
    said.problem = words_for(status);
    if (status == ARES_ECONNREFUSED && question.error != 0) {
      said.problem = "the DNS server answers with an error (" + std::string(name_of_error(question.error)) + ")";
    }
  }
  question.lookup->answer(question.family, std::move(said));
}

void Lookup::add_to(std::vector<pollfd>& sockets) const {
  for (const auto& [socket, events] : sockets_) sockets.push_back({socket, events, 0});
}

SteadyTime Lookup::wake_at(SteadyTime now) const {
  if (channel_ == nullptr) return give_up_at_;
  timeval wait{};
  if (ares_timeout(channel_.get(), nullptr, &wait) == nullptr) return give_up_at_;
  const SteadyTime late = now + std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
  return std::min(late, give_up_at_);
}

void Lookup::note_error(int socket) {
  constexpr std::array<int, kAddressFamilies> kTypes{1, 28};  // A and AAAA, as families are counted
  const std::optional<ErrorAnswer> said = error_at(socket);
  for (std::size_t i = 0; said && i < kTypes.size(); ++i) {
    if (said->type == kTypes[i]) questions_[i].error = said->code;
  }
}

void Lookup::go_on(const std::vector<pollfd>& sockets, SteadyTime now) {
  if (channel_ == nullptr) return;
  for (const pollfd& polled : sockets) {
    if (polled.revents == 0 || !sockets_.contains(polled.fd)) continue;
    const bool writable = (polled.revents & POLLOUT) != 0;
    const bool readable = (polled.revents & ~POLLOUT) != 0;
    // Where the socket has an error of its own, it is for c-ares to see.
    if ((polled.revents & (POLLIN | POLLERR)) == POLLIN) note_error(polled.fd);
    ares_process_fd(channel_.get(), readable ? polled.fd : ARES_SOCKET_BAD, writable ? polled.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // those that are late
  if (now < give_up_at_) return;
  for (Question& question : questions_) {
    if (!question.open) continue;
    FamilyAnswer late;
    late.problem = words_for(ARES_ETIMEOUT);
    answer(question.family, std::move(late));
  }
}

}  // namespace weir::proxy
