// SPDX-License-Identifier: Apache-2.0
//
// A team of threads that share one stream's operations, the caller being one of them.
#ifndef SINTER_KERNELS_CPU_COMMON_TEAM_H_
#define SINTER_KERNELS_CPU_COMMON_TEAM_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sinter::cpu {

// Hardware threads this process may use.
int available_threads();

class Team {
 public:
  // A part of an operation: must not throw, allocate or hold anything that needs a destructor,
  // because a fault in mapped memory jumps out of it.
  using Part = void (*)(const void* context, int64_t part);

  // threads <= 0: all that are available.
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return threads_; }

  // Runs part(context, 0 .. parts - 1), in any order, on the team, and returns when all are done.
  // Throws Failure (kMemoryFault) where one of them met unreadable or unwritable mapped memory.
  void run(int64_t parts, Part part, const void* context);

  // As above, for a function object.
  template <class F>
  void run(int64_t parts, const F& f) {
    run(
        parts, [](const void* context, int64_t part) { (*static_cast<const F*>(context))(part); },
        &f);
  }

 private:
  void start();
  void work();
  void take_parts();

  const int threads_;
  std::vector<std::thread> workers_;  // started by the first run that has parts for them

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  uint64_t round_ = 0;
  int busy_ = 0;
  bool stop_ = false;

  Part part_ = nullptr;
  const void* context_ = nullptr;
  int64_t parts_ = 0;
  std::atomic<int64_t> next_{0};
  std::atomic<bool> faulted_{false};
  std::atomic<const void*> fault_address_{nullptr};
};

}  // namespace sinter::cpu

#endif  // SINTER_KERNELS_CPU_COMMON_TEAM_H_
