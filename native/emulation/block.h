// SPDX-License-Identifier: Apache-2.0
//
// The threads of one emulated CUDA block, as fibres of one host thread.
//
// A thread runs until it finishes or waits: at the block's barrier, at the grid's in a cooperative
// launch, or at a warp collective (a shuffle, a ballot, __syncwarp). Then the next one runs, in an order shuffled by a seed, so that
// code which relies on an order that CUDA does not promise fails here. What can never complete (a
// barrier that some threads do not reach, a collective whose lanes disagree) ends the launch with
// a message. Shared memory is undefined (filled with 0xff) at the start of each block.
#ifndef SINTER_EMULATION_BLOCK_H_
#define SINTER_EMULATION_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned vx = 1, unsigned vy = 1, unsigned vz = 1) : x(vx), y(vy), z(vz) {}
};

namespace sinter::emulation {

// Where in the kernels' source a thread waits; for messages.
using Location = std::source_location;

enum class Collective { sync, shuffle, ballot };

// Runs a grid, block after block; a cooperative one all blocks in turns, from one wait to the next.
// Returns an empty string, or why it could not be completed. One grid runs at a time: the caller
// holds the runtime's lock.
std::string run_grid(dim3 grid, dim3 block, bool cooperative, const std::function<void()>& thread,
                     uint64_t seed);

// The calling thread waits for its block.
void synchronize_block(Location where);

// The calling thread waits for its grid, which is a cooperative one.
void synchronize_grid(Location where);

// The calling lane waits for the lanes of mask, gives value, and receives: for a shuffle, the value
// of lane source; for a ballot, the mask of lanes whose value is not zero.
uint64_t synchronize_warp(Collective kind, unsigned mask, uint64_t value, int source,
                          Location where);

// The calling thread's index in its warp.
int lane();

// The block's shared variable that belongs to key.
void* shared_variable(const void* key, size_t bytes, size_t alignment);

// One variable of type T in shared memory for each type Tag.
template <class T, class Tag>
T& shared() {
  static const char key = 0;
  return *static_cast<T*>(shared_variable(&key, sizeof(T), alignof(T)));
}

}  // namespace sinter::emulation

#endif  // SINTER_EMULATION_BLOCK_H_
