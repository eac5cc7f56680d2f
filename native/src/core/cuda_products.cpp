// SPDX-License-Identifier: Apache-2.0
//
// cuBLAS, loaded at run time. The emulated device computes with OpenBLAS: its memory is the host's.
#include "core/products.h"

#if !defined(SINTER_EMULATION)
#include <dlfcn.h>
#include <glob.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <vector>
#endif

#include <mutex>

#include "core/cuda_device.h"
#include "failure.h"

namespace sinter {
namespace {

#if defined(SINTER_EMULATION)

class Emulated final : public Products {
 public:
  std::string library() override { return openblas().library(); }
  std::string detail() override { return openblas().detail() + ", for the emulated device"; }

  void gemm(sinter_stream& stream, const Product& product) override {
    after(stream).gemm(stream, product);
  }
  bool gram(sinter_stream& stream, const GramProduct& product) override {
    return after(stream).gram(stream, product);
  }
  int64_t cholesky(sinter_stream& stream, DType dtype, int64_t n, const Matrix& a) override {
    return after(stream).cholesky(stream, dtype, n, a);
  }
  void triangular_solve(sinter_stream& stream, DType dtype, int64_t n, int64_t r, const Matrix& l,
                        bool transposed, const Matrix& b) override {
    after(stream).triangular_solve(stream, dtype, n, r, l, transposed, b);
  }
  int64_t least_squares(sinter_stream& stream, DType dtype, int64_t m, int64_t n, int64_t r,
                        const Matrix& a, const Matrix& b) override {
    return after(stream).least_squares(stream, dtype, m, n, r, a, b);
  }
  int64_t eigen(sinter_stream& stream, DType dtype, int64_t n, const Matrix& a,
                void* values) override {
    return after(stream).eigen(stream, dtype, n, a, values);
  }

 private:
  // OpenBLAS, once the stream's work so far is done.
  static Products& after(sinter_stream& stream) {
    const auto native = static_cast<cudaStream_t>(stream.native());
    cuda::check(cudaStreamSynchronize(native), "wait for the stream");
    return openblas();
  }
};

#else

class CuBlas final : public Products {
 public:
  explicit CuBlas(int32_t device) {
    load();
    const cuda::CurrentDevice current(device);
    check(create_(&handle_), "create a handle");
  }

  std::string library() override { return library_; }
  std::string detail() override {
    int version = 0;
    version_(handle_, &version);
    return "cuBLAS " + std::to_string(version);
  }

  void gemm(sinter_stream& stream, const Product& p) override {
    // Row-major matrices are the transposes of what it takes them for: c^T = b^T a^T.
    const std::lock_guard<std::mutex> lock(mutex_);
    const cuda::CurrentDevice current(stream.device);
    check(set_stream_(handle_, stream.native()), "set the stream");
    const int of_a = p.a.transposed ? 1 : 0;
    const int of_b = p.b.transposed ? 1 : 0;
    const auto n = static_cast<int>(p.n);
    const auto m = static_cast<int>(p.m);
    const auto k = static_cast<int>(p.k);
    const auto a_step = static_cast<int>(p.a.step);
    const auto b_step = static_cast<int>(p.b.step);
    const auto c_step = static_cast<int>(p.c.step);
    if (p.dtype == DType::kF64) {
      check(dgemm_(handle_, of_b, of_a, n, m, k, &p.alpha, static_cast<const double*>(p.b.data),
                   b_step, static_cast<const double*>(p.a.data), a_step, &p.beta,
                   static_cast<double*>(p.c.data), c_step),
            "multiply");
    } else {
      const auto alpha = static_cast<float>(p.alpha);
      const auto beta = static_cast<float>(p.beta);
      check(sgemm_(handle_, of_b, of_a, n, m, k, &alpha, static_cast<const float*>(p.b.data),
                   b_step, static_cast<const float*>(p.a.data), a_step, &beta,
                   static_cast<float*>(p.c.data), c_step),
            "multiply");
    }
  }

  bool gram(sinter_stream& stream, const GramProduct& p) override {
    Matrix right = p.a;
    right.transposed = !right.transposed;
    gemm(stream, {p.dtype, p.n, p.n, p.k, p.alpha, p.beta, p.a, right, p.c});
    return true;
  }

  int64_t cholesky(sinter_stream&, DType, int64_t, const Matrix&) override { cpu_only(); }
  void triangular_solve(sinter_stream&, DType, int64_t, int64_t, const Matrix&, bool,
                        const Matrix&) override {
    cpu_only();
  }
  int64_t least_squares(sinter_stream&, DType, int64_t, int64_t, int64_t, const Matrix&,
                        const Matrix&) override {
    cpu_only();
  }
  int64_t eigen(sinter_stream&, DType, int64_t, const Matrix&, void*) override { cpu_only(); }

 private:
  [[noreturn]] static void cpu_only() {
    throw Failure(
        Status::kUnsupported,
        "this version factorises on the CPU only: copy the matrices to a stream of the CPU");
  }

  static void check(int status, const char* doing) {
    if (status != 0) {
      throw Failure(Status::kDeviceFailure, std::string("cuBLAS could not ") + doing + " (status " +
                                                std::to_string(status) + ")")
          .with_device_code(status);
    }
  }

  // The files to try: SINTER_CUBLAS, the loader's own, the toolkit's, and those of Python packages.
  static std::vector<std::string> files() {
    if (const char* const named = std::getenv("SINTER_CUBLAS")) {
      return {named};
    }
    std::vector<std::string> files = {"libcublas.so.13", "libcublas.so.12"};
    std::vector<std::string> patterns;
    const auto add = [&](const char* variable, const std::string& rest) {
      if (const char* const folder = std::getenv(variable)) {
        patterns.push_back(folder + rest);
      }
    };
    add("CUDA_HOME", "/lib64/libcublas.so.1[23]");
    patterns.emplace_back("/usr/local/cuda/lib64/libcublas.so.1[23]");
    const std::string packages = "/lib/python3*/*-packages/nvidia/*/lib/libcublas.so.1[23]";
    add("VIRTUAL_ENV", packages);
    add("CONDA_PREFIX", packages);
    patterns.push_back("/usr/local" + packages);
    patterns.push_back("/usr" + packages);
    for (const std::string& pattern : patterns) {
      glob_t found = {};
      if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
        for (size_t i = found.gl_pathc; i > 0; --i) {
          files.emplace_back(found.gl_pathv[i - 1]);
        }
      }
      globfree(&found);
    }
    return files;
  }

  void load() {
    std::string tried;
    for (const std::string& file : files()) {
      void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (library == nullptr) {
        const char* const why = dlerror();
        tried += (tried.empty() ? "" : "; ") + std::string(why != nullptr ? why : file);
        continue;
      }
      find(library, create_, "cublasCreate_v2");
      find(library, set_stream_, "cublasSetStream_v2");
      find(library, version_, "cublasGetVersion_v2");
      find(library, sgemm_, "cublasSgemm_v2");
      find(library, dgemm_, "cublasDgemm_v2");
      Dl_info info = {};
      const bool known = dladdr(reinterpret_cast<void*>(create_), &info) != 0;
      library_ = known && info.dli_fname != nullptr ? info.dli_fname : file;
      return;
    }
    throw Failure(Status::kUnsupported,
                  "products on a CUDA device need cuBLAS of CUDA 12 or 13, and none was found (" +
                      tried +
                      "): install it, name its file in SINTER_CUBLAS, or compute on the CPU");
  }

  template <class Function>
  static void find(void* library, Function& function, const char* name) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) {
      throw Failure(Status::kUnsupported, std::string("cuBLAS has no function ") + name);
    }
  }

  template <class T>
  using Gemm = int (*)(void*, int, int, int, int, int, const T*, const T*, int, const T*, int,
                       const T*, T*, int);

  std::string library_;
  std::mutex mutex_;
  void* handle_ = nullptr;
  int (*create_)(void**) = nullptr;
  int (*set_stream_)(void*, void*) = nullptr;
  int (*version_)(void*, int*) = nullptr;
  Gemm<float> sgemm_ = nullptr;
  Gemm<double> dgemm_ = nullptr;
};

#endif

}  // namespace

Products& cuda_products(int32_t device) {
#if defined(SINTER_EMULATION)
  (void)device;
  static auto& emulated = *new Emulated;
  return emulated;
#else
  static auto& mutex = *new std::mutex;
  static auto& known = *new std::map<int32_t, std::unique_ptr<CuBlas> >;
  const std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<CuBlas>& own = known[device];
  if (own == nullptr) {
    own = std::make_unique<CuBlas>(device);
  }
  return *own;
#endif
}

}  // namespace sinter
