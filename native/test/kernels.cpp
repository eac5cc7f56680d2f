// SPDX-License-Identifier: Apache-2.0
//
// Every operation on a CUDA device against the CPU, byte for byte, through the C ABI alone: seeded
// random batches over dtypes, layouts, alignments and sizes around every tail. Each tensor has a
// buffer that ends with it, so that sanitizers see the first byte too many: AddressSanitizer on the
// emulated device, compute-sanitizer on a card.
//
//   sinter_kernels_test [device [seed [batches]]]      exit status: 0, 1, or 77 without a device
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "sinter.h"

namespace {

int failures = 0;
std::string now_running;

void fail(const std::string& what) {
  ++failures;
  std::printf("FAILED %s: %s\n", now_running.c_str(), what.c_str());
}

sinter_error error = {sizeof(sinter_error), 0, 0, 0, nullptr, {}};

// For calls that must work.
void must(int32_t status) {
  if (status != SINTER_OK) {
    fail(error.message);
    std::exit(1);
  }
}

std::mt19937_64 random_bits;

int64_t pick(int64_t below) {
  return static_cast<int64_t>(random_bits() % static_cast<uint64_t>(below));
}

int64_t width_of(int32_t dtype) {
  return dtype == SINTER_F64 ? 8 : dtype == SINTER_F32 ? 4 : dtype <= SINTER_BF16 ? 2 : 1;
}

constexpr int32_t kDtypes[] = {SINTER_F64,  SINTER_F32,    SINTER_F16,
                               SINTER_BF16, SINTER_F8E4M3, SINTER_F8E5M2};

// Any bits at all, or values of about 1 (and then none that is not finite).
std::vector<unsigned char> elements(int32_t dtype, int64_t bytes, bool tame) {
  std::vector<unsigned char> data(static_cast<size_t>(bytes));
  for (unsigned char& byte : data) {
    byte = static_cast<unsigned char>(random_bits());
  }
  if (tame) {
    // The last byte of an element holds its sign and the upper bits of its exponent.
    const auto width = static_cast<size_t>(width_of(dtype));
    for (size_t i = width - 1; i < data.size(); i += width) {
      const unsigned char sign = data[i] & 0x80;
      const unsigned char high = dtype == SINTER_F8E4M3 || dtype == SINTER_F8E5M2
                                     ? (data[i] & 0x3f)
                                     : (dtype == SINTER_F16 ? 0x30 + (data[i] & 0x0b) : 0x3f);
      data[i] = sign | high;
      if (width > 2 || dtype == SINTER_BF16) {
        data[i - 1] &= 0xbf;
      }
    }
  }
  return data;
}

struct Stream {
  explicit Stream(int32_t device, int64_t workspace_limit = 0) : device(device) {
    const sinter_stream_options options = {sizeof options, 2, 0, workspace_limit};
    must(sinter_stream_create(device, &options, &handle, &error));
  }
  ~Stream() { sinter_stream_destroy(handle); }

  const int32_t device;
  sinter_stream* handle = nullptr;
};

// A tensor in a buffer of its own on each of two devices, with the same bytes in both.
struct Tensor {
  sinter_tensor cpu = {};
  sinter_tensor gpu = {};
  std::vector<unsigned char> host;
  sinter_buffer* buffer = nullptr;
  int64_t offset = 0;
};

sinter_tensor flat(void* data, int32_t device, int64_t bytes) {
  sinter_tensor tensor = {};
  tensor.struct_size = sizeof tensor;
  tensor.dtype = SINTER_F8E4M3;
  tensor.device = device;
  tensor.rank = 1;
  tensor.data = data;
  tensor.shape[0] = bytes;
  tensor.strides[0] = 1;
  return tensor;
}

void copy(Stream& stream, const sinter_tensor& from, const sinter_tensor& to) {
  must(sinter_copy(stream.handle, 1, &from, &to, &error));
}

enum class Layout { kAligned, kElementOff, kByteOff, kTransposed, kPadded };

// `bytes` of content are made by `fill` for the tensor's whole extent.
void make(Stream& stream, Tensor& tensor, int32_t dtype, int64_t rows, int64_t columns,
          Layout layout, bool tame) {
  const int64_t width = width_of(dtype);
  tensor.cpu = flat(nullptr, SINTER_CPU, 0);
  tensor.cpu.dtype = dtype;
  tensor.cpu.rank = 2;
  tensor.cpu.shape[0] = rows;
  tensor.cpu.shape[1] = columns;
  tensor.cpu.strides[0] = columns;
  tensor.cpu.strides[1] = 1;
  int64_t extent = rows * columns;
  tensor.offset = 0;
  if (layout == Layout::kElementOff) {
    tensor.offset = width;
  } else if (layout == Layout::kByteOff) {
    tensor.offset = 1;
  } else if (layout == Layout::kTransposed) {
    tensor.cpu.strides[0] = 1;
    tensor.cpu.strides[1] = rows;
  } else if (layout == Layout::kPadded && extent > 0) {
    tensor.cpu.strides[0] = columns + 3;
    extent = (rows - 1) * (columns + 3) + columns;
  }
  const int64_t bytes = tensor.offset + extent * width;
  tensor.host.assign(static_cast<size_t>(tensor.offset), 0xa5);
  const std::vector<unsigned char> content = elements(dtype, extent * width, tame);
  tensor.host.insert(tensor.host.end(), content.begin(), content.end());
  must(sinter_buffer_create(stream.handle, SINTER_MEMORY_DEVICE, bytes, &tensor.buffer, &error));
  void* data = nullptr;
  must(sinter_buffer_data(tensor.buffer, &data, &error));
  copy(stream, flat(tensor.host.data(), SINTER_CPU, bytes), flat(data, stream.device, bytes));
  tensor.gpu = tensor.cpu;
  tensor.gpu.device = stream.device;
  tensor.cpu.data = tensor.host.data() + tensor.offset;
  tensor.gpu.data = data == nullptr ? nullptr : static_cast<unsigned char*>(data) + tensor.offset;
}

// Compares the device's bytes with the host's, those around the tensor too.
void compare(Stream& stream, Tensor& tensor, const std::string& name) {
  std::vector<unsigned char> got(tensor.host.size());
  const auto bytes = static_cast<int64_t>(got.size());
  void* data = nullptr;
  must(sinter_buffer_data(tensor.buffer, &data, &error));
  copy(stream, flat(data, stream.device, bytes), flat(got.data(), SINTER_CPU, bytes));
  must(sinter_stream_synchronize(stream.handle, &error));
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i] != tensor.host[i]) {
      fail(name + ": byte " + std::to_string(i) + " of " + std::to_string(got.size()) + " (dtype " +
           std::to_string(tensor.cpu.dtype) + ") is " + std::to_string(got[i]) +
           " on the device and " + std::to_string(tensor.host[i]) + " on the CPU");
      return;
    }
  }
}

void free_tensor(Stream& stream, Tensor& tensor) {
  must(sinter_buffer_destroy(tensor.buffer, stream.handle, &error));
}

std::vector<sinter_tensor> on(const std::vector<Tensor>& tensors, bool gpu) {
  std::vector<sinter_tensor> list;
  for (const Tensor& tensor : tensors) {
    list.push_back(gpu ? tensor.gpu : tensor.cpu);
  }
  return list;
}

enum Operation {
  kCast,
  kLerp,
  kLinear,
  kSlerp,
  kTaskArithmetic,
  kRam,
  kRamplusTl,
  kConsensusTa,
  kSce,
  kCopy,
  kSum,
  kNorm,
  kDot,
  kDots,
  kMoments,
  kCount,
  kMaskedSum,
  kRowSum,
  kRowNorm,
  kRowDot,
  kChunkStatistics,
  kOperations
};
const char* const kNames[] = {"cast",
                              "lerp",
                              "linear",
                              "slerp",
                              "task_arithmetic",
                              "ram",
                              "ramplus_tl",
                              "consensus_ta",
                              "sce",
                              "copy",
                              "sum",
                              "norm",
                              "dot",
                              "dots",
                              "moments",
                              "count",
                              "masked_sum",
                              "row_sum",
                              "row_norm",
                              "row_dot",
                              "chunk_statistics"};

constexpr int64_t kSizes[] = {0,    1,    2,    31,   33,   63,   64,    65,    127,
                              255,  256,  257,  511,  1023, 2047, 2048,  2049,  4095,
                              4096, 4097, 6143, 8191, 8192, 8193, 16385, 30011, 65537};

Layout pick_layout() {
  constexpr Layout kLayouts[] = {Layout::kAligned,    Layout::kAligned,    Layout::kAligned,
                                 Layout::kAligned,    Layout::kElementOff, Layout::kByteOff,
                                 Layout::kTransposed, Layout::kPadded};
  return kLayouts[pick(8)];
}

double pick_weight() {
  constexpr double kWeights[] = {0.0, 1.0, 0.5, -0.25, 1.5, 0.3, 1e-3};
  return kWeights[pick(7)];
}

// One random batch of one operation, on both devices.
void run_batch(Stream& cpu, Stream& gpu, Operation operation) {
  const int64_t count = pick(12) == 0 ? 40 : 1 + pick(4);
  const bool rows_of = operation >= kRowSum && operation <= kRowDot;
  const bool chunks_of = operation == kChunkStatistics;
  const bool reduction = operation >= kSum && !rows_of && !chunks_of;
  const bool two = operation == kLerp || operation == kSlerp || operation == kDot ||
                   operation == kDots || operation == kMaskedSum || operation == kRowDot ||
                   chunks_of;
  const auto models = static_cast<int32_t>(1 + pick(7));
  const int32_t inputs = operation == kLinear                                ? models
                         : operation >= kTaskArithmetic && operation < kCopy ? models + 1
                         : two                                               ? 2
                                                                             : 1;
  const bool uniform = pick(3) != 0;
  const bool plain = pick(2) == 0;
  const bool tame = operation == kSlerp || operation == kSce || pick(2) == 0;
  const bool in_place = !reduction && !rows_of && !chunks_of && operation != kCopy && pick(5) == 0;
  const int32_t load =
      operation == kCopy || operation == kCast || pick(3) != 0 ? 0 : kDtypes[pick(6)];
  int32_t delta = pick(3) != 0 ? 0 : kDtypes[pick(6)];
  const int32_t batch_dtype = kDtypes[pick(6)];
  const int32_t results = operation == kDots                             ? 3
                          : operation == kMoments || operation == kCount ? 4
                                                                         : 1;

  const bool based = pick(2) == 0;  // chunk statistics
  std::vector<Tensor> sources(static_cast<size_t>(count * inputs));
  std::vector<Tensor> outputs(static_cast<size_t>(reduction ? 1 : count));
  for (int64_t k = 0; k < count; ++k) {
    int64_t rows = 1;
    int64_t columns = kSizes[pick(count > 4 ? 12 : 27)];
    if (pick(3) == 0) {
      rows = 1 + pick(rows_of && columns < 4096 ? 40 : 5);
    }
    const int32_t dtype = uniform ? batch_dtype : kDtypes[pick(6)];
    for (int32_t i = 0; i < inputs; ++i) {
      const int32_t own = uniform || pick(2) == 0 || operation == kCopy ? dtype : kDtypes[pick(6)];
      make(gpu, sources[static_cast<size_t>(k * inputs + i)], own, rows, columns,
           plain ? Layout::kAligned : pick_layout(), tame);
    }
    Tensor& output = outputs[static_cast<size_t>(reduction ? 0 : k)];
    if (rows_of) {
      make(gpu, output, SINTER_F64, rows, 1, pick(4) == 0 ? Layout::kByteOff : Layout::kAligned,
           false);
      output.cpu.rank = output.gpu.rank = 1;
    } else if (chunks_of) {
      make(gpu, output, SINTER_F64, (rows * columns + 4095) / 4096, based ? 6 : 4,
           pick(4) == 0 ? Layout::kByteOff : Layout::kAligned, false);
    } else if (!reduction) {
      const int32_t own = operation == kCopy || pick(2) == 0 ? dtype : kDtypes[pick(6)];
      make(gpu, output, own, rows, columns, plain ? Layout::kAligned : pick_layout(), false);
    }
  }
  if (uniform && pick(2) == 0) {
    delta = delta == 0 ? 0 : batch_dtype;
  }
  if (reduction) {
    make(gpu, outputs[0], SINTER_F64, count, results,
         pick(4) == 0 ? Layout::kByteOff : Layout::kAligned, false);
    for (sinter_tensor* tensor : {&outputs[0].cpu, &outputs[0].gpu}) {
      tensor->rank = results == 1 ? 1 : 2;
      tensor->strides[0] = results;
    }
  }
  Tensor counts;
  make(gpu, counts, SINTER_F64, count, 3, pick(4) == 0 ? Layout::kByteOff : Layout::kAligned,
       false);

  std::vector<double> weights;
  std::vector<double> lambdas;
  for (int64_t i = 0; i < count * models; ++i) {
    weights.push_back(pick_weight());
  }
  for (int64_t k = 0; k < count; ++k) {
    lambdas.push_back(operation == kCount ? std::fabs(pick_weight()) : pick_weight());
    if (operation == kLinear) {
      weights[static_cast<size_t>(k * models)] += 5.0;  // so that they can be normalised
    }
  }
  const auto normalize = static_cast<int32_t>(pick(2));
  const auto kind = static_cast<int32_t>(1 + pick(3));
  const auto threshold = static_cast<int32_t>(1 + pick(std::min(models, 3)));

  int32_t status[2];
  char message[2][1000];
  for (const bool on_gpu : {false, true}) {
    Stream& stream = on_gpu ? gpu : cpu;
    const std::vector<sinter_tensor> in = on(sources, on_gpu);
    std::vector<sinter_tensor> out = on(outputs, on_gpu);
    if (in_place) {
      for (int64_t k = 0; k < count; ++k) {
        const sinter_tensor& first = in[static_cast<size_t>(k * inputs)];
        if (first.strides[0] >= first.shape[1] || first.shape[0] <= 1) {
          out[static_cast<size_t>(k)] = first;
        }
      }
    }
    std::vector<sinter_tensor> firsts, seconds, rest;
    for (int64_t k = 0; k < count; ++k) {
      for (int32_t i = 0; i < inputs; ++i) {
        const sinter_tensor& tensor = in[static_cast<size_t>(k * inputs + i)];
        (i == 0 ? firsts : rest).push_back(tensor);
        if (i == 1) {
          seconds.push_back(tensor);
        }
      }
    }
    const sinter_tensor& tally = on_gpu ? counts.gpu : counts.cpu;
    const sinter_arithmetic arithmetic = {sizeof arithmetic, load, delta, &tally};
    switch (operation) {
      case kCast:
        status[on_gpu] = sinter_cast(stream.handle, count, in.data(), out.data(), &tally, &error);
        break;
      case kLerp:
        status[on_gpu] = sinter_lerp(stream.handle, count, firsts.data(), seconds.data(),
                                     weights.data(), out.data(), &arithmetic, &error);
        break;
      case kLinear:
        status[on_gpu] = sinter_linear(stream.handle, count, models, in.data(), weights.data(),
                                       normalize, out.data(), &arithmetic, &error);
        break;
      case kSlerp:
        status[on_gpu] = sinter_slerp(stream.handle, count, firsts.data(), seconds.data(),
                                      weights.data(), out.data(), &arithmetic, &error);
        break;
      case kTaskArithmetic:
        status[on_gpu] = sinter_task_arithmetic(stream.handle, count, models, firsts.data(),
                                                rest.data(), weights.data(), lambdas.data(),
                                                normalize, out.data(), &arithmetic, &error);
        break;
      case kRam:
        status[on_gpu] = sinter_ram(stream.handle, count, models, firsts.data(), rest.data(),
                                    std::fabs(weights[0]), out.data(), &arithmetic, &error);
        break;
      case kRamplusTl:
        status[on_gpu] = sinter_ramplus_tl(stream.handle, count, models, firsts.data(), rest.data(),
                                           std::fabs(weights[0]), lambdas[0], 0.2, out.data(),
                                           &arithmetic, &error);
        break;
      case kConsensusTa: {
        std::vector<double> lambda_t;
        for (const double weight : weights) {
          lambda_t.push_back(std::fabs(weight - 0.25));
        }
        status[on_gpu] = sinter_consensus_ta(
            stream.handle, count, models, firsts.data(), rest.data(), weights.data(),
            lambda_t.data(), threshold, lambdas.data(), out.data(), &arithmetic, &error);
        break;
      }
      case kSce: {
        std::vector<double> topk;
        for (const double lambda : lambdas) {
          topk.push_back(std::fabs(lambda));
        }
        status[on_gpu] =
            sinter_sce(stream.handle, count, models, firsts.data(), rest.data(), topk.data(),
                       normalize == 0 ? 0.0 : 1e-6, out.data(), &arithmetic, &error);
        break;
      }
      case kCopy:
        status[on_gpu] = sinter_copy(stream.handle, count, in.data(), out.data(), &error);
        break;
      case kSum:
        status[on_gpu] = sinter_sum(stream.handle, count, in.data(), load, out.data(), &error);
        break;
      case kNorm:
        status[on_gpu] =
            sinter_norm(stream.handle, count, in.data(), kind, load, out.data(), &error);
        break;
      case kDot:
        status[on_gpu] = sinter_dot(stream.handle, count, firsts.data(), seconds.data(), load,
                                    out.data(), &error);
        break;
      case kMoments:
        status[on_gpu] = sinter_moments(stream.handle, count, in.data(), load, out.data(), &error);
        break;
      case kCount:
        status[on_gpu] =
            sinter_count(stream.handle, count, in.data(), lambdas.data(), load, out.data(), &error);
        break;
      case kMaskedSum:
        status[on_gpu] = sinter_masked_sum(stream.handle, count, firsts.data(), seconds.data(),
                                           load, out.data(), &error);
        break;
      case kRowSum:
        status[on_gpu] = sinter_row_sum(stream.handle, count, in.data(), load, out.data(), &error);
        break;
      case kRowNorm:
        status[on_gpu] =
            sinter_row_norm(stream.handle, count, in.data(), kind, load, out.data(), &error);
        break;
      case kRowDot:
        status[on_gpu] = sinter_row_dot(stream.handle, count, firsts.data(), seconds.data(), load,
                                        out.data(), &error);
        break;
      case kChunkStatistics:
        status[on_gpu] =
            sinter_chunk_statistics(stream.handle, count, firsts.data(),
                                    based ? seconds.data() : nullptr, out.data(), &error);
        break;
      default:
        status[on_gpu] = sinter_dots(stream.handle, count, firsts.data(), seconds.data(), load,
                                     out.data(), &error);
    }
    if (on_gpu && status[1] == SINTER_OK) {
      status[1] = sinter_stream_synchronize(stream.handle, &error);
    }
    std::memcpy(message[on_gpu], error.message, sizeof error.message);
  }
  if (status[0] != status[1]) {
    fail("status " + std::to_string(status[1]) + " (" + message[1] + ") on the device and " +
         std::to_string(status[0]) + " (" + message[0] + ") on the CPU");
  } else if (status[0] == SINTER_OK) {
    for (Tensor& tensor : sources) {
      compare(gpu, tensor, "input");
    }
    for (Tensor& tensor : outputs) {
      compare(gpu, tensor, "output");
    }
    if (!reduction && !rows_of && !chunks_of && operation != kCopy) {
      compare(gpu, counts, "counts");
    }
  }
  for (Tensor& tensor : sources) {
    free_tensor(gpu, tensor);
  }
  for (Tensor& tensor : outputs) {
    free_tensor(gpu, tensor);
  }
  free_tensor(gpu, counts);
}

// ---- Fisher information ----

enum Fisher {
  kAccumulate,
  kFinish,
  kFisherStatistics,
  kFisherMerge,
  kBcwi,
  kFisherBcwi,
  kClassRows,
  kFishers
};
const char* const kFisherNames[] = {"fisher_accumulate", "fisher_finish", "fisher_statistics",
                                    "fisher_merge",      "bcwi",          "fisher_bcwi",
                                    "class_rows"};

// One random batch of one of these, on both devices. Tensors 0 of an entry are old models (or states),
// the next ones new models (or gradients), the last ones what weighs them.
void run_fisher(Stream& cpu, Stream& gpu, Fisher operation) {
  const int64_t count = pick(12) == 0 ? 40 : 1 + pick(4);
  const bool state = operation == kAccumulate || operation == kFinish;
  const auto models = static_cast<int32_t>(state ? 1 : pick(12) == 0 ? 11 : 1 + pick(4));
  const int32_t inputs = 1 + 2 * models;
  const bool plain = pick(2) == 0;
  const bool tame = pick(2) == 0;
  const int32_t load = pick(3) != 0 ? 0 : kDtypes[pick(6)];
  const int32_t dtype = kDtypes[pick(6)];
  const int32_t weighing = pick(3) != 0 ? SINTER_F32 : kDtypes[pick(6)];
  std::vector<Tensor> sources(static_cast<size_t>(count * inputs));
  std::vector<Tensor> outputs(static_cast<size_t>(count));
  for (int64_t k = 0; k < count; ++k) {
    const int64_t rows = operation == kClassRows ? 6 : 1 + pick(4);
    const int64_t columns = kSizes[pick(count > 4 || operation == kClassRows ? 12 : 27)];
    const auto layout = [&] { return plain ? Layout::kAligned : pick_layout(); };
    for (int32_t i = 0; i < inputs; ++i) {
      const int32_t own = i == 0 && state ? (k % 3 == 0 ? SINTER_F64 : SINTER_F32)
                          : i > models    ? weighing
                                          : dtype;
      make(gpu, sources[static_cast<size_t>(k * inputs + i)], own, rows, columns, layout(), tame);
    }
    make(gpu, outputs[static_cast<size_t>(k)],
         operation == kClassRows || pick(2) == 0 ? dtype : kDtypes[pick(6)], rows, columns,
         layout(), false);
  }
  Tensor counts, sums;
  make(gpu, counts, SINTER_F64, count, 3, pick(4) == 0 ? Layout::kByteOff : Layout::kAligned,
       false);
  make(gpu, sums, SINTER_F64, count, 4, pick(4) == 0 ? Layout::kByteOff : Layout::kAligned, false);
  std::vector<double> weights, alphas, means, scales;
  for (int64_t i = 0; i < count * models; ++i) {
    weights.push_back(std::fabs(pick_weight()) + (i % models == 0 ? 0.1 : 0.0));
  }
  constexpr double kAlphas[] = {0.0, 1.0, 0.3, 0.5, 0.95, 1e-20, 1 - 1e-12};
  constexpr double kScales[] = {0.0, 1.0, 1e-3, 1e30, 1e-40, 1e6, 1e-300};
  for (int64_t k = 0; k < count; ++k) {
    alphas.push_back(kAlphas[pick(7)]);
    means.push_back(kScales[pick(7)]);
  }
  for (int32_t i = 0; i < models; ++i) {
    scales.push_back(kScales[pick(7)]);
  }
  const double floor = pick(2) == 0 ? 0.0 : 1e-6;
  const double epsilon = pick(3) == 0 ? 0.25 : 0.0;
  const int64_t rows[] = {2, 3, -1, -1, pick(6), pick(6)};
  const bool no_updated = pick(3) == 0;

  int32_t status[2];
  std::string message[2];
  for (const bool on_gpu : {false, true}) {
    sinter_stream* const stream = (on_gpu ? gpu : cpu).handle;
    const std::vector<sinter_tensor> all = on(sources, on_gpu), out = on(outputs, on_gpu);
    std::vector<sinter_tensor> old, updated, firsts, fisher, first_fisher;
    for (int64_t k = 0; k < count; ++k) {
      const sinter_tensor* const own = &all[static_cast<size_t>(k * inputs)];
      old.push_back(own[0]);
      updated.insert(updated.end(), own + 1, own + 1 + models);
      firsts.push_back(own[1]);
      fisher.insert(fisher.end(), own + 1 + models, own + inputs);
      first_fisher.push_back(own[1 + models]);
    }
    const sinter_tensor& tally = on_gpu ? counts.gpu : counts.cpu;
    const sinter_arithmetic arithmetic = {sizeof arithmetic, load, 0, &tally};
    switch (operation) {
      case kAccumulate:
        status[on_gpu] = sinter_fisher_accumulate(stream, count, firsts.data(), weights.data(),
                                                  old.data(), &tally, &error);
        break;
      case kFinish:
        status[on_gpu] = sinter_fisher_finish(stream, count, old.data(), 7, &error);
        break;
      case kFisherStatistics:
        status[on_gpu] = sinter_fisher_statistics(stream, count, firsts.data(),
                                                  on_gpu ? &sums.gpu : &sums.cpu, &error);
        break;
      case kFisherMerge:
        status[on_gpu] = sinter_fisher_merge(stream, count, models, updated.data(), fisher.data(),
                                             weights.data(), scales.data(), floor, epsilon,
                                             out.data(), &arithmetic, &error);
        break;
      case kBcwi:
        status[on_gpu] = sinter_bcwi(stream, count, models, old.data(), updated.data(),
                                     alphas.data(), out.data(), &arithmetic, &error);
        break;
      case kFisherBcwi:
        status[on_gpu] = sinter_fisher_bcwi(stream, count, models, old.data(), updated.data(),
                                            first_fisher.data(), means.data(), alphas.data(),
                                            out.data(), &arithmetic, &error);
        break;
      default:
        status[on_gpu] =
            sinter_class_rows(stream, count, old.data(), no_updated ? nullptr : firsts.data(), 6,
                              rows, out.data(), &error);
    }
    if (on_gpu && status[1] == SINTER_OK) {
      status[1] = sinter_stream_synchronize(stream, &error);
    }
    message[on_gpu] = error.message;
  }
  if (status[0] != SINTER_OK || status[1] != SINTER_OK) {
    fail("status " + std::to_string(status[1]) + " (" + message[1] + ") on the device and " +
         std::to_string(status[0]) + " (" + message[0] + ") on the CPU");
  } else {
    for (Tensor& tensor : sources) {
      compare(gpu, tensor, state ? "state or gradient" : "input");
    }
    for (Tensor& tensor : outputs) {
      compare(gpu, tensor, "output");
    }
    compare(gpu, sums, "statistics");
    if (operation != kFinish && operation != kFisherStatistics && operation != kClassRows) {
      compare(gpu, counts, "counts");
    }
  }
  for (auto* tensors : {&sources, &outputs}) {
    for (Tensor& tensor : *tensors) {
      free_tensor(gpu, tensor);
    }
  }
  free_tensor(gpu, counts);
  free_tensor(gpu, sums);
}

// ---- Spherical averages, Gram matrices and nearswap ----

enum Spherical { kNuslerp, kMultislerp, kKarcher, kModelStock, kGram, kNearswap, kSphericals };
const char* const kSphericalNames[] = {"nuslerp",     "multislerp", "karcher",
                                       "model_stock", "gram",       "nearswap"};

// Makes b equal to a on both devices, where they have one layout and dtype.
void repeat(Stream& gpu, const Tensor& a, Tensor& b) {
  if (a.host.size() == b.host.size() && a.cpu.dtype == b.cpu.dtype && a.offset == b.offset) {
    b.host = a.host;
    const auto bytes = static_cast<int64_t>(b.host.size());
    void* data = nullptr;
    must(sinter_buffer_data(b.buffer, &data, &error));
    copy(gpu, flat(b.host.data(), SINTER_CPU, bytes), flat(data, gpu.device, bytes));
  }
}

// One random batch of one of these, on both devices.
void run_spherical(Stream& cpu, Stream& gpu, Spherical operation) {
  const int64_t count = pick(12) == 0 ? 12 : 1 + pick(3);
  const bool two = operation == kNuslerp || operation == kNearswap;
  const bool has_base =
      operation == kModelStock ||
      ((operation == kNuslerp || operation == kMultislerp || operation == kGram) && pick(2) == 0);
  const auto models = static_cast<int32_t>(two                        ? 2
                                           : operation == kModelStock ? 2 + pick(6)
                                           : pick(12) == 0            ? 19
                                                                      : 1 + pick(6));
  const int32_t vectors = operation == kNuslerp || operation == kGram
                              ? static_cast<int32_t>(pick(3))
                          : operation == kModelStock ? static_cast<int32_t>(pick(2))
                                                     : 0;
  const bool uniform = pick(3) != 0;
  const bool plain = pick(2) == 0;
  // Bits of any kind are most often refused, by both.
  const bool tame = operation != kNearswap && operation != kGram ? pick(8) != 0 : pick(2) == 0;
  const int32_t load = pick(3) != 0 ? 0 : kDtypes[pick(6)];
  const int32_t batch_dtype = kDtypes[pick(6)];
  const int32_t delta = pick(2) != 0 ? 0 : pick(2) != 0 ? batch_dtype : kDtypes[pick(6)];
  const bool in_place = operation != kGram && pick(5) == 0;

  std::vector<Tensor> bases(static_cast<size_t>(count));
  std::vector<Tensor> sources(static_cast<size_t>(count * models));
  std::vector<Tensor> outputs(static_cast<size_t>(count));
  for (int64_t k = 0; k < count; ++k) {
    int64_t rows = 1 + pick(4);
    int64_t columns = kSizes[pick(count > 4 || models > 7 ? 12 : 27)];
    if (pick(4) == 0) {
      std::swap(rows, columns);
    }
    if (vectors != 0 && pick(3) == 0) {
      rows = 5 + pick(300);
      columns = 1 + pick(40);
    }
    const int32_t dtype = uniform ? batch_dtype : kDtypes[pick(6)];
    const auto own = [&] { return uniform || pick(2) == 0 ? dtype : kDtypes[pick(6)]; };
    const auto layout = [&] { return plain ? Layout::kAligned : pick_layout(); };
    make(gpu, bases[static_cast<size_t>(k)], own(), rows, columns, layout(), tame);
    for (int32_t i = 0; i < models; ++i) {
      Tensor& source = sources[static_cast<size_t>(k * models + i)];
      make(gpu, source, own(), rows, columns, layout(), tame);
      if (i > 0 && pick(4) == 0) {
        repeat(gpu, sources[static_cast<size_t>(k * models)], source);
      }
    }
    Tensor& output = outputs[static_cast<size_t>(k)];
    if (operation == kGram) {
      const int64_t of = vectors == 0 ? 1 : vectors == 1 ? rows : columns;
      make(gpu, output, SINTER_F64, of * models, models,
           pick(4) == 0 ? Layout::kByteOff : Layout::kAligned, false);
      for (sinter_tensor* tensor : {&output.cpu, &output.gpu}) {
        tensor->rank = 3;
        tensor->shape[0] = of;
        tensor->strides[0] = int64_t{models} * models;
        tensor->shape[1] = tensor->shape[2] = tensor->strides[1] = models;
        tensor->strides[2] = 1;
      }
    } else {
      make(gpu, output, own(), rows, columns, layout(), false);
    }
  }
  Tensor counts;
  make(gpu, counts, SINTER_F64, count, 3, pick(4) == 0 ? Layout::kByteOff : Layout::kAligned,
       false);
  std::vector<double> weights;
  for (int64_t i = 0; i < count * models; ++i) {
    weights.push_back(operation == kNearswap ? std::fabs(pick_weight()) : pick_weight());
  }
  const int32_t iterations = 1 + static_cast<int32_t>(pick(12));
  const double tolerance = pick(2) == 0 ? 1e-5 : 1e-8;

  int32_t status[2];
  int64_t at[2];
  std::string message[2];
  for (const bool on_gpu : {false, true}) {
    Stream& stream = on_gpu ? gpu : cpu;
    const std::vector<sinter_tensor> in = on(sources, on_gpu), base = on(bases, on_gpu);
    std::vector<sinter_tensor> out = on(outputs, on_gpu);
    std::vector<sinter_tensor> firsts, seconds;
    for (int64_t k = 0; k < count; ++k) {
      firsts.push_back(in[static_cast<size_t>(k * models)]);
      seconds.push_back(in[static_cast<size_t>(k * models + (models > 1 ? 1 : 0))]);
      if (in_place &&
          (firsts.back().strides[0] >= firsts.back().shape[1] || firsts.back().shape[0] <= 1)) {
        out[static_cast<size_t>(k)] = firsts.back();
      }
    }
    const sinter_tensor& tally = on_gpu ? counts.gpu : counts.cpu;
    const sinter_arithmetic arithmetic = {sizeof arithmetic, load, delta, &tally};
    const sinter_tensor* const bases_or_null = has_base ? base.data() : nullptr;
    switch (operation) {
      case kNuslerp:
        status[on_gpu] =
            sinter_nuslerp(stream.handle, count, bases_or_null, firsts.data(), seconds.data(),
                           weights.data(), vectors, out.data(), &arithmetic, &error);
        break;
      case kMultislerp:
        status[on_gpu] =
            sinter_multislerp(stream.handle, count, models, bases_or_null, in.data(),
                              weights.data(), 0, 1e-8, out.data(), &arithmetic, &error);
        break;
      case kKarcher:
        status[on_gpu] = sinter_karcher(stream.handle, count, models, in.data(), iterations,
                                        tolerance, out.data(), &arithmetic, &error);
        break;
      case kModelStock:
        status[on_gpu] = sinter_model_stock(stream.handle, count, models, base.data(), in.data(),
                                            vectors, out.data(), &arithmetic, &error);
        break;
      case kGram:
        status[on_gpu] = sinter_gram(stream.handle, count, models, bases_or_null, in.data(),
                                     vectors, load, delta, out.data(), &error);
        break;
      default:
        status[on_gpu] = sinter_nearswap(stream.handle, count, firsts.data(), seconds.data(),
                                         weights.data(), out.data(), &arithmetic, &error);
    }
    if (on_gpu && status[1] == SINTER_OK) {
      status[1] = sinter_stream_synchronize(stream.handle, &error);
    }
    at[on_gpu] = error.tensor;
    message[on_gpu] = error.message;
    message[on_gpu] = message[on_gpu].substr(message[on_gpu].find(": ") + 1);
  }
  if (status[0] != status[1] || at[0] != at[1] || message[0] != message[1]) {
    fail("status " + std::to_string(status[1]) + " (" + message[1] + ") on the device and " +
         std::to_string(status[0]) + " (" + message[0] + ") on the CPU");
  } else if (status[0] == SINTER_OK) {
    for (Tensor& tensor : sources) {
      compare(gpu, tensor, "input");
    }
    for (Tensor& tensor : outputs) {
      compare(gpu, tensor, "output");
    }
    if (operation != kGram) {
      compare(gpu, counts, "counts");
    }
  } else if (status[0] != SINTER_NUMERIC) {
    fail(message[0]);
  }
  for (auto* tensors : {&bases, &sources, &outputs}) {
    for (Tensor& tensor : *tensors) {
      free_tensor(gpu, tensor);
    }
  }
  free_tensor(gpu, counts);
}

// One random batch of a selection, of quantiles, of ranks, or of arcee_fusion, on both devices.
void run_selection(Stream& cpu, Stream& gpu, int which) {
  const int64_t count = 1 + pick(4);
  const bool uniform = pick(2) == 0;
  const bool plain = pick(2) == 0;
  const bool tame = pick(8) != 0;
  const bool with_base = which == 3 || (which == 0 && pick(2) == 0);
  const int32_t batch_dtype = kDtypes[pick(6)];
  const int32_t load = pick(3) != 0 ? 0 : kDtypes[pick(6)];
  const int32_t delta = pick(2) == 0 ? 0 : kDtypes[pick(6)];
  const auto joint = static_cast<int32_t>(pick(2));
  const double q[] = {0.0, 0.25, 0.5, 0.77, 1.0};
  std::vector<Tensor> bases(static_cast<size_t>(count)), ins(bases), outs(bases);
  std::vector<int64_t> ranks;
  int64_t total = 0;
  for (size_t k = 0; k < static_cast<size_t>(count); ++k) {
    const int64_t columns = kSizes[pick(25)];
    const int64_t rows = pick(3) == 0 ? 1 + pick(5) : 1;
    const int32_t dtype = uniform ? batch_dtype : kDtypes[pick(6)];
    const int32_t own = uniform || pick(2) == 0 ? dtype : kDtypes[pick(6)];
    make(gpu, bases[k], dtype, rows, columns, plain ? Layout::kAligned : pick_layout(), tame);
    make(gpu, ins[k], own, rows, columns, plain ? Layout::kAligned : pick_layout(), tame);
    const int32_t result = which == 2   ? (pick(2) == 0 ? SINTER_F32 : SINTER_F64)
                           : which == 3 ? kDtypes[pick(6)]
                                        : SINTER_F64;
    make(gpu, outs[k], result, rows, columns, plain ? Layout::kAligned : pick_layout(), false);
    ranks.push_back(pick(3) == 0 ? pick(rows * columns + 1) : rows * columns / 2);
    total += rows * columns;
  }
  if (joint == 1) {
    ranks[0] = pick(total + 1);
  }
  Tensor table, counts;
  make(gpu, table, SINTER_F64, count, which == 0 ? 2 : 5,
       pick(4) == 0 ? Layout::kByteOff : Layout::kAligned, false);
  make(gpu, counts, SINTER_F64, count, 3, pick(4) == 0 ? Layout::kByteOff : Layout::kAligned,
       false);
  int32_t status[2];
  int64_t at[2];
  char message[2][1000];
  for (const bool on_gpu : {false, true}) {
    Stream& stream = on_gpu ? gpu : cpu;
    const std::vector<sinter_tensor> base = on(bases, on_gpu), in = on(ins, on_gpu),
                                     out = on(outs, on_gpu);
    const sinter_tensor& result = on_gpu ? table.gpu : table.cpu;
    const sinter_tensor& tally = on_gpu ? counts.gpu : counts.cpu;
    const sinter_arithmetic arithmetic = {sizeof arithmetic, load, delta, &tally};
    switch (which) {
      case 0:
        status[on_gpu] =
            sinter_select(stream.handle, count, with_base ? base.data() : nullptr, in.data(),
                          ranks.data(), joint, load, delta, &result, &error);
        break;
      case 1:
        status[on_gpu] =
            sinter_quantile(stream.handle, count, in.data(), 5, q, load, &result, &error);
        break;
      case 2:
        status[on_gpu] = sinter_rank(stream.handle, count, in.data(), load, out.data(), &error);
        break;
      default:
        status[on_gpu] = sinter_arcee_fusion(stream.handle, count, base.data(), in.data(),
                                             out.data(), &arithmetic, &error);
    }
    if (on_gpu && status[1] == SINTER_OK) {
      status[1] = sinter_stream_synchronize(stream.handle, &error);
    }
    at[on_gpu] = error.tensor;
    std::memcpy(message[on_gpu], error.message, sizeof error.message);
  }
  const auto reason = [](const char* text) { return std::string(std::strchr(text, ':') + 1); };
  if (status[0] != status[1] || at[0] != at[1] ||
      (status[0] != SINTER_OK && std::strstr(message[1], reason(message[0]).c_str()) == nullptr)) {
    fail("status " + std::to_string(status[1]) + " (" + message[1] + ") on the device and " +
         std::to_string(status[0]) + " (" + message[0] + ") on the CPU");
  } else if (status[0] == SINTER_OK) {
    if (which < 2) {
      compare(gpu, table, "output");
    }
    for (size_t k = 0; which >= 2 && k < outs.size(); ++k) {
      compare(gpu, outs[k], "output");
    }
    if (which == 3) {
      compare(gpu, counts, "counts");
    }
  }
  for (auto* tensors : {&bases, &ins, &outs}) {
    for (Tensor& tensor : *tensors) {
      free_tensor(gpu, tensor);
    }
  }
  free_tensor(gpu, table);
  free_tensor(gpu, counts);
}

// Random numbers of one batch, on both devices.
void run_random(Stream& cpu, Stream& gpu) {
  const int64_t count = 1 + pick(4);
  std::vector<Tensor> outputs(static_cast<size_t>(count));
  std::vector<int64_t> keys;
  const int32_t batch_dtype = kDtypes[pick(6)];
  const bool uniform = pick(2) == 0;
  for (Tensor& output : outputs) {
    make(gpu, output, uniform ? batch_dtype : kDtypes[pick(6)], 1 + pick(3), kSizes[pick(27)],
         pick_layout(), false);
    keys.push_back(static_cast<int64_t>(random_bits()));
  }
  for (const bool on_gpu : {false, true}) {
    must(sinter_random((on_gpu ? gpu : cpu).handle, count, keys.data(), on(outputs, on_gpu).data(),
                       &error));
  }
  for (Tensor& output : outputs) {
    compare(gpu, output, "output");
    free_tensor(gpu, output);
  }
}

// ties, breadcrumbs, dare or della of one batch, on both devices.
void run_sparse(Stream& cpu, Stream& gpu, int method) {
  enum { kSelected, kTies, kBreadcrumbs, kDare, kDella };
  const int64_t count = pick(12) == 0 ? 30 : 1 + pick(4);
  const auto models = static_cast<int32_t>(1 + pick(6));
  const bool uniform = pick(3) != 0;
  const bool plain = pick(2) == 0;
  const int32_t batch_dtype = kDtypes[pick(6)];
  const int32_t load = pick(3) != 0 ? 0 : kDtypes[pick(6)];
  const int32_t delta = pick(3) != 0 ? 0 : (uniform ? batch_dtype : kDtypes[pick(6)]);
  int32_t rescale = static_cast<int32_t>(pick(3));
  if (rescale == SINTER_RESCALE_DENSITY && method < kDare) {
    rescale = SINTER_RESCALE_NONE;
  }
  const bool tame =
      !(method == kSelected || method == kDare) || rescale == SINTER_RESCALE_L1 || pick(2) == 0;
  const sinter_mixture mixture = {sizeof mixture, static_cast<int32_t>(pick(2)),
                                  static_cast<int32_t>(pick(2)), static_cast<int32_t>(pick(2)),
                                  rescale};
  std::vector<Tensor> base(static_cast<size_t>(count)), outputs(static_cast<size_t>(count));
  std::vector<Tensor> inputs(static_cast<size_t>(count * models));
  std::vector<double> weights, densities, spreads, lambdas, chosen;
  std::vector<int64_t> keys;
  for (int64_t k = 0; k < count; ++k) {
    const int64_t columns = kSizes[pick(count > 4 ? 12 : 27)];
    const int64_t rows = pick(3) == 0 ? 1 + pick(5) : 1;
    const auto dtype = [&] { return uniform ? batch_dtype : kDtypes[pick(6)]; };
    const auto layout = [&] { return plain ? Layout::kAligned : pick_layout(); };
    make(gpu, base[static_cast<size_t>(k)], dtype(), rows, columns, layout(), tame);
    make(gpu, outputs[static_cast<size_t>(k)], pick(2) == 0 ? dtype() : kDtypes[pick(6)], rows,
         columns, layout(), false);
    lambdas.push_back(pick_weight());
    for (int32_t i = 0; i < models; ++i) {
      make(gpu, inputs[static_cast<size_t>(k * models + i)], dtype(), rows, columns, layout(),
           tame);
      constexpr double kDensities[] = {0.5, 0.3, 0.8, 1.0, 0.0, 0.999999999999, 2.0};
      constexpr double kSpreads[] = {0.0, 0.01, 0.15, -0.1};
      weights.push_back(pick_weight());
      densities.push_back(kDensities[pick(method == kDella ? 4 : 7)]);
      spreads.push_back(kSpreads[pick(method == kDella ? 4 : 3)]);
      keys.push_back(static_cast<int64_t>(random_bits()));
      chosen.push_back(pick(4) == 0 ? std::numeric_limits<double>::infinity()
                                    : 1.0 / (1 + pick(9)));
      chosen.push_back(static_cast<double>(pick(rows * columns + 1)));
    }
  }
  Tensor selections, counts;
  make(gpu, selections, SINTER_F64, 1, count * models * 2,
       pick(4) == 0 ? Layout::kByteOff : Layout::kAligned, true);
  std::memcpy(selections.host.data() + selections.offset, chosen.data(), chosen.size() * 8);
  copy(gpu, flat(selections.cpu.data, SINTER_CPU, static_cast<int64_t>(chosen.size() * 8)),
       flat(selections.gpu.data, gpu.device, static_cast<int64_t>(chosen.size() * 8)));
  for (sinter_tensor* tensor : {&selections.cpu, &selections.gpu}) {
    tensor->rank = 3;
    tensor->shape[0] = count;
    tensor->shape[1] = models;
    tensor->shape[2] = 2;
    tensor->strides[0] = models * 2;
    tensor->strides[1] = 2;
    tensor->strides[2] = 1;
  }
  make(gpu, counts, SINTER_F64, count, 3, pick(4) == 0 ? Layout::kByteOff : Layout::kAligned,
       false);
  int32_t status[2];
  std::string message[2];
  for (const bool on_gpu : {false, true}) {
    sinter_stream* const stream = (on_gpu ? gpu : cpu).handle;
    const std::vector<sinter_tensor> b = on(base, on_gpu), x = on(inputs, on_gpu),
                                     out = on(outputs, on_gpu);
    const sinter_arithmetic arithmetic = {sizeof arithmetic, load, delta,
                                          on_gpu ? &counts.gpu : &counts.cpu};
    switch (method) {
      case kSelected:
        status[on_gpu] = sinter_ties(stream, count, models, b.data(), x.data(), weights.data(),
                                     nullptr, on_gpu ? &selections.gpu : &selections.cpu,
                                     lambdas.data(), &mixture, out.data(), &arithmetic, &error);
        break;
      case kTies:
        status[on_gpu] =
            sinter_ties(stream, count, models, b.data(), x.data(), weights.data(), densities.data(),
                        nullptr, lambdas.data(), &mixture, out.data(), &arithmetic, &error);
        break;
      case kBreadcrumbs:
        status[on_gpu] = sinter_breadcrumbs(
            stream, count, models, b.data(), x.data(), weights.data(), densities.data(),
            spreads.data(), lambdas.data(), &mixture, out.data(), &arithmetic, &error);
        break;
      case kDare:
        status[on_gpu] =
            sinter_dare(stream, count, models, b.data(), x.data(), weights.data(), densities.data(),
                        keys.data(), lambdas.data(), &mixture, out.data(), &arithmetic, &error);
        break;
      default:
        status[on_gpu] = sinter_della(stream, count, models, b.data(), x.data(), weights.data(),
                                      densities.data(), spreads.data(), keys.data(), lambdas.data(),
                                      &mixture, out.data(), &arithmetic, &error);
    }
    if (on_gpu && status[1] == SINTER_OK) {
      status[1] = sinter_stream_synchronize(stream, &error);
    }
    message[on_gpu] = error.message;
  }
  if (status[0] != status[1]) {
    fail("status " + std::to_string(status[1]) + " (" + message[1] + ") on the device and " +
         std::to_string(status[0]) + " (" + message[0] + ") on the CPU");
  } else if (status[0] == SINTER_OK) {
    for (Tensor& tensor : outputs) {
      compare(gpu, tensor, "output");
    }
    compare(gpu, counts, "counts");
  }
  for (auto* tensors : {&base, &inputs, &outputs}) {
    for (Tensor& tensor : *tensors) {
      free_tensor(gpu, tensor);
    }
  }
  free_tensor(gpu, selections);
  free_tensor(gpu, counts);
}

// Other content for an aligned tensor.
template <class T>
void fill(Stream& gpu, Tensor& tensor, const std::vector<T>& content) {
  std::memcpy(tensor.host.data(), content.data(), content.size() * sizeof(T));
  const auto bytes = static_cast<int64_t>(tensor.host.size());
  copy(gpu, flat(tensor.host.data(), SINTER_CPU, bytes), flat(tensor.gpu.data, gpu.device, bytes));
}

constexpr const char* kCompatibilityNames[] = {
    "flips",         "logit_flips",    "compatibility_loss",
    "score_changes", "flip_bootstrap", "score_bootstrap"};

// One random call of a function of compatibility, on both devices. Numbers that are no tensors lie in
// tensors as wide.
void run_compatibility(Stream& cpu, Stream& gpu, int which) {
  constexpr int64_t kExamples[] = {1, 2, 31, 32, 33, 255, 257, 600};
  constexpr int64_t kClasses[] = {1, 2, 31, 33, 64, 65, 200, 511, 1027, 4100};
  const bool has_logits = which == 1 || which == 2;
  const int64_t classes = kClasses[pick(10)];
  int64_t n = kExamples[pick(8)];
  while (has_logits && n > 1 && n * classes > 40000) {
    n /= 2;
  }
  const auto groups = static_cast<int32_t>(pick(4) == 0 ? 1 + pick(300) : 1 + pick(3));
  const bool sound = pick(5) != 0;
  std::vector<int32_t> labels, of_groups, old_predictions, new_predictions;
  std::vector<float> old_scores, new_scores;
  for (int64_t i = 0; i < n; ++i) {
    labels.push_back(which == 2 && pick(6) == 0 ? -100 : static_cast<int32_t>(pick(classes)));
    of_groups.push_back(static_cast<int32_t>(pick(groups)));
    old_predictions.push_back(pick(2) == 0 ? labels.back() : static_cast<int32_t>(pick(classes)));
    new_predictions.push_back(pick(2) == 0 ? old_predictions.back()
                                           : static_cast<int32_t>(pick(classes)));
    old_scores.push_back(static_cast<float>(pick(1001)) / 1000.0f);
    new_scores.push_back(pick(3) == 0 ? old_scores.back()
                                      : static_cast<float>(pick(1001)) / 1000.0f);
  }
  if (!sound) {
    (pick(2) == 0 ? labels : new_predictions)[static_cast<size_t>(pick(n))] = -7;
    (pick(2) == 0 ? old_scores : new_scores)[static_cast<size_t>(pick(n))] = 1.5f;
  }
  // Arrays of numbers, then results, then logits.
  Tensor label, group, predictions[2], scores[2];
  for (Tensor* tensor :
       {&label, &group, &predictions[0], &predictions[1], &scores[0], &scores[1]}) {
    make(gpu, *tensor, SINTER_F32, 1, n, Layout::kAligned, true);
    for (sinter_tensor* each : {&tensor->cpu, &tensor->gpu}) {
      each->rank = 1;
      each->shape[0] = n;
      each->strides[0] = 1;
    }
  }
  fill(gpu, label, labels);
  fill(gpu, group, of_groups);
  fill(gpu, predictions[0], old_predictions);
  fill(gpu, predictions[1], new_predictions);
  fill(gpu, scores[0], old_scores);
  fill(gpu, scores[1], new_scores);
  Tensor totals, by_class, by_group, pairs[3], outcomes, numbers, values, predicted;
  const bool confusion = classes < 300;
  const int64_t resamples = 1 + pick(300);
  make(gpu, totals, SINTER_F64, 1, 5, Layout::kAligned, false);
  make(gpu, by_class, SINTER_F64, classes, 5, Layout::kAligned, false);
  make(gpu, by_group, SINTER_F64, groups, 5, Layout::kAligned, false);
  for (Tensor& each : pairs) {
    make(gpu, each, SINTER_F64, confusion ? classes : 1, confusion ? classes : 1, Layout::kAligned,
         false);
  }
  make(gpu, outcomes, SINTER_F8E4M3, 1, n, Layout::kAligned, false);
  make(gpu, predicted, SINTER_F32, 1, n, Layout::kAligned, false);
  const int32_t measures = which == 4 ? 8 : 5;
  make(gpu, numbers, SINTER_F64, 1, which == 2 ? 5 : 4, Layout::kAligned, false);
  for (sinter_tensor* each : {&numbers.cpu, &numbers.gpu}) {
    each->rank = 1;
    each->shape[0] = which == 2 ? 5 : 4;
    each->strides[0] = 1;
  }
  make(gpu, values, SINTER_F64, measures, resamples, Layout::kAligned, false);
  Tensor logits[3], gradient;
  const bool tame = pick(4) != 0;
  for (Tensor& each : logits) {
    make(gpu, each, kDtypes[pick(6)], n, has_logits ? classes : 1, pick_layout(), tame);
  }
  make(gpu, gradient, kDtypes[pick(6)], n, has_logits ? classes : 1, pick_layout(), false);
  const sinter_loss_options options = {sizeof options, pick(2) == 0 ? 1.0 : 1.7,
                                       pick(2) == 0 ? 0.0 : 0.25, static_cast<int32_t>(pick(2)), 0};
  int64_t counts[5];
  for (int64_t& each : counts) {
    each = pick(3) == 0 ? 0 : pick(pick(2) == 0 ? 20 : 100000);
  }
  counts[3] += 1;
  const int64_t key = static_cast<int64_t>(random_bits());
  const int32_t all[] = {0, 1, 2, 3, 4, 5, 6, 7};
  const bool grouped = pick(2) == 0;
  const bool with_gradient = pick(3) != 0;

  int32_t status[2];
  std::string message[2];
  for (const bool on_gpu : {false, true}) {
    Stream& stream = on_gpu ? gpu : cpu;
    const auto at = [&](const Tensor& tensor) -> const sinter_tensor& {
      return on_gpu ? tensor.gpu : tensor.cpu;
    };
    const auto ints = [&](const Tensor& tensor) { return static_cast<int32_t*>(at(tensor).data); };
    const auto longs = [&](const Tensor& tensor) { return static_cast<int64_t*>(at(tensor).data); };
    const sinter_examples examples = {
        sizeof examples,      n,           static_cast<int32_t>(classes),
        grouped ? groups : 0, ints(label), grouped ? ints(group) : nullptr};
    const sinter_flip_table table = {sizeof table,
                                     longs(totals),
                                     longs(by_class),
                                     grouped ? longs(by_group) : nullptr,
                                     confusion ? longs(pairs[0]) : nullptr,
                                     confusion ? longs(pairs[1]) : nullptr,
                                     confusion ? longs(pairs[2]) : nullptr,
                                     nullptr,
                                     ints(predicted),
                                     at(outcomes).data};
    switch (which) {
      case 0:
        status[on_gpu] = sinter_flips(stream.handle, &examples, ints(predictions[0]),
                                      ints(predictions[1]), &table, &error);
        break;
      case 1:
        status[on_gpu] = sinter_logit_flips(stream.handle, &examples, &at(logits[0]),
                                            &at(logits[1]), &table, &error);
        break;
      case 2:
        status[on_gpu] = sinter_compatibility_loss(
            stream.handle, &at(logits[0]), &at(logits[1]), &at(logits[2]), ints(label), &options,
            &at(numbers), with_gradient ? &at(gradient) : nullptr, &error);
        break;
      case 3:
        status[on_gpu] = sinter_score_changes(stream.handle, &at(scores[0]), &at(scores[1]),
                                              &at(numbers), &error);
        break;
      case 4:
        status[on_gpu] = sinter_flip_bootstrap(stream.handle, counts, resamples, key, measures, all,
                                               &at(values), &error);
        break;
      default:
        status[on_gpu] = sinter_score_bootstrap(stream.handle, &at(scores[0]), &at(scores[1]),
                                                resamples, key, measures, all, &at(values), &error);
    }
    if (on_gpu && status[1] == SINTER_OK) {
      status[1] = sinter_stream_synchronize(stream.handle, &error);
    }
    message[on_gpu] = error.message;
    message[on_gpu] = message[on_gpu].substr(message[on_gpu].find(": ") + 1);
  }
  const std::vector<Tensor*> tensors = {
      &label,    &group,    &predictions[0], &predictions[1], &scores[0], &scores[1], &totals,
      &by_class, &by_group, &pairs[0],       &pairs[1],       &pairs[2],  &outcomes,  &predicted,
      &numbers,  &values,   &logits[0],      &logits[1],      &logits[2], &gradient};
  if (status[0] != status[1] || message[0] != message[1]) {
    fail("status " + std::to_string(status[1]) + " (" + message[1] + ") on the device and " +
         std::to_string(status[0]) + " (" + message[0] + ") on the CPU");
  } else if (status[0] == SINTER_OK) {
    for (size_t i = 0; i < tensors.size(); ++i) {
      compare(gpu, *tensors[i], "tensor " + std::to_string(i));
    }
  } else if (status[0] != SINTER_NUMERIC) {
    fail(message[0]);
  }
  for (Tensor* tensor : tensors) {
    free_tensor(gpu, *tensor);
  }
}

// A NaN deep inside one tensor of a slerp: both devices name it.
void check_numeric(Stream& cpu, Stream& gpu) {
  now_running = "slerp of a NaN";
  std::vector<Tensor> a(3), b(3), out(3);
  for (size_t k = 0; k < 3; ++k) {
    for (Tensor* tensor : {&a[k], &b[k], &out[k]}) {
      make(gpu, *tensor, SINTER_F32, 1, 5000, Layout::kAligned, true);
    }
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto bytes = static_cast<int64_t>(b[1].host.size());
  std::memcpy(b[1].host.data() + 4 * 4321, &nan, 4);
  copy(gpu, flat(b[1].host.data(), SINTER_CPU, bytes), flat(b[1].gpu.data, gpu.device, bytes));
  const double t[] = {0.3, 0.3, 0.3};
  int64_t at[2];
  for (const bool on_gpu : {false, true}) {
    Stream& stream = on_gpu ? gpu : cpu;
    const std::vector<sinter_tensor> x = on(a, on_gpu), y = on(b, on_gpu), z = on(out, on_gpu);
    int32_t status =
        sinter_slerp(stream.handle, 3, x.data(), y.data(), t, z.data(), nullptr, &error);
    if (on_gpu && status == SINTER_OK) {
      status = sinter_stream_synchronize(stream.handle, &error);
    }
    at[on_gpu] = error.tensor;
    if (status != SINTER_NUMERIC || error.tensor != 1 ||
        std::strstr(error.message, "input b") == nullptr) {
      fail("status " + std::to_string(status) + ", tensor " + std::to_string(at[on_gpu]) + ": " +
           error.message);
    }
  }
  must(sinter_stream_synchronize(gpu.handle, &error));  // reported once
  for (auto* tensors : {&a, &b, &out}) {
    for (Tensor& tensor : *tensors) {
      free_tensor(gpu, tensor);
    }
  }
}

// An event is the only thing that orders two streams.
void check_event(Stream& gpu) {
  now_running = "two streams";
  Stream other(gpu.device);
  Tensor from, through, to;
  for (Tensor* tensor : {&from, &through, &to}) {
    make(gpu, *tensor, SINTER_F32, 1, 100000, Layout::kAligned, true);
  }
  sinter_event* event = nullptr;
  must(sinter_event_create(gpu.device, &event, &error));
  must(sinter_cast(gpu.handle, 1, &from.gpu, &through.gpu, nullptr, &error));
  must(sinter_event_record(event, gpu.handle, &error));
  must(sinter_stream_wait(other.handle, event, &error));
  must(sinter_cast(other.handle, 1, &through.gpu, &to.gpu, nullptr, &error));
  must(sinter_stream_synchronize(other.handle, &error));
  int32_t done = 0;
  must(sinter_event_query(event, &done, &error));
  if (done != 1) {
    fail("the event is not done after what waited for it");
  }
  to.host = from.host;
  compare(gpu, to, "output");
  sinter_event_destroy(event);
  for (Tensor* tensor : {&from, &through, &to}) {
    free_tensor(gpu, *tensor);
  }
}

// A second stream over the first one's native stream: work of both runs in one order, and the end of
// the second leaves the first as it is.
void check_wrapped(Stream& gpu) {
  now_running = "a wrapped stream";
  Tensor from, through, to;
  for (Tensor* tensor : {&from, &through, &to}) {
    make(gpu, *tensor, SINTER_F32, 1, 100000, Layout::kAligned, true);
  }
  void* native = nullptr;
  void* again = nullptr;
  sinter_stream* wrapped = nullptr;
  must(sinter_stream_native(gpu.handle, &native, &error));
  must(sinter_stream_wrap(gpu.device, native, nullptr, &wrapped, &error));
  must(sinter_stream_native(wrapped, &again, &error));
  if (native == nullptr || again != native) {
    fail("the wrapped stream is not the one that was given");
  }
  must(sinter_cast(gpu.handle, 1, &from.gpu, &through.gpu, nullptr, &error));
  must(sinter_cast(wrapped, 1, &through.gpu, &to.gpu, nullptr, &error));
  must(sinter_stream_synchronize(wrapped, &error));
  sinter_stream_destroy(wrapped);
  to.host = from.host;
  compare(gpu, to, "output");
  must(sinter_stream_synchronize(gpu.handle, &error));
  for (Tensor* tensor : {&from, &through, &to}) {
    free_tensor(gpu, *tensor);
  }
  if (sinter_stream_wrap(gpu.device, nullptr, nullptr, &wrapped, &error) !=
      SINTER_INVALID_ARGUMENT) {
    fail(std::string("a NULL stream was not refused: ") + error.message);
  }
  if (sinter_stream_wrap(SINTER_CPU, native, nullptr, &wrapped, &error) != SINTER_UNSUPPORTED) {
    fail(std::string("a native stream of the CPU was not refused: ") + error.message);
  }
}

// More than there is, and more than the stream may hold: a status, and the next call works.
void check_memory(Stream& gpu) {
  now_running = "out of memory";
  sinter_buffer* buffer = nullptr;
  if (sinter_buffer_create(gpu.handle, SINTER_MEMORY_DEVICE, int64_t{1} << 50, &buffer, &error) !=
      SINTER_OUT_OF_MEMORY) {
    fail(std::string("a petabyte was not refused: ") + error.message);
  }
  now_running = "workspace limit";
  Stream limited(gpu.device, 64);
  Tensor in, out;
  make(gpu, in, SINTER_F32, 1, 100000, Layout::kAligned, true);
  make(gpu, out, SINTER_F64, 1, 1, Layout::kAligned, true);
  must(sinter_stream_synchronize(gpu.handle, &error));
  out.gpu.rank = 1;
  if (sinter_sum(limited.handle, 1, &in.gpu, 0, &out.gpu, &error) != SINTER_OUT_OF_MEMORY) {
    fail(std::string("25 partial sums went into 64 bytes: ") + error.message);
  }
  must(sinter_stream_synchronize(limited.handle, &error));
  free_tensor(gpu, in);
  free_tensor(gpu, out);
}

}  // namespace

int main(int argc, char** argv) {
  const int32_t device = argc > 1 ? std::atoi(argv[1]) : 0;
  const unsigned long long seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  const int batches = argc > 3 ? std::atoi(argv[3]) : 300;
  int32_t devices = 0;
  if (sinter_device_count(&devices, &error) != SINTER_OK || device >= devices) {
    std::printf("SKIPPED: no CUDA device %d: %s\n", device, error.message);
    return 77;
  }
  random_bits.seed(seed);
  {
    Stream cpu(SINTER_CPU);
    Stream gpu(device);
    for (int i = 0; i < batches && failures < 10; ++i) {
      const auto operation = static_cast<Operation>(i % kOperations);
      now_running = std::string(kNames[operation]) + ", seed " + std::to_string(seed) + ", batch " +
                    std::to_string(i);
      run_batch(cpu, gpu, operation);
    }
    for (int i = 0; i < batches / 2 && failures < 10; ++i) {
      const auto operation = static_cast<Spherical>(i % kSphericals);
      now_running = std::string(kSphericalNames[operation]) + ", seed " + std::to_string(seed) +
                    ", batch " + std::to_string(i);
      run_spherical(cpu, gpu, operation);
    }
    for (int i = 0; i < batches / 2 && failures < 10; ++i) {
      const auto operation = static_cast<Fisher>(i % kFishers);
      now_running = std::string(kFisherNames[operation]) + ", seed " + std::to_string(seed) +
                    ", batch " + std::to_string(i);
      run_fisher(cpu, gpu, operation);
    }
    const char* const selections[] = {"select", "quantile", "rank", "arcee_fusion"};
    for (int i = 0; i < batches / 2 && failures < 10; ++i) {
      now_running = std::string(selections[i % 4]) + ", seed " + std::to_string(seed) + ", batch " +
                    std::to_string(i);
      run_selection(cpu, gpu, i % 4);
    }
    for (int i = 0; i < batches / 8 && failures < 10; ++i) {
      now_running = "random, seed " + std::to_string(seed) + ", batch " + std::to_string(i);
      run_random(cpu, gpu);
    }
    for (int i = 0; i < batches / 3 && failures < 10; ++i) {
      constexpr const char* kMethods[] = {"ties as selected", "ties", "breadcrumbs", "dare",
                                          "della"};
      const int method = i % 5;
      now_running = std::string(kMethods[method]) + ", seed " + std::to_string(seed) + ", batch " +
                    std::to_string(i);
      run_sparse(cpu, gpu, method);
    }
    for (int i = 0; i < batches / 3 && failures < 10; ++i) {
      now_running = std::string(kCompatibilityNames[i % 6]) + ", seed " + std::to_string(seed) +
                    ", batch " + std::to_string(i);
      run_compatibility(cpu, gpu, i % 6);
    }
    check_numeric(cpu, gpu);
    check_event(gpu);
    check_wrapped(gpu);
    check_memory(gpu);
  }
  std::printf("%d batches on cuda:%d, seed %llu: %d failures\n", batches, device, seed, failures);
  return failures == 0 ? 0 : 1;
}
