// Certificates and keys of [tls.NAME] sections.
#pragma once
#include "config/diagnostic.hpp"
#include "config/node.hpp"

namespace culvert::config {

// How long before its end a certificate is worth a warning.
inline constexpr int days_before_end = 14;

// Puts the texts in the place of the values that say where they are, and checks that they belong together. Of a tree that
// may have errors: what is wrong by its form is left alone.
void read_certificates(Node& root, Diagnostics& diagnostics);

}  // namespace culvert::config
