// SPDX-License-Identifier: Apache-2.0
#include "cpu/agreement.h"
#include "cpu/launch.h"

namespace sinter::cpu {}  // namespace sinter::cpu
