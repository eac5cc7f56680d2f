// SPDX-License-Identifier: Apache-2.0
//
// The CPU twin's loops. Compiled once per instruction set, with TWIN_TIER naming the namespace.
//
// Bound: memory. A line of every input is loaded, XORed into one, and stored; the loop does nothing
// else, so its rate is the machine's rate for this mix of reads and writes.
#include "tier.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace twin::TWIN_TIER {
namespace {

constexpr int64_t kLine = 64;
// How far ahead lines are fetched: about the memory's latency at one core's rate.
constexpr int64_t kAhead = 16 * kLine;

#if defined(__AVX512F__)
struct Line {
  __m512i a;
  static Line load(const char* p) { return {_mm512_loadu_si512(p)}; }
  void fold(const Line& x) { a = _mm512_xor_si512(a, x.a); }
  void store(char* p) const { _mm512_storeu_si512(p, a); }
  void stream(char* p) const { _mm512_stream_si512(reinterpret_cast<__m512i*>(p), a); }
};
#elif defined(__AVX2__)
struct Line {
  __m256i a, b;
  static Line load(const char* p) {
    const auto* q = reinterpret_cast<const __m256i*>(p);
    return {_mm256_loadu_si256(q), _mm256_loadu_si256(q + 1)};
  }
  void fold(const Line& x) {
    a = _mm256_xor_si256(a, x.a);
    b = _mm256_xor_si256(b, x.b);
  }
  void store(char* p) const {
    auto* q = reinterpret_cast<__m256i*>(p);
    _mm256_storeu_si256(q, a);
    _mm256_storeu_si256(q + 1, b);
  }
  void stream(char* p) const {
    auto* q = reinterpret_cast<__m256i*>(p);
    _mm256_stream_si256(q, a);
    _mm256_stream_si256(q + 1, b);
  }
};
#else
typedef uint64_t Vector __attribute__((vector_size(16), aligned(1), may_alias));
struct Line {
  Vector v[4];
  static Line load(const char* p) {
    const auto* q = reinterpret_cast<const Vector*>(p);
    return {{q[0], q[1], q[2], q[3]}};
  }
  void fold(const Line& x) {
    for (int i = 0; i < 4; ++i) v[i] ^= x.v[i];
  }
  void store(char* p) const {
    auto* q = reinterpret_cast<Vector*>(p);
    for (int i = 0; i < 4; ++i) q[i] = v[i];
  }
  void stream(char* p) const {
#if defined(__x86_64__)
    auto* q = reinterpret_cast<__m128i*>(p);
    for (int i = 0; i < 4; ++i) _mm_stream_si128(q + i, reinterpret_cast<__m128i>(v[i]));
#elif defined(__aarch64__)
    asm volatile("stnp %q0, %q1, [%4]\n\tstnp %q2, %q3, [%4, #32]"
                 :
                 : "w"(v[0]), "w"(v[1]), "w"(v[2]), "w"(v[3]), "r"(p)
                 : "memory");
#else
    store(p);
#endif
  }
};
#endif

template <bool NonTemporal>
inline void put(const Line& line, char* p) {
  if constexpr (NonTemporal) {
    line.stream(p);
  } else {
    line.store(p);
  }
}

// All streams of one width: line i of the output is the fold of line i of each input. R = 0 reads
// their number from the streams.
template <int R, bool NonTemporal, bool Prefetch>
void equal_widths(const Piece& piece) {
  const twin_streams& s = *piece.streams;
  const int reads = R > 0 ? R : s.read_count;
  const char* in[TWIN_MAX_READS];
  for (int r = 0; r < reads; ++r) in[r] = static_cast<const char*>(s.reads[r]);
  char* out = static_cast<char*>(s.write);
  const int64_t end = piece.end * s.write_width;
  for (int64_t at = piece.begin * s.write_width; at < end; at += kLine) {
    if constexpr (Prefetch) __builtin_prefetch(in[0] + at + kAhead);
    Line line = Line::load(in[0] + at);
    for (int r = 1; r < reads; ++r) {
      if constexpr (Prefetch) __builtin_prefetch(in[r] + at + kAhead);
      line.fold(Line::load(in[r] + at));
    }
    put<NonTemporal>(line, out + at);
  }
}

// Streams of several widths: the fold of a block's inputs fills the block's output.
template <bool NonTemporal, bool Prefetch>
void mixed_widths(const Piece& piece) {
  const twin_streams& s = *piece.streams;
  char* out = static_cast<char*>(s.write) + piece.begin * s.write_width;
  for (int64_t block = piece.begin; block < piece.end; block += 64) {
    Line line = Line::load(static_cast<const char*>(s.reads[0]) + block * s.read_widths[0]);
    for (int r = 0; r < s.read_count; ++r) {
      const char* in = static_cast<const char*>(s.reads[r]) + block * s.read_widths[r];
      for (int l = r == 0 ? 1 : 0; l < s.read_widths[r]; ++l) {
        if constexpr (Prefetch) __builtin_prefetch(in + kAhead + l * kLine);
        line.fold(Line::load(in + l * kLine));
      }
    }
    for (int l = 0; l < s.write_width; ++l, out += kLine) put<NonTemporal>(line, out);
  }
}

// No output: the fold of a piece is kept where the compiler cannot see that nobody reads it.
template <bool Prefetch>
void reads_only(const Piece& piece) {
  const twin_streams& s = *piece.streams;
  alignas(64) char sink[kLine];
  Line line = Line::load(static_cast<const char*>(s.reads[0]) + piece.begin * s.read_widths[0]);
  for (int64_t block = piece.begin; block < piece.end; block += 64) {
    for (int r = 0; r < s.read_count; ++r) {
      const char* in = static_cast<const char*>(s.reads[r]) + block * s.read_widths[r];
      for (int l = 0; l < s.read_widths[r]; ++l) {
        if constexpr (Prefetch) __builtin_prefetch(in + kAhead + l * kLine);
        line.fold(Line::load(in + l * kLine));
      }
    }
  }
  line.store(sink);
  asm volatile("" : : "r"(sink) : "memory");
}

template <bool NonTemporal, bool Prefetch>
void of_streams(const Piece& piece) {
  const twin_streams& s = *piece.streams;
  if (s.write == nullptr) return reads_only<Prefetch>(piece);
  for (int r = 0; r < s.read_count; ++r) {
    if (s.read_widths[r] != s.write_width) return mixed_widths<NonTemporal, Prefetch>(piece);
  }
  switch (s.read_count) {
    case 1:
      return equal_widths<1, NonTemporal, Prefetch>(piece);
    case 2:
      return equal_widths<2, NonTemporal, Prefetch>(piece);
    case 3:
      return equal_widths<3, NonTemporal, Prefetch>(piece);
    case 4:
      return equal_widths<4, NonTemporal, Prefetch>(piece);
    case 5:
      return equal_widths<5, NonTemporal, Prefetch>(piece);
    case 8:
      return equal_widths<8, NonTemporal, Prefetch>(piece);
    case 9:
      return equal_widths<9, NonTemporal, Prefetch>(piece);
    default:
      return equal_widths<0, NonTemporal, Prefetch>(piece);
  }
}

template <bool NonTemporal>
void with_stores(const Piece& piece) {
  if (piece.variant & TWIN_PREFETCH) {
    of_streams<NonTemporal, true>(piece);
  } else {
    of_streams<NonTemporal, false>(piece);
  }
}

}  // namespace

void move(const Piece& piece) {
  if (piece.variant & TWIN_NON_TEMPORAL) {
    with_stores<true>(piece);
#if defined(__x86_64__)
    _mm_sfence();
#endif
  } else {
    with_stores<false>(piece);
  }
}

}  // namespace twin::TWIN_TIER
