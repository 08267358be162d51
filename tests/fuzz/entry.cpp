// What libFuzzer and replay.cpp call.
#include <cstdlib>

#include "fuzz/target.hpp"

namespace {

// Behind the printer, so that it has been said what is wrong.
class AbortAtFailure final : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed()) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  testing::UnitTest::GetInstance()->listeners().Append(new AbortAtFailure);  // which owns it
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  culvert::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
