// Depthwise-separable convolutions of 2D images in channels-last memory: the CPU kernel behind EfficientNet's MBConv
// blocks and LAEDNet's decoder blocks, each in one call.
//
// A block is, with what it may lack in brackets: [1x1 convolution, swish], depthwise convolution, swish, [squeeze and
// excitation], 1x1 convolution, [swish] [plus the block's input].
//
// Channels between the two 1x1 convolutions are stored in panels of PANEL. A first pass computes, for a panel and a band
// of rows, only as many rows of the first convolution as the depthwise one is about to read, so that they stay in the
// cache, and sums the result up for the squeeze. The excitation multiplies the weights of the last convolution instead of
// its image. Sums are float along a row and double over rows of a band, whose height depends on the image alone, so that
// the result does not depend on the number of threads.

#include <immintrin.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

namespace {

#if defined(__AVX512F__)
constexpr int WIDTH = 16;   // floats of a vector
constexpr int ROWS = 8;     // pixels at a time
#else
constexpr int WIDTH = 8;
constexpr int ROWS = 4;
#endif
constexpr int VECTORS = 3;  // vectors of channels at a time: with ROWS, what registers hold
constexpr std::int64_t PANEL = 48;
constexpr std::int64_t BAND = 32;   // rows of a task of the first pass, at most
constexpr std::int64_t CHUNK = 96;  // pixels of a task of the second pass, at most
static_assert(PANEL % (VECTORS * WIDTH) == 0);

typedef float Vector __attribute__((vector_size(WIDTH * 4)));
typedef float Unaligned __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef std::int32_t Bits __attribute__((vector_size(WIDTH * 4)));

inline Vector load(const float* from) { return *reinterpret_cast<const Unaligned*>(from); }
inline void store(float* to, Vector value) { *reinterpret_cast<Unaligned*>(to) = value; }
inline Vector splat(float value) { return value - Vector{}; }
// The first `count` values of a vector, if it has more; the others are zeros.
inline Vector load_part(const float* from, std::int64_t count) {
  if (count >= WIDTH) return load(from);
#if defined(__AVX512F__)
  return (Vector)_mm512_maskz_loadu_ps((1u << count) - 1, from);
#else
  Vector value{};
  std::memcpy(&value, from, count * 4);
  return value;
#endif
}
inline void store_part(float* to, Vector value, std::int64_t count) {
  if (count >= WIDTH) return store(to, value);
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, (1u << count) - 1, (__m512)value);
#else
  std::memcpy(to, &value, count * 4);
#endif
}
inline void copy(float* to, const float* from, std::int64_t count) {
  for (std::int64_t at = 0; at < count; at += WIDTH) store_part(to + at, load_part(from + at, count - at), count - at);
}
inline std::int64_t divided(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

// 1 / (1 + e^-x), within 3e-7 of it relatively where x > -20; 0 below -88, and NaN for NaN.
inline Vector sigmoid(Vector x) {
  const Vector t = x * -1.44269504f;
#if defined(__AVX512DQ__)
  const Vector f = (Vector)_mm512_reduce_ps((__m512)t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
#else
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which its low bits then hold
  const Vector held = t > 126.5f ? splat(126.5f) : t < -126.5f ? splat(-126.5f) : t, shifted = (held - 0.5f) + round;
  const Vector f = held - (shifted - round);
#endif
  Vector power = splat(1.8775729e-3f);  // 2^f for f in [0, 1), within 8e-8 of it
  power = power * f + 8.9893416e-3f;
  power = power * f + 5.5826325e-2f;
  power = power * f + 2.4015361e-1f;
  power = power * f + 6.9315308e-1f;
  power = power * f + 0.99999994f;
#if defined(__AVX512DQ__)
  const Vector sum = 1.0f + (Vector)_mm512_scalef_ps((__m512)power, (__m512)t);
  const Vector near = (Vector)_mm512_rcp14_ps((__m512)sum), inverse = near + near * (1.0f - sum * near);
#else
  const Vector sum = 1.0f + power * (Vector)(((Bits)shifted << 23) + 0x3f800000), inverse = 1.0f / sum;
#endif
  return t > 126.0f ? Vector{} : inverse;
}
inline Vector swish(Vector x) { return x * sigmoid(x); }

struct Free {
  void operator()(float* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};
typedef std::unique_ptr<float[], Free> Memory;
Memory allocate(std::int64_t count) {
  return Memory(static_cast<float*>(::operator new[](count * 4, std::align_val_t{64}, std::nothrow)));
}

template <int VALUE>
using Constant = std::integral_constant<int, VALUE>;

// Run task(Constant<pixels>, first) over all pixels, ROWS at a time and then fewer.
template <typename Task>
inline void over_pixels(std::int64_t count, Task task) {
  std::int64_t first = 0;
  for (; first + ROWS <= count; first += ROWS) task(Constant<ROWS>{}, first);
  if constexpr (ROWS > 4)
    if (first + 4 <= count) task(Constant<4>{}, first), first += 4;
  if (first + 2 <= count) task(Constant<2>{}, first), first += 2;
  if (first < count) task(Constant<1>{}, first);
}

// Run task(Constant<vectors>, first channel) over the channels of a panel of which so many are real.
template <typename Task>
inline void over_vectors(std::int64_t channels, Task task) {
  for (std::int64_t first = 0; first < std::min(channels, PANEL); first += VECTORS * WIDTH) {
    const std::int64_t left = divided(channels - first, WIDTH);
    if (left >= 3) task(Constant<3>{}, first);
    else if (left == 2) task(Constant<2>{}, first);
    else task(Constant<1>{}, first);
  }
}

// sum[r] += a[r] b for R rows of a, `stride` apart, and a matrix b of rows of PANEL.
template <int R, int V>
inline void multiply(const float* a, std::int64_t stride, const float* b, std::int64_t depth, Vector (&sum)[R][V]) {
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector row[V];
    for (int v = 0; v < V; ++v) row[v] = load(b + k * PANEL + v * WIDTH);
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) sum[r][v] += a[r * stride + k] * row[v];
  }
}

}  // namespace

// The weights, all float32. Panels are filled up with zeros. Null where the block lacks them: `expand`, `squeeze`.
struct Block {
  const float *expand, *expand_bias;              // (panels, inputs, PANEL), (panels, PANEL)
  const float *depthwise, *depthwise_bias;        // (panels, taps, taps, PANEL), (panels, PANEL)
  const float *squeeze, *squeeze_bias, *excite, *excite_bias;  // (squeezed, channels), (squeezed), as the first, (channels)
  const float *project, *project_bias;            // (panels of out, channels, PANEL), (panels of out, PANEL)
  std::int64_t channels, squeezed, out;           // channels of the depthwise convolution and behind the others
  std::int64_t taps, stride, top, left;           // of the depthwise convolution; zeros before its image
  std::int64_t residual, swish;                   // whether the input is added, and swish ends it
};

namespace {

struct Image {
  std::int64_t height, width;
  std::int64_t pixels() const { return height * width; }
};

// A sample on its way through a block.
struct Pass {
  const Block& block;
  const float *x, *low;  // (height, width, in) and, behind its channels, the other ones of a block that expands nothing
  std::int64_t inputs;
  Image in, out;
  float *hidden, *weights, *gate;  // (panels, out.pixels(), PANEL); like block.project; (channels)
  double* sums;                    // (panels, bands, PANEL)

  std::int64_t panels() const { return divided(block.channels, PANEL); }
  std::int64_t bands() const { return divided(out.height, BAND); }
  std::int64_t row() const {  // floats of a row with the zeros around it
    const std::int64_t read = (out.width - 1) * block.stride + block.taps;
    return std::max(read, block.left + in.width) * PANEL;
  }
  std::int64_t scratch() const { return (block.taps + 1) * row(); }

  // Write a row of what the depthwise convolution reads.
  void fill(std::int64_t panel, std::int64_t y, float* to) const {
    to += block.left * PANEL;
    const std::int64_t first = panel * PANEL, channels = std::min(PANEL, block.channels - first);
    if (!block.expand) {
      const std::int64_t high = std::max(std::int64_t{0}, std::min(channels, inputs - first)), rest = channels - high;
      for (std::int64_t pixel = y * in.width; pixel < (y + 1) * in.width; ++pixel, to += PANEL) {
        copy(to, x + pixel * inputs + first, high);
        if (rest) copy(to + high, low + pixel * (block.channels - inputs) + first + high - inputs, rest);
      }
      return;
    }
    const float* from = x + y * in.width * inputs;
    over_vectors(channels, [&](auto vectors, std::int64_t column) {
      const float* weights = block.expand + first * inputs + column;
      const float* bias = block.expand_bias + first + column;
      over_pixels(in.width, [&](auto rows, std::int64_t pixel) {
        constexpr int R = rows, V = vectors;
        Vector sum[R][V];
        for (auto& each : sum)
          for (int v = 0; v < V; ++v) each[v] = load(bias + v * WIDTH);
        multiply(from + pixel * inputs, inputs, weights, inputs, sum);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
          for (int v = 0; v < V; ++v) store(to + (pixel + r) * PANEL + column + v * WIDTH, swish(sum[r][v]));
      });
    });
  }

  // Compute a row of the depthwise convolution of a vector's channels from the rows that it reads; return its sum.
  template <int TAPS, int STRIDE>
  Vector convolve(const float* const* rows, std::int64_t at, const float* weights, Vector bias, float* to) const {
    Vector total{};
    over_pixels(out.width, [&](auto count, std::int64_t pixel) {
      constexpr int T = count;
      Vector sum[T];
      for (auto& each : sum) each = bias;
      for (int ky = 0; ky < TAPS; ++ky) {
        const float* from = rows[ky] + pixel * STRIDE * PANEL + at;
#pragma GCC unroll 5
        for (int kx = 0; kx < TAPS; ++kx) {
          const Vector weight = load(weights + (ky * TAPS + kx) * PANEL);
#pragma GCC unroll 8
          for (int t = 0; t < T; ++t) sum[t] += load(from + (t * STRIDE + kx) * PANEL) * weight;
        }
      }
      for (int t = 0; t < T; ++t) {
        const Vector value = swish(sum[t]);
        total += value;
        store(to + (pixel + t) * PANEL, value);
      }
    });
    return total;
  }

  // Expand and convolve a band of rows of a panel; `scratch` holds zeros where `fill` writes nothing.
  template <int TAPS, int STRIDE>
  void first(std::int64_t panel, std::int64_t band, float* scratch) const {
    const std::int64_t height = divided(out.height, bands());
    double* sum = sums + (panel * bands() + band) * PANEL;
    std::fill(sum, sum + PANEL, 0.0);
    std::int64_t next = 0;
    for (std::int64_t y = band * height; y < std::min(out.height, (band + 1) * height); ++y) {
      const std::int64_t begin = y * STRIDE - block.top;
      const float* rows[TAPS];
      next = std::max(next, begin);
      for (int ky = 0; ky < TAPS; ++ky) {
        const std::int64_t read = begin + ky;
        const bool outside = read < 0 || read >= in.height;
        float* at = scratch + (outside ? TAPS : read % TAPS) * row();
        if (!outside && read >= next) fill(panel, next++, at);
        rows[ky] = at;
      }
      for (std::int64_t c = 0; c < std::min(PANEL, block.channels - panel * PANEL); c += WIDTH) {
        const float* weights = block.depthwise + panel * TAPS * TAPS * PANEL + c;
        const Vector bias = load(block.depthwise_bias + panel * PANEL + c);
        float* to = hidden + (panel * out.pixels() + y * out.width) * PANEL + c;
        const Vector total = convolve<TAPS, STRIDE>(rows, c, weights, bias, to);
        for (int lane = 0; lane < WIDTH; ++lane) sum[c + lane] += total[lane];
      }
    }
  }

  void excite() const {
    const std::int64_t channels = block.channels;
    float* mean = weights;  // which are written afterwards
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0.0;
      for (std::int64_t band = 0; band < bands(); ++band) sum += sums[(c / PANEL * bands() + band) * PANEL + c % PANEL];
      mean[c] = static_cast<float>(sum / static_cast<double>(out.pixels()));
      gate[c] = block.excite_bias[c];
    }
    for (std::int64_t s = 0; s < block.squeezed; ++s) {
      float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t c = 0; c < channels; ++c) sum += block.squeeze[s * channels + c] * mean[c];
      sum += block.squeeze_bias[s];
      const float squeezed = swish(splat(sum))[0];
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) gate[c] += block.excite[s * channels + c] * squeezed;
    }
    for (std::int64_t c = 0; c < channels; c += WIDTH) {
      const std::int64_t count = channels - c;
      store_part(gate + c, sigmoid(load_part(gate + c, count)), count);
    }
  }

  // Multiply a panel of the last convolution's weights by the gates.
  void scale(std::int64_t panel) const {
    const std::int64_t begin = panel * block.channels * PANEL;
    for (std::int64_t c = 0; c < block.channels; ++c)
      for (std::int64_t n = begin + c * PANEL; n < begin + (c + 1) * PANEL; ++n) weights[n] = block.project[n] * gate[c];
  }

  // Compute so many pixels of a panel of the result.
  void last(std::int64_t panel, std::int64_t begin, std::int64_t count, float* to) const {
    const std::int64_t first = panel * PANEL, left = block.out - first;
    over_vectors(left, [&](auto vectors, std::int64_t column) {
      const float* matrix = (block.squeeze ? weights : block.project) + first * block.channels + column;
      const float* bias = block.project_bias + first + column;
      over_pixels(count, [&](auto rows, std::int64_t pixel) {
        constexpr int R = rows, V = vectors;
        Vector sum[R][V];
        for (auto& each : sum)
          for (int v = 0; v < V; ++v) each[v] = load(bias + v * WIDTH);
        for (std::int64_t c = 0; c < block.channels; c += PANEL)
          multiply(hidden + c * out.pixels() + (begin + pixel) * PANEL, PANEL, matrix + c * PANEL,
                                  std::min(PANEL, block.channels - c), sum);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 3
          for (int v = 0; v < V; ++v) {
            const std::int64_t at = (begin + pixel + r) * block.out + first + column + v * WIDTH;
            const std::int64_t real = left - column - v * WIDTH;
            Vector value = block.swish ? swish(sum[r][v]) : sum[r][v];
            if (block.residual) value += load_part(x + at, real);
            store_part(to + at, value, real);
          }
      });
    });
  }
};

}  // namespace

// x: (batch, height, width, inputs); low: (batch, height, width, channels - inputs) if the block expands nothing and reads
// more channels than x has; out: (batch, out_height, out_width, out). Returns 1 if memory is short.
extern "C" int monai_nlseg_mbconv(const float* x, const float* low, float* out, const Block* given, std::int64_t batch,
                                  std::int64_t inputs, std::int64_t height, std::int64_t width,
                                  std::int64_t out_height, std::int64_t out_width, int threads) {
  const Block& block = *given;
  Pass pass{block, x, low, inputs, {height, width}, {out_height, out_width}, nullptr, nullptr, nullptr, nullptr};
  const std::int64_t panels = pass.panels(), bands = pass.bands(), outputs = divided(block.out, PANEL);
  const std::int64_t pixels = pass.out.pixels(), chunks = divided(pixels, CHUNK);
  const std::int64_t chunk = divided(divided(pixels, chunks), ROWS) * ROWS;
  const Memory hidden = allocate(panels * pixels * PANEL), scratch = allocate(threads * pass.scratch());
  const Memory weights = allocate(outputs * block.channels * PANEL), gate = allocate(block.channels);
  const std::unique_ptr<double[]> sums(new (std::nothrow) double[panels * bands * PANEL]);
  if (!hidden || !scratch || !weights || !gate || !sums) return 1;
  pass.hidden = hidden.get();
  pass.weights = weights.get();
  pass.gate = gate.get();
  pass.sums = sums.get();
  std::fill(scratch.get(), scratch.get() + threads * pass.scratch(), 0.0f);
  const auto first = block.taps == 3 ? (block.stride == 1 ? &Pass::first<3, 1> : &Pass::first<3, 2>)
                                     : (block.stride == 1 ? &Pass::first<5, 1> : &Pass::first<5, 2>);
  for (std::int64_t sample = 0; sample < batch; ++sample) {
#pragma omp parallel num_threads(threads)
    {
      float* own = scratch.get() + omp_get_thread_num() * pass.scratch();
#pragma omp for schedule(dynamic)
      for (std::int64_t task = 0; task < panels * bands; ++task) (pass.*first)(task / bands, task % bands, own);
      if (block.squeeze) {
#pragma omp single
        pass.excite();
#pragma omp for schedule(dynamic)
        for (std::int64_t panel = 0; panel < outputs; ++panel) pass.scale(panel);
      }
#pragma omp for schedule(dynamic)
      for (std::int64_t task = 0; task < outputs * chunks; ++task) {
        const std::int64_t begin = task % chunks * chunk;
        pass.last(task / chunks, begin, std::min(chunk, pixels - begin), out);
      }
    }
    pass.x += height * width * inputs;
    pass.low += height * width * (block.channels - inputs);
    out += pixels * block.out;
  }
  return 0;
}
