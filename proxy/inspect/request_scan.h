// Confined to one worker. Finds what a JSON request says at its top, as its bytes pass, be it behind megabytes of
// messages: the seam for all that is asked of a request's body. It keeps one short word and looks at each byte once. It
// is no judge of JSON: what is no object is taken for one without members, and what it skips it does not look into.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::proxy {

// Those that anybody asks for, also where their names are written with escapes.
enum class Member : std::uint8_t {
  kOther,
  kModel,
  kStream,
  kStreamOptions,
  kIncludeUsage,  // of the stream options
  kUser,
  kPromptCacheKey,
  kSafetyIdentifier,
  kConversation,
  kConversationId,  // of that, where it is an object
  kMetadata,
  kMetadataUserId,  // of the metadata
  kMetadataSessionId,
  kPreviousResponseId,
  kInputFileId,
  kResponseFormat,
  kResponseFormatType,  // of that
  kText,
  kTextFormat,      // of the text
  kTextFormatType,  // of that
  kFormat,
  kOutputConfig,
  kOutputConfigFormat,      // of that
  kOutputConfigFormatType,  // of that
  kOutputFormat,
  kOutputFormatType,  // of that
  kParameters,
  kGrammar,      // of the parameters
  kGrammarType,  // of that
  kStructuredOutputs,
  kStructuredJson,    // of these
  kStructuredObject,  // of these: any one will do
  kGuidedJson,
  kJsonSchema,
};

class RequestScan {
 public:
  enum class What : std::uint8_t {
    kNothing,    // what there was is used up
    kValue,      // a member's value begins with the next byte
    kValueEnd,   // and ended with the one before
    kObjectEnd,  // the object that is the member's value ends with the next byte; of kOther: the whole request
  };
  struct Found {
    What what = What::kNothing;
    Member member = Member::kOther;
    char first = 0;      // kValue: its first byte
    bool empty = false;  // kObjectEnd: it has no members
  };

  void begin() { *this = RequestScan(); }
  // Takes off `bytes` what stands before the next thing that is found, or all. Call again with the rest.
  Found next(std::string_view& bytes);
  // At kValueEnd: a number, true, false or null; cut. Empty: the value was none of these.
  std::string_view word() const { return {word_.data(), word_size_}; }
  // Nothing more will be found: the object has ended, or it is none.
  bool over() const { return at_ == At::kEnd; }

 private:
  enum class At : std::uint8_t {
    kStart,
    kFirstName,
    kNextName,
    kName,
    kColon,
    kValue,
    kString,
    kScalar,
    kNested,
    kNestedString,
    kComma,
    kEnd,  // of the object, or there is none: the rest is nobody's
  };

  void step(std::string_view& bytes);
  void close_value();
  void take_between(char c);
  void take_name(char c);
  void take_hex(char c);
  void take_nested(std::string_view& bytes);
  bool skip_string(std::string_view& bytes);
  void open_value(char c);
  bool announces(char c, Found& found);
  bool end_value(Found& found);

  At at_ = At::kStart;
  Member member_ = Member::kOther;
  Member inside_ = Member::kOther;  // whose value is an object that is looked into; kOther: the top
  bool announced_ = false;  // what comes next has been told
  bool ended_ = false;      // a value has, and that has not been told
  bool escaped_ = false;    // the next byte, in a string
  bool empty_ = false;      // the object so far
  std::uint8_t hex_left_ = 0;  // digits of the escape in a name
  unsigned code_ = 0;          // what they say so far
  std::uint32_t depth_ = 0;
  std::size_t word_size_ = 0;
  std::array<char, 24> word_{};  // a name, or a scalar; one byte more than the longest that means something
};

}  // namespace weir::proxy
