"""What would break: choosing among servers by load, judging them and bounding requests may cost no system call, no allocation, and
fewer than 300 instructions beyond the gate of the plain path.
"""
from counting import CountedPath, Gate
from harness import CulvertTest, main

BODY = b"x" * 1024
SERVERS = 3


class BalancedPath(CountedPath, CulvertTest):
    connections_a_client = 2  # its own, and at least one upstream
    data_calls = 4
    instructions_max = 8_300

    def run_requests(self, count, under=(), env=None):
        gate = Gate(self.clients, BODY)
        origin = self.origin(gate, host="0.0.0.0")
        addresses = ", ".join(f'"127.0.0.{number}:{origin.port}"' for number in range(1, SERVERS + 1))
        access_file = None if "valgrind" in under else "access.log"  # another thread's instructions are not the path's
        routes = (f'[upstream.api]\nservers = [{addresses}]\nbalance = "least_connections"\nmax_requests = 1000\n'
                  'outlier = { error_percent = 50, latency_factor = 100 }\n'
                  'check_free_after = "off"\n'  # standing still, it makes all of them look as if they had been idle for long
                  '[[route]]\nupstream = "api"\n')
        culvert = self.culvert(routes, threads=1, under=under, env=env, access_file=access_file)
        self.send_requests(culvert, count, BODY, gate)
        self.assertEqual(culvert.stop(), 0, culvert.stderr())
        return culvert


if __name__ == "__main__":
    main()
