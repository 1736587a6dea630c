// Confined to one thread. Both sides of an exchange without a connection: what each has to say is written down
// beforehand, what it is told is kept. That a contract is broken fails the test.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>

#include "proxy/downstream/downstream_stream.h"
#include "proxy/upstream/upstream_stream.h"

namespace weir::proxy {

// What both sides have: a body to read from, and one to send to.
struct Script {
  std::deque<http::BodyEvent> says;  // then it is silent
  http::FieldList says_trailers;
  int reads = 0;  // times somebody has asked for more

  std::string collected;  // not flushed yet
  std::string told;       // flushed
  bool told_end = false;
  std::optional<std::size_t> held_from;  // of `collected`
  bool sending = false;         // takes no more for now
  bool fills_at_flush = false;  // takes no more from the next flush on
  bool send_fails = false;
  std::uint64_t taken = 0;  // bytes that the peer is said to have taken

  http::BodyEvent read() {
    ++reads;
    if (says.empty()) return {};
    const http::BodyEvent event = says.front();
    says.pop_front();
    return event;
  }
  void tell(std::string_view data, bool end) {
    EXPECT_FALSE(sending) << "told while it takes no more";
    EXPECT_FALSE(told_end) << "told behind its end";
    collected += data;
    told_end = end;
  }
  void tell_trailers(const http::FieldList& trailers) {
    for (const http::Field& field : trailers)
      collected += "|" + std::string(field.name) + "=" + std::string(field.value);
    tell("", true);
  }
  void flush() {
    if (held_from) return;
    told += std::exchange(collected, {});
    sending = sending || std::exchange(fills_at_flush, false);
  }
};

class ScriptedDownstream final : public DownstreamStream {
 public:
  Script script;
  http::RequestHead head;
  bool is_gone = false;
  bool is_half_closed = false;
  bool watched = false;
  bool kept = false;  // the head, while the body is read
  bool released = false;

  ScriptedDownstream() { head.method = "POST"; }

  Waker& waker() override { return waker_; }
  const SocketAddress& peer() const override { return peer_; }
  std::string_view peer_text() const override { return "10.0.0.1"; }
  std::string_view scheme() const override { return "http"; }
  std::string_view client_certificate() const override { return {}; }
  http::RequestHead& request() override { return head; }
  void keep_head() override { kept = true; }
  void release_head() override { released = released || std::exchange(kept, false); }
  bool head_released() const override { return released; }
  http::Fault start_body(const config::Limits&) override { return http::Fault::kNone; }
  void discard_body() override {}
  bool request_ended() const override { return head.framing == http::BodyFraming::kNone; }
  std::uint64_t request_body_received() const override { return 0; }
  void watch() override { watched = true; }
  bool gone() const override { return is_gone; }
  bool half_closed() const override { return is_half_closed; }
  void send_continue() override { script.tell("<100>", false); }
  void send_head(const http::ResponseHead& response, const http::Edits& edits) override {
    std::string text = "<" + std::to_string(response.status);
    for (const http::Edits::Added& added : edits) text += " " + std::string(added.name);
    script.tell(text + ">", false);
  }
  void hold() override { script.held_from = script.collected.size(); }
  bool holding() const override { return script.held_from.has_value(); }
  void let_go() override { script.held_from.reset(); }
  void take_back() override {
    if (!script.held_from) return;
    script.collected.resize(*script.held_from);
    script.held_from.reset();
    script.told_end = false;
  }
  void send_reply(const http::LocalReply&, const http::Edits&) override {
    ADD_FAILURE() << "a forwarder answers nothing";
  }
  void send_options_reply(const http::Edits&) override { ADD_FAILURE() << "a forwarder answers nothing"; }
  bool response_ended() const override { return script.told_end; }
  std::uint64_t bytes_sent() const override { return script.taken; }
  void cut() override { ADD_FAILURE() << "a forwarder cuts nothing"; }
  void close_after() override {}
  http::BodyEvent read_body() override {
    released = released || !kept;
    return script.read();
  }
  const http::FieldList& trailers() const override { return script.says_trailers; }
  void send_body(const http::BodySlice& slice) override { script.tell(slice.data, slice.end); }
  void send_trailers(const http::FieldList& trailers) override { script.tell_trailers(trailers); }
  void flush() override { script.flush(); }
  bool sending() const override { return script.sending; }
  bool send_failed() const override { return script.send_fails; }

 private:
  Waker waker_;
  SocketAddress peer_;
};

class ScriptedUpstream final : public UpstreamStream {
 public:
  Script script;
  std::deque<int> statuses;  // of the heads it answers with; 0: it fails with `error`
  Error error{ErrorKind::kReset, Side::kUpstream, Retry::kNever, "upstream_closed"};
  int head_reads = 0;

  void observe(Wakeable*) override {}
  void send_head(const http::RequestHead& request, const http::Edits&) override {
    script.tell("<" + std::string(request.method) + ">", request.framing == http::BodyFraming::kNone);
  }
  bool request_ended() const override { return script.told_end; }
  std::uint64_t bytes_sent() const override { return script.taken; }
  ResponseHeadEvent read_head() override {
    ++head_reads;
    if (statuses.empty()) return {};
    if (statuses.front() == 0) return {ResponseHeadEvent::State::kFailed, error};
    head_.status = statuses.front();
    return {ResponseHeadEvent::State::kHead, {}};
  }
  http::ResponseHead& head() override { return head_; }
  void next_head() override { statuses.pop_front(); }
  bool response_ended() const override { return false; }
  std::uint64_t body_received() const override { return 0; }
  bool reused() const override { return false; }
  bool untouched() const override { return statuses.empty(); }
  http::BodyEvent read_body() override { return script.read(); }
  const http::FieldList& trailers() const override { return script.says_trailers; }
  void send_body(const http::BodySlice& slice) override { script.tell(slice.data, slice.end); }
  void send_trailers(const http::FieldList& trailers) override { script.tell_trailers(trailers); }
  void flush() override { script.flush(); }
  bool sending() const override { return script.sending; }
  bool send_failed() const override { return script.send_fails; }

 private:
  http::ResponseHead head_;
};

}  // namespace weir::proxy
