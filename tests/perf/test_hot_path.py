"""What would break: the promises of the daemon's hot path, 4 data system calls, no epoll_ctl, no malloc and few user
instructions for each proxied keep-alive request.
"""
from counting import CountedPath, Gate
from harness import CulvertTest, main

BODY = b"x" * 1024


class HotPath(CountedPath, CulvertTest):
    connections_a_client = 2  # its own, and one upstream
    data_calls = 4
    instructions_max = 8_000  # docs/measurements.md says where they go

    def run_requests(self, count, under=(), env=None):
        gate = Gate(self.clients, BODY)
        origin = self.origin(gate)
        access_file = None if "valgrind" in under else "access.log"  # another thread's instructions are not the path's
        # Standing still, it makes all of them look as if they had been idle for long.
        more = 'check_free_after = "off"'
        culvert = self.culvert(origin.route(upstream=more), threads=1, under=under, env=env, access_file=access_file)
        self.send_requests(culvert, count, BODY, gate)
        self.assertEqual(culvert.stop(), 0, culvert.stderr())
        self.assertLessEqual(origin.connections, self.clients)
        return culvert


if __name__ == "__main__":
    main()
