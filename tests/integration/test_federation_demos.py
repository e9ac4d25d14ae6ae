"""The federation's demos and examples, as a person runs them: each checks what it claims."""
import os
import shutil
import subprocess
import unittest

from pando import BINARY, command, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples", "federation")
DEMOS = ("federation-simple", "hub-and-spoke", "trust-policies", "federation-mesh", "federation-hierarchy",
         "federation-bridge")
SCRIPTS = ("hub-and-spoke", "trust-policies", "mesh", "hierarchy", "selective")


def script(name, **env):
    return subprocess.Popen([os.path.join(EXAMPLES, name)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env={**os.environ, "PANDO": os.path.realpath(BINARY), **env})


class Demos(unittest.TestCase):
    def test_every_demo_holds_what_it_claims(self):
        for name in DEMOS:
            with self.subTest(name):
                code, out, err = command("demo", name)
                self.assertEqual(code, 0, out + err)
                self.assertNotIn("\u2717", out)

    def test_an_unknown_demo_and_a_bad_interval_are_refused(self):
        code, _, err = command("demo", "federation")
        self.assertNotEqual(code, 0)
        self.assertIn("federation-simple", err)
        code, _, err = command("demo", "federation-simple", "--every", "5s")
        self.assertEqual(code, 2)
        self.assertIn("milliseconds", err)


class Examples(unittest.TestCase):
    def test_every_example_holds_what_it_claims(self):
        for name in SCRIPTS:
            with self.subTest(name):
                run = script(name + "/run.sh")
                out, _ = run.communicate(timeout=120)
                self.assertEqual(run.returncode, 0, out)
                self.assertIn("All of it held.", out)

    def test_server_and_client_in_two_terminals(self):
        port = str(free_port())
        server = script("simple/server.sh", PORT=port, EVERY="0.1", ONCE="1")
        client = script("simple/client.sh", URL=f"ws://localhost:{port}/federation")
        heard, _ = client.communicate(timeout=120)
        said, _ = server.communicate(timeout=60)
        self.assertEqual(client.returncode, 0, heard + said)
        self.assertEqual(server.returncode, 0, said)
        self.assertIn("Great product!", said)
        state = "one canonical state hash: "
        self.assertEqual(heard.split(state)[1].split()[0], said.split(state)[1].split()[0])

    def test_an_example_that_fails_says_so(self):
        run = script("selective/run.sh", PANDO="/bin/false")
        out, _ = run.communicate(timeout=60)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("public does not start", out)
        shutil.rmtree(out.split("Data and logs: ")[1].strip())


if __name__ == "__main__":
    unittest.main()
