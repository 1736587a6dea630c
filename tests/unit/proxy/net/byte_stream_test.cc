// One thread plays both ends: what a stream promises, over a Unix socket, and over TCP where a reset is part of it.
#include "proxy/net/byte_stream.h"

#include <gtest/gtest.h>

#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "tests/unit/proxy/net/wire.h"

namespace weir::proxy {
namespace {

struct Observer final : Wakeable {
  void wake() override { ++woken; }
  int woken = 0;
};

// Bytes none of which repeats soon, so that a lost or doubled piece is seen.
std::string counted_bytes(std::size_t size) {
  std::string bytes;
  for (std::uint64_t i = 0; bytes.size() < size; ++i) bytes += std::to_string(i) + ",";
  bytes.resize(size);
  return bytes;
}

class ByteStreamTest : public testing::Test {
 protected:
  void use(Connected connected) {
    near_ = std::move(connected.near);
    far_ = std::move(connected.far);
    near_.set_observer(&observer_);
  }
  void start_read() { near_.start_read(space_); }
  // What became of the read, once its observer has been told.
  ReadResult finish_read() {
    EXPECT_TRUE(loop_.run_until([&] { return !near_.reading(); }));
    return near_.take_read();
  }
  // Bytes and an end come to a read that waits: the bytes are read, and then the end.
  template <class End>
  void expect_end_behind_bytes(Connected connected, End end, ReadState expected) {
    use(std::move(connected));
    far_.send("one");
    start_read();
    EXPECT_EQ(read(finish_read().bytes), "one");
    start_read();
    loop_.settle();
    EXPECT_EQ(near_.take_read().state, ReadState::kPending);
    far_.send("two");
    (far_.*end)();
    EXPECT_EQ(read(finish_read().bytes), "two");
    start_read();
    EXPECT_EQ(finish_read().state, expected);
  }
  void expect_rest_read_at_once() {
    EXPECT_FALSE(near_.read_rest(space_));  // nobody knows of anything
    const std::string sent = counted_bytes(2 * space_.size() + 1);
    ASSERT_EQ(far_.send(sent), sent.size());
    start_read();
    std::string got(read(finish_read().bytes));
    const int woken = observer_.woken;
    while (near_.read_rest(space_)) got += read(near_.take_read().bytes);
    EXPECT_EQ(got, sent);
    EXPECT_EQ(observer_.woken, woken);
    start_read();
    loop_.settle();
    EXPECT_EQ(near_.take_read().state, ReadState::kPending);
    far_.send("later");
    EXPECT_EQ(read(finish_read().bytes), "later");
    EXPECT_FALSE(near_.read_rest(space_));
  }
  std::string_view read(std::size_t bytes) const { return {space_.data(), bytes}; }
  void write(std::string_view bytes) {
    const std::array<std::string_view, 1> parts{bytes};
    near_.write(parts);
  }

  Loop loop_;
  Observer observer_;
  std::array<char, 4096> space_{};
  ByteStream near_;
  Peer far_;
};

TEST_F(ByteStreamTest, GivesWhatHasComeOnce) {
  use(connect_pair(loop_.io));
  EXPECT_EQ(near_.take_read().state, ReadState::kIdle);
  start_read();
  EXPECT_TRUE(near_.reading());
  loop_.settle();
  EXPECT_EQ(near_.take_read().state, ReadState::kPending);
  EXPECT_TRUE(near_.reading());
  EXPECT_EQ(observer_.woken, 0);
  far_.send("hello");
  const ReadResult result = finish_read();
  EXPECT_EQ(result.state, ReadState::kData);
  EXPECT_EQ(read(result.bytes), "hello");
  EXPECT_EQ(observer_.woken, 1);
  EXPECT_EQ(near_.take_read().state, ReadState::kIdle);
}

TEST_F(ByteStreamTest, GivesWhatCameBeforeTheReadBegan) {
  use(connect_pair(loop_.io));
  far_.send("one");
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "one");
  far_.send("two");
  far_.shutdown_send();
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "two");
  start_read();
  EXPECT_EQ(finish_read().state, ReadState::kEnd);
}

TEST_F(ByteStreamTest, ReadsNoMoreThanThereIsSpace) {
  use(connect_pair(loop_.io));
  const std::string sent = counted_bytes(3 * space_.size() + 1);
  ASSERT_EQ(far_.send(sent), sent.size());
  std::string got;
  while (got.size() < sent.size()) {
    start_read();
    const ReadResult result = finish_read();
    ASSERT_EQ(result.state, ReadState::kData);
    ASSERT_LE(result.bytes, space_.size());
    got += read(result.bytes);
  }
  EXPECT_EQ(got, sent);
}

TEST_F(ByteStreamTest, TellsAnEndFromAReset) {
  use(connect_tcp(loop_.io));
  start_read();
  far_.close();
  EXPECT_EQ(finish_read().state, ReadState::kEnd);
  use(connect_tcp(loop_.io));
  start_read();
  far_.close_with_reset();
  EXPECT_EQ(finish_read().state, ReadState::kFailed);
}

// One edge for both, and no other read is tried behind the bytes.
TEST_F(ByteStreamTest, SeesAnEndThatCameWithTheLastBytes) {
  const auto tcp = [this] { return connect_tcp(loop_.io); };
  const auto pair = [this] { return connect_pair(loop_.io); };
  expect_end_behind_bytes(tcp(), &Peer::close, ReadState::kEnd);
  expect_end_behind_bytes(tcp(), &Peer::shutdown_send, ReadState::kEnd);
  expect_end_behind_bytes(tcp(), &Peer::close_with_reset, ReadState::kFailed);
  expect_end_behind_bytes(pair(), &Peer::close, ReadState::kEnd);
  expect_end_behind_bytes(pair(), &Peer::shutdown_send, ReadState::kEnd);
}

// What stands before it stays where it is, and is read when there is room.
TEST_F(ByteStreamTest, WatchesForAnEndWithoutReading) {
  use(connect_tcp(loop_.io));
  start_read();
  far_.send("one");
  EXPECT_EQ(read(finish_read().bytes), "one");
  near_.watch_for_end();
  far_.send("two");
  loop_.settle();
  EXPECT_FALSE(near_.ended());
  start_read();  // and the watch is over
  EXPECT_EQ(read(finish_read().bytes), "two");
  near_.watch_for_end();
  far_.send("three");
  far_.shutdown_send();
  ASSERT_TRUE(loop_.run_until([&] { return near_.ended(); }));
  EXPECT_FALSE(near_.broke());
  const int woken = observer_.woken;
  near_.watch_for_end();
  loop_.settle();
  EXPECT_EQ(observer_.woken, woken);
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "three");
  start_read();
  EXPECT_EQ(finish_read().state, ReadState::kEnd);
  near_.watch_for_end();
  far_.close_with_reset();
  ASSERT_TRUE(loop_.run_until([&] { return near_.broke(); }));
  EXPECT_EQ(observer_.woken, woken + 3);
}

TEST_F(ByteStreamTest, WatchesForABreakAsWell) {
  use(connect_tcp(loop_.io));
  near_.watch_for_end();
  far_.close_with_reset();
  ASSERT_TRUE(loop_.run_until([&] { return near_.ended(); }));
  EXPECT_TRUE(near_.broke());
}

// Started again before it has been told that it was over.
TEST_F(ByteStreamTest, GoesOnWatchingBehindAReadThatWasCancelled) {
  use(connect_tcp(loop_.io));
  near_.watch_for_end();
  start_read();
  near_.cancel_read();
  near_.watch_for_end();
  EXPECT_EQ(finish_read().state, ReadState::kCancelled);
  loop_.settle();
  far_.close();
  ASSERT_TRUE(loop_.run_until([&] { return near_.ended(); }));
}

TEST_F(ByteStreamTest, SeesAnEndThatCameWhenNobodyRead) {
  use(connect_tcp(loop_.io));
  far_.send("one");
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "one");
  far_.close();
  loop_.settle();
  start_read();
  EXPECT_EQ(finish_read().state, ReadState::kEnd);
}

TEST_F(ByteStreamTest, ReadsAtOnceWhatAReadHasLeft) {
  for (const bool tcp : {true, false}) {
    use(tcp ? connect_tcp(loop_.io) : connect_pair(loop_.io));
    expect_rest_read_at_once();
  }
}

TEST_F(ByteStreamTest, ReadsSoMuchInARowAndNoMore) {
  use(connect_tcp(loop_.io));
  const std::string sent = counted_bytes(3 * ByteStream::kReadsInARow * space_.size());
  ASSERT_EQ(far_.send(sent), sent.size());
  far_.close();
  std::string got;
  int turns = 0;
  for (ReadState state = ReadState::kData; state == ReadState::kData; ++turns) {
    start_read();
    ReadResult result = finish_read();
    got += read(result.bytes);
    int in_a_row = 0;
    for (; near_.read_rest(space_); ++in_a_row) {
      result = near_.take_read();
      got += read(result.bytes);
    }
    EXPECT_LE(in_a_row, ByteStream::kReadsInARow);
    state = result.state;
  }
  EXPECT_EQ(got, sent);
  EXPECT_GE(turns, 3);
}

// A try that left something behind it has had the edge.
TEST_F(ByteStreamTest, ForgetsNothingThatATryHasLeft) {
  use(connect_tcp(loop_.io));
  const std::string sent = counted_bytes(4 * space_.size());
  ASSERT_EQ(far_.send(sent), sent.size());
  start_read();
  std::string got(read(finish_read().bytes));
  ASSERT_TRUE(near_.read_rest(space_));
  got += read(near_.take_read().bytes);
  while (got.size() < sent.size()) {
    start_read();
    got += read(finish_read().bytes);
  }
  EXPECT_EQ(got, sent);
}

TEST_F(ByteStreamTest, CancelsAReadAndReadsAgain) {
  use(connect_pair(loop_.io));
  start_read();
  near_.cancel_read();
  EXPECT_EQ(finish_read().state, ReadState::kCancelled);
  EXPECT_EQ(observer_.woken, 1);
  far_.send("later");
  start_read();
  const ReadResult result = finish_read();
  EXPECT_EQ(result.state, ReadState::kData);
  EXPECT_EQ(read(result.bytes), "later");
}

TEST_F(ByteStreamTest, LosesNothingThatCameJustBeforeACancel) {
  use(connect_pair(loop_.io));
  start_read();
  far_.send("just before");
  near_.cancel_read();
  const ReadResult result = finish_read();
  std::string got;
  if (result.state == ReadState::kData) {
    got = read(result.bytes);
  } else {
    ASSERT_EQ(result.state, ReadState::kCancelled);
    start_read();
    got = read(finish_read().bytes);
  }
  EXPECT_EQ(got, "just before");
}

TEST_F(ByteStreamTest, CancelsNothingWhenNoReadIsUnderWay) {
  use(connect_pair(loop_.io));
  near_.cancel_read();
  loop_.settle();
  EXPECT_EQ(near_.take_read().state, ReadState::kIdle);
  EXPECT_EQ(observer_.woken, 0);
}

TEST_F(ByteStreamTest, WaitsWithoutABuffer) {
  use(connect_pair(loop_.io));
  near_.start_wait();
  loop_.settle();
  EXPECT_TRUE(near_.reading());
  far_.send("now");
  const ReadResult waited = finish_read();
  EXPECT_EQ(waited.state, ReadState::kReadable);
  EXPECT_EQ(waited.bytes, 0U);
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "now");
  near_.start_wait();
  far_.close();
  EXPECT_EQ(finish_read().state, ReadState::kReadable);  // an end can be read, too
  start_read();
  EXPECT_EQ(finish_read().state, ReadState::kEnd);
}

TEST_F(ByteStreamTest, SendsASmallWriteAtOnce) {
  use(connect_pair(loop_.io));
  const std::array<std::string_view, 4> parts{"one ", "", "two ", "three"};
  near_.write(parts);
  EXPECT_FALSE(near_.writing());
  EXPECT_EQ(far_.take(), "one two three");
  EXPECT_EQ(near_.bytes_written(), 13U);
  EXPECT_EQ(observer_.woken, 0);
  const std::array<std::string_view, 2> nothing{};
  near_.write(nothing);
  EXPECT_FALSE(near_.writing());
  EXPECT_EQ(near_.bytes_written(), 13U);
}

TEST_F(ByteStreamTest, CompletesInOrderWhatTheKernelCannotTakeAtOnce) {
  for (const bool over_tcp : {false, true}) {
    use(over_tcp ? connect_tcp(loop_.io) : connect_pair(loop_.io));
    observer_.woken = 0;
    const std::string sent = counted_bytes(16 * 1024 * 1024);
    const std::string_view bytes = sent;
    // The cuts are such that each part is under way when the kernel's buffer is full.
    const std::array<std::string_view, 4> parts{bytes.substr(0, 10), bytes.substr(10, 5'000'000),
                                                bytes.substr(5'000'010, 1), bytes.substr(5'000'011)};
    near_.write(parts);
    EXPECT_TRUE(near_.writing());
    loop_.settle();
    EXPECT_EQ(observer_.woken, 0);
    EXPECT_LT(near_.bytes_written(), sent.size());
    ASSERT_TRUE(loop_.run_until([&] {
      far_.received();
      return !near_.writing();
    }));
    EXPECT_EQ(observer_.woken, 1);
    EXPECT_FALSE(near_.write_failed());
    EXPECT_EQ(near_.bytes_written(), sent.size());
    ASSERT_TRUE(loop_.run_until([&] { return far_.received().size() == sent.size(); }));
    EXPECT_TRUE(far_.take() == sent);
    write("behind");
    ASSERT_TRUE(loop_.run_until([&] { return far_.received() == "behind"; }));
  }
}

TEST_F(ByteStreamTest, ReadsWhileItWrites) {
  use(connect_pair(loop_.io));
  const std::string sent = counted_bytes(4 * 1024 * 1024);
  write(sent);
  ASSERT_TRUE(near_.writing());
  start_read();
  far_.send("answer");
  const ReadResult result = finish_read();
  EXPECT_EQ(read(result.bytes), "answer");
  EXPECT_TRUE(near_.writing());
}

TEST_F(ByteStreamTest, FailsAWriteWhosePeerIsGone) {
  use(connect_tcp(loop_.io));
  const std::string sent = counted_bytes(16 * 1024 * 1024);
  write(sent);
  ASSERT_TRUE(near_.writing());
  far_.close_with_reset();
  ASSERT_TRUE(loop_.run_until([&] { return !near_.writing(); }));
  EXPECT_TRUE(near_.write_failed());
  EXPECT_LT(near_.bytes_written(), sent.size());
  EXPECT_EQ(observer_.woken, 1);
}

TEST_F(ByteStreamTest, FailsAtOnceOnAConnectionThatIsKnownToBeBroken) {
  use(connect_pair(loop_.io));
  far_.close();
  write("too late");
  EXPECT_FALSE(near_.writing());
  EXPECT_TRUE(near_.write_failed());
}

TEST_F(ByteStreamTest, TakesNoResetForAnEndWhenAWriteWasToldOfIt) {
  use(connect_tcp(loop_.io));
  far_.send("half of it");
  far_.close_with_reset();
  write("too late");
  EXPECT_TRUE(near_.write_failed());
  write("later still");  // to a broken pipe by now
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "half of it");
  start_read();
  EXPECT_EQ(finish_read().state, ReadState::kFailed);
}

TEST_F(ByteStreamTest, TakesAnEndForOneThoughItsPeerWantedNoMore) {
  use(connect_tcp(loop_.io));
  far_.send("all of it");
  far_.close();
  write("unwanted");  // which is answered with a reset
  ASSERT_TRUE(loop_.run_until([&] {
    write("too late");
    return near_.write_failed();
  }));
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "all of it");
  start_read();
  EXPECT_EQ(finish_read().state, ReadState::kEnd);
}

TEST_F(ByteStreamTest, FinishesSendingAndGoesOnReading) {
  use(connect_tcp(loop_.io));
  write("last words");
  near_.shutdown_send();
  ASSERT_TRUE(loop_.run_until([&] { return far_.ended(); }));
  EXPECT_EQ(far_.take(), "last words");
  far_.send("answer");
  start_read();
  EXPECT_EQ(read(finish_read().bytes), "answer");
}

TEST_F(ByteStreamTest, ClosesCleanlyAndAbortsWithAReset) {
  use(connect_tcp(loop_.io));
  write("whole");
  near_.close();
  EXPECT_FALSE(near_.is_open());
  ASSERT_TRUE(loop_.run_until([&] { return far_.ended(); }));
  EXPECT_EQ(far_.take(), "whole");
  EXPECT_FALSE(far_.reset());

  use(connect_tcp(loop_.io));
  write("half");
  near_.abort();
  EXPECT_FALSE(near_.is_open());
  ASSERT_TRUE(loop_.run_until([&] { return far_.reset(); }));
  EXPECT_FALSE(far_.ended());
}

TEST_F(ByteStreamTest, WakesNobodyOnceClosed) {
  const std::string large = counted_bytes(16 * 1024 * 1024);
  for (const bool waits : {false, true}) {
    for (const bool aborts : {false, true}) {
      use(connect_tcp(loop_.io));
      if (waits) {
        near_.start_wait();
      } else {
        start_read();
      }
      write(large);
      ASSERT_TRUE(near_.writing());
      if (aborts) {
        near_.abort();
      } else {
        near_.close();
      }
      EXPECT_FALSE(near_.reading());
      EXPECT_FALSE(near_.writing());
      EXPECT_TRUE(near_.write_failed());
      loop_.settle();
      EXPECT_EQ(observer_.woken, 0);
    }
  }
}

TEST_F(ByteStreamTest, MayBeDestroyedBeforeItsResultHasBeenTaken) {
  use(connect_pair(loop_.io));
  start_read();
  far_.send("unread");
  loop_.settle();
  EXPECT_EQ(observer_.woken, 1);
  near_ = ByteStream();
  loop_.settle();
  EXPECT_EQ(observer_.woken, 1);
}

TEST_F(ByteStreamTest, MovesWithWhatIsUnderWay) {
  use(connect_pair(loop_.io));
  start_read();
  ByteStream moved = std::move(near_);
  EXPECT_FALSE(near_.is_open());  // NOLINT: a moved-from stream is a closed one
  far_.send("hello");
  ASSERT_TRUE(loop_.run_until([&] { return !moved.reading(); }));
  EXPECT_EQ(observer_.woken, 1);
  EXPECT_EQ(moved.take_read().bytes, 5U);
}

TEST_F(ByteStreamTest, KeepsResultsForAnObserverToCome) {
  use(connect_pair(loop_.io));
  near_.set_observer(nullptr);
  start_read();
  far_.send("hello");
  loop_.settle();
  near_.set_observer(&observer_);
  EXPECT_EQ(observer_.woken, 0);
  EXPECT_EQ(near_.take_read().bytes, 5U);
}

// An observer that ends the stream it is told about.
TEST_F(ByteStreamTest, MayBeClosedByItsObserver) {
  struct Closer final : Wakeable {
    void wake() override { stream->close(); }
    ByteStream* stream = nullptr;
  } closer;
  use(connect_pair(loop_.io));
  closer.stream = &near_;
  near_.set_observer(&closer);
  const std::string large = counted_bytes(4 * 1024 * 1024);
  write(large);
  start_read();
  far_.send("hello");
  ASSERT_TRUE(loop_.run_until([&] { return !near_.is_open(); }));
  loop_.settle();
}

}  // namespace
}  // namespace weir::proxy
