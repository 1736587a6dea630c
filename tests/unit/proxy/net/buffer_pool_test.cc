#include "proxy/net/buffer_pool.h"

#include <gtest/gtest.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <list>
#include <new>
#include <string_view>
#include <vector>

namespace {

// Bytes of aligned arrays that live: what the pools of this program have, for nobody else asks for such.
std::size_t g_array_bytes = 0;

}  // namespace

void* operator new[](std::size_t size, std::align_val_t alignment) {
  const auto header = static_cast<std::size_t>(alignment);
  void* const block = std::aligned_alloc(header, header + size);
  if (block == nullptr) throw std::bad_alloc();
  std::memcpy(block, &size, sizeof size);
  g_array_bytes += size;
  return static_cast<char*>(block) + header;
}

void operator delete[](void* memory, std::align_val_t alignment) noexcept {
  if (memory == nullptr) return;
  void* const block = static_cast<char*>(memory) - static_cast<std::size_t>(alignment);
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  g_array_bytes -= size;
  std::free(block);
}

namespace weir::proxy {
namespace {

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::size_t kPage = 4 * kKiB;

void put(ReadBuffer& buffer, std::string_view bytes) {
  ASSERT_LE(bytes.size(), buffer.space().size());
  std::memcpy(buffer.space().data(), bytes.data(), bytes.size());
  buffer.filled(bytes.size());
}

std::string_view unread(const ReadBuffer& buffer) { return {buffer.data(), buffer.size()}; }

TEST(BufferPool, GivesTheNextPowerOfTwo) {
  BufferPool pool;
  EXPECT_EQ(pool.take(0).capacity(), 4 * kKiB);
  EXPECT_EQ(pool.take(4 * kKiB).capacity(), 4 * kKiB);
  EXPECT_EQ(pool.take(4 * kKiB + 1).capacity(), 8 * kKiB);
  EXPECT_EQ(pool.take(256 * kKiB).capacity(), 256 * kKiB);
  EXPECT_EQ(pool.take(300 * kKiB).capacity(), 512 * kKiB);
}

TEST(BufferPool, GivesABufferBackToTheNextThatNeedsItsSize) {
  BufferPool pool;
  ReadBuffer buffer = pool.take(8 * kKiB);
  const char* const memory = buffer.data();
  put(buffer, "left behind");
  buffer.release();
  EXPECT_FALSE(buffer);
  EXPECT_TRUE(buffer.empty());
  EXPECT_NE(pool.take(16 * kKiB).data(), memory);
  ReadBuffer next = pool.take(8 * kKiB);
  EXPECT_EQ(next.data(), memory);
  EXPECT_TRUE(next.empty());
  EXPECT_EQ(next.space().size(), 8 * kKiB);
}

// Of these buffers' bytes, those that are in memory.
std::size_t in_memory(const std::vector<char*>& buffers, std::size_t capacity) {
  std::size_t bytes = 0;
  for (char* const front : buffers) {
    char* const buffer = front - reinterpret_cast<std::uintptr_t>(front) % kPage;
    for (std::size_t at = 0; at < capacity; at += kPage) {
      unsigned char state = 0;
      if (::mincore(buffer + at, kPage, &state) == 0 && (state & 1) != 0) bytes += kPage;
    }
  }
  return bytes;
}

TEST(BufferPool, GivesMemoryBackAfterABurst) {
  const std::size_t before = g_array_bytes;
  for (const std::size_t capacity : {4 * kKiB, 32 * kKiB, 256 * kKiB}) {
    BufferPool pool;
    const std::size_t count = 4 * kMiB / capacity;
    std::vector<ReadBuffer> burst;
    std::vector<char*> places;
    for (std::size_t i = 0; i < count; ++i) {
      burst.push_back(pool.take(capacity));
      places.push_back(burst.back().space().data());
      std::memset(places.back(), 'x', capacity);
    }
    EXPECT_EQ(in_memory(places, capacity), 4 * kMiB) << capacity;
    burst.clear();
    EXPECT_EQ(in_memory(places, capacity), kMiB) << capacity;
    const std::size_t held = g_array_bytes;
    for (std::size_t i = 0; i < count; ++i) {
      burst.push_back(pool.take(capacity));
      std::memset(burst.back().space().data(), 'y', capacity);
    }
    EXPECT_EQ(g_array_bytes, held) << "the same ones serve again";
  }
  EXPECT_EQ(g_array_bytes, before);
}

TEST(BufferPool, KeepsNoneOfThoseLargerThanAnyRequestNeeds) {
  BufferPool pool;
  const std::size_t before = g_array_bytes;
  pool.take(512 * kKiB).release();
  EXPECT_EQ(g_array_bytes, before);
}

TEST(ReadBuffer, BeginsAnewOnceAllHasBeenUsed) {
  BufferPool pool;
  ReadBuffer buffer = pool.take(4 * kKiB);
  put(buffer, "abcdef");
  buffer.consume(2);
  EXPECT_EQ(unread(buffer), "cdef");
  EXPECT_EQ(buffer.space().size(), 4 * kKiB - 6);
  buffer.consume(4);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.space().size(), 4 * kKiB);
}

TEST(ReadBuffer, CompactsAndGrowsWithoutLosingAByte) {
  BufferPool pool;
  ReadBuffer buffer = pool.take(4 * kKiB);
  put(buffer, std::string(4 * kKiB - 3, 'x'));
  put(buffer, "end");
  buffer.consume(4 * kKiB - 5);
  EXPECT_TRUE(buffer.space().empty());
  buffer.compact();
  EXPECT_EQ(unread(buffer), "xxend");
  EXPECT_EQ(buffer.space().size(), 4 * kKiB - 5);
  buffer.consume(1);
  buffer.grow(100);  // no larger than it is: compacts
  EXPECT_EQ(buffer.capacity(), 4 * kKiB);
  EXPECT_EQ(buffer.space().size(), 4 * kKiB - 4);
  buffer.consume(1);
  buffer.grow(20 * kKiB);
  EXPECT_EQ(buffer.capacity(), 32 * kKiB);
  EXPECT_EQ(unread(buffer), "end");
  EXPECT_EQ(buffer.space().size(), 32 * kKiB - 3);
}

TEST(ReadBuffer, MovesWithItsBytes) {
  BufferPool pool;
  const std::size_t before = g_array_bytes;
  ReadBuffer buffer = pool.take(4 * kKiB);
  put(buffer, "abc");
  ReadBuffer other(std::move(buffer));
  EXPECT_FALSE(buffer);  // NOLINT: a moved-from buffer is an empty one
  EXPECT_EQ(unread(other), "abc");
  buffer = pool.take(8 * kKiB);
  buffer = std::move(other);
  EXPECT_EQ(unread(buffer), "abc");
  EXPECT_EQ(buffer.capacity(), 4 * kKiB);
  EXPECT_EQ(g_array_bytes - before, 12 * kKiB);  // the one that was overwritten is in the pool
}

TEST(BufferPool, CountsWhatTlsTakesBesideIt) {
  BufferPool pool;
  pool.set_budget(5 * TlsShare::kHandshake);
  std::list<TlsShare> shares(3);
  const TlsShare none;
  for (TlsShare& share : shares) {
    EXPECT_FALSE(pool.handshakes_crowded());
    share.shake_hands(pool);
  }
  EXPECT_EQ(pool.in_use(), 3 * TlsShare::kHandshake);
  EXPECT_TRUE(pool.handshakes_crowded() && !pool.crowded()) << "what is open goes on";
  shares.front().establish();
  shares.front().establish();
  EXPECT_EQ(pool.in_use(), 2 * TlsShare::kHandshake + TlsShare::kEstablished);
  EXPECT_FALSE(pool.handshakes_crowded());
  shares.pop_back();
  EXPECT_EQ(pool.in_use(), TlsShare::kHandshake + TlsShare::kEstablished);
  std::list<TlsShare> more(16);
  for (TlsShare& share : more) {
    share.shake_hands(pool);
    share.establish();
  }
  EXPECT_TRUE(pool.full() && !pool.handshakes_crowded());
  more.clear();
  shares.clear();
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_FALSE(pool.crowded());
}

TEST(BufferPool, TellsHowMuchOfItsBudgetIsTaken) {
  BufferPool pool;
  EXPECT_FALSE(pool.crowded());
  pool.set_budget(40 * kKiB);
  std::vector<ReadBuffer> taken;
  for (int i = 0; i < 9; ++i) taken.push_back(pool.take(4 * kKiB));
  EXPECT_EQ(pool.in_use(), 36 * kKiB);
  EXPECT_FALSE(pool.crowded());
  taken[0].grow(8 * kKiB);
  EXPECT_EQ(pool.in_use(), 40 * kKiB);
  EXPECT_TRUE(pool.crowded() && !pool.full());
  taken.push_back(pool.take(4 * kKiB));
  EXPECT_TRUE(pool.full());
  taken.clear();
  EXPECT_EQ(pool.in_use(), 0U);
}

#ifdef __SANITIZE_ADDRESS__
TEST(BufferPool, KeepsWhatNobodyMayLookAt) {
  BufferPool pool;
  ReadBuffer buffer = pool.take(4 * kKiB);
  put(buffer, "abc");
  const char* const view = buffer.data();
  buffer.release();
  EXPECT_TRUE(__asan_address_is_poisoned(view));
  EXPECT_FALSE(__asan_address_is_poisoned(pool.take(4 * kKiB).space().data()));
}
#endif

TEST(BufferPool, CountsWhatOthersHave) {
  BufferPool pool;
  pool.set_budget(80'000);
  pool.set_lent(10'000);
  EXPECT_EQ(pool.in_use(), 10'000U);
  EXPECT_FALSE(pool.lending_crowded());
  pool.set_lent(10'001);
  EXPECT_TRUE(pool.lending_crowded());
  pool.set_lent(60'000);
  EXPECT_FALSE(pool.tight());
  pool.set_lent(60'001);
  EXPECT_TRUE(pool.tight());
  EXPECT_FALSE(pool.crowded());
  pool.set_lent(75'000);
  EXPECT_TRUE(pool.crowded());
  pool.set_lent(0);
  EXPECT_EQ(pool.in_use(), 0U);
}

}  // namespace
}  // namespace weir::proxy
