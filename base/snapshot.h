// Publishing is thread-safe; a SnapshotReader is confined to one worker. How the control plane hands an immutable value
// to workers without a lock or a shared reference count on the request path.
//
// The problem: a request must keep the value that it started with, and a shared_ptr copied per request makes every
// core write the same counter. Here a reader compares one rarely-written version number per request, and requests
// share a counter that only their own worker touches.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace weir {

// A reference counted by plain integers: never leaves its thread.
template <class T>
class Local {
 public:
  Local() = default;
  explicit Local(std::shared_ptr<const T> value) : box_(new Box{std::move(value), 1}) {}
  Local(const Local& other) noexcept : box_(other.box_) {
    if (box_ != nullptr) ++box_->users;
  }
  Local(Local&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
  Local& operator=(Local other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~Local() {
    if (box_ != nullptr && --box_->users == 0) delete box_;
  }

  const T& operator*() const { return *box_->value; }
  const T* operator->() const { return box_->value.get(); }
  explicit operator bool() const { return box_ != nullptr && box_->value != nullptr; }

 private:
  struct Box {
    std::shared_ptr<const T> value;
    std::uint64_t users;
  };
  Box* box_ = nullptr;
};

template <class T>
class Snapshot {
 public:
  void publish(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    version_.fetch_add(1, std::memory_order_release);
  }

  std::shared_ptr<const T> load() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
  std::atomic<std::uint64_t> version_{0};
};

template <class T>
class SnapshotReader {
 public:
  explicit SnapshotReader(const Snapshot<T>& source) : source_(&source) {}

  // The newest value: one acquire load unless it changed. Null before the first publish.
  const Local<T>& current() {
    const std::uint64_t version = source_->version();
    if (version != seen_) {
      seen_ = version;
      local_ = Local<T>(source_->load());
    }
    return local_;
  }

 private:
  const Snapshot<T>* source_;
  std::uint64_t seen_ = 0;
  Local<T> local_;
};

}  // namespace weir
