// What a stream promises goes for one through TLS too; one thread plays both ends.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "proxy/net/tls_context.h"
#include "proxy/net/tls_tickets.h"
#include "tests/unit/proxy/net/tls_wire.h"

namespace weir::proxy {
namespace {

struct Observer final : Wakeable {
  void wake() override { ++woken; }
  int woken = 0;
};

std::string counted_bytes(std::size_t size) {
  std::string bytes;
  for (std::uint64_t i = 0; bytes.size() < size; ++i) bytes += std::to_string(i) + ",";
  bytes.resize(size);
  return bytes;
}

class TlsStreamTest : public testing::Test {
 protected:
  TlsStreamTest() {
    std::string directory = testing::TempDir() + "weir-tls-" + std::to_string(::getpid());
    ::mkdir(directory.c_str(), 0700);
    config::ListenerTls settings;
    settings.certificates.push_back(make_certificate(directory, "DNS:a.test"));
    std::vector<config::TlsFault> faults;
    context_ = TlsServerContext::read(settings, std::make_shared<TlsTickets>(), faults);
    EXPECT_TRUE(faults.empty()) << faults.at(0).path << faults.at(0).what;
  }
  void use(Connected connected, int version = TLS1_3_VERSION) {
    near_ = std::move(connected.near);
    wire_ = std::move(connected.far);
    far_ = std::make_unique<TlsPeer>(wire_, version);
    near_.set_observer(&observer_);
    near_.start_tls(context_->accept());
  }
  void shake_hands() {
    near_.start_handshake();
    ASSERT_TRUE(loop_.run_until([&] { return far_->shake() && !near_.reading(); }));
    ASSERT_EQ(near_.take_read().state, ReadState::kReadable);
    observer_.woken = 0;
  }
  ReadResult read() {
    near_.start_read(space_);
    return finish_read();
  }
  ReadResult finish_read() {
    EXPECT_TRUE(loop_.run_until([&] { return !near_.reading(); }));
    return near_.take_read();
  }
  std::string_view text(const ReadResult& result) const { return {space_.data(), result.bytes}; }
  void write(std::string_view bytes) {
    const std::array<std::string_view, 1> parts{bytes};
    near_.write(parts);
  }

  Loop loop_;
  Observer observer_;
  std::array<char, 4096> space_{};
  std::shared_ptr<const TlsServerContext> context_;
  ByteStream near_;
  Peer wire_;
  std::unique_ptr<TlsPeer> far_;
};

TEST_F(TlsStreamTest, CarriesBytesBothWays) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool over_tcp : {false, true}) {
      use(over_tcp ? connect_tcp(loop_.io) : connect_pair(loop_.io), version);
      shake_hands();
      far_->send("hello");
      EXPECT_EQ(text(read()), "hello");
      const std::array<std::string_view, 4> parts{"one ", "", "two ", "three"};
      near_.write(parts);
      EXPECT_FALSE(near_.writing());
      EXPECT_TRUE(loop_.run_until([&] { return far_->received() == "one two three"; }));
    }
  }
}

// The reading that is waited for shakes hands on its way, and tells of nothing else.
TEST_F(TlsStreamTest, ShakesHandsWithinARead) {
  use(connect_tcp(loop_.io));
  near_.start_read(space_);
  ASSERT_TRUE(loop_.run_until([&] { return far_->shake(); }));
  loop_.settle();
  EXPECT_TRUE(near_.reading());
  EXPECT_EQ(observer_.woken, 0);
  far_->send("first");
  EXPECT_EQ(text(finish_read()), "first");
}

TEST_F(TlsStreamTest, WritesOnceHandsAreShaken) {
  use(connect_tcp(loop_.io));
  write("sorry");
  EXPECT_TRUE(near_.writing());
  ASSERT_TRUE(loop_.run_until([&] { return far_->shake() && !near_.writing(); }));
  EXPECT_GE(observer_.woken, 1);
  EXPECT_TRUE(loop_.run_until([&] { return far_->received() == "sorry"; }));
  EXPECT_EQ(near_.take_read().state, ReadState::kIdle);  // nobody had asked for a read
  use(connect_tcp(loop_.io));
  near_.start_read(space_);
  write("sorry");
  ASSERT_TRUE(loop_.run_until([&] { return far_->shake() && !near_.writing(); }));
  EXPECT_TRUE(near_.reading());
  far_->send("why?");
  EXPECT_EQ(text(finish_read()), "why?");
}

TEST_F(TlsStreamTest, BeginsWithWhatHadComeBefore) {
  use(connect_tcp(loop_.io));
  SSL_do_handshake(far_->get());
  near_.start_tls(context_->accept(), far_->pending());
  shake_hands();
  far_->send("behind it");
  EXPECT_EQ(text(read()), "behind it");
}

TEST_F(TlsStreamTest, TakesRecordsByteByByte) {
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.start_read(space_);
  SSL_write(far_->get(), "slowly", 6);
  for (const char byte : far_->pending()) {
    EXPECT_TRUE(near_.reading());
    wire_.send({&byte, 1});
    loop_.settle();
  }
  EXPECT_EQ(text(finish_read()), "slowly");
}

TEST_F(TlsStreamTest, GivesARecordLargerThanTheSpaceInPieces) {
  use(connect_tcp(loop_.io));
  shake_hands();
  const std::string sent = counted_bytes(100'000);
  far_->send(sent);
  std::string got;
  while (got.size() < sent.size()) {
    const ReadResult result = read();
    ASSERT_EQ(result.state, ReadState::kData);
    got += text(result);
    EXPECT_TRUE(near_.unread() || got.size() > 10'000);
  }
  EXPECT_EQ(got, sent);
  near_.start_read(space_);
  loop_.settle();
  EXPECT_TRUE(near_.reading());
}

// A head and its body, or a chunk between its size and its end: one record, hence one packet.
TEST_F(TlsStreamTest, BringsPartsTogetherIntoFullRecords) {
  use(connect_pair(loop_.io));
  shake_hands();
  far_->received();
  const std::string body = counted_bytes(3 * TlsSession::kRecord);
  const std::array<std::string_view, 3> parts{"head", body, "end"};
  near_.write(parts);
  const std::string records = wire_.take();
  std::vector<std::size_t> sizes;
  for (std::size_t at = 0; at + 5 <= records.size();) {
    EXPECT_EQ(records[at], '\x17');  // data
    sizes.push_back(static_cast<unsigned char>(records[at + 3]) * 256U + static_cast<unsigned char>(records[at + 4]));
    at += 5 + sizes.back();
  }
  const std::size_t full = TlsSession::kRecord + 1 + 16;
  EXPECT_EQ(sizes, (std::vector<std::size_t>{full, full, full, 7 + 1 + 16}));
}

TEST_F(TlsStreamTest, HoldsBackWhatTheKernelDoesNotTake) {
  for (const bool over_tcp : {false, true}) {
    use(over_tcp ? connect_tcp(loop_.io) : connect_pair(loop_.io));
    shake_hands();
    far_->received();
    const std::string sent = counted_bytes(16 * 1024 * 1024);
    const std::string_view bytes = sent;
    const std::array<std::string_view, 3> parts{bytes.substr(0, 10), bytes.substr(10, 5'000'000),
                                                bytes.substr(5'000'010)};
    near_.write(parts);
    EXPECT_TRUE(near_.writing());
    loop_.settle();
    EXPECT_EQ(observer_.woken, 0);
    EXPECT_LT(near_.bytes_written(), sent.size());
    ASSERT_TRUE(loop_.run_until([&] {
      far_->received();
      return !near_.writing();
    }));
    EXPECT_EQ(observer_.woken, 1);
    ASSERT_TRUE(loop_.run_until([&] { return far_->received().size() == sent.size(); }));
    EXPECT_TRUE(far_->received() == sent);
    EXPECT_FALSE(near_.write_failed());
  }
}

TEST_F(TlsStreamTest, TellsAGoodbyeFromAnEndOfTheNetwork) {
  use(connect_tcp(loop_.io));
  shake_hands();
  far_->send("last");
  far_->say_goodbye();
  EXPECT_EQ(text(read()), "last");
  EXPECT_EQ(read().state, ReadState::kEnd);
  use(connect_tcp(loop_.io));
  shake_hands();
  far_->send("last");
  wire_.close();
  EXPECT_EQ(text(read()), "last");
  EXPECT_EQ(read().state, ReadState::kCutOff);
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.start_read(space_);
  wire_.close_with_reset();
  EXPECT_EQ(finish_read().state, ReadState::kFailed);
}

TEST_F(TlsStreamTest, SaysGoodbyeUnlessItAborts) {
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.shutdown_send();
  EXPECT_TRUE(loop_.run_until([&] { return far_->was_told_goodbye() && wire_.ended(); }));
  far_->send("still");
  EXPECT_EQ(text(read()), "still");
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.close();
  EXPECT_TRUE(loop_.run_until([&] { return far_->was_told_goodbye(); }));
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.abort();
  EXPECT_TRUE(loop_.run_until([&] { return wire_.reset(); }));
  EXPECT_FALSE(far_->was_told_goodbye());
}

TEST_F(TlsStreamTest, WaitsWithoutABufferAndCancels) {
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.start_read(space_);
  near_.cancel_read();
  EXPECT_EQ(finish_read().state, ReadState::kCancelled);
  near_.start_wait();
  loop_.settle();
  EXPECT_TRUE(near_.reading());
  far_->send("awake");
  EXPECT_EQ(finish_read().state, ReadState::kReadable);
  EXPECT_EQ(text(read()), "awake");
}

TEST_F(TlsStreamTest, MovesAReadThatNothingHasComeFor) {
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.start_read(space_);
  loop_.settle();
  ASSERT_TRUE(near_.can_redirect_read());
  near_.redirect_read(std::span(space_).subspan(100));
  far_->send("there");
  const ReadResult result = finish_read();
  EXPECT_EQ(std::string_view(space_.data() + 100, result.bytes), "there");
}

TEST_F(TlsStreamTest, FailsForWhoSpeaksNoTlsAndTellsHimSo) {
  use(connect_tcp(loop_.io));
  near_.start_read(space_);
  wire_.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(finish_read().state, ReadState::kFailed);
  EXPECT_FALSE(near_.tls()->failure().empty());
  // A fault of one connection is not found by the next.
  use(connect_tcp(loop_.io));
  shake_hands();
}

// RFC 8446 4.6.3 lets a peer ask for new keys at any time; each costs us more than him.
TEST_F(TlsStreamTest, EndsAFloodOfKeyUpdates) {
  use(connect_tcp(loop_.io));
  shake_hands();
  near_.start_read(space_);
  for (int i = 0; i < 10; ++i) far_->update_key();
  far_->send("fine");
  EXPECT_EQ(text(finish_read()), "fine");
  near_.start_read(space_);
  for (std::uint64_t i = 0; i < TlsSession::kMessagesFree && near_.reading(); ++i) {
    far_->update_key();
    loop_.settle();
  }
  EXPECT_EQ(finish_read().state, ReadState::kFailed);
}

TEST_F(TlsStreamTest, KeepsNothingOpenForItsErrors) {
  use(connect_tcp(loop_.io));
  shake_hands();
  ERR_clear_error();
  wire_.send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));  // sealed with no key
  near_.start_read(space_);
  EXPECT_EQ(finish_read().state, ReadState::kFailed);
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

}  // namespace
}  // namespace weir::proxy
