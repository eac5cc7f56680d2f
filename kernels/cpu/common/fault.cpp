// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/fault.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <mutex>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace sinter::cpu {
namespace {

struct Guard {
  sigjmp_buf jump;
  const void* volatile address;
};

// The thread's Guard. A key and not a thread_local: a first access from the handler must not
// allocate, and initial-exec, which does not, would put all thread-locals of the library, the CUDA
// runtime's 8 KB among them, where a library that is loaded late finds no room for them.
pthread_key_t active;
bool has_key = false;

struct sigaction previous;

void on_bus_error(int signal, siginfo_t* info, void* context) {
  Guard* guard = static_cast<Guard*>(pthread_getspecific(active));
  if (guard != nullptr) {
    guard->address = info->si_addr;
    siglongjmp(guard->jump, 1);
  }
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // Returning would fault again at the same place: let it, with the default action.
    sigaction(SIGBUS, &previous, nullptr);
  }
}

void install() {
  has_key = pthread_key_create(&active, nullptr) == 0;
  if (!has_key) {
    return;
  }
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  // SA_NODEFER: the handler leaves by a jump, and the signal mask need not be saved for that.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

}  // namespace

bool guarded(void (*part)(const void*, int64_t), const void* context, int64_t index,
             const void** address) {
  static std::once_flag once;
  std::call_once(once, install);
  Guard guard;
  guard.address = nullptr;
  // Without a key (a process has 1024) or room to set it the part runs unguarded.
  const void* const outer = has_key ? pthread_getspecific(active) : nullptr;
  if (!has_key || pthread_setspecific(active, &guard) != 0) {
    part(context, index);
    return true;
  }
  if (sigsetjmp(guard.jump, 0) == 0) {
    part(context, index);
    pthread_setspecific(active, outer);
    return true;
  }
  pthread_setspecific(active, outer);
  *address = guard.address;
  return false;
}

#if defined(__x86_64__)
FloatingPointDefaults::FloatingPointDefaults() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80); }
FloatingPointDefaults::~FloatingPointDefaults() { _mm_setcsr(static_cast<unsigned>(saved_)); }
#elif defined(__aarch64__)
FloatingPointDefaults::FloatingPointDefaults() {
  asm volatile("mrs %0, fpcr" : "=r"(saved_));
  asm volatile("msr fpcr, %0" : : "r"(uint64_t{0}));
}
FloatingPointDefaults::~FloatingPointDefaults() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#else
#error "FloatingPointDefaults: add this processor's floating-point control register"
#endif

}  // namespace sinter::cpu
