#include "proxy/net/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

namespace {

// Bytes of arrays that live: what the pools of this program hold, for nothing else here is as large.
std::size_t g_array_bytes = 0;
constexpr std::size_t kHeader = alignof(std::max_align_t);

}  // namespace

void* operator new[](std::size_t size) {
  void* const block = std::malloc(size + kHeader);
  if (block == nullptr) throw std::bad_alloc();
  std::memcpy(block, &size, sizeof size);
  g_array_bytes += size;
  return static_cast<char*>(block) + kHeader;
}

void operator delete[](void* memory) noexcept {
  if (memory == nullptr) return;
  void* const block = static_cast<char*>(memory) - kHeader;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  g_array_bytes -= size;
  std::free(block);
}

void operator delete[](void* memory, std::size_t) noexcept { operator delete[](memory); }

namespace weir::proxy {
namespace {

constexpr std::size_t kKiB = 1024;

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

TEST(BufferPool, KeepsFourMebibytesOfEachSizeAtMost) {
  const std::size_t before = g_array_bytes;
  {
    BufferPool pool;
    for (const std::size_t capacity : {4 * kKiB, 32 * kKiB, 256 * kKiB}) {
      const std::size_t held = g_array_bytes;
      std::vector<ReadBuffer> buffers;
      for (std::size_t bytes = 0; bytes < 6 * 1024 * kKiB; bytes += capacity) buffers.push_back(pool.take(capacity));
      buffers.clear();
      EXPECT_EQ(g_array_bytes - held, 4 * 1024 * kKiB) << capacity;
    }
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

}  // namespace
}  // namespace weir::proxy
