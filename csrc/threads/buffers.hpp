// Reused, aligned scratch memory. Fresh pages cost more than the arithmetic done on them: a released buffer waits in
// a bounded free list for the next request of about its size.
#pragma once

#include <cstddef>
#include <utility>

namespace fdsr {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer moved(std::move(other));
    swap(moved);
    return *this;
  }

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void swap(Buffer& other) {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(thread_, other.thread_);
  }
  void* data_ = nullptr;
  std::size_t capacity_ = 0;
  const void* thread_ = nullptr;  // that asked for it
};

}  // namespace fdsr
