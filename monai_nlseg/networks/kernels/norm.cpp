// Instance norm, clamped, of tensors in channels-last memory, and its gradient: the CPU kernels behind compiled norms.
//
// Each makes two passes over a sample of (voxels, channels). The first collects two sums for each channel, in double
// over blocks of voxels that stay in the first-level cache; the second computes the result. What a thread sums depends
// on the sample's size alone, so that the result does not depend on the number of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

namespace {

constexpr std::int64_t BLOCK = 64;    // voxels summed in float
constexpr std::int64_t CHUNK = 1024;  // voxels of a task, a multiple of the above

struct BFloat16 {
  std::uint16_t bits;
};

inline float read(float value) { return value; }
inline float read(BFloat16 value) {
  std::uint32_t bits = std::uint32_t{value.bits} << 16;
  float wide;
  std::memcpy(&wide, &bits, 4);
  return wide;
}
inline void write(float& to, float value) { to = value; }
inline void write(BFloat16& to, float value) {  // to the nearest, ties to even; NaN stays
  std::uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits = value == value ? bits + 0x7fff + ((bits >> 16) & 1) : 0x7fc00000u;
  to.bits = static_cast<std::uint16_t>(bits >> 16);
}

// One of these for each channel of a task or of a sample.
struct Sums {
  double* first;
  double* second;
};

struct Shape {
  std::int64_t batch, voxels, channels;
  std::int64_t chunks() const { return (voxels + CHUNK - 1) / CHUNK; }
};

// What a channel of a sample is scaled by; a NaN fails both comparisons and stays.
struct Scaled {
  const float *mean, *scale, *offset;
  float low, high;
  float raw(float x, std::int64_t c) const { return (x - mean[c]) * scale[c] + offset[c]; }
  float clamped(float y) const {
    y = y < low ? low : y;
    return y > high ? high : y;
  }
  // Of a result at a bound nothing goes back, as in PyTorch's ReLU, ReLU6 and Hardtanh.
  float gradient(float y, float given) const { return (y <= low || y >= high) ? 0.0f : given; }
};

// Mean of a channel's block and sum of squared distances from it, for values whose squares float does not hold.
template <typename T>
void wide_moments(const T* x, std::int64_t voxels, std::int64_t channels, double& mean, double& distances) {
  mean = distances = 0.0;
  for (std::int64_t v = 0; v < voxels; ++v) mean += read(x[v * channels]) / static_cast<double>(voxels);
  for (std::int64_t v = 0; v < voxels; ++v) distances += (read(x[v * channels]) - mean) * (read(x[v * channels]) - mean);
}

// Mean and sum of squared distances from it, block by block (Chan, Golub and LeVeque, 1983).
template <typename T>
void moments(const T* x, std::int64_t voxels, std::int64_t channels, float* scratch, Sums out) {
  float *centre = scratch, *sum = scratch + channels, *squares = scratch + 2 * channels;
  std::fill(out.first, out.first + channels, 0.0);
  std::fill(out.second, out.second + channels, 0.0);
  for (std::int64_t begin = 0; begin < voxels; begin += BLOCK) {
    const std::int64_t count = std::min(BLOCK, voxels - begin);
    const T* block = x + begin * channels;
    std::fill(sum, sum + 2 * channels, 0.0f);
    for (std::int64_t v = 0; v < count; ++v)
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) sum[c] += read(block[v * channels + c]);
    for (std::int64_t c = 0; c < channels; ++c) {
      centre[c] = sum[c] / static_cast<float>(count);
      sum[c] = 0.0f;
    }
    for (std::int64_t v = 0; v < count; ++v)
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) {
        const float distance = read(block[v * channels + c]) - centre[c];
        sum[c] += distance;
        squares[c] += distance * distance;
      }
    const double share = static_cast<double>(count) / static_cast<double>(begin + count);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double rest = static_cast<double>(sum[c]) / static_cast<double>(count);
      double mean = centre[c] + rest, distances = squares[c] - rest * sum[c];
      if (!std::isfinite(distances)) wide_moments(block + c, count, channels, mean, distances);
      const double moved = mean - out.first[c];
      out.first[c] += moved * share;
      out.second[c] += distances + moved * moved * share * static_cast<double>(begin);
    }
  }
}

// Sums over the voxels of the gradient behind the clamp, and of it times the distance from the mean.
template <typename T>
void products(const T* x, const T* given, std::int64_t voxels, std::int64_t channels, Scaled by, float* scratch,
              Sums out) {
  float *sum = scratch, *product = scratch + channels;
  std::fill(out.first, out.first + channels, 0.0);
  std::fill(out.second, out.second + channels, 0.0);
  for (std::int64_t begin = 0; begin < voxels; begin += BLOCK) {
    std::fill(sum, sum + 2 * channels, 0.0f);
    for (std::int64_t v = begin; v < std::min(voxels, begin + BLOCK); ++v)
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) {
        const float value = read(x[v * channels + c]);
        const float gradient = by.gradient(by.raw(value, c), read(given[v * channels + c]));
        sum[c] += gradient;
        product[c] += gradient * (value - by.mean[c]);
      }
    for (std::int64_t c = 0; c < channels; ++c) {
      out.first[c] += sum[c];
      out.second[c] += product[c];
    }
  }
}

// Run task(sample, first voxel, voxels, chunk's index) for all chunks.
template <typename Task>
void over_chunks(Shape shape, int threads, Task task) {
  const std::int64_t chunks = shape.chunks(), all = shape.batch * chunks;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t index = 0; index < all; ++index) {
    const std::int64_t begin = index % chunks * CHUNK;
    task(index / chunks, begin, std::min(CHUNK, shape.voxels - begin), index);
  }
}

// Float scratch of three rows for each chunk, and two rows of double for each.
struct Workspace {
  std::unique_ptr<float[]> floats;
  std::unique_ptr<double[]> doubles;
  std::int64_t channels;
  explicit Workspace(Shape shape) : channels(shape.channels) {
    const std::int64_t rows = shape.batch * shape.chunks();
    floats.reset(new (std::nothrow) float[rows * 3 * channels]);
    doubles.reset(new (std::nothrow) double[rows * 2 * channels]);
  }
  bool ready() const { return floats && doubles; }
  float* scratch(std::int64_t index) const { return floats.get() + index * 3 * channels; }
  Sums sums(std::int64_t index) const {
    double* at = doubles.get() + index * 2 * channels;
    return {at, at + channels};
  }
};

template <typename T>
int forward(const T* x, const float* weight, const float* bias, T* out, float* mean, float* deviation, Shape shape,
            float epsilon, float low, float high, int threads) {
  const Workspace work(shape);
  if (!work.ready()) return 1;
  const std::int64_t channels = shape.channels, chunks = shape.chunks();
  over_chunks(shape, threads, [&](std::int64_t sample, std::int64_t begin, std::int64_t count, std::int64_t index) {
    moments(x + (sample * shape.voxels + begin) * channels, count, channels, work.scratch(index), work.sums(index));
  });
  for (std::int64_t sample = 0; sample < shape.batch; ++sample) {
    const Sums total = work.sums(sample * chunks);
    for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
      const Sums other = work.sums(sample * chunks + chunk);
      const double before = static_cast<double>(chunk * CHUNK);
      const double share = 1.0 - before / static_cast<double>(std::min(shape.voxels, (chunk + 1) * CHUNK));
      for (std::int64_t c = 0; c < channels; ++c) {
        const double distance = other.first[c] - total.first[c];
        total.first[c] += distance * share;
        total.second[c] += other.second[c] + distance * distance * share * before;
      }
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      mean[sample * channels + c] = static_cast<float>(total.first[c]);
      deviation[sample * channels + c] =
          static_cast<float>(1.0 / std::sqrt(total.second[c] / static_cast<double>(shape.voxels) + epsilon));
    }
  }
  over_chunks(shape, threads, [&](std::int64_t sample, std::int64_t begin, std::int64_t count, std::int64_t index) {
    float* scale = work.scratch(index);
    for (std::int64_t c = 0; c < channels; ++c) scale[c] = deviation[sample * channels + c] * weight[c];
    const Scaled by{mean + sample * channels, scale, bias, low, high};
    const std::int64_t first = (sample * shape.voxels + begin) * channels;
    for (std::int64_t v = 0; v < count; ++v)
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c)
        write(out[first + v * channels + c], by.clamped(by.raw(read(x[first + v * channels + c]), c)));
  });
  return 0;
}

// grad_x = scale * (g - mean(g) - xhat * mean(g * xhat)); the sums over voxels are the gradients of bias and weight.
template <typename T>
int backward(const T* given, const T* x, const float* weight, const float* bias, const float* mean,
             const float* deviation, T* out, float* sum, float* product, Shape shape, float low, float high,
             int threads) {
  const Workspace work(shape);
  if (!work.ready()) return 1;
  const std::int64_t channels = shape.channels, chunks = shape.chunks();
  const auto scaled = [&](std::int64_t sample, std::int64_t index) {
    float* scale = work.scratch(index) + 2 * channels;
    for (std::int64_t c = 0; c < channels; ++c) scale[c] = deviation[sample * channels + c] * weight[c];
    return Scaled{mean + sample * channels, scale, bias, low, high};
  };
  over_chunks(shape, threads, [&](std::int64_t sample, std::int64_t begin, std::int64_t count, std::int64_t index) {
    const std::int64_t first = (sample * shape.voxels + begin) * channels;
    products(x + first, given + first, count, channels, scaled(sample, index), work.scratch(index), work.sums(index));
  });
  for (std::int64_t sample = 0; sample < shape.batch; ++sample) {
    const Sums total = work.sums(sample * chunks);
    for (std::int64_t chunk = 1; chunk < chunks; ++chunk)
      for (std::int64_t c = 0; c < 2 * channels; ++c) total.first[c] += work.sums(sample * chunks + chunk).first[c];
    for (std::int64_t c = 0; c < channels; ++c) {
      sum[sample * channels + c] = static_cast<float>(total.first[c]);
      product[sample * channels + c] = static_cast<float>(total.second[c] * deviation[sample * channels + c]);
    }
  }
  over_chunks(shape, threads, [&](std::int64_t sample, std::int64_t begin, std::int64_t count, std::int64_t index) {
    const Scaled by = scaled(sample, index);
    float *level = work.scratch(index), *slope = level + channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const std::int64_t at = sample * channels + c;
      level[c] = sum[at] / static_cast<float>(shape.voxels);
      slope[c] = product[at] * deviation[at] / static_cast<float>(shape.voxels);
    }
    const std::int64_t first = (sample * shape.voxels + begin) * channels;
    for (std::int64_t v = 0; v < count; ++v)
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t at = first + v * channels + c;
        const float value = read(x[at]), gradient = by.gradient(by.raw(value, c), read(given[at]));
        write(out[at], by.scale[c] * (gradient - level[c] - (value - by.mean[c]) * slope[c]));
      }
  });
  return 0;
}

}  // namespace

// x and out: (batch, voxels, channels) contiguous, float32 or bfloat16 (`narrow`); weight, bias: (channels); mean and
// deviation, the reciprocal standard deviation: (batch, channels), all float32. Returns 1 if memory is short.
extern "C" int monai_nlseg_norm(const void* x, const float* weight, const float* bias, void* out, float* mean,
                                float* deviation, std::int64_t batch, std::int64_t voxels, std::int64_t channels,
                                float epsilon, float low, float high, int narrow, int threads) {
  const Shape shape{batch, voxels, channels};
  if (narrow)
    return forward(static_cast<const BFloat16*>(x), weight, bias, static_cast<BFloat16*>(out), mean, deviation, shape,
                   epsilon, low, high, threads);
  return forward(static_cast<const float*>(x), weight, bias, static_cast<float*>(out), mean, deviation, shape, epsilon,
                 low, high, threads);
}

// given: gradient of out; out: gradient of x; sum and product (batch, channels): gradients of bias and weight.
extern "C" int monai_nlseg_norm_gradient(const void* given, const void* x, const float* weight, const float* bias,
                                         const float* mean, const float* deviation, void* out, float* sum,
                                         float* product, std::int64_t batch, std::int64_t voxels,
                                         std::int64_t channels, float low, float high, int narrow, int threads) {
  const Shape shape{batch, voxels, channels};
  if (narrow)
    return backward(static_cast<const BFloat16*>(given), static_cast<const BFloat16*>(x), weight, bias, mean,
                    deviation, static_cast<BFloat16*>(out), sum, product, shape, low, high, threads);
  return backward(static_cast<const float*>(given), static_cast<const float*>(x), weight, bias, mean, deviation,
                  static_cast<float*>(out), sum, product, shape, low, high, threads);
}
