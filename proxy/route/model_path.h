// Pure functions. The model that a request's path names: /v2/models/NAME of the Open Inference Protocol, as with Triton and
// KServe, /v1/models/NAME of TensorFlow Serving.
#pragma once

#include <string>
#include <string_view>

namespace weir::proxy {

// `path`, in its normal form, with `model` in the place of the name. Empty: `model` is, or the path names no model; or it
// names a version of one or a label, and with that what its client wants.
std::string with_model(std::string_view path, std::string_view model);

}  // namespace weir::proxy
