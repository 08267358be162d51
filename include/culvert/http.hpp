// The message model: everything of Node's http module that culvert has, in one include.
#pragma once
#include "culvert/agent.hpp"
#include "culvert/client_request.hpp"
#include "culvert/incoming_message.hpp"
#include "culvert/outgoing_message.hpp"
#include "culvert/server.hpp"
#include "culvert/server_response.hpp"
#include "culvert/status.hpp"
