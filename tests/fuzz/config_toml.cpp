// If this fails, a configuration in TOML crashes culvert, or a mistake in it is told without its place.
#include "fuzz/config_text.hpp"

void culvert::fuzz::run(std::string_view input) { read_config(input, config::read_toml); }
