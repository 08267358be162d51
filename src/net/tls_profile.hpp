// What culvert offers of TLS, on both sides of it.
#pragma once

struct ssl_ctx_st;

namespace culvert::net {

// Mozilla's "intermediate" set in its order, without finite-field Diffie-Hellman.
void set_profile(ssl_ctx_st& context, bool only_1_3);

}  // namespace culvert::net
