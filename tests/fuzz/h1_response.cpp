// If this fails, responses read differently when they arrive in other pieces.
#include "fuzz/h1_pieces.hpp"

void culvert::fuzz::run(std::string_view input) {
  read_by_all_rules(wire::MessageKind::response, wire::BodyRule::as_framed, input);
  read_by_all_rules(wire::MessageKind::response, wire::BodyRule::none, input);
}
