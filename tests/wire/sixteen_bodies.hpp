// Both bodies of a search over sixteen bytes, whichever of them this processor uses.
#pragma once
#include <gtest/gtest.h>

#include "wire/sixteen.hpp"

namespace culvert::wire {

#if defined(__SSE2__)
using Bodies = testing::Types<SixteenInWords, SixteenInRegister>;
#else
using Bodies = testing::Types<SixteenInWords>;
#endif

}  // namespace culvert::wire
