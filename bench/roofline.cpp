// Peak rates of this machine, for bench/roofline.py: fused multiply-adds on registers, streaming through memory, and
// how long a cache line travels between two cores.
// Compiled on the spot with -march=native; never part of a package.
#include <sched.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <thread>

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

bool stay_on(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;  // of this thread
}

}  // namespace

extern "C" {

// Seconds in which a cache line goes to the other core and back, mean of so many trips; negative where threads cannot
// be kept on cores, or other processes hold them for most of a second.
double roofline_round_trip(int core, int other_core, int trips) {
    struct alignas(128) Line {
        std::atomic<int> value{0};
    } line;
    std::atomic<bool> failed{false};
    double seconds = 0;
    const auto start = clock::now();
    const auto wait_for = [&](int value) {
        for (int spins = 1; line.value.load(std::memory_order_acquire) != value && !failed; ++spins)
            if (spins % 4096 == 0 && seconds_since(start) > 0.5) failed = true;
    };
    const auto answer = [&] {
        if (!stay_on(other_core)) failed = true;
        for (int trip = 0; trip < trips && !failed; ++trip) {
            wait_for(2 * trip + 1);
            line.value.store(2 * trip + 2, std::memory_order_release);
        }
    };
    const auto ask = [&] {
        if (!stay_on(core)) failed = true;
        const auto begin = clock::now();
        for (int trip = 0; trip < trips && !failed; ++trip) {
            line.value.store(2 * trip + 1, std::memory_order_release);
            wait_for(2 * trip + 2);
        }
        seconds = seconds_since(begin) / trips;
    };
    std::thread answering, asking;
    try {
        answering = std::thread(answer);
        asking = std::thread(ask);
    } catch (const std::system_error&) {  // no more threads
        failed = true;
    }
    if (asking.joinable()) asking.join();
    if (answering.joinable()) answering.join();
    return failed ? -1 : seconds;
}

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
