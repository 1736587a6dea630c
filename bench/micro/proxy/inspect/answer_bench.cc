// What it costs to read an event of a stream. As in a proxy, a thousand streams have their turn, so that what a reader
// knows of each is in no near cache.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "proxy/inspect/answer_reader.h"

namespace weir::proxy {
namespace {

constexpr std::size_t kStreams = 1'000;

void begin_stream(AnswerReader& reader) {
  http::ResponseHead head;
  head.status = 200;
  head.framing = http::BodyFraming::kChunked;
  head.fields.add("content-type", "text/event-stream");
  reader.begin(config::Inspect::kOpenAi);
  reader.on_response_head(head);
}

void read_events(benchmark::State& state, const std::string& event) {
  std::vector<AnswerReader> readers(kStreams);
  for (AnswerReader& reader : readers) {
    begin_stream(reader);
    reader.on_data(event, 1);
    if (reader.facts().outputs != 1) return state.SkipWithError("nothing was read");
  }
  std::uint64_t now_us = 1;
  for (auto _ : state) {
    ++now_us;
    readers[now_us % kStreams].on_data(event, now_us);
  }
}

std::string chunk(const std::string& content) {
  return R"(data: {"id":"chatcmpl-0123456789abcdef","object":"chat.completion.chunk","created":1700000000,)"
         R"("model":"llama-8b","choices":[{"index":0,"delta":{"content":")" +
         content + "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
}

void BM_ReadEvent(benchmark::State& state) { read_events(state, chunk(" token")); }
BENCHMARK(BM_ReadEvent);

void BM_ReadEventWithEscape(benchmark::State& state) { read_events(state, chunk("\\n\\n")); }
BENCHMARK(BM_ReadEventWithEscape);

// Half of a pair in each escape: not plain, and so through the parser of texts that come in pieces.
void BM_ReadEventInPieces(benchmark::State& state) { read_events(state, chunk("\\ud83d\\ude00")); }
BENCHMARK(BM_ReadEventInPieces);

// What a server may send that means ill: each event is like the one before up to its last name.
void BM_ReadEventOfANewShape(benchmark::State& state) {
  std::vector<std::string> events;
  for (int i = 0; i < 200; ++i) {
    events.push_back(R"(data: {"choices":[{"delta":{"content":")" + std::string(300, '\\') + R"("}}],"k)" +
                     std::to_string(1'000 + i) + "\":1}\n\n");
  }
  AnswerReader reader;
  begin_stream(reader);
  std::uint64_t now_us = 0;
  for (auto _ : state) {
    ++now_us;
    reader.on_data(events[now_us % events.size()], now_us);
  }
}
BENCHMARK(BM_ReadEventOfANewShape);

// Lines that end with carriage returns alone.
void BM_FrameLinesOfOneByte(benchmark::State& state) {
  std::string lines;
  for (int i = 0; i < 8'192; ++i) lines += "a\r";
  AnswerReader reader;
  begin_stream(reader);
  for (auto _ : state) reader.on_data(lines, 1);
}
BENCHMARK(BM_FrameLinesOfOneByte);

}  // namespace
}  // namespace weir::proxy
