// SPDX-License-Identifier: Apache-2.0
//
// Exact selection over any keys: the launchers' side. Nothing is sorted.
//
// A sample of about 64 K elements puts a window around the key of rank k; one pass counts the keys
// above it and takes account of those inside: by counts at a few bounds where the window is narrow,
// else by collecting them. Where the rank falls outside of the window, or more lies inside than there
// is room for, histograms of all keys find it. The result is unique, so none of this shows in it.
#ifndef SINTER_KERNELS_CPU_COMMON_SELECT_KEYS_H_
#define SINTER_KERNELS_CPU_COMMON_SELECT_KEYS_H_

#include "cpu/launch.h"
#include "cpu/select.h"

namespace sinter::cpu {

// One tensor's keys.
struct KeyPiece {
  const void* source;  // of the selection's kernels
  int64_t elements;
};

// The k-th largest key of a sequence of tensors, and which of its equals are among the k largest:
// those of lower index.
struct KeySelection {
  const KeyKernels* kernels;
  const KeyPiece* pieces;
  int64_t count;
  int64_t k;              // 1 .. elements of all pieces
  int32_t element_bytes;  // of input per element: bounds the workspace
  // Passes are shared with the selection before: both have one piece, of the same length.
  bool shares;

  // The result: the key, and the last of its equals that is kept. piece is the piece at fault where
  // not all are finite.
  uint64_t key;
  int64_t piece;
  int64_t index;
  bool finite;
};

// Uses the workspace.
void select_keys(const Context& context, KeySelection* selections, int64_t count);

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMMON_SELECT_KEYS_H_
