// softmax(Q K^T / sqrt(D)) V in float32 without the matrix of scores: the CPU kernel behind compiled attention.
//
// A task is QUERIES rows of Q. It walks over the keys in blocks of KEYS, which with their values fit the first-level
// cache, and keeps a running maximum and sum for each row (Milakov and Gimelshein, "Online normalizer calculation for
// softmax", 2018). Within a block, ROWS rows at a time stay in registers. K and V are stored again, block by block, and
// a block in panels as wide as the vectors in registers, so that both products read their memory from front to back.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>

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

// 2^t for t <= 0, relative error below 3e-7; 0 below 2^-126, NaN for NaN.
inline Vector power_of_two(Vector t) {
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which its low bits then hold
  t = larger(splat(-127.0f), t);
  Vector shifted = t + round;
  Vector f = t - (shifted - round);
  Vector p = splat(1.5353362e-4f);
  p = p * f + 1.3398874e-3f;
  p = p * f + 9.6184373e-3f;
  p = p * f + 5.5503324e-2f;
  p = p * f + 2.4022648e-1f;
  p = p * f + 6.9314720e-1f;
  p = p * f + 1.0f;
  return p * (Vector)(((Bits)shifted << 23) + 0x3f800000u);  // a product: a NaN's bits must not be added to
}

// Where a panel of VECTORS vectors has the element (k, n) of a (K, N) matrix.
template <int K, int VECTORS>
inline std::int64_t panelled(std::int64_t k, std::int64_t n) {
  constexpr int PANEL = VECTORS * WIDTH;
  return n / PANEL * PANEL * K + k * PANEL + n % PANEL;
}

// out (ROWS, N) = a (ROWS, K) b (K, N in panels), or is added to; VECTORS of each row of out stay in registers.
template <int K, int N, int VECTORS, bool ADD>
inline void multiply(const float* a, const float* b, float* out) {
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
      Vector column[VECTORS];
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; ++v) column[v] = load(b + first * K + (k * VECTORS + v) * WIDTH);
#pragma GCC unroll 6
      for (int row = 0; row < ROWS; ++row) {
        Vector value = splat(a[row * K + k]);
#pragma GCC unroll 4
        for (int v = 0; v < VECTORS; ++v) sum[row][v] += value * column[v];
      }
    }
#pragma GCC unroll 6
    for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 4
      for (int v = 0; v < VECTORS; ++v) store(out + row * N + first + v * WIDTH, sum[row][v]);
  }
}

// Scores become unnormalised weights; maximum, total and the row of out so far follow a new maximum.
template <int D>
inline void weigh(float* scores, float& maximum, float& total, float* out) {
  Vector top = load(scores);
#pragma GCC unroll 16
  for (int key = WIDTH; key < KEYS; key += WIDTH) top = larger(top, load(scores + key));
  float peak = maximum;
  for (int lane = 0; lane < WIDTH; ++lane) peak = std::max(peak, top[lane]);
  // Where all scores so far are -inf, all weights are 0; -inf less -inf would be NaN.
  const Vector origin = splat(peak > LOWEST ? peak : 0.0f);
  Vector sum = {};
#pragma GCC unroll 16
  for (int key = 0; key < KEYS; key += WIDTH) {
    Vector weight = power_of_two(load(scores + key) - origin);
    sum += weight;
    store(scores + key, weight);
  }
  if (peak > maximum) {
    float shrink = std::exp2(maximum - peak);
    total *= shrink;
    for (int d = 0; d < D; ++d) out[d] *= shrink;
    maximum = peak;
  }
  for (int lane = 0; lane < WIDTH; ++lane) total += sum[lane];
}

template <int D>
void attend(const float* q, const float* k, const float* v, float* out, std::int64_t rows, std::int64_t keys) {
  alignas(64) float scaled[QUERIES * D], gathered[QUERIES * D] = {}, scores[ROWS * KEYS];
  float maximum[QUERIES], total[QUERIES] = {};
  const float scale = 1.44269504f / std::sqrt(static_cast<float>(D));  // log2(e): powers of two below
  for (std::int64_t i = 0; i < QUERIES * D; ++i) scaled[i] = i < rows * D ? q[i] * scale : 0.0f;
  std::fill(maximum, maximum + QUERIES, LOWEST);
  for (std::int64_t first = 0; first < keys; first += KEYS) {
    for (int row = 0; row < std::min<std::int64_t>(rows, QUERIES); row += ROWS) {
      multiply<D, KEYS, COLUMNS, false>(scaled + row * D, k + first * D, scores);
      for (int r = 0; r < ROWS; ++r) {
        // Keys that only fill the last block.
        for (std::int64_t key = keys - first; key < KEYS; ++key) scores[r * KEYS + key] = LOWEST;
        weigh<D>(scores + r * KEYS, maximum[row + r], total[row + r], gathered + (row + r) * D);
      }
      multiply<KEYS, D, VALUES<D>, true>(scores, v + first * D, gathered + row * D);
    }
  }
  // A row without weights is 0, as PyTorch's attention has it.
  for (std::int64_t row = 0; row < std::min<std::int64_t>(rows, QUERIES); ++row)
    for (int d = 0; d < D; ++d) out[row * D + d] = gathered[row * D + d] / (total[row] == 0.0f ? 1.0f : total[row]);
}

// One block of keys and their values; what fills the last block is zero.
template <int D>
void pack(const float* k, const float* v, float* packed_k, float* packed_v, std::int64_t keys) {
  for (std::int64_t key = 0; key < KEYS; ++key)
    for (int d = 0; d < D; ++d) {
      packed_k[panelled<D, COLUMNS>(d, key)] = key < keys ? k[key * D + d] : 0.0f;
      packed_v[panelled<KEYS, VALUES<D>>(key, d)] = key < keys ? v[key * D + d] : 0.0f;
    }
}

template <int D>
int run(const float* q, const float* k, const float* v, float* out, std::int64_t heads, std::int64_t rows,
        std::int64_t keys, int threads) {
  const std::int64_t blocks = (keys + KEYS - 1) / KEYS, tasks = (rows + QUERIES - 1) / QUERIES;
  const std::int64_t size = blocks * KEYS * D;
  const std::int64_t group = std::min(heads, std::max<std::int64_t>(PACKED / std::max<std::int64_t>(2 * size, 1), 1));
  std::unique_ptr<float[]> packed(new (std::nothrow) float[2 * group * size]);
  if (!packed) return 1;
  float *const packed_k = packed.get(), *const packed_v = packed_k + group * size;
  for (std::int64_t start = 0; start < heads; start += group) {
    const std::int64_t count = std::min(group, heads - start);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t i = 0; i < count * blocks; ++i) {
      const std::int64_t first = i % blocks * KEYS, from = ((start + i / blocks) * keys + first) * D;
      pack<D>(k + from, v + from, packed_k + i * KEYS * D, packed_v + i * KEYS * D, keys - first);
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (std::int64_t i = 0; i < count * tasks; ++i) {
      const std::int64_t head = i / tasks, first = i % tasks * QUERIES, at = ((start + head) * rows + first) * D;
      attend<D>(q + at, packed_k + head * size, packed_v + head * size, out + at, rows - first, keys);
    }
  }
  return 0;
}

}  // namespace

// q (heads, rows, width), k and v (heads, keys, width), out (heads, rows, width), all contiguous float32.
// Returns 0, 1 when memory ran out, 2 for a width other than 16, 32, 64 or 128.
extern "C" int monai_nlseg_attention(const float* q, const float* k, const float* v, float* out, std::int64_t heads,
                                     std::int64_t rows, std::int64_t keys, std::int64_t width, int threads) {
  switch (width) {
    case 16: return run<16>(q, k, v, out, heads, rows, keys, threads);
    case 32: return run<32>(q, k, v, out, heads, rows, keys, threads);
    case 64: return run<64>(q, k, v, out, heads, rows, keys, threads);
    case 128: return run<128>(q, k, v, out, heads, rows, keys, threads);
    default: return 2;
  }
}
