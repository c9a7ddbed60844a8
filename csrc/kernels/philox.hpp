// Counter-based random numbers over lanes: Philox 4x32-10 (J. K. Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011) and normal deviates by Box and Muller. The words are the same for every instruction set.
#pragma once

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include <cmath>

#include "chip_leaves.hpp"

namespace fdsr::kernels::FDSR_ISA {

template <int L>
using Words = Vec<std::uint32_t, L>;
// Half of the lanes, each word in the lower half of 64 bits; the upper half is anything.
template <int L>
using Half = Vec<std::uint64_t, L / 2>;

// Products of the lower halves.
template <int L>
inline Half<L> multiply_words(Half<L> a, std::uint32_t b) {
#if defined(__AVX512F__)
  if constexpr (L == 16) return (Half<L>)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(b));
#endif
#if defined(__AVX2__)
  if constexpr (L == 8) return (Half<L>)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(b));
#endif
#if defined(__SSE2__)
  if constexpr (L == 4) return (Half<L>)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(b));
#endif
  return (a & 0xffffffffull) * std::uint64_t{b};
}

template <int L>
struct Counter {
  Half<L> word[4];
};

// One round of several counters, whose long chains of dependent instructions overlap.
template <int L, int Counters>
inline void philox_round(Counter<L> (&c)[Counters], const Half<L>* key) {
#pragma GCC unroll 4
  for (int i = 0; i < Counters; ++i) {
    const Half<L> a = multiply_words<L>(c[i].word[0], 0xD2511F53u), b = multiply_words<L>(c[i].word[2], 0xCD9E8D57u);
    c[i].word[0] = (b >> 32) ^ (c[i].word[1] ^ key[0]);
    c[i].word[2] = (a >> 32) ^ (c[i].word[3] ^ key[1]);
    c[i].word[1] = b;
    c[i].word[3] = a;
  }
}

// Words of one block for every lane.
template <int L>
struct PhiloxLanes {
  Half<L> even[3], odd[3];
  Half<L> keys[10][2];

  explicit PhiloxLanes(const NoiseLanes& lanes) {
    for (std::uint32_t round = 0; round < 10; ++round) {
      keys[round][0] = Half<L>{} + std::uint64_t{std::uint32_t(lanes.key[0] + round * 0x9E3779B9u)};
      keys[round][1] = Half<L>{} + std::uint64_t{std::uint32_t(lanes.key[1] + round * 0xBB67AE85u)};
    }
    const std::uint32_t* from[3] = {lanes.frame, lanes.sample_low, lanes.sample_high};
    for (int i = 0; i < 3; ++i) {
      const auto both = load<Half<L>>(from[i]);
      even[i] = both;
      odd[i] = both >> 32;
    }
  }

  void block(std::uint32_t word0, Words<L> out[4]) const {
    Counter<L> c[2] = {{{Half<L>{} + word0, even[0], even[1], even[2]}}, {{Half<L>{} + word0, odd[0], odd[1], odd[2]}}};
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) philox_round<L>(c, keys[round]);
    for (int i = 0; i < 4; ++i) {
      const Half<L> joined = (c[0].word[i] & 0xffffffffull) | (c[1].word[i] << 32);
      std::memcpy(&out[i], &joined, sizeof(joined));
    }
  }
};

// Natural logarithm of positive normal numbers: 2 artanh((m - 1) / (m + 1)) of the mantissa about 1, by its series.
template <int L>
inline Vec<float, L> logarithm(Vec<float, L> u) {
  using V = Vec<float, L>;
  using I = Vec<std::int32_t, L>;
  I bits;
  std::memcpy(&bits, &u, sizeof(bits));
  const I shifted = bits - 0x3f3504f3;  // sqrt(1/2): mantissas from there to its double
  const I exponent = shifted >> 23;
  const I reduced = bits - (exponent << 23);
  V m;
  std::memcpy(&m, &reduced, sizeof(m));
  const V s = (m - 1.0f) / (m + 1.0f), z = s * s;
  const V series = ((z * (2.0f / 9) + 2.0f / 7) * z + 2.0f / 5) * z + 2.0f / 3;
  return s * 2.0f + (s * z * series + __builtin_convertvector(exponent, V) * 0.693147180559945f);
}

template <class T, int L>
inline Vec<T, L> square_root(Vec<T, L> x) {
  using V = Vec<T, L>;
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(T) == 4) return (V)_mm512_sqrt_ps((__m512)x);
  if constexpr (sizeof(V) == 64 && sizeof(T) == 8) return (V)_mm512_sqrt_pd((__m512d)x);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32 && sizeof(T) == 4) return (V)_mm256_sqrt_ps((__m256)x);
  if constexpr (sizeof(V) == 32 && sizeof(T) == 8) return (V)_mm256_sqrt_pd((__m256d)x);
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16 && sizeof(T) == 4) return (V)_mm_sqrt_ps((__m128)x);
  if constexpr (sizeof(V) == 16 && sizeof(T) == 8) return (V)_mm_sqrt_pd((__m128d)x);
#endif
  for (int lane = 0; lane < L; ++lane) x[lane] = std::sqrt(x[lane]);
  return x;
}

// Two normal deviates of two words: radius from the upper 24 bits of one; angle from the other, its quadrant in the
// upper two bits.
template <int L>
inline void normal_pair(Words<L> w0, Words<L> w1, Vec<float, L>& z0, Vec<float, L>& z1) {
  using V = Vec<float, L>;
  using I = Vec<std::int32_t, L>;
  const V u = (__builtin_convertvector((I)(w0 >> 8), V) + 0.5f) * 0x1p-24f;
  const V radius = square_root<float, L>(logarithm<L>(u) * -2.0f);
  const V angle = __builtin_convertvector((I)(w1 << 2), V) * (1.5707963267948966f * 0x1p-32f);
  const V z = angle * angle;
  const V sine = angle + angle * z * (((z * (1.0f / 362880) - 1.0f / 5040) * z + 1.0f / 120) * z - 1.0f / 6);
  const V cosine =
      1.0f + z * ((((z * (-1.0f / 3628800) + 1.0f / 40320) * z - 1.0f / 720) * z + 1.0f / 24) * z - 0.5f);
  const I quadrant = (I)(w1 >> 30), odd = -(quadrant & 1);
  I bits_s, bits_c;
  std::memcpy(&bits_s, &sine, sizeof(I));
  std::memcpy(&bits_c, &cosine, sizeof(I));
  const I cos_bits = (odd ? bits_s : bits_c) ^ (((quadrant + 1) & 2) << 30);
  const I sin_bits = (odd ? bits_c : bits_s) ^ ((quadrant & 2) << 30);
  V c, s;
  std::memcpy(&c, &cos_bits, sizeof(V));
  std::memcpy(&s, &sin_bits, sizeof(V));
  z0 = radius * c;
  z1 = radius * s;
}

template <int L>
inline void fill_normals(const NoiseLanes& lanes, std::uint32_t purpose, Index count, float* out) {
  const PhiloxLanes<L> generator(lanes);
  for (Index block = 0; block * 4 < count; ++block) {
    Words<L> words[4];
    generator.block((purpose << 24) | static_cast<std::uint32_t>(block), words);
    for (int pair = 0; pair < 2; ++pair) {
      Vec<float, L> z0, z1;
      normal_pair<L>(words[2 * pair], words[2 * pair + 1], z0, z1);
      store(out + (block * 4 + 2 * pair) * L, z0);
      store(out + (block * 4 + 2 * pair + 1) * L, z1);
    }
  }
}

}  // namespace fdsr::kernels::FDSR_ISA
