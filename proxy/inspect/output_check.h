// Confined to one worker. Whether what a model wrote parses, where it is to be JSON: its text, where that was asked for, and
// the arguments of its tools' calls, each choice of an answer by itself. Keeps nothing of it; once warm it allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/json_scan.h"

namespace weir::proxy {

class OutputCheck {
 public:
  // Choices beyond so many are not looked at.
  static constexpr std::size_t kMostChoices = 8;

  // For another answer.
  void begin();
  // What comes next is of another of a message's choices: of a whole answer's the one behind the last, of a stream's the
  // first one, unless a number follows. A number behind what it is of comes too late.
  void begin_choice(bool streamed);
  void number_choice(double number);
  // Text that is to be JSON, and a call's arguments.
  void add_text(std::string_view piece);
  void add_arguments(std::string_view piece);
  // Which of several calls at once the arguments that come next are of.
  void number_call(double number);
  void end_call();
  // The choice has something for its reader.
  void note_content();
  // Something stands in it that cannot be told apart: nothing is known to be broken.
  void doubt() { doubtful_ = true; }

  // At the end of the answer.
  bool broken();
  bool has_choice_without_content() const;

 private:
  struct Choice {
    // Made when they are first needed.
    std::unique_ptr<json::Scan> text = {};
    std::unique_ptr<json::Scan> arguments = {};
    bool seen = false;
    bool content = false;
    bool text_begun = false;
    bool call_open = false;
    double call = 0;
  };

  void choose(std::size_t which);
  // Null: it is not looked at.
  Choice* current() { return at_ < kMostChoices ? &choices_[at_] : nullptr; }
  void end_call(Choice& choice);

  std::uint8_t at_ = 0;
  bool said_ = false;  // something of this choice, in this message
  bool broken_ = false;
  bool doubtful_ = false;
  std::uint32_t begun_ = 0;  // of a whole answer's choices
  std::array<Choice, kMostChoices> choices_;
};

}  // namespace weir::proxy
