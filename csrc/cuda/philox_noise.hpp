// Random numbers of the emulated chip, one block of words at a time: the words of csrc/kernels/philox.hpp, and normal
// deviates by its formulas.
#pragma once

#include <cstring>

#include "cuda/device.hpp"
#include "kernels/chip_kernels.hpp"

namespace fdsr::cuda {

// Key, and words 1, 2 and 3 of the counter, of one frame.
struct NoiseSource {
  std::uint32_t key[2];
  std::uint32_t frame, sample_low, sample_high;
};

FDSR_BOTH void philox(std::uint32_t (&c)[4], std::uint32_t key0, std::uint32_t key1) {
  FDSR_UNROLL
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0], b = std::uint64_t{0xCD9E8D57u} * c[2];
    c[0] = static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key0;
    c[2] = static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key1;
    c[1] = static_cast<std::uint32_t>(b);
    c[3] = static_cast<std::uint32_t>(a);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

FDSR_BOTH std::uint32_t bits_of(float value) {
  std::uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return bits;
}
FDSR_BOTH float float_of(std::uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

// Of positive normal numbers: 2 artanh((m - 1) / (m + 1)) of the mantissa about 1, by its series.
FDSR_BOTH float logarithm(float u) {
  const std::int32_t bits = static_cast<std::int32_t>(bits_of(u));
  const std::int32_t exponent = (bits - 0x3f3504f3) >> 23;  // mantissas from sqrt(1/2) to its double
  const float m = float_of(static_cast<std::uint32_t>(bits) - (static_cast<std::uint32_t>(exponent) << 23));
  const float s = (m - 1.0f) / (m + 1.0f), z = s * s;
  const float series = ((z * (2.0f / 9) + 2.0f / 7) * z + 2.0f / 5) * z + 2.0f / 3;
  return s * 2.0f + (s * z * series + static_cast<float>(exponent) * 0.693147180559945f);
}

// Radius from the upper 24 bits of one word; angle from the other, its quadrant in the upper two bits.
FDSR_BOTH void normal_pair(std::uint32_t w0, std::uint32_t w1, float& z0, float& z1) {
  const float u = (static_cast<float>(w0 >> 8) + 0.5f) * 0x1p-24f;
  const float radius = std::sqrt(logarithm(u) * -2.0f);
  const float angle = static_cast<float>(static_cast<std::int32_t>(w1 << 2)) * (1.5707963267948966f * 0x1p-32f);
  const float z = angle * angle;
  const float sine = angle + angle * z * (((z * (1.0f / 362880) - 1.0f / 5040) * z + 1.0f / 120) * z - 1.0f / 6);
  const float cosine =
      1.0f + z * ((((z * (-1.0f / 3628800) + 1.0f / 40320) * z - 1.0f / 720) * z + 1.0f / 24) * z - 0.5f);
  const std::uint32_t quadrant = w1 >> 30;
  const bool odd = quadrant & 1;
  z0 = radius * float_of(bits_of(odd ? sine : cosine) ^ (((quadrant + 1) & 2) << 30));
  z1 = radius * float_of(bits_of(odd ? cosine : sine) ^ ((quadrant & 2) << 30));
}

// Deviates 4 block to 4 block + 3 of a frame.
FDSR_BOTH void normals(const NoiseSource& source, kernels::NoisePurpose purpose, int block, float (&z)[4]) {
  std::uint32_t words[4] = {(std::uint32_t{purpose} << 24) | static_cast<std::uint32_t>(block), source.frame,
                            source.sample_low, source.sample_high};
  philox(words, source.key[0], source.key[1]);
  normal_pair(words[0], words[1], z[0], z[1]);
  normal_pair(words[2], words[3], z[2], z[3]);
}

}  // namespace fdsr::cuda
