#include "daemon/commands.hpp"

int main(int argc, char** argv) { return culvert::daemon::run_command(argc, argv); }
