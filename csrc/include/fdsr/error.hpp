// Errors: standard exceptions whose message names the argument, its value and the rule.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace fdsr {

template <class... Parts>
[[noreturn]] void invalid_argument(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw std::invalid_argument(message.str());
}

}  // namespace fdsr
