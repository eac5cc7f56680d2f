// SPDX-License-Identifier: Apache-2.0
#include "block.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "cuda_runtime.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace sinter::emulation {
namespace {

constexpr size_t kStackBytes = 256 * 1024;
constexpr size_t kStaticSharedLimit = 48 * 1024;
constexpr int kWarp = 32;

// ---- Switching stacks ---------------------------------------------------------------------------

// A suspended flow of control, and what AddressSanitizer must know of its stack.
struct Context {
#if defined(__x86_64__)
  void* stack_pointer = nullptr;
#else
  ucontext_t context;
#endif
  const void* bottom = nullptr;
  size_t bytes = 0;
  void* fake_stack = nullptr;
};

#if defined(__x86_64__)
// Saves the callee's registers on this stack, stores the stack pointer in *from, and goes on where
// `to` was saved. (swapcontext would cost a system call for the signal mask at every switch.)
extern "C" void sinter_emulation_switch(void** from, void* to);
asm(R"(
.text
.globl sinter_emulation_switch
.hidden sinter_emulation_switch
.type sinter_emulation_switch, @function
sinter_emulation_switch:
  endbr64
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size sinter_emulation_switch, .-sinter_emulation_switch
)");
#endif

void switch_context(Context& from, Context& to, [[maybe_unused]] bool from_ends) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(from_ends ? nullptr : &from.fake_stack, to.bottom, to.bytes);
#endif
#if defined(__x86_64__)
  sinter_emulation_switch(&from.stack_pointer, to.stack_pointer);
#else
  swapcontext(&from.context, &to.context);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

// A stack with an unmapped page below it.
class Stack {
 public:
  Stack() : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    void* memory = mmap(nullptr, page_ + kStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, page_, PROT_NONE) != 0) throw std::bad_alloc();
    memory_ = static_cast<std::byte*>(memory);
  }
  Stack(Stack&& other) noexcept
      : page_(other.page_), memory_(std::exchange(other.memory_, nullptr)) {}
  Stack& operator=(Stack&&) = delete;
  ~Stack() {
    if (memory_ != nullptr) munmap(memory_, page_ + kStackBytes);
  }

  std::byte* bottom() const { return memory_ + page_; }

  // Makes context start entry() on this stack, which an abandoned thread may have left in use.
  // `colour` spreads the stacks' ends over the cache's sets.
  void prepare(Context& context, void (*entry)(), size_t colour) const {
    const size_t bytes = kStackBytes - colour % 64 * 64;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(bottom(), kStackBytes);
#endif
    context.bottom = bottom();
    context.bytes = bytes;
    context.fake_stack = nullptr;
#if defined(__x86_64__)
    // Six registers and the return address; then the alignment a called function expects.
    auto** top = reinterpret_cast<void**>(bottom() + bytes) - 1;
    *top = nullptr;
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; ++i) *--top = nullptr;
    context.stack_pointer = top;
#else
    getcontext(&context.context);
    context.context.uc_stack.ss_sp = bottom();
    context.context.uc_stack.ss_size = bytes;
    context.context.uc_link = nullptr;
    makecontext(&context.context, entry, 0);
#endif
  }

 private:
  size_t page_;
  std::byte* memory_ = nullptr;
};

// ---- The block ----------------------------------------------------------------------------------

enum class State { ready, at_barrier, at_grid, at_collective, done };

struct Thread {
  Context context;
  uint3 index;
  State state;
  // What it waits for, and what the collective gave it.
  Location where;
  Collective kind;
  unsigned mask;
  uint64_t value;
  int source;
};

struct SharedVariable {
  const void* key;
  size_t bytes;
  std::unique_ptr<std::byte[]> memory;
  bool used;
};

// A block that runs. Stacks stay for the next.
struct Block {
  std::vector<Stack> stacks;
  std::vector<Thread> threads;
  std::vector<int> order;
  std::vector<SharedVariable> shared;
  uint3 index = {0, 0, 0};
  int current = 0;
  int at_barrier = 0;
  int done = 0;
};

// The grid that runs: one block at a time, or all of them.
struct Grid {
  const std::function<void()>* body = nullptr;
  std::vector<std::unique_ptr<Block>> blocks;
  Block* block = nullptr;  // the one whose turn it is
  bool cooperative = false;
  size_t at_barrier = 0;
  Context scheduler;
  std::string fault;
} grid;

void wait(State state) {
  Thread& self = grid.block->threads[grid.block->current];
  self.state = state;
  switch_context(self.context, grid.scheduler, false);
}

// Ends the launch: the calling thread never runs again.
void fail(const std::string& message) {
  if (grid.fault.empty()) grid.fault = message;
  wait(State::at_barrier);
}

void thread_entry() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &grid.scheduler.bottom, &grid.scheduler.bytes);
#endif
  (*grid.body)();
  Thread& self = grid.block->threads[grid.block->current];
  self.state = State::done;
  ++grid.block->done;
  switch_context(self.context, grid.scheduler, true);
}

std::string describe(const Location& where) {
  std::string file = where.file_name();
  return file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(where.line());
}

// Every thread of the block that is left waits, and nothing can wake any: says where the first one
// stands.
std::string describe_deadlock(const Block& block) {
  const std::string name = std::to_string(block.index.x);
  for (const Thread& thread : block.threads) {
    if (thread.state == State::at_barrier) {
      return "the barrier at " + describe(thread.where) + " was reached by " +
             std::to_string(block.at_barrier) + " of " + std::to_string(block.threads.size()) +
             " threads of block " + name;
    }
  }
  for (const Thread& thread : block.threads) {
    if (thread.state == State::at_collective) {
      return "the warp operation at " + describe(thread.where) +
             " was not reached by every lane of its mask, in block " + name;
    }
  }
  for (const Thread& thread : block.threads) {
    if (thread.state == State::at_grid) {
      return "the grid's barrier at " + describe(thread.where) + " was reached by " +
             std::to_string(grid.at_barrier) + " threads, not by all of all blocks";
    }
  }
  return "no thread can run";
}

void prepare_block(Block& block, uint3 index, uint64_t seed) {
  const size_t count = size_t{blockDim.x} * blockDim.y * blockDim.z;
  while (block.stacks.size() < count) block.stacks.emplace_back();
  block.threads.resize(count);
  block.order.resize(count);
  block.index = index;
  block.at_barrier = 0;
  block.done = 0;
  for (SharedVariable& variable : block.shared) variable.used = false;
  for (size_t i = 0; i < count; ++i) {
    Thread& thread = block.threads[i];
    const auto x = static_cast<unsigned>(i);
    thread.index = {x % blockDim.x, x / blockDim.x % blockDim.y, x / blockDim.x / blockDim.y};
    thread.state = State::ready;
    block.stacks[i].prepare(thread.context, thread_entry, i);
  }
  std::iota(block.order.begin(), block.order.end(), 0);
  std::mt19937_64 random(seed);
  std::shuffle(block.order.begin(), block.order.end(), random);
}

bool finished(const Block& block) { return block.done == static_cast<int>(block.threads.size()); }

// Runs every thread of the block that is ready until it waits or ends; whether there was one.
bool advance(Block& block) {
  grid.block = &block;
  blockIdx = block.index;
  bool progress = false;
  for (int i : block.order) {
    Thread& thread = block.threads[i];
    if (thread.state != State::ready) continue;
    progress = true;
    block.current = i;
    threadIdx = thread.index;
    switch_context(grid.scheduler, thread.context, false);
    if (!grid.fault.empty()) break;
  }
  return progress;
}

// Runs the first `count` blocks to their ends.
std::string run_blocks(size_t count) {
  grid.at_barrier = 0;
  grid.fault.clear();
  for (;;) {
    bool progress = false;
    const Block* left = nullptr;
    for (size_t b = 0; b < count; ++b) {
      Block& block = *grid.blocks[b];
      if (finished(block)) continue;
      progress |= advance(block);
      if (!grid.fault.empty()) return grid.fault;
      if (!finished(block)) left = &block;
    }
    if (left == nullptr) return {};
    if (!progress) return describe_deadlock(*left);
  }
}

}  // namespace

std::string run_grid(dim3 grid_size, dim3 block_size, bool cooperative,
                     const std::function<void()>& thread, uint64_t seed) {
  gridDim = grid_size;
  blockDim = block_size;
  grid.body = &thread;
  grid.cooperative = cooperative;
  std::vector<uint64_t> order(size_t{grid_size.x} * grid_size.y * grid_size.z);
  const size_t together = cooperative ? order.size() : 1;
  while (grid.blocks.size() < together) grid.blocks.push_back(std::make_unique<Block>());
  for (const auto& block : grid.blocks) block->shared.clear();
  std::iota(order.begin(), order.end(), uint64_t{0});
  std::mt19937_64 random(seed);
  std::shuffle(order.begin(), order.end(), random);
  for (size_t first = 0; first < order.size(); first += together) {
    for (size_t b = 0; b < together; ++b) {
      const uint64_t i = order[first + b];
      prepare_block(*grid.blocks[b],
                    {static_cast<unsigned>(i % grid_size.x),
                     static_cast<unsigned>(i / grid_size.x % grid_size.y),
                     static_cast<unsigned>(i / grid_size.x / grid_size.y)},
                    random());
    }
    std::string fault = run_blocks(together);
    if (!fault.empty()) return fault;
  }
  return {};
}

void synchronize_grid(Location where) {
  if (!grid.cooperative) fail("a grid's barrier at " + describe(where) + ", in a plain launch");
  grid.block->threads[grid.block->current].where = where;
  const size_t all = size_t{gridDim.x} * gridDim.y * gridDim.z * grid.block->threads.size();
  if (++grid.at_barrier < all) {
    wait(State::at_grid);
    return;
  }
  for (size_t b = 0; b < all / grid.block->threads.size(); ++b) {
    for (Thread& thread : grid.blocks[b]->threads) {
      if (thread.where.line() != where.line() || thread.where.file_name() != where.file_name()) {
        fail("threads of one grid wait at different barriers: " + describe(where) + " and " +
             describe(thread.where));
      }
      thread.state = State::ready;
    }
  }
  grid.at_barrier = 0;
}

void synchronize_block(Location where) {
  Block& block = *grid.block;
  block.threads[block.current].where = where;
  if (++block.at_barrier < static_cast<int>(block.threads.size())) {
    wait(State::at_barrier);
    return;
  }
  for (Thread& thread : block.threads) {
    if (thread.where.line() != where.line() || thread.where.file_name() != where.file_name()) {
      fail("threads of one block wait at different barriers: " + describe(where) + " and " +
           describe(thread.where));
    }
    thread.state = State::ready;
  }
  block.at_barrier = 0;
}

uint64_t synchronize_warp(Collective kind, unsigned mask, uint64_t value, int source,
                          Location where) {
  Block& block = *grid.block;
  Thread& self = block.threads[block.current];
  const int first = block.current / kWarp * kWarp;
  const int lanes = std::min(kWarp, static_cast<int>(block.threads.size()) - first);
  self.where = where;
  self.kind = kind;
  self.mask = mask;
  self.value = value;
  self.source = source;
  if ((mask >> lane() & 1) == 0) fail("a lane is not in its own mask at " + describe(where));
  if (lanes < kWarp && mask >> lanes != 0) {
    fail("the mask at " + describe(where) + " names lanes that the block does not have");
  }

  // The last lane to arrive computes the results of all.
  uint64_t values[kWarp];
  unsigned ballot = 0;
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    const int i = std::countr_zero(rest);
    const Thread& other = block.threads[first + i];
    const bool arrived = first + i == block.current || other.state == State::at_collective;
    if (!arrived || other.kind != kind || other.mask != mask) {
      wait(State::at_collective);
      return self.value;
    }
    values[i] = other.value;
    if (other.value != 0) ballot |= 1u << i;
  }
  for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
    Thread& other = block.threads[first + std::countr_zero(rest)];
    if (kind == Collective::ballot) {
      other.value = ballot;
    } else if (kind == Collective::shuffle) {
      if ((mask >> other.source & 1) == 0) {
        fail("a shuffle reads from a lane outside its mask at " + describe(where));
      }
      other.value = values[other.source];
    }
    other.state = State::ready;
  }
  return self.value;
}

int lane() { return grid.block->current % kWarp; }

void* shared_variable(const void* key, size_t bytes, size_t alignment) {
  Block& block = *grid.block;
  auto found = std::find_if(block.shared.begin(), block.shared.end(),
                            [&](const SharedVariable& each) { return each.key == key; });
  if (found == block.shared.end()) {
    size_t total = bytes;
    for (const SharedVariable& each : block.shared) total += each.bytes;
    if (total > kStaticSharedLimit || alignment > alignof(std::max_align_t)) {
      fail("shared memory of more than 48 KiB, or aligned to more than 16 bytes");
    }
    block.shared.push_back({key, bytes, std::make_unique<std::byte[]>(bytes), false});
    found = block.shared.end() - 1;
  }
  if (!found->used) {
    std::memset(found->memory.get(), 0xff, bytes);
    found->used = true;
  }
  return found->memory.get();
}

}  // namespace sinter::emulation
