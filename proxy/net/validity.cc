#include "proxy/net/validity.h"

#include <utility>

#include "base/log.h"

namespace weir::proxy {
namespace {

using File = config::TlsFault::File;

std::string days(std::int64_t seconds) {
  const std::int64_t whole = seconds / (24 * 3600);
  if (whole == 0) return "less than a day";
  return std::to_string(whole) + (whole == 1 ? " day" : " days");
}

std::string words(const FileValidity& of, std::int64_t now_s) {
  const std::int64_t from_s = of.validity.from_s;
  const std::int64_t until_s = of.validity.until_s;
  const bool response = of.file == File::kOcsp;
  switch (standing(of, now_s)) {
    case Standing::kGood:
      return of.remark;
    case Standing::kEndsSoon:
      return "it expires in " + days(until_s - now_s) + ", at " + log::iso_time(until_s * 1'000);
    case Standing::kEnded:
      return std::string(response ? "the response expired " : "it expired ") + days(now_s - until_s) + " ago, at " +
             log::iso_time(until_s * 1'000) + (response ? ", and is not stapled" : "");
    case Standing::kNotYet:
      return std::string(response ? "the response" : "it") + " is not valid before " + log::iso_time(from_s * 1'000) +
             (response ? ", and not stapled" : "");
  }
  return {};
}

}  // namespace

Standing standing(const FileValidity& of, std::int64_t now_s) {
  if (now_s < of.validity.from_s) return Standing::kNotYet;
  if (now_s > of.validity.until_s) return Standing::kEnded;
  const bool soon = of.file != File::kOcsp && of.validity.until_s - now_s < kSoon_s;
  return soon ? Standing::kEndsSoon : Standing::kGood;
}

std::optional<config::TlsFault> doubt(const FileValidity& of, std::int64_t now_s) {
  std::string what = words(of, now_s);
  if (what.empty()) return std::nullopt;
  return config::TlsFault{.file = of.file, .certificate = of.certificate, .path = of.path, .what = std::move(what)};
}

}  // namespace weir::proxy
