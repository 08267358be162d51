// The first line of a message. Nearly all of them are written in the one usual way, which is read here in a hundred
// instructions; about everything else llhttp is asked, which takes six hundred and knows what is wrong.
#pragma once
#include "wire/head_guard.hpp"
#include "wire/message_head.hpp"
#include "wire/parse_error.hpp"

namespace culvert::wire {

// The first line, which begins at `line`, is a whole one and followed by `margin` bytes (head_guard.hpp), goes into
// `head`. Returns where the next line begins, or where it went wrong with what is wrong in `error`.
const char* read_start_line(MessageKind kind, Rules rules, const char* line, MessageHead& head, ParseError& error);

}  // namespace culvert::wire
