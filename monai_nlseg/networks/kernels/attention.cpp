// softmax(Q K^T / sqrt(D)) V without the matrix of scores: the CPU kernel behind compiled attention.
//
// A task is QUERIES rows of Q. It walks over the keys in blocks of KEYS, which with their values fit the first-level
// cache, and keeps a running maximum and sum for each row (Milakov and Gimelshein, "Online normalizer calculation for
// softmax", 2018). Within a block, ROWS rows at a time stay in registers. K and V are stored again, block by block, and
// a block in panels as wide as the vectors in registers, so that both products read their memory from front to back.
//
// Operands are float32 or, on processors with AVX512-BF16, bfloat16. Sums and weights are float32 in either case; the
// weights are rounded to bfloat16 for the second product. A product of bfloat16 takes two neighbours at a time, so that
// all of its operands lie in pairs along the axis that is summed over.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int WIDTH = 16;   // floats of a vector
constexpr int COLUMNS = 4;  // vectors of scores in registers
#else
constexpr int WIDTH = 8;
constexpr int COLUMNS = 2;
#endif
constexpr int KEYS = 128;
constexpr int QUERIES = 96;
constexpr int ROWS = 6;
template <int D>
constexpr int VALUES = std::min(2, D / WIDTH);  // vectors of the result in registers
static_assert(QUERIES % ROWS == 0 && KEYS % (WIDTH * COLUMNS) == 0);

constexpr std::int64_t PACKED = 1 << 24;  // floats of keys and values packed at a time, if a single head has no more
constexpr float LOWEST = -std::numeric_limits<float>::infinity();

typedef float Vector __attribute__((vector_size(WIDTH * 4)));
typedef float Unaligned __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef std::uint32_t Bits __attribute__((vector_size(WIDTH * 4)));  // unsigned: bits may leave at the top

inline Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Unaligned*>(to) = value; }
inline Vector splat(float value) { return value - Vector{}; }
// A NaN in b stays: it must reach the sum of its row.
inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

// The largest of a vector's values that are numbers, and their sum: by halves, where a loop would wait for each step.
inline float largest(Vector value) {
#if defined(__AVX512F__)
  return _mm512_reduce_max_ps((__m512)value);
#elif defined(__AVX2__)
  __m128 half = _mm_max_ps(_mm256_castps256_ps128((__m256)value), _mm256_extractf128_ps((__m256)value, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
#else
  float found = LOWEST;
  for (int lane = 0; lane < WIDTH; ++lane) found = std::max(found, value[lane]);
  return found;
#endif
}

inline float sum_of(Vector value) {
#if defined(__AVX512F__)
  return _mm512_reduce_add_ps((__m512)value);
#elif defined(__AVX2__)
  __m128 half = _mm_add_ps(_mm256_castps256_ps128((__m256)value), _mm256_extractf128_ps((__m256)value, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
#else
  float sum = 0.0f;
  for (int lane = 0; lane < WIDTH; ++lane) sum += value[lane];
  return sum;
#endif
}

// 2^f for f in [0, 1), within 8e-8 of it or, for weights of bfloat16, 8e-5.
template <bool EXACT>
inline Vector power_of_fraction(Vector f) {
  if constexpr (!EXACT) return ((splat(7.8024045e-2f) * f + 2.2606690e-1f) * f + 6.9583416e-1f) * f + 0.99992508f;
  Vector p = splat(1.8775729e-3f);
  p = p * f + 8.9893416e-3f;
  p = p * f + 5.5826325e-2f;
  p = p * f + 2.4015361e-1f;
  p = p * f + 6.9315308e-1f;
  return p * f + 0.99999994f;
}

// 2^t for t <= 0; 0 below 2^-126 or, with AVX-512, the smaller numbers there are; NaN for NaN.
template <bool EXACT>
inline Vector power_of_two(Vector t) {
#if defined(__AVX512DQ__)
  const Vector f = (Vector)_mm512_reduce_ps((__m512)t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  return (Vector)_mm512_scalef_ps((__m512)power_of_fraction<EXACT>(f), (__m512)t);
#else
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which its low bits then hold
  t = larger(splat(-126.5f), t);
  Vector shifted = (t - 0.5f) + round;
  // A product: a NaN's bits must not be added to.
  return power_of_fraction<EXACT>(t - (shifted - round)) * (Vector)(((Bits)shifted << 23) + 0x3f800000u);
#endif
}

// What is multiplied: `Element` holds COUNT neighbours along the axis that is summed over.
struct Float32 {
  typedef float Stored;
  typedef float Element;
  typedef Vector Elements;
  static constexpr int COUNT = 1;
  static constexpr bool EXACT = true;
  static Element element(const float* from, std::int64_t) { return *from; }
  // The scale is part of the queries.
  static Element query(const float* from, float scale) { return *from * scale; }
  static constexpr float scale_of_scores(float) { return 1.0f; }
  static Elements load(const Element* from) { return ::load(from); }
  static Vector add(Vector sum, Element a, Elements b) { return sum + splat(a) * b; }
  static void put(Element* to, Vector first, Vector second) {
    store(to, first);
    store(to + WIDTH, second);
  }
  static void put(Stored* to, float value) { *to = value; }
};

#if defined(__AVX512BF16__)
struct BFloat16 {
  typedef std::uint16_t Stored;
  typedef std::uint32_t Element;
  typedef __m512bh Elements;
  static constexpr int COUNT = 2;
  static constexpr bool EXACT = false;
  // Two neighbours that lie `step` apart.
  static Element element(const Stored* from, std::int64_t step) {
    return from[0] | static_cast<std::uint32_t>(from[step]) << 16;
  }
  // Queries stay as they are: scaled ones would be rounded once more.
  static Element query(const Stored* from, float) { return element(from, 1); }
  static constexpr float scale_of_scores(float scale) { return scale; }
  static Elements load(const Element* from) { return (__m512bh)_mm512_loadu_si512(from); }
  static Vector add(Vector sum, Element a, Elements b) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), b);
  }
  static void put(Element* to, Vector first, Vector second) {
    _mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
  }
  static void put(Stored* to, float value) {  // to the nearest, ties to even; NaN stays
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    *to = static_cast<Stored>((value == value ? bits + 0x7fff + ((bits >> 16) & 1) : 0x7fc00000u) >> 16);
  }
};
#endif

// Where a panel of VECTORS vectors has the element (k, n) of a (K, N) matrix.
template <int K, int VECTORS>
inline std::int64_t panelled(std::int64_t k, std::int64_t n) {
  constexpr int PANEL = VECTORS * WIDTH;
  return n / PANEL * PANEL * K + k * PANEL + n % PANEL;
}

// out (ROWS, N) = a (ROWS, K) b (K, N in panels), or is added to; VECTORS of each row of out stay in registers.
template <typename T, int K, int N, int VECTORS, bool ADD>
inline void multiply(const typename T::Element* a, const typename T::Element* b, float* out) {
  static_assert(N % (VECTORS * WIDTH) == 0);
  for (int first = 0; first < N; first += VECTORS * WIDTH) {
    Vector sum[ROWS][VECTORS] = {};
    if constexpr (ADD) {
#pragma GCC unroll 6
      for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; ++v) sum[row][v] = load(out + row * N + first + v * WIDTH);
    }
    for (int k = 0; k < K; ++k) {
      typename T::Elements column[VECTORS];
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; ++v) column[v] = T::load(b + first * K + (k * VECTORS + v) * WIDTH);
#pragma GCC unroll 6
      for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; ++v) sum[row][v] = T::add(sum[row][v], a[row * K + k], column[v]);
    }
#pragma GCC unroll 6
    for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; ++v) store(out + row * N + first + v * WIDTH, sum[row][v]);
  }
}

// Scores become unnormalised weights, powers of two of their distance from the maximum times a scale; maximum, total
// and the row of out so far follow a new maximum. Distances are taken before they are scaled: from a maximum that was
// scaled, and rounded, large scores would lie far away.
template <typename T, int D>
inline void weigh(const float* scores, float scale, typename T::Element* weights, float& maximum, float& total,
                  float* out) {
  Vector top = load(scores);
#pragma GCC unroll 16
  for (int key = WIDTH; key < KEYS; key += WIDTH) top = larger(top, load(scores + key));
  const float peak = std::max(maximum, largest(top));
  // Where all scores so far are -inf, all weights are 0; -inf less -inf would be NaN.
  const Vector origin = splat(peak > LOWEST ? peak : 0.0f);
  Vector sum = {};
#pragma GCC unroll 8
  for (int key = 0; key < KEYS; key += 2 * WIDTH) {
    Vector first = power_of_two<T::EXACT>((load(scores + key) - origin) * scale);
    Vector second = power_of_two<T::EXACT>((load(scores + key + WIDTH) - origin) * scale);
    sum += first + second;
    T::put(weights + key / T::COUNT, first, second);
  }
  if (peak > maximum) {
    float shrink = std::exp2((maximum - peak) * scale);
    total *= shrink;
    for (int d = 0; d < D; ++d) out[d] *= shrink;
    maximum = peak;
  }
  total += sum_of(sum);
}

template <typename T, int D>
void attend(const typename T::Stored* q, const typename T::Element* k, const typename T::Element* v,
            typename T::Stored* out, std::int64_t rows, std::int64_t keys) {
  constexpr int DEPTH = D / T::COUNT;
  alignas(64) typename T::Element queries[QUERIES * DEPTH] = {}, weights[ROWS * KEYS / T::COUNT];
  alignas(64) float gathered[QUERIES * D] = {}, scores[ROWS * KEYS];
  float maximum[QUERIES], total[QUERIES] = {};
  const float scale = 1.44269504f / std::sqrt(static_cast<float>(D));  // log2(e): powers of two below
  const float left = T::scale_of_scores(scale);  // for the scores
  const int filled = static_cast<int>(std::min<std::int64_t>(rows, QUERIES));
  for (int i = 0; i < filled * DEPTH; ++i) queries[i] = T::query(q + i * T::COUNT, scale);
  std::fill(maximum, maximum + QUERIES, LOWEST);
  for (std::int64_t first = 0; first < keys; first += KEYS) {
    for (int row = 0; row < filled; row += ROWS) {
      multiply<T, DEPTH, KEYS, COLUMNS, false>(queries + row * DEPTH, k + first * DEPTH, scores);
      for (int r = 0; r < ROWS; ++r) {
        // Keys that only fill the last block.
        for (std::int64_t key = keys - first; key < KEYS; ++key) scores[r * KEYS + key] = LOWEST;
        weigh<T, D>(scores + r * KEYS, left, weights + r * KEYS / T::COUNT, maximum[row + r], total[row + r],
                    gathered + (row + r) * D);
      }
      multiply<T, KEYS / T::COUNT, D, VALUES<D>, true>(weights, v + first * DEPTH, gathered + row * D);
    }
  }
  // A row without weights is 0, as PyTorch's attention has it.
  for (int row = 0; row < filled; ++row)
    for (int d = 0; d < D; ++d)
      T::put(out + row * D + d, gathered[row * D + d] / (total[row] == 0.0f ? 1.0f : total[row]));
}

// One block of keys and their values; what fills the last block is zero.
template <typename T, int D>
void pack(const typename T::Stored* k, const typename T::Stored* v, typename T::Element* packed_k,
          typename T::Element* packed_v, std::int64_t keys) {
  constexpr int DEPTH = D / T::COUNT;
  for (std::int64_t key = 0; key < KEYS; ++key)
    for (int d = 0; d < DEPTH; ++d)
      packed_k[panelled<DEPTH, COLUMNS>(d, key)] = key < keys ? T::element(k + key * D + d * T::COUNT, 1) : 0;
  for (std::int64_t key = 0; key < KEYS; key += T::COUNT)
    for (int d = 0; d < D; ++d) {
      const typename T::Stored* at = v + key * D + d;
      // Behind the last key is none, so that the last pair may have a neighbour of zero.
      packed_v[panelled<KEYS / T::COUNT, VALUES<D>>(key / T::COUNT, d)] =
          key + T::COUNT <= keys ? T::element(at, D) : key < keys ? *at : 0;
    }
}

template <typename T, int D>
int run(const void* queries, const void* keys_, const void* values, void* result, std::int64_t heads, std::int64_t rows,
        std::int64_t keys, int threads) {
  typedef typename T::Stored Stored;
  typedef typename T::Element Element;
  const Stored *q = static_cast<const Stored*>(queries), *k = static_cast<const Stored*>(keys_);
  const Stored* v = static_cast<const Stored*>(values);
  Stored* out = static_cast<Stored*>(result);
  constexpr int DEPTH = D / T::COUNT;
  const std::int64_t blocks = (keys + KEYS - 1) / KEYS, tasks = (rows + QUERIES - 1) / QUERIES;
  const std::int64_t size = blocks * KEYS * DEPTH;
  const std::int64_t group = std::min(heads, std::max<std::int64_t>(PACKED / std::max<std::int64_t>(2 * size, 1), 1));
  std::unique_ptr<Element[]> packed(new (std::nothrow) Element[2 * group * size]);
  if (!packed) return 1;
  Element *const packed_k = packed.get(), *const packed_v = packed_k + group * size;
  for (std::int64_t start = 0; start < heads; start += group) {
    const std::int64_t count = std::min(group, heads - start);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t i = 0; i < count * blocks; ++i) {
      const std::int64_t first = i % blocks * KEYS, from = ((start + i / blocks) * keys + first) * D;
      const std::int64_t to = i * KEYS * DEPTH;
      pack<T, D>(k + from, v + from, packed_k + to, packed_v + to, keys - first);
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t i = 0; i < count * tasks; ++i) {
      const std::int64_t head = i / tasks, first = i % tasks * QUERIES, at = ((start + head) * rows + first) * D;
      attend<T, D>(q + at, packed_k + head * size, packed_v + head * size, out + at, rows - first, keys);
    }
  }
  return 0;
}

template <typename T>
int run_width(const void* q, const void* k, const void* v, void* out, std::int64_t heads, std::int64_t rows,
              std::int64_t keys, std::int64_t width, int threads) {
  switch (width) {
    case 16: return run<T, 16>(q, k, v, out, heads, rows, keys, threads);
    case 32: return run<T, 32>(q, k, v, out, heads, rows, keys, threads);
    case 64: return run<T, 64>(q, k, v, out, heads, rows, keys, threads);
    case 128: return run<T, 128>(q, k, v, out, heads, rows, keys, threads);
    default: return 2;
  }
}

}  // namespace

// Whether bfloat16 operands are served.
extern "C" int monai_nlseg_attention_narrow() {
#if defined(__AVX512BF16__)
  return 1;
#else
  return 0;
#endif
}

// q (heads, rows, width), k and v (heads, keys, width), out (heads, rows, width), all contiguous, in float32 or, if
// `narrow`, in bfloat16. Returns 0, 1 when memory ran out, 2 for a width other than 16, 32, 64 or 128, or for bfloat16
// where it is not served.
extern "C" int monai_nlseg_attention(const void* q, const void* k, const void* v, void* out, std::int64_t heads,
                                     std::int64_t rows, std::int64_t keys, std::int64_t width, int narrow,
                                     int threads) {
#if defined(__AVX512BF16__)
  if (narrow) return run_width<BFloat16>(q, k, v, out, heads, rows, keys, width, threads);
#endif
  return narrow ? 2 : run_width<Float32>(q, k, v, out, heads, rows, keys, width, threads);
}
