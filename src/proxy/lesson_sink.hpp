// Where it is noted what a tunnel service lets pass while it learns.
#pragma once
#include <string_view>

#include "culvert/loop.hpp"

namespace culvert::proxy {

// A destination that the rules would have refused. Views are valid during LessonSink::learn only.
struct Lesson {
  WallTime time;
  std::string_view file;       // of the service
  std::string_view user;       // empty where nobody is known
  std::string_view target;     // HOST:PORT, as a rule allows it
  std::string_view denied_by;  // a rule's name; empty: the default
};

class LessonSink {
 public:
  virtual ~LessonSink() = default;
  // Called on a worker's thread; soon done.
  virtual void learn(const Lesson& lesson) = 0;
};

}  // namespace culvert::proxy
