"""The examples of the library as processes."""
import os
import subprocess
from pathlib import Path

from client import Client
from harness import PATIENCE, SANITIZER_REPORT, SANITIZERS

EXAMPLES = Path(os.environ["CULVERT_EXAMPLES_DIR"])


class Program:
    """An example that serves: started on a free port, which it prints; `under` is a tool that runs it."""

    def __init__(self, name, under=(), env=None):
        # pylint: disable=consider-using-with  # as long as the test
        self.process = subprocess.Popen([*under, EXAMPLES / name, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, **SANITIZERS, **(env or {})})
        self.address = self.process.stdout.readline().strip().removeprefix("listening on ")
        self.port = int(self.address.rpartition(":")[2])
        self.errors = None

    def connect(self):
        return Client(("127.0.0.1", self.port))

    def stderr(self):
        """Once it was stopped."""
        return self.errors

    def stop(self):
        if self.errors is not None:
            return
        self.process.terminate()
        _, self.errors = self.process.communicate(timeout=PATIENCE)
        assert not SANITIZER_REPORT.search(self.errors), self.errors


def run_example(name, *arguments):
    """One that ends by itself."""
    return subprocess.run([EXAMPLES / name, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE,
                          check=False, env={**os.environ, **SANITIZERS})
