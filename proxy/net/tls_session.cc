#include "proxy/net/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "proxy/net/socket_calls.h"

namespace weir::proxy {
namespace {

constexpr std::size_t kReceiveAtMost = 40 * 1024;

// What no session needs for longer than one call: one for each thread, made when it first speaks TLS.
struct Space {
  std::array<char, kReceiveAtMost> received;
  std::array<char, TlsSession::kOutputAtMost> output;
  std::array<char, TlsSession::kRecord> gathered;
};

Space& space() {
  thread_local const std::unique_ptr<Space> own(new Space);
  return *own;
}

// To who speaks plain HTTP where TLS is spoken: who can read this can mend it.
constexpr std::string_view kPlainHttpReply =
    "HTTP/1.1 400 Bad Request\r\n"
    "x-weir-reason: tls_expected\r\n"
    "content-type: application/json\r\n"
    "content-length: 83\r\n"
    "connection: close\r\n"
    "\r\n"
    "{\"error\":{\"code\":\"tls_expected\",\"message\":\"this port speaks HTTPS: use https://\"}}\n";

constexpr std::string_view kHead = "HEAD ";
constexpr std::uint8_t kNotHead = 0xff;

// An alert of the peer (RFC 8446 6.2): OpenSSL names it by an offset of its own.
bool is_about_certificates(int reason) {
  switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

}  // namespace

TlsSessionCache::~TlsSessionCache() { SSL_SESSION_free(session_); }

void TlsSessionCache::keep(ssl_session_st* session) {
  SSL_SESSION_free(session_);
  session_ = session;
}

void TlsSessionCache::offer(ssl_st* connection) const {
  if (session_ != nullptr) SSL_set_session(connection, session_);
}

// OpenSSL's view of the memory that ciphertext comes from and goes to.
struct TlsSession::Bio {
  static int read(BIO* bio, char* into, int size) {
    auto& self = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::size_t bytes = std::min(self.input_.size(), static_cast<std::size_t>(size));
    if (bytes == 0) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::memcpy(into, self.input_.data(), bytes);
    self.input_.remove_prefix(bytes);
    return static_cast<int>(bytes);
  }

  // Takes all: what is asked of OpenSSL at a time is bounded.
  static int write(BIO* bio, const char* from, int size) {
    auto& self = *static_cast<TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const std::string_view bytes(from, static_cast<std::size_t>(size));
    std::array<char, kOutputAtMost>& out = space().output;
    if (self.waiting_.empty() && self.fresh_ + bytes.size() <= out.size()) {
      std::memcpy(out.data() + self.fresh_, bytes.data(), bytes.size());
      self.fresh_ += bytes.size();
    } else {
      self.waiting_.append(out.data(), std::exchange(self.fresh_, 0)).append(bytes);
    }
    return size;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO* make(TlsSession* session) {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weir");
      BIO_meth_set_read(method, &Bio::read);
      BIO_meth_set_write(method, &Bio::write);
      BIO_meth_set_ctrl(method, &Bio::control);
      return method;
    }();
    BIO* const bio = BIO_new(kMethod);
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    return bio;
  }
};

TlsSession::TlsSession(ssl_st* connection, std::shared_ptr<const void> context, std::shared_ptr<TlsSessionCache> cache)
    : context_(std::move(context)), ssl_(connection), cache_(std::move(cache)) {
  BIO* const bio = Bio::make(this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, cache_.get());
  const auto count = [](int written, int, int type, const void*, std::size_t, SSL*, void* session) {
    auto& self = *static_cast<TlsSession*>(session);
    if (written == 0 && type == SSL3_RT_HANDSHAKE && self.established_) ++self.messages_;
  };
  SSL_set_msg_callback(ssl_, count);
  SSL_set_msg_callback_arg(ssl_, this);
  if (cache_ != nullptr) cache_->offer(ssl_);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

std::span<char> TlsSession::receive_space(std::size_t space_bytes) {
  // What the reader has room for, and never less than a record, so that one of a usual size comes at once.
  constexpr std::size_t kOverhead = 512;
  const std::size_t bytes = std::clamp(space_bytes + kOverhead, kRecord + kOverhead, kReceiveAtMost);
  return {space().received.data(), bytes};
}

TlsSession::Read TlsSession::read(std::span<char> into, std::string_view received) {
  if (!failure_.empty()) return {Step::kFailed, 0};
  if (!established_) look_for_head(received);
  if (!kept_.empty()) kept_.append(received);
  const std::string_view given = kept_.empty() ? received : std::string_view(kept_);
  input_ = given;
  Read result;
  int outcome = 1;
  ERR_clear_error();
  do {
    std::size_t bytes = 0;
    outcome = into.empty() ? SSL_do_handshake(ssl_)
                           : SSL_read_ex(ssl_, into.data() + result.bytes, into.size() - result.bytes, &bytes);
    if (outcome == 1) result.step = Step::kBytes;
    result.bytes += bytes;
  } while (outcome == 1 && result.bytes < into.size() && (!input_.empty() || SSL_pending(ssl_) > 0));
  received_ += result.bytes;
  established_ = established_ || SSL_is_init_finished(ssl_) == 1;
  if (outcome != 1) {
    const int error = SSL_get_error(ssl_, outcome);
    // What came before the end, or before a fault, is given first.
    if (error == SSL_ERROR_ZERO_RETURN && result.bytes == 0) result.step = Step::kEnded;
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN) fail();
  }
  if (messages_ > kMessagesFree + received_ / kBytesPerMessage) failure_ = "too many messages beside data";
  if (!failure_.empty() && result.bytes == 0) result.step = Step::kFailed;
  std::string left(input_);
  input_ = {};
  kept_ = std::move(left);
  return result;
}

// What OpenSSL has read of it is nobody's to see by the time it says that it was HTTP.
void TlsSession::look_for_head(std::string_view received) {
  for (const char c : received) {
    if (like_head_ >= kHead.size()) return;
    like_head_ = c == kHead[like_head_] ? static_cast<std::uint8_t>(like_head_ + 1) : kNotHead;
  }
}

bool TlsSession::holds_input() const {
  return !kept_.empty() || !failure_.empty() || SSL_pending(ssl_) > 0 ||
         (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
}

TlsSession::Step TlsSession::write(std::span<std::string_view> parts) {
  if (!failure_.empty()) return Step::kFailed;
  if (!established_) return Step::kHungry;
  const auto first = std::find_if(parts.begin(), parts.end(), [](std::string_view part) { return !part.empty(); });
  if (first == parts.end()) return Step::kBytes;
  // A long slice is encrypted where it lies; short ones are brought together into one record.
  std::string_view record = first->substr(0, kRecord);
  if (record.size() < kRecord && first + 1 != parts.end()) {
    std::array<char, kRecord>& gathered = space().gathered;
    std::size_t size = 0;
    for (auto part = first; part != parts.end() && size < kRecord; ++part)
      size += part->copy(gathered.data() + size, kRecord - size);
    record = {gathered.data(), size};
  }
  ERR_clear_error();
  std::size_t written = 0;
  const int outcome = SSL_write_ex(ssl_, record.data(), record.size(), &written);
  if (outcome != 1) {
    // A peer that is half way through a message beside its data has to end it first.
    if (SSL_get_error(ssl_, outcome) == SSL_ERROR_WANT_READ) return Step::kHungry;
    fail();
    return Step::kFailed;
  }
  for (auto part = first; part != parts.end() && written > 0; ++part) {
    const std::size_t gone = std::min(written, part->size());
    part->remove_prefix(gone);
    written -= gone;
  }
  return Step::kBytes;
}

void TlsSession::end() {
  if (!failure_.empty() || !established_ || (SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) != 0) return;
  ERR_clear_error();
  if (SSL_shutdown(ssl_) < 0) ERR_clear_error();
}

// The first error is the cause. Nothing of it may be there for the next session to find.
void TlsSession::fail() {
  const unsigned long error = ERR_peek_error();
  const char* const reason = ERR_reason_error_string(error);
  ERR_clear_error();
  if (!failure_.empty()) return;
  const int code = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  certificate_refused_ = is_about_certificates(code);
  // There is nothing of a handshake to be sent before it.
  spoke_http_ = code == SSL_R_HTTP_REQUEST && SSL_is_server(ssl_) == 1;
  // A HEAD request gets no body (RFC 9110 9.3.2).
  const std::size_t head = kPlainHttpReply.find("\r\n\r\n") + 4;
  if (spoke_http_) waiting_ = like_head_ == kHead.size() ? kPlainHttpReply.substr(0, head) : kPlainHttpReply;
  const long verified = SSL_get_verify_result(ssl_);
  // Without verification the result is there as well, and refuses nobody.
  const bool verifies = (SSL_get_verify_mode(ssl_) & SSL_VERIFY_PEER) != 0;
  refused_certificate_ = verifies && verified != X509_V_OK && !established_;
  if (refused_certificate_) {
    failure_ = X509_verify_cert_error_string(verified);
  } else {
    failure_ = reason == nullptr ? "the connection broke" : reason;
  }
}

std::string_view TlsSession::output() const {
  return waiting_.empty() ? std::string_view(space().output.data(), fresh_) : std::string_view(waiting_);
}

bool TlsSession::send_output(int descriptor) {
  std::string_view left = output();
  bool broken = false;
  while (!left.empty()) {
    const ssize_t bytes = send_now(descriptor, left);
    broken = bytes < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
    if (bytes < 0) break;
    sent_ += static_cast<std::uint64_t>(bytes);
    left.remove_prefix(static_cast<std::size_t>(bytes));
  }
  std::string rest(broken ? std::string_view() : left);
  waiting_ = std::move(rest);
  fresh_ = 0;
  return !broken;
}

bool TlsSession::resumed() const { return SSL_session_reused(ssl_) == 1; }

// Envoy's form. RFC 2253 puts a backslash before each quote, so that none of them ends the value.
std::string TlsSession::client_certificate() const {
  constexpr std::size_t kLongestSubject = 2 * 1024;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_), &X509_free);
  if (certificate == nullptr || SSL_get_verify_result(ssl_) != X509_V_OK) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1) return {};
  std::string text = "Hash=";
  for (unsigned int i = 0; i < size; ++i) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", digest[i]);
    text += hex.data();
  }
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate.get()), 0, XN_FLAG_RFC2253);
  char* subject = nullptr;
  const long length = BIO_get_mem_data(out.get(), &subject);
  if (length > 0 && static_cast<std::size_t>(length) <= kLongestSubject)
    text += ";Subject=\"" + std::string(subject, static_cast<std::size_t>(length)) + "\"";
  return text;
}

}  // namespace weir::proxy
