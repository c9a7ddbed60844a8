// Peak rates of this machine, for bench/roofline.py: fused multiply-adds on registers, and streaming through memory.
// Compiled on the spot with -march=native; never part of a package.
#include <chrono>
#include <cstddef>

namespace {

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

// Enough independent chains to cover latency 4-5 at two issues a cycle, and few enough to stay in 16 registers.
constexpr int chains = 12;

using clock = std::chrono::steady_clock;

double seconds_since(clock::time_point start) {
    return std::chrono::duration<double>(clock::now() - start).count();
}

// Floating-point operations done in at least `seconds`.
template <class Real>
double fused_multiply_adds(double seconds) {
    typedef Real Vector __attribute__((vector_size(vector_bytes)));
    constexpr int lanes = vector_bytes / sizeof(Real);
    // initialised without touching lanes, which would tie the chains to memory
    const Vector zero = {};
    Vector factor = zero + Real(0.999), step = zero + Real(0.001);
    Vector sum[chains];
#pragma GCC unroll 12
    for (int chain = 0; chain < chains; ++chain) sum[chain] = zero + Real(chain);
    asm volatile("" : "+x"(factor), "+x"(step));
    const auto start = clock::now();
    double flops = 0;
    do {
        constexpr int repeats = 20000;
        for (int repeat = 0; repeat < repeats; ++repeat) {
#pragma GCC unroll 12
            for (int chain = 0; chain < chains; ++chain) sum[chain] = sum[chain] * factor + step;
            // keeps the compiler from merging or dropping repetitions; costs no instruction
#pragma GCC unroll 12
            for (int chain = 0; chain < chains; ++chain) asm volatile("" : "+x"(sum[chain]));
        }
        flops += 2.0 * repeats * chains * lanes;
    } while (seconds_since(start) < seconds);
    return flops;
}

}  // namespace

extern "C" {

int roofline_vector_bits() { return 8 * vector_bytes; }

double roofline_fma_single(double seconds) { return fused_multiply_adds<float>(seconds); }

double roofline_fma_double(double seconds) { return fused_multiply_adds<double>(seconds); }

// Bytes moved by a[i] = b[i] + factor·c[i] in at least `seconds`: two arrays read, one written.
double roofline_triad(float* a /* [count] */, const float* b /* [count] */, const float* c /* [count] */,
                      std::size_t count, double seconds) {
    const auto start = clock::now();
    double bytes = 0;
    float factor = 1;
    do {
        for (std::size_t i = 0; i < count; ++i) a[i] = b[i] + factor * c[i];
        asm volatile("" : : "r"(a) : "memory");
        bytes += 3.0 * sizeof(float) * double(count);
        factor += 1;
    } while (seconds_since(start) < seconds);
    return bytes;
}
}
