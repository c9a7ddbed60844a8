// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC 2011), and the key of a layer's step.
#include "fdsr/chip.hpp"

namespace fdsr {
namespace {

// A bijection of 64 bits in which every input bit moves every output bit (Stafford's variant 13).
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0], b = std::uint64_t{0xCD9E8D57u} * c[2];
    c = {std::uint32_t(b >> 32) ^ c[1] ^ key[0], std::uint32_t(b), std::uint32_t(a >> 32) ^ c[3] ^ key[1],
         std::uint32_t(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return c;
}

std::array<std::uint32_t, 2> noise_key(const ChipDraw& draw) {
  std::uint64_t key = mixed(draw.seed + 0x9e3779b97f4a7c15u);
  key = mixed(key ^ (draw.layer + 0x9e3779b97f4a7c15u));
  key = mixed(key ^ (draw.step + 0x9e3779b97f4a7c15u));
  return {std::uint32_t(key), std::uint32_t(key >> 32)};
}

}  // namespace fdsr
