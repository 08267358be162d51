// If this fails, editors cannot jump to a mistake, or `--json` prints what is not JSON.
#include "config/diagnostic.hpp"

#include <gtest/gtest.h>

namespace culvert::config {
namespace {

const Span here{"a.toml", 3, 2, 2, "\xc3\xa9\"b\xc3\xa9"};
const Span there{"b.toml", 12, 1, 1, "x"};

TEST(DiagnosticText, PutsTheSecondPlaceInTheOrderOfLines) {
  const Span before{"a.toml", 1, 1, 1, "one"};
  EXPECT_EQ(to_text({error_at(here, "c", "t", "l").with_second(before, "b")}),
            "a.toml:3:2: error: t [c]\n"
            "    1 | one\n"
            "      | - b\n"
            "    3 | \xc3\xa9\"b\xc3\xa9\n"
            "      |  ^^ l\n");
}

TEST(DiagnosticText, NamesAnotherFileOfTheSecondPlace) {
  EXPECT_EQ(to_text({error_at(here, "c", "t").with_second(there, "b")}),
            "a.toml:3:2: error: t [c]\n"
            "    3 | \xc3\xa9\"b\xc3\xa9\n"
            "      |  ^^\n"
            "      > b.toml\n"
            "   12 | x\n"
            "      | - b\n");
}

TEST(DiagnosticText, ShowsNoLineForAWholeFile) {
  EXPECT_EQ(to_text({warning_at(whole_file("a.toml"), "c", "t", "", "h")}),
            "a.toml:1:1: warning: t [c]\n"
            "      = h\n");
}

TEST(DiagnosticJson, HoldsEveryField) {
  EXPECT_EQ(to_json({}), "[]");
  EXPECT_EQ(to_json({error_at(here, "c", "say \"t\"", "l", "h").with_second(there, "b"), warning_at(there, "d", "u")}),
            R"([{"file":"a.toml","line":3,"column":2,"length":2,"severity":"error","code":"c","text":"say \"t\"",)"
            R"("label":"l","second":{"file":"b.toml","line":12,"column":1,"length":1,"label":"b"},"help":"h"},)"
            R"({"file":"b.toml","line":12,"column":1,"length":1,"severity":"warning","code":"d","text":"u",)"
            R"("label":"","help":""}])");
}

TEST(HasErrors, OverlooksWarnings) {
  EXPECT_FALSE(has_errors({}));
  EXPECT_FALSE(has_errors({warning_at(here, "c", "t")}));
  EXPECT_TRUE(has_errors({warning_at(here, "c", "t"), error_at(here, "c", "t")}));
}

}  // namespace
}  // namespace culvert::config
