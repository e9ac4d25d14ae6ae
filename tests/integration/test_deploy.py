"""deploy/: the container files say what the guide says, and the network of three hosts works."""
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

import pando
from chat_nodes import Lines
from pando import wait_until

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
DEPLOY = os.path.join(ROOT, "deploy")


def read(name):
    with open(os.path.join(DEPLOY, name), encoding="utf-8") as f:
        return f.read()


def instructions(text):
    """(WORD, rest) of each instruction of a Dockerfile, continued lines joined."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.split("\n") if line.strip()]


class Files(unittest.TestCase):
    def test_compose_is_three_nodes_as_in_the_guide(self):
        compose = yaml.safe_load(read("compose.yml"))
        self.assertEqual(compose["name"], "deploy", "volumes are deploy_nodeN_data")
        self.assertEqual(sorted(compose["services"]), ["node1", "node2", "node3"])
        self.assertEqual(sorted(compose["volumes"]), ["node1_data", "node2_data", "node3_data"])
        for i in (1, 2, 3):
            service = compose["services"][f"node{i}"]
            self.assertEqual(service["container_name"], f"chat_node{i}")
            self.assertEqual(service["ports"], [f"127.0.0.1:{5000 + i}:{5000 + i}"], "reachable from this machine only")
            self.assertEqual(service["volumes"], [f"node{i}_data:/data"])
            self.assertEqual(service["command"], ["node", "--config", f"/etc/pando/node{i}.yml"])
            self.assertEqual(os.path.realpath(os.path.join(DEPLOY, service["build"]["context"])), ROOT)
            self.assertTrue(os.path.exists(os.path.join(ROOT, service["build"]["dockerfile"])))
            for network in service["networks"]:
                self.assertIn(network, compose["networks"])

    def test_the_nodes_configs_know_each_other_by_container_name(self):
        for i in (1, 2, 3):
            node = yaml.safe_load(read(f"node{i}.yml"))
            self.assertEqual((node["node_id"], node["port"], node["host"]), (i, 5000 + i, "0.0.0.0"))
            self.assertEqual(node["advertise"], f"chat_node{i}")
            self.assertEqual((node["log_dir"], node["data"]), ("/data/logs", f"/data/node_{i}"))
            self.assertEqual([(s["node_id"], s["host"], s["port"]) for s in node["seed_nodes"]],
                             [(k, f"chat_node{k}", 5000 + k) for k in (1, 2, 3) if k != i])

    def test_the_first_stage_installs_what_the_build_looks_for(self):
        """tools/deps installs tools/packages: each library that CMake asks for is of one of these."""
        self.assertIn(("RUN", "tools/deps"), instructions(read("Dockerfile")))
        if shutil.which("dpkg") is None or shutil.which("pkg-config") is None:
            self.skipTest("no dpkg or pkg-config here")

        def output(*argv):
            return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

        def package_of(path):
            return output("dpkg", "-S", path).split(":")[0]
        with open(os.path.join(ROOT, "cmake", "PandoDeps.cmake"), encoding="utf-8") as f:
            asked = f.read()
        modules = re.findall(r"pkg_check_modules\(\w+ REQUIRED IMPORTED_TARGET ([^)]+)\)", asked)
        libraries = re.findall(r"find_library\(\w+ (\w+) REQUIRED\)", asked)
        needed = {package_of(os.path.join(output("pkg-config", "--variable=pcfiledir", m).strip(), m + ".pc"))
                  for line in modules for m in line.split()}
        folder = output("gcc", "-print-multiarch").strip()
        needed |= {package_of(f"/usr/lib/{folder}/lib{name}.so") for name in libraries}
        with open(os.path.join(ROOT, "tools", "packages"), encoding="utf-8") as f:
            self.assertLessEqual(needed, {line.strip() for line in f if not line.startswith("#")})
        self.assertGreater(len(needed), 10)

    def test_the_dockerfile_copies_what_is_there_and_installs_what_is_linked(self):
        steps = instructions(read("Dockerfile"))
        words = [word for word, _ in steps]
        self.assertEqual(words[0], "ARG")
        self.assertTrue(set(words) <= {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE",
                                       "ENTRYPOINT", "CMD"}, words)
        self.assertEqual([rest for word, rest in steps if word == "FROM"], ["${BASE} AS build", "${BASE}"])
        self.assertLess(words.index("USER"), words.index("ENTRYPOINT"), "it does not run as root")
        for word, rest in steps:
            if word == "COPY" and not rest.startswith("--from"):
                for source in rest.split()[:-1]:
                    self.assertTrue(os.path.exists(os.path.join(ROOT, source)), source)
        runtime = " ".join(rest for word, rest in steps[words.index("FROM", 2):] if word == "RUN")
        needed = subprocess.run(["objdump", "-p", pando.BINARY], capture_output=True, text=True, check=True).stdout
        for library in re.findall(r"NEEDED\s+(\S+)", needed):
            if library.startswith(("libc.", "ld-linux", "libm.", "libpthread.")):
                continue
            owner = subprocess.run(["dpkg", "-S", "*/" + library], capture_output=True, text=True, check=False)
            packages = {line.split(":")[0] for line in owner.stdout.splitlines() if not line.startswith("diversion")}
            if packages:
                self.assertTrue(any(re.search(rf"\b{re.escape(p)}(\s|$)", runtime) for p in packages), (library, packages))


class Namespaces(unittest.TestCase):
    def script(self, *args):
        return subprocess.run([os.path.join(DEPLOY, "netns.sh"), *args], capture_output=True, text=True, timeout=60 * pando.PATIENCE,
                              env={**os.environ, "PANDO": os.path.realpath(pando.BINARY)}, check=False)

    def test_three_hosts_a_cut_one_and_a_healed_one(self):
        folder = tempfile.mkdtemp(prefix="pando-netns-")
        up = self.script("up", folder)
        if up.returncode == 77:
            shutil.rmtree(folder)
            self.skipTest(up.stdout.strip())
        self.assertEqual(up.returncode, 0, up.stderr)
        try:
            self.steps(folder)
        finally:
            down = self.script("down")
        self.assertEqual(down.returncode, 0, down.stderr)
        spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
        self.assertNotIn("chat_node", spaces)
        shutil.rmtree(folder)

    def steps(self, folder):
        def records(i):
            try:
                with open(os.path.join(folder, f"node{i}_data", "logs", f"node_{i}_messages.jsonl"), "rb") as f:
                    return f.read().splitlines()
            except FileNotFoundError:
                return []

        def leader(i):
            try:
                node = Lines(5000 + i, f"10.77.0.{i}")
            except OSError:
                return 0
            node.say(type="JOIN")
            answer = node.hear_until("JOIN_ACK")
            node.close()
            return answer["leader_id"]

        def say(i, text):
            code, out, err = pando.command("client", "--host", f"10.77.0.{i}", "--port", str(5000 + i), input=text + "\n")
            self.assertEqual(code, 0, err)
            return out

        wait_until(lambda: [leader(i) for i in (1, 2, 3)] == [3, 3, 3], 30, "node 3 leads")
        self.assertIn("[seq=1] node_9999: first", say(1, "first"))
        self.assertEqual(self.script("cut", "3").returncode, 0)
        wait_until(lambda: leader(1) in (1, 2) and leader(1) == leader(2), 30, "another one leads")
        self.assertIn("[seq=2] node_9999: second", say(2, "second"))
        self.assertEqual(len(records(3)), 1)
        self.assertEqual(self.script("heal", "3").returncode, 0)
        wait_until(lambda: records(3) == records(1) and len(records(3)) == 2, 30, "node 3 catches up")
        self.assertEqual(self.script("kill", "2").returncode, 0)
        wait_until(lambda: leader(1) in (1, 3), 30, "a leader without node 2")
        self.assertIn("[seq=3] node_9999: third", say(3, "third"))
        self.assertEqual(self.script("start", "2").returncode, 0)
        wait_until(lambda: records(1) == records(2) == records(3) and len(records(2)) == 3, 30, "node 2 is back")


if __name__ == "__main__":
    unittest.main()
