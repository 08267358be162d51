// Node's views of header lines: joined by its rules, and line by line.
#pragma once
#include "culvert/headers.hpp"
#include "culvert/incoming_message.hpp"

namespace culvert {

// message.headers. Of repeated lines: set-cookie is a list; cookie is joined with "; "; of the singletons of
// wire/header_names.def the first counts, or, with `join_duplicates`, they are joined as all others are: with ", ".
HeaderMap joined_headers(const HeaderList& lines, bool join_duplicates);
// message.headersDistinct.
DistinctHeaders distinct_headers(const HeaderList& lines);

}  // namespace culvert
