// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "cpu/common/fault.h"
#include "failure.h"

namespace sinter::cpu {

int available_threads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) {
    return CPU_COUNT(&set);
  }
  const unsigned n = std::thread::hardware_concurrency();
  return n > 0 ? static_cast<int>(n) : 1;
}

Team::Team(int threads) : threads_(threads > 0 ? threads : available_threads()) {}

Team::~Team() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) {
    worker.join();
  }
}

void Team::start() {
  // Signals are the application's (or the JVM's) business: workers take none but the synchronous.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  for (int synchronous : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP}) {
    sigdelset(&all, synchronous);
  }
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    while (static_cast<int>(workers_.size()) < threads_ - 1) {
      workers_.emplace_back([this] { work(); });
    }
  } catch (...) {
    // Fewer threads do the same work: the caller's own takes every part that is left.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Team::take_parts() {
  const FloatingPointDefaults defaults;
  for (;;) {
    const int64_t i = next_.fetch_add(1, std::memory_order_relaxed);
    if (i >= parts_ || faulted_.load(std::memory_order_relaxed)) {
      return;
    }
    const void* address = nullptr;
    if (!guarded(part_, context_, i, &address)) {
      if (!faulted_.exchange(true)) {
        fault_address_.store(address);
      }
      return;
    }
  }
}

void Team::work() {
  uint64_t seen = 0;
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stop_ || round_ != seen; });
    if (stop_) {
      return;
    }
    seen = round_;
    lock.unlock();
    take_parts();
    lock.lock();
    if (--busy_ == 0) {
      done_.notify_one();
    }
  }
}

void Team::run(int64_t parts, Part part, const void* context) {
  if (parts <= 0) {
    return;
  }
  const bool alone = parts == 1 || threads_ == 1;
  if (!alone && workers_.empty()) {
    start();
  }
  part_ = part;
  context_ = context;
  parts_ = parts;
  next_.store(0);
  faulted_.store(false);
  if (alone || workers_.empty()) {
    take_parts();
  } else {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ++round_;
      busy_ = static_cast<int>(workers_.size());
    }
    wake_.notify_all();
    take_parts();
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return busy_ == 0; });
  }
  if (faulted_.load()) {
    throw Failure(
        Status::kMemoryFault,
        "mapped memory could not be accessed: its file was truncated while in use, or its "
        "disk is full; restore the file (or free space) and run again")
        .at_address(fault_address_.load());
  }
}

}  // namespace sinter::cpu
