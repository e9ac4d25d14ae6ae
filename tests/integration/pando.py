"""Real nodes for tests: start, ask over the control socket, kill, compare.

Every wait has a condition and a deadline; ports and folders are fresh per node. The seconds that
tests name are those of a machine with time to spare; PATIENCE in the environment says how many
times as long they wait before they fail, so that a slow or busy machine is no failure.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BINARY = os.environ.get("PANDO", "build/pando")
PATIENCE = float(os.environ.get("PATIENCE", "4"))


class NodeError(Exception):
    """A call that the node refused: status name and sentence."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30 * PATIENCE):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def free_port():
    """A port that is free for UDP and for TCP on loopback."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port = udp.getsockname()[1]
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
                try:
                    tcp.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port


def wait_until(holds, seconds, what):
    """Poll until `holds()` is true; fail with `what` after the deadline."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        if holds():
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")


class Node:
    def __init__(self, root, name, peers=(), flags=()):
        self.name = name
        self.data = os.path.join(root, name)
        self.port = free_port()
        self.peers = list(peers)
        self.flags = list(flags)
        self.process = None
        self.connection = None

    def argv(self):
        argv = [BINARY, "node", "--name", self.name, "--port", str(self.port), "--data", self.data,
                "--listen", "127.0.0.1"]
        for peer in self.peers:
            argv += ["--peer", peer]
        return argv + self.flags

    def start(self, wait=True):
        log = open(self.data + ".log", "ab")
        self.process = subprocess.Popen(self.argv(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        if wait:
            wait_until(self.answers, 20, f"{self.name} answers (log: {self.data}.log)")
        return self

    def answers(self):
        if self.process.poll() is not None:
            with open(self.data + ".log", "rb") as log:
                raise AssertionError(f"{self.name} ended: {log.read()[-2000:]}")
        try:
            return self.ask("status") is not None
        except (OSError, http.client.HTTPException, NodeError):
            return False

    def ask(self, verb, **args):
        """One call on a kept connection; raises NodeError with the node's sentence."""
        for attempt in (0, 1):
            try:
                if self.connection is None:
                    self.connection = UnixConnection(os.path.join(self.data, "control.sock"))
                self.connection.request("POST", "/api/" + verb, json.dumps(args))
                response = self.connection.getresponse()
                body = response.read()
                break
            except (OSError, http.client.HTTPException):
                self.drop()
                if attempt == 1:
                    raise
        if response.status != 200:
            error = json.loads(body).get("error", {})
            raise NodeError(error.get("status", str(response.status)), error.get("text", ""))
        return json.loads(body) if body[:1] in b"{[" else body

    def drop(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def address(self):
        return f"127.0.0.1:{self.port}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.drop()

    def stop(self):
        """Ctrl+C; the exit code."""
        self.drop()
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(15 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def heads(self):
        return sorted(h["id"] for h in self.ask("dag.heads")["heads"])


class World:
    """A folder of nodes that is gone afterwards."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="pando-test-")
        self.nodes = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
                node.stop()
        if kind is None:
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"the nodes' folders are kept in {self.root}")

    def node(self, name, peers=(), flags=()):
        node = Node(self.root, name, peers, flags)
        self.nodes.append(node)
        return node

    def pair(self):
        a = self.node("a").start()
        b = self.node("b", [a.address()]).start()
        linked(a, b)
        return a, b


def linked(*nodes):
    for node in nodes:
        wait_until(lambda n=node: n.ask("status")["connected_peers"] >= 1, 20, f"{node.name} is linked")


def equal(nodes, seconds):
    """All nodes hold the same events: same count, same heads."""
    def same():
        counts = {n.ask("status")["dag_events"] for n in nodes}
        return len(counts) == 1 and len({tuple(n.heads()) for n in nodes}) == 1
    wait_until(same, seconds, "all nodes hold the same events and heads")


def command(*args, **options):
    """Run the command line; (exit code, stdout, stderr)."""
    done = subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=60 * PATIENCE, **options)
    return done.returncode, done.stdout, done.stderr
