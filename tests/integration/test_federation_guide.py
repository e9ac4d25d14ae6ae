"""docs/guide/delta.md: its five minutes, command by command as they stand there."""
import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest

from pando import BINARY, free_port, wait_until

GUIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "guide", "delta.md")


def tour():
    """The commands of the blocks that are marked so."""
    with open(GUIDE, encoding="utf-8") as f:
        blocks = re.findall(r"^```sh tour\n(.*?)^```", f.read(), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


class Guide(unittest.TestCase):
    def run_one(self, line):
        done = subprocess.run(shlex.split(line), executable=self.binary, cwd=self.folder, env=self.env,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, f"{line}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start_one(self, line):
        argv = shlex.split(line.rstrip("& ")) + ["--listen", "127.0.0.1"]
        self.nodes.append(subprocess.Popen(argv, executable=self.binary, cwd=self.folder, env=self.env,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        name = argv[argv.index("--name") + 1]
        wait_until(lambda: os.path.exists(f"{self.folder}/{name}_data/control.sock"), 20, f"{name} runs")

    def until(self, line, holds):
        """What travels is there a moment later than a person types."""
        wait_until(lambda: holds(self.run_one(line)), 20, line)

    def test_the_five_minutes(self):
        self.binary, self.nodes = os.path.realpath(BINARY), []
        ports = {"8080": str(free_port()), "8081": str(free_port())}
        with tempfile.TemporaryDirectory(prefix="pando-test-") as self.folder:
            self.env = {**os.environ, "XDG_RUNTIME_DIR": self.folder, "TZ": "UTC"}
            try:
                self.follow([re.sub("808[01]", lambda m: ports[m.group()], line) for line in tour()])
            finally:
                for node in self.nodes:
                    node.terminate()
                    node.wait(20)

    def follow(self, lines):
        said = {}
        for line in lines:
            if line.rstrip().endswith("&"):
                self.start_one(line)
                continue
            if line.startswith("pando delta query"):
                self.until(line, lambda out: out.count("\n") == 2)
            if line.startswith("pando delta view"):
                self.until(line, lambda out: "Great product!" in out)
            if line.startswith("pando delta hash"):
                self.until(line, lambda out: out.split()[1] == "5")
            said[line] = self.run_one(line)
        find = lambda begin: [out for line, out in said.items() if line.startswith(begin)]
        self.assertIn('name="Widget Pro"', find("pando delta query")[0])
        self.assertIn("my-client", find("pando link ls")[0])
        self.assertIn("negated", find("pando delta get wrong")[0].lower())
        self.assertEqual(len(json.loads(find("pando delta hyperview")[0])["price"]), 1)
        hashes = find("pando delta hash")
        self.assertEqual(len(hashes), 2)
        self.assertEqual(hashes[0], hashes[1])


if __name__ == "__main__":
    unittest.main()
