// If this fails, a configuration in YAML crashes culvert, or a mistake in it is told without its place.
#include "fuzz/config_text.hpp"

void culvert::fuzz::run(std::string_view input) { read_config(input, config::read_yaml); }
