// SPDX-License-Identifier: Apache-2.0
//
// Checks of what callers pass, and the descriptors that launchers get.
#ifndef SINTER_NATIVE_CORE_TENSOR_H_
#define SINTER_NATIVE_CORE_TENSOR_H_

#include <string>
#include <vector>

#include "batch.h"
#include "core/device.h"
#include "sinter.h"

namespace sinter {

// An operand in messages: "a[3] 'model.norm.weight'".
std::string label(const char* operand, int64_t index, const sinter_tensor& tensor);

// A shape in messages: "[3, 4]".
std::string shape_text(const sinter_tensor& tensor);

// Throws unless pointer is set; operand is its name.
void require(const void* pointer, const char* operand);

// Throws unless dtype is a sinter_dtype; SINTER_DTYPE_STORED only where `optional`.
DType checked_dtype(int32_t dtype, const char* operand, bool optional);

// Whose memory a tensor may be.
enum class Place { kStream, kStreamOrHost };

// A tensor's view, after all checks that need no other tensor.
View checked_view(const sinter_stream& stream, const sinter_tensor& tensor, const char* operand,
                  int64_t index, Place place, bool output);

int64_t element_count(const sinter_tensor& tensor);

// Whether two contiguous views share bytes; false where one is strided.
bool overlap(const View& x, const View& y);

// Whether two views have the same elements at the same places.
bool same_view(const View& x, const View& y);

// The tensor with axis 1 last, so that a row's elements are neighbours.
sinter_tensor with_rows_last(const sinter_tensor& tensor);

void require_same_shape(const sinter_tensor& x, const char* x_name, const sinter_tensor& y,
                        const char* y_name, int64_t index);

// Collects and checks an elementwise call, and owns what its Batch points to.
class Elementwise {
 public:
  // Null arithmetic means the defaults.
  Elementwise(sinter_stream* stream, int64_t count, const sinter_arithmetic* arithmetic);

  // Operands, in the order of Item::inputs; `per_tensor` of them stand side by side for each entry.
  void input(const char* name, const sinter_tensor* tensors, int32_t per_tensor = 1);
  // Inputs that weigh the others, see Batch::weighing; they come last. `widen`: elements are computed in
  // float64 where one of these is.
  void weighing(const char* name, const sinter_tensor* tensors, int32_t per_tensor = 1,
                bool widen = false);
  void output(const char* name, const sinter_tensor* tensors);
  // Room for `per_tensor` weights of every entry; entry k's start at k * per_tensor.
  double* weights(int32_t per_tensor);
  // The output of entry k is input `input`.
  void copy(int64_t k, int32_t input) { copy_of_[static_cast<size_t>(k)] = input; }

  // The checked batch. Entries without elements are in it, so that counts keep their places.
  const Batch& batch();

  sinter_stream& stream() { return *stream_; }
  int64_t count() const { return count_; }

 private:
  struct Operand {
    const char* name;
    const sinter_tensor* tensors;
    int32_t per_tensor;
  };

  sinter_stream* const stream_;
  const int64_t count_;
  DType load_ = DType::kStored;
  DType delta_ = DType::kStored;
  Counts* counts_ = nullptr;
  std::vector<Operand> inputs_;
  int32_t weighing_ = 0;
  bool weighing_widens_ = false;
  Operand output_ = {};
  std::vector<int32_t> copy_of_;
  std::vector<double> weights_;
  int32_t weights_per_tensor_ = 0;
  std::vector<View> views_;
  std::vector<Item> items_;
  Batch batch_ = {};
};

// Throws unless the weight is finite.
double checked_weight(double weight, const char* operand, int64_t index);

}  // namespace sinter

#endif  // SINTER_NATIVE_CORE_TENSOR_H_
