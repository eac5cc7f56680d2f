// SPDX-License-Identifier: Apache-2.0
#include "core/build_info.h"
#include "sinter.h"

int32_t sinter_abi_version(void) { return SINTER_ABI_VERSION; }

const char* sinter_abi_hash(void) { return SINTER_ABI_HASH; }

const char* sinter_build_info(void) { return SINTER_BUILD_INFO; }
