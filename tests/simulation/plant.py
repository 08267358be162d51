"""plant.py BUG FILE OUT: writes FILE with BUG in it to OUT.

The simulation has to find each of these (CMakeLists.txt says in which file each is planted): one where a message ends,
one in what is sent a second time, one in who waits for whom, one in a timer, two in what is used again, one where HTTP
ends. Of tunnels: two in what may be dialled, one in what is said early, one where a stream ends, one in what is given
back, one in whom a client may mean, one in whom else is asked, one in a timer. Of care for upstreams: one in what is
sent of a body again, one in how long a request is held, one in what goes to two servers.
"""
import pathlib
import sys

BUGS = {  # name: (what the file says, what it says instead)
    "framing": ("response_->destroy(failure.cause);  // a message cut short must look cut short", "response_->end();"),
    "retry": ('return idempotent(view_.method) ||', 'return view_.method == "POST" || idempotent(view_.method) ||'),
    "back_pressure": ("if (source_ != nullptr) source_->stop(Pause::sink);", ""),
    "timer": ("return std::min(receive_limit(), socket_->times_out_at());", "return socket_->times_out_at();"),
    "last_request": ('number_behind("max=", field) == 0U;', "false;"),
    "early_bytes": ("socket.detach(), early, rest", "socket.detach(), {}, rest"),
    "pool_reuse": ("!t.alone && !poisoned_ &&", "!t.alone &&"),
    "unchecked": ("if (verdict_.reason != Reason::none) return refuse(verdict_.reason);\n  note_lesson();",
                  "note_lesson();"),
    "one_address": ("verdict = judge_address(address, verdict, network);",
                    "verdict = judge_address(address, verdict, network);\n    break;"),
    "connect_early": ("std::move(downstream), std::move(upstream), early, from",
                      "std::move(downstream), std::move(upstream), {}, from"),
    "half_close": ("if (const std::error_code error = to.stream->shutdown_write()) return broke(to, error);", ""),
    "place": ("--service.tunnels;", ""),
    "other_host": ("Reason::none : Reason::tunnel_sni_mismatch;", "Reason::none : Reason::none;"),
    "last_word": ("status >= 500 && status != 508", "status >= 400"),
    "kept_body": ("care_->body.for_each([this](Bytes part) { up_->write(part); });", ""),
    "hold": ("gateway_.loop.now() + rules.timeout;", "gateway_.loop.now() + 10 * rules.timeout;"),
    "hedge": ("!request.has_body() || request.ended();", "!request.has_body() || true;"),
    "late_hop": ("if (!Upstream::Waiter::linked()) return;", ""),
}


def main():
    bug, file, out = sys.argv[1:]
    good, bad = BUGS[bug]
    text = pathlib.Path(file).read_text()
    if text.count(good) != 1:
        sys.exit(f"plant.py: {file} does not say {good!r} once: the bug {bug!r} has to be planted elsewhere")
    pathlib.Path(out).write_text(text.replace(good, bad))


if __name__ == "__main__":
    main()
