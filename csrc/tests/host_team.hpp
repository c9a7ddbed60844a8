// Threads of the operating system in the place of a CUDA cluster's: the device code runs on any machine, under
// sanitizers too, which see a missing synchronisation as a race.
#pragma once

#include <algorithm>
#include <array>
#include <barrier>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "cuda/device.hpp"

namespace fdsr::test {

// What shared memory holds at first, as it holds anything on a device: no number, neither in float32 nor in float64,
// and no place in an array.
constexpr std::uint64_t kGarbage = 0x7fff7fff7fff7fff;

// What the lanes of a warp show one another for a product by tensor cores.
struct Fragments {
  float a[cuda::kWarp][8], b[cuda::kWarp][4];
};

// The nearest float no further from zero.
inline float truncated(double x) {
  const float nearest = static_cast<float>(x);
  return std::abs(nearest) > std::abs(x) ? std::nextafter(nearest, 0.0f) : nearest;
}
// What tensor cores read of a float.
inline double of_eleven_bits(float x) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffffe000u);
}

// What the threads of one cluster share.
struct HostCluster {
  int blocks, threads;
  std::barrier<> all;
  std::vector<std::unique_ptr<std::barrier<>>> block, warp;
  std::vector<std::vector<double>> shared;  // of each block
  std::vector<std::array<Fragments, 2>> fragments;  // of each warp, by turns

  HostCluster(int cluster, int threads_per_block, std::size_t bytes)
      : blocks(cluster), threads(threads_per_block), all(cluster * threads_per_block) {
    for (int b = 0; b < blocks; ++b) {
      block.push_back(std::make_unique<std::barrier<>>(threads));
      for (int w = 0; w < threads / cuda::kWarp; ++w) {
        warp.push_back(std::make_unique<std::barrier<>>(cuda::kWarp));
        fragments.emplace_back();
      }
      shared.emplace_back((bytes + 7) / 8, std::bit_cast<double>(kGarbage));
    }
  }
};

class HostTeam {
 public:
  HostTeam(HostCluster& cluster, int rank, int thread, int index = 0, int count = 1)
      : cluster_(cluster), rank_(rank), thread_(thread), index_(index), count_(count) {}

  int thread() const { return thread_; }
  int threads() const { return cluster_.threads; }
  int rank() const { return rank_; }
  int cluster() const { return index_; }
  int clusters() const { return count_; }
  void sync_warp() const { cluster_.warp[warp()]->arrive_and_wait(); }
  // As DeviceTeam's, with the fragments of PTX's mma.m16n8k8 for TF32. Its adders cut every term to two bits more than
  // the largest has in float32, and the sum to float32.
  void add_split_product(float (&sums)[4], const float (&a)[8], const float (&b)[4]) const {
    Fragments& f = cluster_.fragments[warp()][turn_ ^= 1];
    const int lane = thread_ % cuda::kWarp;
    std::copy(a, a + 8, f.a[lane]);
    std::copy(b, b + 4, f.b[lane]);
    sync_warp();
    for (int i = 0; i < 4; ++i) {
      const int line = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      // Lanes of one line hold terms 0 to 3, then 4 to 7.
      const auto product = [&](int part_a, int part_b, float sum) {
        double terms[9] = {sum}, largest = std::abs(sum), total = 0;
        for (int t = 0; t < 8; ++t) {
          terms[t + 1] = of_eleven_bits(f.a[line % 8 * 4 + t % 4][part_a + t / 4 * 2 + line / 8]) *
                         of_eleven_bits(f.b[column * 4 + t % 4][part_b + t / 4]);
          largest = std::max(largest, std::abs(terms[t + 1]));
        }
        const double unit = largest > 0 ? std::ldexp(1.0, std::ilogb(largest) - 25) : 1;
        for (const double term : terms) total += std::trunc(term / unit) * unit;
        return truncated(total);
      };
      sums[i] += product(0, 0, product(0, 2, product(4, 0, 0)));
    }
  }
  void sync_block() const { cluster_.block[rank_]->arrive_and_wait(); }
  void sync_cluster() const { cluster_.all.arrive_and_wait(); }
  template <class T>
  T* of(int rank, T* own) const {
    return reinterpret_cast<T*>(cluster_.shared[rank].data()) + (own - shared<T>());
  }
  template <class T>
  T* shared() const {
    return reinterpret_cast<T*>(cluster_.shared[rank_].data());
  }

 private:
  int warp() const { return rank_ * (cluster_.threads / cuda::kWarp) + thread_ / cuda::kWarp; }

  HostCluster& cluster_;
  int rank_, thread_, index_, count_;
  mutable int turn_ = 0;
};

// Runs work(team) on every thread of one cluster, the `index`-th of `count`.
template <class Work>
void run_cluster(int cluster, int threads, std::size_t shared_bytes, const Work& work, int index = 0, int count = 1) {
  HostCluster shared(cluster, threads, shared_bytes);
  std::vector<std::thread> running;
  for (int rank = 0; rank < cluster; ++rank)
    for (int thread = 0; thread < threads; ++thread)
      running.emplace_back([&, rank, thread] { work(HostTeam(shared, rank, thread, index, count)); });
  for (auto& thread : running) thread.join();
}

}  // namespace fdsr::test
