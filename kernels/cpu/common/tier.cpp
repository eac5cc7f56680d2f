// SPDX-License-Identifier: Apache-2.0
//
// Which instruction set's kernels run.
#include <cstdlib>
#include <cstring>
#include <string>

#include "cpu/common/kernels.h"
#include "failure.h"

namespace sinter::cpu {

namespace baseline {
extern const Kernels table;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}
#endif

namespace {

struct Tier {
  const Kernels* kernels;
  bool supported;
};

const Kernels& choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const Tier tiers[] = {
      {&avx512::table, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512vl") &&
                           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma")},
      {&avx2::table, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
      {&baseline::table, true},
  };
#else
  const Tier tiers[] = {{&baseline::table, true}};
#endif
  const char* wanted = std::getenv("SINTER_CPU");
  std::string known;
  for (const Tier& tier : tiers) {
    if (wanted == nullptr || *wanted == '\0') {
      if (tier.supported) {
        return *tier.kernels;
      }
    } else if (std::strcmp(wanted, tier.kernels->name) == 0) {
      if (!tier.supported) {
        throw Failure(Status::kUnsupported, std::string("SINTER_CPU=") + wanted +
                                                ": this processor does not have these "
                                                "instructions; unset it, or choose another");
      }
      return *tier.kernels;
    }
    known += known.empty() ? "" : ", ";
    known += tier.kernels->name;
  }
  throw Failure(Status::kInvalidArgument, std::string("SINTER_CPU=") + wanted +
                                              " is not known; it may be unset or one of " + known);
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace sinter::cpu
