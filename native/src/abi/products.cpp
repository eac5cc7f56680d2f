// SPDX-License-Identifier: Apache-2.0
#include "core/products.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include "core/dispatch.h"
#include "core/error.h"
#include "core/tensor.h"

namespace {

using namespace sinter;

constexpr int64_t kMost = INT32_MAX;

// Operands that libraries cannot take as they are are converted this many bytes at a time.
constexpr int64_t kConverted = int64_t{64} << 20;

// Workspace in the stream's order.
class Room {
 public:
  Room(sinter_stream& stream, int64_t bytes) : stream_(stream) {
    if (stream.device == SINTER_CPU) {
      data_ = static_cast<CpuStream&>(stream).context().workspace.reserve((bytes + 7) / 8);
      return;
    }
#if SINTER_HAS_CUDA
    current_.emplace(stream.device);
    scratch_.emplace(static_cast<CudaStream&>(stream).queue(), bytes);
    data_ = scratch_->as<void>();
#endif
  }

  unsigned char* data() const { return static_cast<unsigned char*>(data_); }

 private:
  [[maybe_unused]] sinter_stream& stream_;
  void* data_ = nullptr;
#if SINTER_HAS_CUDA
  std::optional<cuda::CurrentDevice> current_;
  std::optional<cuda::Scratch> scratch_;
#endif
};

// A matrix operand as its caller describes it.
struct Operand {
  const sinter_tensor& tensor;
  const char* name;
  int64_t rows, columns;

  Operand(const sinter_stream& stream, const sinter_tensor* given, const char* name, bool output)
      : tensor((require(given, name), *given)), name(name) {
    checked_view(stream, tensor, name, -1, Place::kStream, output);
    if (tensor.rank != 2) {
      invalid(label(name, -1, tensor) + " has shape " + shape_text(tensor) +
              ": it must be a matrix");
    }
    rows = tensor.shape[0];
    columns = tensor.shape[1];
    if (rows > kMost || columns > kMost) {
      invalid(label(name, -1, tensor) + " has shape " + shape_text(tensor) +
              ": sizes must be below 2^31");
    }
  }

  std::string text() const { return label(name, -1, tensor) + " " + shape_text(tensor); }

  // What libraries take in place: of the dtype, aligned, neighbours along one axis.
  std::optional<Matrix> in_place(DType dtype) const {
    const auto width = static_cast<uintptr_t>(dtype_bytes(dtype));
    if (static_cast<DType>(tensor.dtype) != dtype ||
        reinterpret_cast<uintptr_t>(tensor.data) % width != 0) {
      return std::nullopt;
    }
    // A row or a column alone may have any step.
    const int64_t down = rows > 1 ? tensor.strides[0] : std::max<int64_t>(columns, 1);
    const int64_t across = columns > 1 ? tensor.strides[1] : 1;
    if (across == 1 && down >= std::max<int64_t>(columns, 1) && down <= kMost) {
      return Matrix{tensor.data, down, false};
    }
    const int64_t along = rows > 1 ? tensor.strides[0] : 1;
    const int64_t over = columns > 1 ? tensor.strides[1] : std::max<int64_t>(rows, 1);
    if (along == 1 && over >= std::max<int64_t>(rows, 1) && over <= kMost) {
      return Matrix{tensor.data, over, true};
    }
    return std::nullopt;
  }

  // Columns [from, from + count), or rows.
  sinter_tensor slice(int axis, int64_t from, int64_t count) const {
    sinter_tensor part = tensor;
    part.shape[axis] = count;
    part.data = static_cast<unsigned char*>(part.data) +
                from * tensor.strides[axis] * dtype_bytes(static_cast<DType>(tensor.dtype));
    return part;
  }
};

DType result_dtype(const Operand& c) {
  if (c.tensor.dtype != SINTER_F32 && c.tensor.dtype != SINTER_F64) {
    invalid(label(c.name, -1, c.tensor) + " must be f32 or f64: sinter_cast from there");
  }
  return static_cast<DType>(c.tensor.dtype);
}

void cast_view(sinter_stream& stream, int64_t elements, const View& from, const View& to) {
  const bool wide = from.dtype == DType::kF64 || to.dtype == DType::kF64;
  const Item item = {elements, 0, wide, nullptr, to, &from, nullptr};
  const Batch batch = {&item, 1, 1, DType::kStored, DType::kStored, nullptr};
  SINTER_LAUNCH(stream, cast, batch);
}

View flat(void* data, DType dtype, int64_t elements) {
  View view = {};
  view.data = static_cast<unsigned char*>(data);
  view.dtype = dtype;
  view.rank = 1;
  view.shape[0] = elements;
  view.strides[0] = 1;
  return view;
}

void convert(sinter_stream& stream, const sinter_tensor& from, const char* name, DType dtype,
             unsigned char* to) {
  cast_view(stream, element_count(from),
            checked_view(stream, from, name, -1, Place::kStream, false),
            flat(to, dtype, element_count(from)));
}

// A matrix that a library reads or overwrites by rows: in its place, or where its layout does not do a
// copy, which finish() brings back.
class Rows {
 public:
  Rows(sinter_stream& stream, const Operand& operand, DType dtype)
      : stream_(stream),
        operand_(operand),
        dtype_(dtype),
        buffer_{stream.device, SINTER_MEMORY_DEVICE, nullptr,
                element_count(operand.tensor) * dtype_bytes(dtype)} {
    const std::optional<Matrix> place = operand.in_place(dtype);
    if (place && !place->transposed) {
      matrix_ = *place;
    } else if (buffer_.bytes > 0) {
      backend_of(stream.device).allocate(stream, buffer_);
      matrix_ = {buffer_.data, operand.columns, false};
      convert(stream, operand.tensor, operand.name, dtype,
              static_cast<unsigned char*>(buffer_.data));
    }
  }

  ~Rows() {
    if (buffer_.data != nullptr) {
      try {
        backend_of(stream_.device).release(buffer_, &stream_);
      } catch (const Failure&) {
        // The device failed, and says so again at the next synchronize.
      }
    }
  }

  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  const Matrix& matrix() const { return matrix_; }

  void finish() {
    if (buffer_.data != nullptr) {
      const int64_t elements = element_count(operand_.tensor);
      cast_view(stream_, elements, flat(buffer_.data, dtype_, elements),
                checked_view(stream_, operand_.tensor, operand_.name, -1, Place::kStream, true));
    }
  }

 private:
  sinter_stream& stream_;
  const Operand& operand_;
  const DType dtype_;
  sinter_buffer buffer_;
  Matrix matrix_ = {};
};

void apart(const sinter_stream& stream, const Operand& in, const Operand& out) {
  const View x = checked_view(stream, in.tensor, in.name, -1, Place::kStream, false);
  const View y = checked_view(stream, out.tensor, out.name, -1, Place::kStream, true);
  if (overlap(x, y)) {
    invalid(label(out.name, -1, out.tensor) + " overlaps " + label(in.name, -1, in.tensor) +
            ": it must be apart from it");
  }
}

void finite(double value, const char* name) {
  if (!std::isfinite(value)) {
    invalid(std::string(name) + " is " + std::to_string(value) + ": it must be a finite number");
  }
}

void flag(int32_t value, const char* name) {
  if (value != 0 && value != 1) {
    invalid(std::string(name) + " is " + std::to_string(value) + ": it must be 0 or 1");
  }
}

// Calls run(depth_from, depth, a, b, beta) for pieces of the inner axis, operands converted where they
// must be. `b` may be null: one operand.
template <class Run>
void in_pieces(sinter_stream& stream, DType dtype, const Operand& a, bool transpose_a,
               const Operand* b, bool transpose_b, int64_t inner, double beta, const Run& run) {
  std::optional<Matrix> left = a.in_place(dtype);
  std::optional<Matrix> right = b != nullptr ? b->in_place(dtype) : Matrix{};
  const int64_t width = dtype_bytes(dtype);
  const int64_t a_outer = transpose_a ? a.columns : a.rows;
  const int64_t b_outer = b == nullptr ? 0 : transpose_b ? b->rows : b->columns;
  const int64_t each = ((left ? 0 : a_outer) + (right ? 0 : b_outer)) * width;
  const int64_t depth = each == 0 ? inner
                                  : std::clamp<int64_t>(kConverted / each / 64 * 64, 64,
                                                        std::max(inner, int64_t{64}));
  const Room room(stream, each == 0 ? 8 : std::min(depth, std::max(inner, int64_t{1})) * each);
  for (int64_t from = 0; from < inner || from == 0; from += depth) {
    const int64_t count = std::min(depth, inner - from);
    unsigned char* to = room.data();
    const auto piece = [&](const Operand& x, std::optional<Matrix>& whole, bool transpose,
                           int inner_axis) {
      Matrix matrix;
      if (whole) {
        matrix = *whole;
        const int64_t step = matrix.transposed == (inner_axis == 1) ? matrix.step : 1;
        matrix.data = static_cast<unsigned char*>(matrix.data) + from * step * width;
      } else {
        const sinter_tensor part = x.slice(inner_axis, from, count);
        if (element_count(part) > 0) {
          convert(stream, part, x.name, dtype, to);
        }
        matrix = {to, std::max<int64_t>(part.shape[1], 1), false};
        to += element_count(part) * width;
      }
      matrix.transposed = matrix.transposed != transpose;
      return matrix;
    };
    const Matrix of_a = piece(a, left, transpose_a, transpose_a ? 0 : 1);
    const Matrix of_b =
        b != nullptr ? piece(*b, right, transpose_b, transpose_b ? 1 : 0) : Matrix{};
    run(count, of_a, of_b, from == 0 ? beta : 1.0);
    if (inner == 0) {
      break;
    }
  }
}

void square(const Operand& a) {
  if (a.rows != a.columns) {
    invalid(a.text() + ": it must be square");
  }
}

void same_dtype(const Operand& x, const Operand& y) {
  if (x.tensor.dtype != y.tensor.dtype) {
    invalid(label(x.name, -1, x.tensor) + " and " + label(y.name, -1, y.tensor) +
            " must be of one dtype");
  }
}

// LAPACK's word on what it was given.
void check_info(int64_t info, const Operand& a, const char* positive) {
  if (info < 0) {
    throw Failure(Status::kNumeric,
                  a.text() + " or what goes with it holds a non-finite value: repair the inputs");
  }
  if (info > 0) {
    throw Failure(Status::kNumeric, a.text() + " " + positive + " " + std::to_string(info));
  }
}

}  // namespace

int32_t sinter_products_load(const char* path, sinter_error* error) {
  return guard("sinter_products_load", error, [&] {
    require(path, "path");
    load_openblas(path);
  });
}

int32_t sinter_products_properties(int32_t device, sinter_products_info* info,
                                   sinter_error* error) {
  return guard("sinter_products_properties", error, [&] {
    require(info, "info");
    if (info->struct_size != sizeof(sinter_products_info)) {
      invalid("info->struct_size is " + std::to_string(info->struct_size) + ", not " +
              std::to_string(sizeof(sinter_products_info)) +
              ": set it, and use the header that belongs to this library");
    }
    backend_of(device);
    Products& products = products_of(device);
    info->device = device;
    info->reserved = 0;
    std::snprintf(info->library, sizeof info->library, "%s", products.library().c_str());
    std::snprintf(info->detail, sizeof info->detail, "%s", products.detail().c_str());
  });
}

int32_t sinter_gemm(sinter_stream* stream, int32_t transpose_a, int32_t transpose_b, double alpha,
                    const sinter_tensor* a, const sinter_tensor* b, double beta,
                    const sinter_tensor* c, sinter_error* error) {
  return guard("sinter_gemm", error, [&] {
    require(stream, "stream");
    flag(transpose_a, "transpose_a");
    flag(transpose_b, "transpose_b");
    finite(alpha, "alpha");
    finite(beta, "beta");
    const Operand left(*stream, a, "a", false);
    const Operand right(*stream, b, "b", false);
    const Operand out(*stream, c, "c", true);
    const DType dtype = result_dtype(out);
    const int64_t m = transpose_a == 1 ? left.columns : left.rows;
    const int64_t k = transpose_a == 1 ? left.rows : left.columns;
    const int64_t n = transpose_b == 1 ? right.rows : right.columns;
    if ((transpose_b == 1 ? right.columns : right.rows) != k || out.rows != m || out.columns != n) {
      invalid(left.text() + (transpose_a == 1 ? " transposed" : "") + " times " + right.text() +
              (transpose_b == 1 ? " transposed" : "") + " does not give " + out.text());
    }
    apart(*stream, left, out);
    apart(*stream, right, out);
    Products& products = products_of(stream->device);
    if (m == 0 || n == 0) {
      return;
    }
    const auto multiply = [&](const Matrix& place) {
      in_pieces(*stream, dtype, left, transpose_a == 1, &right, transpose_b == 1, k, beta,
                [&](int64_t depth, Matrix x, Matrix y, double scale) {
                  Matrix to = place;
                  if (to.transposed) {
                    // c^T = b^T a^T.
                    to.transposed = false;
                    x.transposed = !x.transposed;
                    y.transposed = !y.transposed;
                    products.gemm(*stream, {dtype, n, m, depth, alpha, scale, y, x, to});
                  } else {
                    products.gemm(*stream, {dtype, m, n, depth, alpha, scale, x, y, to});
                  }
                });
    };
    if (const std::optional<Matrix> place = out.in_place(dtype)) {
      multiply(*place);
    } else {
      Rows copy(*stream, out, dtype);
      multiply(copy.matrix());
      copy.finish();
    }
  });
}

int32_t sinter_syrk(sinter_stream* stream, int32_t transpose_a, double alpha,
                    const sinter_tensor* a, double beta, const sinter_tensor* c,
                    sinter_error* error) {
  return guard("sinter_syrk", error, [&] {
    require(stream, "stream");
    flag(transpose_a, "transpose_a");
    finite(alpha, "alpha");
    finite(beta, "beta");
    const Operand left(*stream, a, "a", false);
    const Operand out(*stream, c, "c", true);
    const DType dtype = result_dtype(out);
    const int64_t n = transpose_a == 1 ? left.columns : left.rows;
    const int64_t k = transpose_a == 1 ? left.rows : left.columns;
    if (out.rows != n || out.columns != n) {
      invalid(left.text() + (transpose_a == 1 ? " transposed" : "") +
              " times its transpose does not give " + out.text());
    }
    apart(*stream, left, out);
    square(out);
    Products& products = products_of(stream->device);
    if (n == 0) {
      return;
    }
    Rows rows(*stream, out, dtype);
    const Matrix& place = rows.matrix();
    bool whole = true;
    in_pieces(*stream, dtype, left, transpose_a == 1, nullptr, false, k, beta,
              [&](int64_t depth, Matrix x, Matrix, double scale) {
                whole = products.gram(*stream, {dtype, n, depth, alpha, scale, x, place});
              });
    if (!whole) {
      // Only hosts' libraries leave the upper triangle out.
      const auto mirror = [&](auto zero) {
        auto* const data = static_cast<decltype(zero)*>(place.data);
        constexpr int64_t kTile = 32;
        for (int64_t from = 0; from < n; from += kTile) {
          for (int64_t j = 0; j < n; ++j) {
            for (int64_t i = std::max(from, j + 1); i < std::min(from + kTile, n); ++i) {
              data[j * place.step + i] = data[i * place.step + j];
            }
          }
        }
      };
      dtype == DType::kF64 ? mirror(0.0) : mirror(0.0f);
    }
    rows.finish();
  });
}

int32_t sinter_cholesky(sinter_stream* stream, const sinter_tensor* a, sinter_error* error) {
  return guard("sinter_cholesky", error, [&] {
    require(stream, "stream");
    const Operand matrix(*stream, a, "a", true);
    const DType dtype = result_dtype(matrix);
    square(matrix);
    Products& products = products_of(stream->device);
    if (matrix.rows == 0) {
      return;
    }
    Rows rows(*stream, matrix, dtype);
    check_info(products.cholesky(*stream, dtype, matrix.rows, rows.matrix()), matrix,
               "is not positive definite: so is not its leading minor of order");
    rows.finish();
  });
}

int32_t sinter_cholesky_solve(sinter_stream* stream, const sinter_tensor* l, const sinter_tensor* b,
                              sinter_error* error) {
  return guard("sinter_cholesky_solve", error, [&] {
    require(stream, "stream");
    const Operand factor(*stream, l, "l", false);
    const Operand right(*stream, b, "b", true);
    const DType dtype = result_dtype(right);
    same_dtype(factor, right);
    apart(*stream, factor, right);
    square(factor);
    if (right.rows != factor.rows) {
      invalid(factor.text() + " and " + right.text() + " must have equally many rows");
    }
    Products& products = products_of(stream->device);
    if (right.rows == 0 || right.columns == 0) {
      return;
    }
    const Rows rows(*stream, factor, dtype);
    Rows to(*stream, right, dtype);
    for (const bool transposed : {false, true}) {
      products.triangular_solve(*stream, dtype, right.rows, right.columns, rows.matrix(),
                                transposed, to.matrix());
    }
    to.finish();
  });
}

int32_t sinter_least_squares(sinter_stream* stream, const sinter_tensor* a, const sinter_tensor* b,
                             sinter_error* error) {
  return guard("sinter_least_squares", error, [&] {
    require(stream, "stream");
    const Operand left(*stream, a, "a", true);
    const Operand right(*stream, b, "b", true);
    const DType dtype = result_dtype(right);
    same_dtype(left, right);
    apart(*stream, left, right);
    if (left.rows < left.columns || left.rows != right.rows) {
      invalid(left.text() + " and " + right.text() +
              " must have equally many rows, and no fewer than a has columns");
    }
    Products& products = products_of(stream->device);
    if (left.columns == 0 || right.columns == 0) {
      return;
    }
    const Rows from(*stream, left, dtype);
    Rows to(*stream, right, dtype);
    check_info(products.least_squares(*stream, dtype, left.rows, left.columns, right.columns,
                                      from.matrix(), to.matrix()),
               left, "is rank deficient: 0 is on the diagonal of its triangle at");
    to.finish();
  });
}

int32_t sinter_eigen(sinter_stream* stream, const sinter_tensor* a, const sinter_tensor* values,
                     sinter_error* error) {
  return guard("sinter_eigen", error, [&] {
    require(stream, "stream");
    require(values, "values");
    const Operand matrix(*stream, a, "a", true);
    const DType dtype = result_dtype(matrix);
    square(matrix);
    checked_view(*stream, *values, "values", -1, Place::kStream, true);
    if (values->rank != 1 || values->shape[0] != matrix.rows ||
        values->dtype != matrix.tensor.dtype) {
      invalid(label("values", -1, *values) + " has shape " + shape_text(*values) + ", and " +
              matrix.text() + " needs one of its dtype [" + std::to_string(matrix.rows) + "]");
    }
    // As a row.
    sinter_tensor row = *values;
    row.rank = 2;
    row.shape[0] = 1;
    row.shape[1] = values->shape[0];
    row.strides[0] = values->shape[0];
    row.strides[1] = values->strides[0];
    const Operand results(*stream, &row, "values", true);
    apart(*stream, matrix, results);
    Products& products = products_of(stream->device);
    if (matrix.rows == 0) {
      return;
    }
    Rows rows(*stream, matrix, dtype);
    Rows to(*stream, results, dtype);
    check_info(products.eigen(*stream, dtype, matrix.rows, rows.matrix(), to.matrix().data), matrix,
               "has eigenvalues that did not converge; so many of an intermediate form:");
    rows.finish();
    to.finish();
  });
}
