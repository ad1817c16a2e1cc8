// Squeeze-and-excitation of tensors in channels-last memory: the CPU kernel behind compiled excitation.
//
// x (voxels, channels) of each sample is multiplied, channel by channel, by sigmoid(W2 swish(W1 mean(x) + b1) + b2) plus
// a constant. Sums are float within CHUNK voxels and double over them, so that the result does not depend on the number
// of threads.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <new>

namespace {

constexpr std::int64_t CHUNK = 256;  // voxels of a task

inline float sigmoid(float value) { return 1.0f / (1.0f + std::exp(-value)); }

struct Shape {
  std::int64_t batch, voxels, channels, squeezed;
  std::int64_t chunks() const { return (voxels + CHUNK - 1) / CHUNK; }
};

// Run task(chunk's index, first value, voxels) for all chunks of all samples.
template <typename Task>
void over_chunks(Shape shape, int threads, Task task) {
  const std::int64_t chunks = shape.chunks(), all = shape.batch * chunks;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (std::int64_t index = 0; index < all; ++index) {
    const std::int64_t begin = index % chunks * CHUNK;
    task(index, (index / chunks * shape.voxels + begin) * shape.channels, std::min(CHUNK, shape.voxels - begin));
  }
}

}  // namespace

// x and out, which may be x: (batch, voxels, channels); w1: (squeezed, channels), b1: (squeezed), w2: (squeezed, channels),
// transposed, b2: (channels); all contiguous float32. Returns 1 if memory is short.
extern "C" int monai_nlseg_excitation(const float* x, float* out, const float* w1, const float* b1, const float* w2,
                                      const float* b2, std::int64_t batch, std::int64_t voxels,
                                      std::int64_t channels, std::int64_t squeezed, float constant, int threads) {
  const Shape shape{batch, voxels, channels, squeezed};
  const std::int64_t chunks = shape.chunks();
  const std::unique_ptr<float[]> sums(new (std::nothrow) float[batch * chunks * channels]);
  const std::unique_ptr<float[]> gates(new (std::nothrow) float[batch * channels]);
  const std::unique_ptr<double[]> mean(new (std::nothrow) double[channels]);
  if (!sums || !gates || !mean) return 1;
  over_chunks(shape, threads, [&](std::int64_t index, std::int64_t first, std::int64_t count) {
    float* sum = sums.get() + index * channels;
    std::fill(sum, sum + channels, 0.0f);
    for (std::int64_t v = 0; v < count; ++v)
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) sum[c] += x[first + v * channels + c];
  });
  for (std::int64_t sample = 0; sample < batch; ++sample) {
    float *gate = gates.get() + sample * channels, *squeeze = sums.get() + sample * chunks * channels;
    std::fill(mean.get(), mean.get() + channels, 0.0);
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      for (std::int64_t c = 0; c < channels; ++c) mean[c] += squeeze[chunk * channels + c];
    for (std::int64_t c = 0; c < channels; ++c) {
      squeeze[c] = static_cast<float>(mean[c] / static_cast<double>(voxels));
      gate[c] = b2[c];
    }
    for (std::int64_t s = 0; s < squeezed; ++s) {
      float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t c = 0; c < channels; ++c) sum += w1[s * channels + c] * squeeze[c];
      sum += b1[s];
      const float hidden = sum * sigmoid(sum);
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) gate[c] += w2[s * channels + c] * hidden;
    }
    for (std::int64_t c = 0; c < channels; ++c) gate[c] = constant + sigmoid(gate[c]);
  }
  over_chunks(shape, threads, [&](std::int64_t index, std::int64_t first, std::int64_t count) {
    const float* gate = gates.get() + index / chunks * channels;
    for (std::int64_t v = 0; v < count; ++v)
#pragma omp simd
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t at = first + v * channels + c;
        out[at] = x[at] * gate[c];
      }
  });
  return 0;
}
