"""What would break: the promises of a small server on the library (tests/examples/hello_server.cpp), 2 data system calls,
no epoll_ctl, no malloc and few user instructions for each keep-alive request.
"""
from counting import CountedPath
from harness import CulvertTest, main
from programs import Program


class HelloPath(CountedPath, CulvertTest):
    connections_a_client = 1
    data_calls = 2
    instructions_max = 4_500

    def run_requests(self, count, under=(), env=None):
        server = Program("hello_server", under, env)
        self.addCleanup(server.stop)
        self.send_requests(server, count, b"hello world\n")
        server.stop()
        return server


if __name__ == "__main__":
    main()
