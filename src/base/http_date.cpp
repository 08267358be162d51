#include "base/http_date.hpp"

#include <chrono>
#include <cstring>

namespace culvert {

namespace {

using std::chrono::days;
using std::chrono::milliseconds;

constexpr char day_names[] = "SunMonTueWedThuFriSat";
constexpr char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

char* put(char* out, const char* text, std::size_t size) {
  std::memcpy(out, text, size);
  return out + size;
}

// `number` in exactly `digits` digits.
char* put(char* out, unsigned number, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return out + digits;
}

char* put_time_of_day(char* out, std::chrono::hh_mm_ss<milliseconds> time) {
  out = put(out, static_cast<unsigned>(time.hours().count()), 2);
  *out++ = ':';
  out = put(out, static_cast<unsigned>(time.minutes().count()), 2);
  *out++ = ':';
  return put(out, static_cast<unsigned>(time.seconds().count()), 2);
}

struct Calendar {
  explicit Calendar(std::chrono::sys_time<milliseconds> time)
      : day(std::chrono::floor<days>(time)), date(day), time_of_day(time - day) {}
  std::chrono::sys_days day;
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<milliseconds> time_of_day;
  unsigned year() const { return static_cast<unsigned>(static_cast<int>(date.year())); }
};

}  // namespace

void format_http_date(char* out, std::time_t seconds) {
  const Calendar when(std::chrono::sys_seconds{std::chrono::seconds{seconds}});
  out = put(out, day_names + 3 * std::chrono::weekday(when.day).c_encoding(), 3);
  out = put(out, ", ", 2);
  out = put(out, static_cast<unsigned>(when.date.day()), 2);
  *out++ = ' ';
  out = put(out, month_names + 3 * (static_cast<unsigned>(when.date.month()) - 1), 3);
  *out++ = ' ';
  out = put(out, when.year(), 4);
  *out++ = ' ';
  out = put_time_of_day(out, when.time_of_day);
  put(out, " GMT", 4);
}

void format_iso_time(char* out, WallTime time) {
  const Calendar when(std::chrono::floor<milliseconds>(time));
  out = put(out, when.year(), 4);
  *out++ = '-';
  out = put(out, static_cast<unsigned>(when.date.month()), 2);
  *out++ = '-';
  out = put(out, static_cast<unsigned>(when.date.day()), 2);
  *out++ = 'T';
  out = put_time_of_day(out, when.time_of_day);
  *out++ = '.';
  out = put(out, static_cast<unsigned>(when.time_of_day.subseconds().count()), 3);
  *out = 'Z';
}

}  // namespace culvert
