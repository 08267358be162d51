// Certificates and keys of [tls.NAME] and [upstream.NAME.tls] sections.
#pragma once
#include <string>
#include <vector>

#include "base/certificate.hpp"
#include "config/config.hpp"
#include "config/diagnostic.hpp"
#include "config/node.hpp"
#include "config/values.hpp"

namespace culvert::config {

// How long before its end a certificate is worth a warning.
inline constexpr int days_before_end = 14;

// Puts the texts in the place of the values that say where they are, and checks that they belong together. Of a tree that
// may have errors: what is wrong by its form is left alone.
void read_certificates(Node& root, Diagnostics& diagnostics);

// The certificates of `tls` as its files have them now, or what is wrong with the first that is not right.
Parsed<std::vector<PemPair>> read_again(const Tls& tls);

// "ends on 2026-12-01", and the like, where there is something to say of the time; else empty.
std::string trouble_with_time(WallTime not_before, WallTime not_after, WallTime now);

}  // namespace culvert::config
