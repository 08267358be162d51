// How a line of the access log looks: a JSON object of the fields that were chosen, or nginx's combined format. What is
// fixed of a line is put together once, here, so that writing one is a row of copies.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/access_fields.hpp"
#include "config/config.hpp"
#include "culvert/headers.hpp"
#include "culvert/loop.hpp"
#include "proxy/access_log.hpp"
#include "proxy/line_buffer.hpp"

namespace culvert::proxy {

class AccessFormat {
 public:
  explicit AccessFormat(const config::AccessLog& settings);
  // One line, with its end. Valid until the next one.
  std::string_view line(const AccessRecord& record);

 private:
  // A field of the request's head, in a log.
  struct LoggedHeader {
    HeaderId id{};
    std::string name;
    bool redacted = false;
    std::string_view value(const AccessRecord& record) const;  // of the first such line; empty where there is none
  };
  struct Column {
    config::AccessField field{};
    std::string key;      // as it stands in front of the value: ,"url.path":
    LoggedHeader header;  // for the fields that show one
  };

  static LoggedHeader header(std::string_view name, const config::AccessLog& settings);
  void add_column(std::string_view name, const config::AccessLog& settings);
  void append_json(const AccessRecord& record);
  void append_field(const Column& column, const AccessRecord& record);
  void append_combined(const AccessRecord& record);
  void read_clock(WallTime time);

  const config::AccessFormat format_;
  const LoggedHeader referer_;
  const LoggedHeader user_agent_;
  std::vector<Column> columns_;
  LineBuffer line_;
  std::chrono::sys_seconds second_ = std::chrono::sys_seconds::min();  // the one that second_text_ shows
  std::string second_text_;  // JSON: "2026-11-21T10:00:00. -- combined: 21/Nov/2026:10:00:00 +0000
};

}  // namespace culvert::proxy
