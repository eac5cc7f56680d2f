// SPDX-License-Identifier: Apache-2.0
#include "cpu/launch.h"
#include "cpu/spherical.h"

namespace sinter::cpu {}  // namespace sinter::cpu
