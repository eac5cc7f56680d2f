// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <cstdlib>
#include <mutex>
#include <vector>

#include "core/cpu_device.h"
#include "core/error.h"
#include "core/products.h"

namespace sinter {
namespace {

// The values of cblas.h and lapacke.h.
constexpr int kRowMajor = 101;
constexpr int kColumnMajor = 102;
constexpr int kPlain = 111;
constexpr int kTransposed = 112;
constexpr int kLower = 122;
constexpr int kNonUnit = 131;
constexpr int kLeft = 141;

int narrow(int64_t size) { return static_cast<int>(size); }
int turned(bool transposed) { return transposed ? kTransposed : kPlain; }

// A library's functions of one dtype.
template <class T>
struct Functions {
  void (*gemm)(int, int, int, int, int, int, T, const T*, int, const T*, int, T, T*, int);
  void (*syrk)(int, int, int, int, int, T, const T*, int, T, T*, int);
  void (*trsm)(int, int, int, int, int, int, int, T, const T*, int, T*, int);
  int (*potrf)(int, char, int, T*, int);
  int (*gels)(int, char, int, int, int, T*, int, T*, int);
  int (*syevd)(int, char, char, int, T*, int, T*);
};

class OpenBlas final : public Products {
 public:
  // Throws Failure where the file is not such a library.
  explicit OpenBlas(const std::string& file) {
    // What stands beside it and its own dependencies need: the loader looks for those elsewhere only.
    const size_t name = file.rfind('/');
    for (const char* const each : {"libgcc_s.so.1", "libquadmath.so.0", "libgfortran.so.5"}) {
      if (name != std::string::npos) {
        dlopen((file.substr(0, name + 1) + each).c_str(), RTLD_LAZY | RTLD_LOCAL);
      }
    }
    handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) {
      const char* const why = dlerror();
      throw Failure(Status::kUnsupported, file + ": " + (why != nullptr ? why : "not loaded"));
    }
    try {
      find(set_threads_, "openblas_set_num_threads");
      find(config_, "openblas_get_config");
      find(core_, "openblas_get_corename");
      find_all(single_, 's');
      find_all(double_, 'd');
    } catch (const Failure& missing) {
      dlclose(handle_);
      throw Failure(Status::kUnsupported, file + ": " + missing.what());
    }
    Dl_info info = {};
    const bool known = dladdr(reinterpret_cast<void*>(set_threads_), &info) != 0;
    library_ = known && info.dli_fname != nullptr ? info.dli_fname : file;
  }

  std::string library() override { return library_; }
  std::string detail() override { return std::string(config_()) + ", core " + core_(); }

  void gemm(sinter_stream& stream, const Product& p) override {
    with(stream, p.dtype, [&](const auto& library, auto zero) {
      using T = decltype(zero);
      library.gemm(kRowMajor, turned(p.a.transposed), turned(p.b.transposed), narrow(p.m),
                   narrow(p.n), narrow(p.k), static_cast<T>(p.alpha),
                   static_cast<const T*>(p.a.data), narrow(p.a.step),
                   static_cast<const T*>(p.b.data), narrow(p.b.step), static_cast<T>(p.beta),
                   static_cast<T*>(p.c.data), narrow(p.c.step));
    });
  }

  bool gram(sinter_stream& stream, const GramProduct& p) override {
    with(stream, p.dtype, [&](const auto& library, auto zero) {
      using T = decltype(zero);
      library.syrk(kRowMajor, kLower, turned(p.a.transposed), narrow(p.n), narrow(p.k),
                   static_cast<T>(p.alpha), static_cast<const T*>(p.a.data), narrow(p.a.step),
                   static_cast<T>(p.beta), static_cast<T*>(p.c.data), narrow(p.c.step));
    });
    return false;
  }

  int64_t cholesky(sinter_stream& stream, DType dtype, int64_t n, const Matrix& a) override {
    int info = 0;
    with(stream, dtype, [&](const auto& library, auto zero) {
      // Its rows are LAPACK's columns, and its lower triangle the upper one.
      info = library.potrf(kColumnMajor, 'U', narrow(n), static_cast<decltype(zero)*>(a.data),
                           narrow(a.step));
    });
    return info;
  }

  void triangular_solve(sinter_stream& stream, DType dtype, int64_t n, int64_t r, const Matrix& l,
                        bool transposed, const Matrix& b) override {
    with(stream, dtype, [&](const auto& library, auto zero) {
      using T = decltype(zero);
      library.trsm(kRowMajor, kLeft, kLower, turned(transposed), kNonUnit, narrow(n), narrow(r),
                   T(1), static_cast<const T*>(l.data), narrow(l.step), static_cast<T*>(b.data),
                   narrow(b.step));
    });
  }

  int64_t least_squares(sinter_stream& stream, DType dtype, int64_t m, int64_t n, int64_t r,
                        const Matrix& a, const Matrix& b) override {
    int info = 0;
    with(stream, dtype, [&](const auto& library, auto zero) {
      using T = decltype(zero);
      info = library.gels(kRowMajor, 'N', narrow(m), narrow(n), narrow(r), static_cast<T*>(a.data),
                          narrow(a.step), static_cast<T*>(b.data), narrow(b.step));
    });
    return info;
  }

  int64_t eigen(sinter_stream& stream, DType dtype, int64_t n, const Matrix& a,
                void* values) override {
    int info = 0;
    with(stream, dtype, [&](const auto& library, auto zero) {
      using T = decltype(zero);
      // LAPACK's columns are its rows; so are the vectors.
      info = library.syevd(kColumnMajor, 'V', 'U', narrow(n), static_cast<T*>(a.data),
                           narrow(a.step), static_cast<T*>(values));
    });
    return info;
  }

 private:
  template <class Function>
  void find(Function& function, const std::string& name) {
    function = reinterpret_cast<Function>(dlsym(handle_, name.c_str()));
    if (function == nullptr) {
      throw Failure(Status::kUnsupported, "has no function " + name);
    }
  }

  template <class T>
  void find_all(Functions<T>& functions, char letter) {
    const std::string blas = std::string("cblas_") + letter;
    const std::string lapack = std::string("LAPACKE_") + letter;
    find(functions.gemm, blas + "gemm");
    find(functions.syrk, blas + "syrk");
    find(functions.trsm, blas + "trsm");
    find(functions.potrf, lapack + "potrf");
    find(functions.gels, lapack + "gels");
    find(functions.syevd, lapack + "syevd");
  }

  // Runs a call with as many threads as the stream has. The number is the library's, not a call's:
  // calls take turns, as they would for its threads.
  template <class Call>
  void with(sinter_stream& stream, DType dtype, const Call& call) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int threads = stream.device == SINTER_CPU
                            ? static_cast<CpuStream&>(stream).context().team.threads()
                            : cpu::available_threads();
    set_threads_(threads);
    if (dtype == DType::kF64) {
      call(double_, 0.0);
    } else {
      call(single_, 0.0f);
    }
  }

  void* handle_;
  std::string library_;
  std::mutex mutex_;
  void (*set_threads_)(int) = nullptr;
  char* (*config_)() = nullptr;
  char* (*core_)() = nullptr;
  Functions<float> single_ = {};
  Functions<double> double_ = {};
};

// Kept until the process ends, as its threads are.
std::mutex& loading() {
  static auto& mutex = *new std::mutex;
  return mutex;
}

OpenBlas* loaded = nullptr;

}  // namespace

void load_openblas(const std::string& path) {
  const std::lock_guard<std::mutex> lock(loading());
  if (loaded == nullptr) {
    loaded = new OpenBlas(path);
    return;
  }
  char* const real = realpath(path.c_str(), nullptr);
  const bool same = real != nullptr && loaded->library() == real;
  std::free(real);
  if (!same && loaded->library() != path) {
    throw Failure(Status::kInvalidArgument, "OpenBLAS is loaded from " + loaded->library() +
                                                " already: call this before the first product");
  }
}

Products& openblas() {
  const std::lock_guard<std::mutex> lock(loading());
  if (loaded != nullptr) {
    return *loaded;
  }
  const char* const named = std::getenv("SINTER_OPENBLAS");
  std::string tried = named == nullptr ? "SINTER_OPENBLAS: not set; " : "";
  std::vector<std::string> files;
  if (named != nullptr) {
    files.emplace_back(named);
  } else {
    files = {"libopenblas.so.0", "libopenblas.so"};
  }
  for (const std::string& file : files) {
    try {
      loaded = new OpenBlas(file);
      return *loaded;
    } catch (const Failure& failure) {
      tried += std::string(failure.what()) + "; ";
    }
  }
  throw Failure(
      Status::kUnsupported,
      "products need OpenBLAS, and none was found (" + tried.substr(0, tried.size() - 2) +
          "): add org.bytedeco:openblas with the classifier of this platform to the class "
          "path, install libopenblas0, or set SINTER_OPENBLAS to the file");
}

Products& products_of(int32_t device) {
#if SINTER_HAS_CUDA
  if (device != SINTER_CPU) {
    return cuda_products(device);
  }
#endif
  (void)device;
  return openblas();
}

}  // namespace sinter
