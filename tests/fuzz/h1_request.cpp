// If this fails, requests read differently when they arrive in other pieces: what one hop sees another does not.
#include "fuzz/h1_pieces.hpp"

void culvert::fuzz::run(std::string_view input) {
  read_by_all_rules(wire::MessageKind::request, wire::BodyRule::as_framed, input);
}
