// A call that breaks the contract says so, with Node's code.
#pragma once
#include <gtest/gtest.h>

#include "culvert/error.hpp"

namespace culvert::test {

template <class Call>
void expect_error(errc wanted, Call call) {
  try {
    call();
    ADD_FAILURE() << "nothing was thrown, not even " << name_of(wanted);
  } catch (const http_error& thrown) {
    EXPECT_EQ(thrown.code(), wanted) << thrown.what();
  }
}

}  // namespace culvert::test
