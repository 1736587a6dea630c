// Confined to one worker. What is kept of an answer to compare it with another one to the same request: its length, and
// numbers for its bytes, for its JSON value and for a model's words. Its memory does not grow with the answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/comparison.h"
#include "base/hash.h"
#include "base/held_bytes.h"
#include "base/json_fingerprint.h"
#include "proxy/inspect/body_observer.h"

namespace weir::proxy {

class AnswerDigest final : public BodyObserver {
 public:
  // For another answer, or another attempt at one. `also` sees all that this one does; null: nobody does.
  void begin(BodyObserver* also);

  void on_response_head(const http::ResponseHead& head) override;
  void on_data(std::string_view data, std::uint64_t elapsed_us) override;
  void on_end(bool complete) override;

  // Behind begin(): the first bytes of it, and what it says that it is, are kept as well, and counted there. Later, with
  // 0: they are kept no more.
  void keep(std::size_t bytes, HeldBytes::Counter held);
  std::string take_kept();
  const std::string& type() const { return type_; }

  // Who reads what a model says adds its words here.
  HashStream& words() { return words_; }

  std::uint64_t bytes() const { return bytes_; }
  JsonForm json() const { return json_; }
  // Of two that have come to their ends: a model's words where both have some, else what they are as JSON.
  Likeness likeness(const AnswerDigest& other) const;

 private:
  BodyObserver* also_ = nullptr;
  std::uint64_t bytes_ = 0;
  HashStream all_;
  HashStream words_;
  std::unique_ptr<json::Fingerprint> reader_;  // made for the first answer that says that it is JSON
  std::size_t kept_limit_ = 0;
  std::string kept_;
  HeldBytes held_;  // of it
  std::string type_;
  bool reads_ = false;
  JsonForm json_ = JsonForm::kNone;
  std::optional<std::uint64_t> value_;
};

}  // namespace weir::proxy
