#include "proxy/inspect/output_check.h"

#include <algorithm>
#include <utility>

namespace weir::proxy {
namespace {

// For a JSON text of which only that it is one is asked.
class NothingWanted final : public json::Scan::Sink {
  void on_text(int, std::string_view, bool) override {}
  void on_number(int, double) override {}
  void on_boolean(int, bool) override {}
  void on_object(int) override {}
};

json::Scan& scan_of(std::unique_ptr<json::Scan>& scan) {
  static const json::Paths kNone({});
  static NothingWanted nothing;
  if (scan == nullptr) scan = std::make_unique<json::Scan>(kNone, nothing);
  return *scan;
}

bool is_no_json(json::Scan& scan) { return !scan.end() && !scan.too_deep(); }

}  // namespace

void OutputCheck::begin() {
  for (Choice& choice : choices_) {
    choice.seen = choice.content = choice.text_begun = choice.call_open = false;
    choice.call = 0;
  }
  at_ = 0;
  begun_ = 0;
  said_ = broken_ = doubtful_ = false;
}

void OutputCheck::begin_choice(bool streamed) {
  choose(streamed ? 0 : begun_++);
  if (Choice* const choice = current(); choice != nullptr && !streamed) choice->seen = true;
}

void OutputCheck::number_choice(double number) {
  if (number == static_cast<double>(at_)) {
    // As was taken for granted.
  } else if (said_) {
    doubt();
  } else {
    const bool looked_at = number >= 0 && number < static_cast<double>(kMostChoices);
    choose(looked_at ? static_cast<std::size_t>(number) : kMostChoices);
  }
  if (Choice* const choice = current()) choice->seen = true;
}

void OutputCheck::choose(std::size_t which) {
  at_ = static_cast<std::uint8_t>(std::min(which, kMostChoices));
  said_ = false;
}

void OutputCheck::add_text(std::string_view piece) {
  said_ = true;
  Choice* const choice = current();
  if (choice == nullptr || doubtful_) return;
  if (!std::exchange(choice->text_begun, true)) scan_of(choice->text).begin();
  choice->text->feed(piece);
}

void OutputCheck::add_arguments(std::string_view piece) {
  said_ = true;
  Choice* const choice = current();
  if (choice == nullptr || doubtful_) return;
  if (!std::exchange(choice->call_open, true)) scan_of(choice->arguments).begin();
  choice->arguments->feed(piece);
}

void OutputCheck::number_call(double number) {
  Choice* const choice = current();
  if (choice == nullptr) return;
  if (number < choice->call && choice->call_open) doubt();
  if (number != choice->call) end_call(*choice);
  choice->call = number;
}

void OutputCheck::end_call() {
  if (Choice* const choice = current()) end_call(*choice);
}

void OutputCheck::end_call(Choice& choice) {
  if (std::exchange(choice.call_open, false) && is_no_json(*choice.arguments)) broken_ = true;
}

void OutputCheck::note_content() {
  said_ = true;
  if (Choice* const choice = current()) choice->content = true;
}

bool OutputCheck::broken() {
  for (Choice& choice : choices_) {
    end_call(choice);
    if (choice.text_begun && is_no_json(*choice.text)) broken_ = true;
  }
  return broken_ && !doubtful_;
}

bool OutputCheck::has_choice_without_content() const {
  const auto lacks = [](const Choice& choice) { return choice.seen && !choice.content; };
  return !doubtful_ && std::any_of(choices_.begin(), choices_.end(), lacks);
}

}  // namespace weir::proxy
