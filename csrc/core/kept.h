// SPDX-License-Identifier: Apache-2.0
// Tables that back ends make of a value and keep with it: made at first use, freed with the value.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace lapped {

class Kept {
 public:
  // The tables of type `Tables` for that device, by make() (a std::unique_ptr) where there are
  // none.
  template <class Tables, class Make>
  const Tables& get(int device, Make make) const {
    static const char type = 0;  // its address stands for Tables; typeid would ask for RTTI
    const std::lock_guard lock(mutex_);
    std::shared_ptr<void>& place = tables_[{&type, device}];
    if (!place) place = std::shared_ptr<Tables>(make());
    return *static_cast<const Tables*>(place.get());
  }

 private:
  mutable std::mutex mutex_;
  mutable std::map<std::pair<const void*, int>, std::shared_ptr<void>> tables_;
};

}  // namespace lapped
