// SPDX-License-Identifier: Apache-2.0
//
// One instruction set's copy of the CPU twin, and the piece of work that it is given.
#pragma once

#include <cstdint>

#include "twin.h"

namespace twin {

// Elements begin to end of the streams, both multiples of 64 (or end the last whole block).
struct Piece {
  const twin_streams* streams;
  int64_t begin;
  int64_t end;
  int32_t variant;
};

namespace baseline {
void move(const Piece& piece);
}
namespace avx2 {
void move(const Piece& piece);
}
namespace avx512 {
void move(const Piece& piece);
}

}  // namespace twin
