#include "transform/fftw_lines.hpp"

#ifndef FDSR_HAVE_FFTW_SINGLE
#define FDSR_HAVE_FFTW_SINGLE 0
#endif
#ifndef FDSR_HAVE_FFTW_DOUBLE
#define FDSR_HAVE_FFTW_DOUBLE 0
#endif
#if FDSR_HAVE_FFTW_SINGLE || FDSR_HAVE_FFTW_DOUBLE
#include <fftw3.h>
#else
#define FFTW_MEASURE 0u
#define FFTW_ESTIMATE 0u
#endif
#include <pthread.h>

#include <mutex>
#include <stdexcept>
#include <string>

#include "threads/buffers.hpp"

namespace fdsr {
namespace {

std::mutex& planner_mutex() {
  static std::mutex* mutex = [] {
    static std::mutex instance;
    pthread_atfork([] { instance.lock(); }, [] { instance.unlock(); }, [] { instance.unlock(); });
    return &instance;
  }();
  return *mutex;
}

// The three calls of each precision; without it, none is ever reached.
template <class T>
struct Fftw {
  static void* plan(int, int, std::complex<T>*, int, unsigned) { return nullptr; }
  static void execute(void*, std::complex<T>*) {}
  static void destroy(void*) {}
};

#if FDSR_HAVE_FFTW_SINGLE
template <>
struct Fftw<float> {
  static void* plan(int n, int lanes, std::complex<float>* data, int sign, unsigned flags) {
    auto* p = reinterpret_cast<fftwf_complex*>(data);
    return fftwf_plan_many_dft(1, &n, lanes, p, nullptr, lanes, 1, p, nullptr, lanes, 1, sign, flags);
  }
  static void execute(void* plan, std::complex<float>* data) {
    auto* p = reinterpret_cast<fftwf_complex*>(data);
    fftwf_execute_dft(static_cast<fftwf_plan>(plan), p, p);
  }
  static void destroy(void* plan) { fftwf_destroy_plan(static_cast<fftwf_plan>(plan)); }
};
#endif
#if FDSR_HAVE_FFTW_DOUBLE
template <>
struct Fftw<double> {
  static void* plan(int n, int lanes, std::complex<double>* data, int sign, unsigned flags) {
    auto* p = reinterpret_cast<fftw_complex*>(data);
    return fftw_plan_many_dft(1, &n, lanes, p, nullptr, lanes, 1, p, nullptr, lanes, 1, sign, flags);
  }
  static void execute(void* plan, std::complex<double>* data) {
    auto* p = reinterpret_cast<fftw_complex*>(data);
    fftw_execute_dft(static_cast<fftw_plan>(plan), p, p);
  }
  static void destroy(void* plan) { fftw_destroy_plan(static_cast<fftw_plan>(plan)); }
};
#endif

}  // namespace

template <>
bool has_fftw<float>() {
  return FDSR_HAVE_FFTW_SINGLE;
}
template <>
bool has_fftw<double>() {
  return FDSR_HAVE_FFTW_DOUBLE;
}

const char* fftw_provider() {
#ifdef FDSR_FFTW_PROVIDER
  return FDSR_FFTW_PROVIDER;
#else
  return "none";
#endif
}

template <class T>
FftwLines<T>::FftwLines(int n, bool inverse, Planner planner) {
  const Buffer scratch(sizeof(std::complex<T>) * static_cast<std::size_t>(n) * kLanes);
  const std::lock_guard lock(planner_mutex());
  plan_ = Fftw<T>::plan(n, kLanes, scratch.as<std::complex<T>>(), inverse ? +1 : -1,
                        planner == Planner::measure ? FFTW_MEASURE : FFTW_ESTIMATE);
  if (!plan_) throw std::runtime_error("FFTW could not plan a transform of length " + std::to_string(n));
}

template <class T>
FftwLines<T>::~FftwLines() {
  const std::lock_guard lock(planner_mutex());
  Fftw<T>::destroy(plan_);
}

template <class T>
void FftwLines<T>::execute(std::complex<T>* data) const {
  Fftw<T>::execute(plan_, data);
}

template class FftwLines<float>;
template class FftwLines<double>;

}  // namespace fdsr
