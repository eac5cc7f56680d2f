// SPDX-License-Identifier: Apache-2.0
//
// The CPU twin: checks, threads, and the choice of an instruction set.
#include "twin.h"

#include <pthread.h>

#include <atomic>

#include "tier.h"

namespace twin {
namespace {

enum class Tier { baseline, avx2, avx512 };

Tier tier() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return Tier::avx512;
  if (__builtin_cpu_supports("avx2")) return Tier::avx2;
#endif
  return Tier::baseline;
}

void move(const Piece& piece) {
  switch (tier()) {
#if defined(__x86_64__)
    case Tier::avx512:
      return avx512::move(piece);
    case Tier::avx2:
      return avx2::move(piece);
#endif
    default:
      return baseline::move(piece);
  }
}

// Elements that a thread takes at a time: what libsinter's CPU backend takes (kernels/cpu).
constexpr int64_t kPiece = 64 * 1024;

// Workers that live as long as the process: starting threads would cost more than a small run. They
// are woken together and take pieces, the caller too, until none is left. Plain pthreads: the
// library then needs nothing of libstdc++ and loads wherever libsinter does.
class Pool {
 public:
  void run(const twin_streams& streams, int threads, int32_t variant) {
    pthread_mutex_lock(&one_run_at_a_time_);
    while (workers_ < threads - 1 && start_worker()) {
    }
    streams_ = &streams;
    variant_ = variant;
    threads_ = threads;
    next_.store(0);
    pending_.store(workers_);
    generation_.fetch_add(1);
    wake();
    take_pieces();
    await(pending_, [](int left) { return left == 0; });
    pthread_mutex_unlock(&one_run_at_a_time_);
  }

 private:
  bool start_worker() {
    const int before = workers_;
    pthread_t thread;
    if (pthread_create(&thread, nullptr, &Pool::enter, this) != 0) return false;
    pthread_detach(thread);
    await(workers_, [before](int now) { return now > before; });
    return true;
  }

  static void* enter(void* pool) {
    static_cast<Pool*>(pool)->work();
    return nullptr;
  }

  void work() {
    int seen = generation_.load();
    const int index = workers_.fetch_add(1) + 1;
    wake();
    for (;;) {
      await(generation_, [seen](int now) { return now != seen; });
      seen = generation_.load();
      if (index < threads_) take_pieces();
      if (pending_.fetch_sub(1) == 1) wake();
    }
  }

  void take_pieces() {
    const int64_t elements = streams_->elements / 64 * 64;
    for (;;) {
      const int64_t begin = next_.fetch_add(kPiece);
      if (begin >= elements) return;
      const int64_t end = elements - begin < kPiece ? elements : begin + kPiece;
      move({streams_, begin, end, variant_});
    }
  }

  // Follows every change of a value that somebody may await.
  void wake() {
    pthread_mutex_lock(&mutex_);
    pthread_cond_broadcast(&changed_);
    pthread_mutex_unlock(&mutex_);
  }

  // Waits until the value is as wanted: a short while by looking, then asleep.
  template <typename Wanted>
  void await(const std::atomic<int>& value, Wanted wanted) {
    for (int i = 0; i < 4000; ++i) {
      if (wanted(value.load())) return;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&mutex_);
    while (!wanted(value.load())) pthread_cond_wait(&changed_, &mutex_);
    pthread_mutex_unlock(&mutex_);
  }

  pthread_mutex_t one_run_at_a_time_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t changed_ = PTHREAD_COND_INITIALIZER;
  const twin_streams* streams_ = nullptr;
  int32_t variant_ = 0;
  int threads_ = 1;
  std::atomic<int> workers_{0};
  std::atomic<int> generation_{0};
  std::atomic<int> pending_{0};
  std::atomic<int64_t> next_{0};
};

constinit Pool pool;

bool is_width(int32_t width) { return width == 1 || width == 2 || width == 4 || width == 8; }

}  // namespace
}  // namespace twin

int32_t twin_cpu_run(const twin_streams* streams, int32_t threads, int32_t variant) {
  if (streams == nullptr || streams->read_count < 1 || streams->read_count > TWIN_MAX_READS ||
      streams->elements < 0 || !twin::is_width(streams->write_width) || threads < 1 ||
      variant < 0 || variant >= TWIN_CPU_VARIANTS ||
      reinterpret_cast<uintptr_t>(streams->write) % 64 != 0) {
    return -1;
  }
  for (int32_t r = 0; r < streams->read_count; ++r) {
    if (!twin::is_width(streams->read_widths[r])) return -1;
  }
  twin::pool.run(*streams, threads, variant);
  return 0;
}

const char* twin_cpu_tier(void) {
  switch (twin::tier()) {
    case twin::Tier::avx512:
      return "avx512";
    case twin::Tier::avx2:
      return "avx2";
    default:
      return "baseline";
  }
}

int64_t twin_call(int32_t (*function)(void), int64_t n) {
  int64_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += function();
  return sum;
}
