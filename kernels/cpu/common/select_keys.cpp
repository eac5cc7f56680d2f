// SPDX-License-Identifier: Apache-2.0
#include "cpu/common/select_keys.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "cpu/common/parts.h"

namespace sinter::cpu {
namespace {

// Tensors of at most this size are their own sample.
constexpr int64_t kWhole = 8192;
constexpr int64_t kSample = 64 * 1024;
// Standard errors from the sampled rank to the window's ends: beyond them is one selection in 16000,
// which then takes a histogram of everything.
constexpr double kReach = 4.0;
constexpr int64_t kRun = 16;  // neighbours of the sample: one or two cache lines
// Selections that take their turns on one part, which stays in the second-level cache meanwhile.
constexpr int64_t kShared = 8;
constexpr int64_t kChunkKeys = 512;
constexpr int64_t kBins = 64 * 1024;

enum class Step { kSample, kBounds, kCapture, kHistogram, kFind, kDone };

// A part's outcome: counts at bounds; capturing, at the window's low end and above its high end.
struct PartResult {
  uint32_t counts[kBounds];
  uint32_t nonfinite;
  uint32_t reserved;
};

// A piece of captured keys, all of one part.
struct Chunk {
  int64_t part;
  int64_t used;
};

struct State {
  KeySelection* selection = nullptr;
  int64_t elements = 0;
  int64_t slot = 0;  // its pieces' first entry in the numbering of parts
  int64_t parts = 0;
  Step step = Step::kSample;
  uint64_t bounds[kBounds] = {};
  int n = 0;
  uint64_t low = 0;
  uint64_t high = 0;
  int64_t chunks = 0;
  PartResult* results = nullptr;
  Chunk* chunk_list = nullptr;
  unsigned char* pool = nullptr;
  std::atomic<int64_t> next{0};
  int64_t part = 0;  // where the last kept one is, and which of the equals there
  int64_t nth = 0;
};

// Calls f with a key of the width as its argument.
template <class F>
void with_key(int32_t bytes, F f) {
  if (bytes == 2) {
    f(uint16_t{0});
  } else if (bytes == 4) {
    f(uint32_t{0});
  } else {
    f(uint64_t{0});
  }
}

// The k-th largest of n keys, which are moved about.
template <class Key>
Key kth_largest(Key* keys, int64_t n, int64_t k) {
  for (;;) {
    Key low = keys[0];
    Key high = keys[0];
    for (int64_t i = 1; i < n; ++i) {
      low = std::min(low, keys[i]);
      high = std::max(high, keys[i]);
    }
    if (low == high) {
      return low;
    }
    constexpr int kFew = 1024;
    const uint64_t span = static_cast<uint64_t>(high - low);
    int shift = 0;
    while ((span >> shift) >= kFew) {
      ++shift;
    }
    uint32_t counts[kFew] = {};
    for (int64_t i = 0; i < n; ++i) {
      ++counts[static_cast<uint64_t>(keys[i] - low) >> shift];
    }
    uint64_t bin = kFew - 1;
    while (counts[bin] < static_cast<uint64_t>(k)) {
      k -= counts[bin];
      --bin;
    }
    if (shift == 0) {
      return static_cast<Key>(low + bin);
    }
    int64_t kept = 0;
    for (int64_t i = 0; i < n; ++i) {
      const Key key = keys[i];
      keys[kept] = key;
      kept += static_cast<uint64_t>(key - low) >> shift == bin;
    }
    n = kept;
  }
}

// A fixed scatter of numbers.
uint64_t scatter(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

class Engine {
 public:
  Engine(const Context& context, KeySelection* selections, int64_t count)
      : context_(context), states_(static_cast<size_t>(count)) {
    int64_t at = 0;
    for (State& state : states_) {
      state.selection = selections + at;
      const KeySelection& s = *state.selection;
      int64_t group_size = groups_.empty() ? 0 : at - groups_.back();
      if (at == 0 || !s.shares || group_size >= kShared) {
        groups_.push_back(at);
        slots_.push_back(static_cast<int64_t>(slot_group_.size()));
        for (int64_t p = 0; p < s.count; ++p) {
          slot_group_.push_back(static_cast<int64_t>(groups_.size()) - 1);
          slot_piece_.push_back(p);
          first_.push_back(first_.back() + parts_of(s.pieces[p].elements));
        }
      }
      state.slot = slots_.back();
      for (int64_t p = 0; p < s.count; ++p) {
        state.elements += s.pieces[p].elements;
        state.parts += parts_of(s.pieces[p].elements);
      }
      ++at;
    }
    groups_.push_back(count);
  }

  void run() {
    sample();
    while (pass()) {
    }
    find();
  }

 private:
  static int64_t parts_of(int64_t elements) { return (elements + kPart - 1) / kPart; }

  bool any(Step step) const {
    return std::any_of(states_.begin(), states_.end(),
                       [&](const State& state) { return state.step == step; });
  }

  // Runs f(lane, index) for all selections, a lane being one thread's.
  template <class F>
  void for_all(F f) {
    std::atomic<int64_t> next{0};
    const int64_t count = static_cast<int64_t>(states_.size());
    context_.team.run(std::min<int64_t>(context_.team.threads(), count), [&](int64_t lane) {
      for (int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
        f(lane, i);
      }
    });
  }

  // ---- The sample ----

  void sample() {
    int64_t most = 0;
    for (const State& state : states_) {
      const int64_t room = std::min(state.elements, kSample + 2 * kRun * state.selection->count);
      most = std::max(most, std::max(room, kWhole) * state.selection->kernels->bytes);
    }
    most = (most + 63) / 64 * 64;
    const int64_t lanes =
        std::min<int64_t>(context_.team.threads(), static_cast<int64_t>(states_.size()));
    auto* const memory =
        reinterpret_cast<unsigned char*>(context_.workspace.reserve(lanes * 2 * most / 8));
    for_all([&](int64_t lane, int64_t i) {
      State& state = states_[static_cast<size_t>(i)];
      with_key(state.selection->kernels->bytes, [&](auto zero) {
        using Key = decltype(zero);
        Key* const keys = reinterpret_cast<Key*>(memory + lane * 2 * most);
        sample_of(state, keys, reinterpret_cast<Key*>(memory + lane * 2 * most + most));
      });
    });
  }

  template <class Key>
  static void sample_of(State& state, Key* keys, Key* spare) {
    KeySelection& s = *state.selection;
    const bool whole = state.elements <= kWhole;
    int64_t n = 0;
    bool finite = true;
    for (int64_t p = 0; p < s.count; ++p) {
      const KeyPiece& piece = s.pieces[p];
      if (whole) {
        finite &= s.kernels->keys(piece.source, 0, piece.elements, keys + n);
        n += piece.elements;
        continue;
      }
      const int64_t wanted = std::min(kSample, state.elements / 8);
      const double share =
          static_cast<double>(piece.elements) / static_cast<double>(state.elements);
      const int64_t runs =
          static_cast<int64_t>(share * static_cast<double>(wanted) / static_cast<double>(kRun)) + 1;
      const int64_t stride = piece.elements / runs;
      if (stride < kRun) {
        const int64_t some = std::min(piece.elements, kRun);
        s.kernels->keys(piece.source, 0, some, keys + n);
        n += some;
        continue;
      }
      for (int64_t r = 0; r < runs; ++r) {
        // Not evenly: rows have periods of their own.
        const uint64_t slack = static_cast<uint64_t>(stride - kRun + 1);
        const int64_t shift = static_cast<int64_t>(scatter(static_cast<uint64_t>(r) + 1) % slack);
        s.kernels->keys(piece.source, r * stride + shift, kRun, keys + n);
        n += kRun;
      }
    }
    if (whole) {
      s.finite = finite;
      s.piece = 0;
      const Key key = finite ? kth_of(keys, spare, n, s.k) : Key{0};
      int64_t above = 0;
      for (int64_t i = 0; i < n; ++i) {
        above += keys[i] > key;
      }
      s.key = key;
      if (finite && s.count == 1) {
        state.step = Step::kFind;
        state.part = 0;
        state.nth = s.k - above;
      } else {
        exactly(state, key);  // in which piece, a pass will tell
      }
      return;
    }
    const double size = static_cast<double>(n);
    const double p = static_cast<double>(s.k) / static_cast<double>(state.elements);
    const double reach = kReach * std::sqrt(size * p * (1.0 - p)) + 8.0;
    const int64_t upper = static_cast<int64_t>(p * size - reach);
    const int64_t lower = static_cast<int64_t>(p * size + reach) + 1;
    const uint64_t most = static_cast<uint64_t>(static_cast<Key>(~Key{0}));
    state.high = upper < 1 ? most : kth_of(keys, spare, n, upper);
    state.low = lower > n ? 0 : kth_of(keys, spare, n, lower);
    if (state.high - state.low < kBounds - 1) {
      state.step = Step::kBounds;
      state.n = static_cast<int>(state.high - state.low) + 2;
      for (int j = 0; j < state.n; ++j) {
        state.bounds[j] = state.low + static_cast<uint64_t>(j);
      }
    } else {
      // Elements of key 0 (differences are full of them) need not be collected to be counted.
      state.step = Step::kCapture;
      state.low = std::max<uint64_t>(state.low, 1);
    }
  }

  template <class Key>
  static uint64_t kth_of(const Key* keys, Key* spare, int64_t n, int64_t k) {
    std::copy(keys, keys + n, spare);
    return kth_largest(spare, n, k);
  }

  // The key is known: what is left is to find its last kept equal.
  static void exactly(State& state, uint64_t key) {
    state.step = Step::kBounds;
    state.low = key;
    state.high = key;
    state.bounds[0] = key;
    state.bounds[1] = key + 1;
    state.n = 2;
  }

  // ---- Counting ----

  bool pass() {
    if (!any(Step::kBounds) && !any(Step::kCapture)) {
      return false;
    }
    reserve();
    context_.team.run(first_.back(), [&](int64_t unit) { count_part(unit); });
    for_all([&](int64_t, int64_t i) { resolve(states_[static_cast<size_t>(i)]); });
    for (State& state : states_) {
      if (state.step == Step::kHistogram) {
        histograms(state);
      }
    }
    return true;
  }

  void reserve() {
    int64_t bytes = 0;
    for (int dry = 1; dry >= 0; --dry) {
      auto* const memory =
          dry == 1 ? nullptr
                   : reinterpret_cast<unsigned char*>(context_.workspace.reserve(bytes / 8 + 8));
      bytes = 0;
      const auto take = [&](int64_t size) {
        unsigned char* const at = memory + bytes;
        bytes += (size + 63) / 64 * 64;
        return at;
      };
      for (State& state : states_) {
        if (state.step != Step::kBounds && state.step != Step::kCapture) {
          continue;
        }
        state.results = reinterpret_cast<PartResult*>(
            take(state.parts * static_cast<int64_t>(sizeof(PartResult))));
        if (state.step == Step::kCapture) {
          const KeySelection& s = *state.selection;
          // A twenty-first of the input, and of the elements at most.
          const int64_t keys = std::min(state.elements / 21 * s.element_bytes / s.kernels->bytes,
                                        state.elements / 16);
          state.chunks = std::max<int64_t>(keys / kChunkKeys, 8);
          state.chunk_list =
              reinterpret_cast<Chunk*>(take(state.chunks * static_cast<int64_t>(sizeof(Chunk))));
          state.pool = take(state.chunks * kChunkKeys * s.kernels->bytes);
          state.next.store(0);
        }
      }
    }
  }

  void count_part(int64_t unit) {
    const int64_t slot = tensor_of(first_, unit);
    const int64_t group = slot_group_[static_cast<size_t>(slot)];
    const int64_t p = slot_piece_[static_cast<size_t>(slot)];
    const int64_t from = groups_[static_cast<size_t>(group)];
    const int64_t members = groups_[static_cast<size_t>(group) + 1] - from;
    const int64_t part = unit - first_[static_cast<size_t>(slots_[static_cast<size_t>(group)])];
    const int64_t begin = (unit - first_[static_cast<size_t>(slot)]) * kPart;
    const int64_t elements = states_[static_cast<size_t>(from)].selection->pieces[p].elements;
    const int64_t end = std::min(begin + kPart, elements);
    int64_t open[kShared];
    for (int64_t m = 0; m < members; ++m) {
      open[m] = -1;
      State& state = states_[static_cast<size_t>(from + m)];
      if (state.step == Step::kBounds || state.step == Step::kCapture) {
        state.results[part] = {};
      }
    }
    alignas(64) unsigned char room[(kCaptured + kCaptureSlack) * 8];
    for (int64_t i = begin; i < end; i += kCaptured) {
      const int64_t past = std::min(i + kCaptured, end);
      for (int64_t m = 0; m < members; ++m) {
        State& state = states_[static_cast<size_t>(from + m)];
        const KeySelection& s = *state.selection;
        const void* const source = s.pieces[p].source;
        if (state.step == Step::kBounds) {
          PartResult& result = state.results[part];
          result.nonfinite |=
              !s.kernels->count(source, i, past, state.bounds, state.n, result.counts);
        } else if (state.step == Step::kCapture) {
          PartResult& result = state.results[part];
          const Captured captured =
              s.kernels->capture(source, i, past, state.low, state.high, room);
          result.nonfinite |= !captured.finite;
          result.counts[0] += static_cast<uint32_t>(captured.above + captured.inside);
          result.counts[1] += static_cast<uint32_t>(captured.above);
          keep(state, part, room, captured.inside, open[m]);
        }
      }
    }
  }

  // Adds captured keys to the pool; `open` is the part's chunk that may have room.
  static void keep(State& state, int64_t part, const unsigned char* keys, int64_t count,
                   int64_t& open) {
    const int64_t bytes = state.selection->kernels->bytes;
    while (count > 0) {
      if (open < 0 || state.chunk_list[open].used == kChunkKeys) {
        open = state.next.fetch_add(1);
        if (open >= state.chunks) {
          open = -1;
          return;  // too many: next says so
        }
        state.chunk_list[open] = {part, 0};
      }
      Chunk& chunk = state.chunk_list[open];
      const int64_t some = std::min(count, kChunkKeys - chunk.used);
      std::memcpy(state.pool + (open * kChunkKeys + chunk.used) * bytes, keys,
                  static_cast<size_t>(some * bytes));
      chunk.used += some;
      keys += some * bytes;
      count -= some;
    }
  }

  // From counts to the part in which the last kept one is, or to a step that finds out.
  void resolve(State& state) {
    if (state.step != Step::kBounds && state.step != Step::kCapture) {
      return;
    }
    KeySelection& s = *state.selection;
    const bool capture = state.step == Step::kCapture;
    const int n = capture ? 2 : state.n;
    int64_t totals[kBounds] = {};
    s.finite = true;
    for (int64_t part = 0; part < state.parts; ++part) {
      const PartResult& result = state.results[part];
      if (result.nonfinite != 0) {
        s.finite = false;
        s.piece = piece_of(state, part);
        state.step = Step::kDone;
        return;
      }
      for (int j = 0; j < n; ++j) {
        totals[j] += result.counts[j];
      }
    }
    if (s.k > totals[0]) {
      if (state.low == 1) {
        s.key = 0;
        locate(state, s.k - totals[0], [&](int64_t part) {
          return elements_of_part(state, part) - state.results[part].counts[0];
        });
      } else {
        state.step = Step::kHistogram;
      }
      return;
    }
    if (s.k <= totals[n - 1]) {
      state.step = Step::kHistogram;
      return;
    }
    if (!capture) {
      int j = 0;
      while (s.k <= totals[j + 1]) {
        ++j;
      }
      s.key = state.bounds[j];
      locate(state, s.k - totals[j + 1], [&](int64_t part) {
        const uint32_t* const counts = state.results[part].counts;
        return int64_t{counts[j]} - int64_t{counts[j + 1]};
      });
      return;
    }
    if (state.next.load() > state.chunks) {
      state.step = Step::kHistogram;
      return;
    }
    resolve_captured(state, s.k - totals[1]);
  }

  // Histograms of what was captured, ever finer.
  static void resolve_captured(State& state, int64_t k) {
    const KeyKernels& kernels = *state.selection->kernels;
    const int64_t chunk_bytes = kChunkKeys * kernels.bytes;
    const int64_t chunks = state.next.load();
    uint64_t low = state.low;
    uint64_t span = state.high - state.low;
    for (;;) {
      int shift = 0;
      while ((span >> shift) >= kKeyBins) {
        ++shift;
      }
      uint32_t counts[kBinCopies][kKeyBins] = {};
      for (int64_t c = 0; c < chunks; ++c) {
        kernels.bins(state.pool + c * chunk_bytes, state.chunk_list[c].used, low, span, shift,
                     counts[0]);
      }
      uint64_t bin = kKeyBins;
      int64_t here = 0;
      do {
        k -= here;
        --bin;
        here = 0;
        for (const auto& copy : counts) {
          here += copy[bin];
        }
      } while (here < k);
      low += bin << shift;
      if (shift == 0) {
        break;
      }
      span = std::min(span - (bin << shift), (uint64_t{1} << shift) - 1);
    }
    state.selection->key = low;
    for (int64_t part = 0; part < state.parts; ++part) {
      state.results[part].counts[2] = 0;
    }
    for (int64_t c = 0; c < chunks; ++c) {
      state.results[state.chunk_list[c].part].counts[2] +=
          kernels.equals(state.pool + c * chunk_bytes, state.chunk_list[c].used, low);
    }
    locate(state, k, [&](int64_t part) { return int64_t{state.results[part].counts[2]}; });
  }

  // The part that holds the nth equal one.
  template <class F>
  static void locate(State& state, int64_t nth, F equal) {
    int64_t part = 0;
    for (int64_t here = equal(part); here < nth; here = equal(++part)) {
      nth -= here;
    }
    state.part = part;
    state.nth = nth;
    state.step = Step::kFind;
  }

  // The piece of a selection's part.
  int64_t piece_of(const State& state, int64_t part) const {
    const int64_t unit = first_[static_cast<size_t>(state.slot)] + part;
    return tensor_of(first_, unit) - state.slot;
  }

  int64_t begin_of_part(const State& state, int64_t part) const {
    const int64_t unit = first_[static_cast<size_t>(state.slot)] + part;
    return (unit - first_[static_cast<size_t>(tensor_of(first_, unit))]) * kPart;
  }

  int64_t elements_of_part(const State& state, int64_t part) const {
    const int64_t elements = state.selection->pieces[piece_of(state, part)].elements;
    return std::min(elements - begin_of_part(state, part), kPart);
  }

  // ---- The fall-back ----

  void histograms(State& state) {
    KeySelection& s = *state.selection;
    const int64_t lanes = std::min<int64_t>(context_.team.threads(), state.parts);
    auto* const counts = reinterpret_cast<uint64_t*>(context_.workspace.reserve(lanes * kBins));
    uint64_t low = 0;
    uint64_t k = static_cast<uint64_t>(s.k);
    for (int shift = s.kernels->bytes * 8 - 16; shift >= 0; shift -= 16) {
      std::atomic<int64_t> next{0};
      context_.team.run(lanes, [&](int64_t lane) {
        uint64_t* const mine = counts + lane * kBins;
        std::memset(mine, 0, kBins * sizeof *mine);
        for (int64_t part = next.fetch_add(1); part < state.parts; part = next.fetch_add(1)) {
          const int64_t begin = begin_of_part(state, part);
          s.kernels->histogram(s.pieces[piece_of(state, part)].source, begin,
                               begin + elements_of_part(state, part), low, shift, kBins, mine);
        }
      });
      for (int64_t lane = 1; lane < lanes; ++lane) {
        for (int64_t bin = 0; bin < kBins; ++bin) {
          counts[bin] += counts[lane * kBins + bin];
        }
      }
      uint64_t bin = kBins - 1;
      while (bin > 0 && counts[bin] < k) {
        k -= counts[bin];
        --bin;
      }
      low += bin << shift;
    }
    exactly(state, low);
  }

  // ---- The last kept one ----

  void find() {
    for_all([&](int64_t, int64_t i) {
      State& state = states_[static_cast<size_t>(i)];
      if (state.step != Step::kFind) {
        return;
      }
      KeySelection& s = *state.selection;
      s.piece = piece_of(state, state.part);
      const int64_t begin = begin_of_part(state, state.part);
      s.index = s.kernels->find(s.pieces[s.piece].source, begin,
                                begin + elements_of_part(state, state.part), s.key, state.nth);
      state.step = Step::kDone;
    });
  }

  const Context& context_;
  std::vector<State> states_;
  std::vector<int64_t> groups_;      // each group's first selection, and the end
  std::vector<int64_t> slots_;       // each group's first slot
  std::vector<int64_t> slot_group_;  // slots: the pieces of all groups
  std::vector<int64_t> slot_piece_;
  std::vector<int64_t> first_{0};  // each slot's first part
};

}  // namespace

void select_keys(const Context& context, KeySelection* selections, int64_t count) {
  if (count > 0) {
    Engine(context, selections, count).run();
  }
}

}  // namespace sinter::cpu
