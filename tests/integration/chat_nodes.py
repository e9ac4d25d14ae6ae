"""Nodes of a chat as the demo guide starts them: config files of its dialect, real processes.

What a node prints goes to node_N.out, its log to node_N.err; both survive restarts of it.
"""
import json
import os
import re
import signal
import socket
import subprocess

import pando

CONFIG = """node_id: {id}
host: 127.0.0.1
port: {port}
seed_nodes:
{seeds}
heartbeat_interval_ms: {heartbeat}
leader_timeout_ms: {timeout}
log_dir: ./data/logs
"""


class ChatNode(pando.Node):
    """One node; its folder is its cluster's, where the paths of its config begin."""

    def __init__(self, root, number):
        super().__init__(root, f"node_{number}")
        self.root = root
        self.number = number
        self.data = os.path.join(root, "data", self.name)
        self.config = os.path.join(root, f"node{number}_local.yml")
        self.out = os.path.join(root, self.name + ".out")
        self.err = os.path.join(root, self.name + ".err")

    def start(self, wait=True):
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.process = subprocess.Popen(
                [pando.BINARY, "node", "--config", self.config, *self.flags], cwd=self.root, stdout=out,
                stderr=err, stdin=subprocess.DEVNULL)
        if wait:
            pando.wait_until(self.answers, 20, f"{self.name} answers ({self.err})")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {self.log()[-2000:]}")
        try:
            return self.status() is not None
        except (OSError, pando.http.client.HTTPException, pando.NodeError):
            return False

    def status(self):
        return self.ask("log.status", space="chat")

    def log(self):
        with open(self.err, encoding="utf-8", errors="replace") as f:
            return f.read()

    def delivered(self):
        """The [seq=N] lines on the node's terminal."""
        with open(self.out, encoding="utf-8") as f:
            return [line.rstrip("\n") for line in f if line.startswith("[seq=")]

    def transcript(self):
        with open(os.path.join(self.root, "data", "logs", f"{self.name}_messages.jsonl"), "rb") as f:
            return f.read()

    def records(self):
        """The whole ones: the last line may just be being written."""
        return [json.loads(line) for line in self.transcript().splitlines(True) if line.endswith(b"\n")]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.drop()


class Cluster:
    """Nodes 1..n on free ports, in a folder that is gone afterwards."""

    def __init__(self, count=3, heartbeat=800, timeout=2500, flags=()):
        self.world = pando.World()
        self.root = self.world.root
        self.nodes = [ChatNode(self.root, i + 1) for i in range(count)]
        self.clients = []
        self.world.nodes += self.nodes
        for node in self.nodes:
            node.flags = list(flags)
            seeds = "\n".join(f"  - node_id: {n.number}\n    host: 127.0.0.1\n    port: {n.port}"
                              for n in self.nodes if n is not node)
            with open(node.config, "w", encoding="utf-8") as f:
                f.write(CONFIG.format(id=node.number, port=node.port, seeds=seeds, heartbeat=heartbeat,
                                      timeout=timeout))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for client in self.clients:
            if client.poll() is None:
                client.kill()
                client.wait()
            for pipe in (client.stdin, client.stdout, client.stderr):
                if pipe is not None:
                    pipe.close()
        self.world.__exit__(*error)

    def __getitem__(self, number):
        return self.nodes[number - 1]

    def start(self):
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            pando.wait_until(node.answers, 20, f"{node.name} answers ({node.err})")
        self.leader()
        return self

    def alive(self):
        return [n for n in self.nodes if n.process is not None and n.process.poll() is None]

    def leader(self, seconds=20):
        """The one node that all living ones follow."""
        found = []

        def agreed():
            said = [(n.status()["leader"], n.status()["term"]) for n in self.alive()]
            found[:] = [leader for leader, _ in said]
            return len(set(said)) == 1 and said[0][0] in [n.number for n in self.alive()]
        pando.wait_until(agreed, seconds, f"one leader is agreed on: {found}")
        return self[found[0]]

    def client(self, node, *flags, **options):
        """A `pando client` process with its input open."""
        argv = [pando.BINARY, "client", "--host", "127.0.0.1", "--port", str(self[node].port), *flags]
        client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, **options)
        self.clients.append(client)
        return client

    def say(self, node, lines, *flags):
        """Lines typed into a client; what it showed. It ends when all is acknowledged."""
        client = self.client(node, *flags)
        out, err = client.communicate("".join(line + "\n" for line in lines), timeout=60 * pando.PATIENCE)
        assert client.returncode == 0, (client.returncode, out, err)
        return [line for line in out.splitlines() if line.startswith("[seq=")]

    def all_show(self, expected, seconds=20, nodes=None):
        for node in nodes or self.alive():
            pando.wait_until(lambda n=node: n.delivered()[-len(expected):] == expected, seconds,
                             f"{node.name} shows {expected[:3]}..., not {node.delivered()[-3:]}")

    def all_at(self, seq, seconds=20):
        """Every living node has numbers 1..seq in its transcript, the same bytes."""
        for node in self.alive():
            pando.wait_until(lambda n=node: len(n.records()) >= seq, seconds, f"{node.name} is at {seq}")
            assert [r["seq_no"] for r in node.records()] == list(range(1, seq + 1)), node.name
        texts = {n.transcript() for n in self.alive()}
        assert len(texts) == 1, "the transcripts are the same bytes"


class Lines:
    """A raw connection of the JSON-lines dialect."""

    def __init__(self, port, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=20 * pando.PATIENCE)
        self.file = self.socket.makefile("r", encoding="utf-8", newline="\n")

    def say(self, **line):
        self.socket.sendall(json.dumps(line).encode() + b"\n")

    def hear(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the node closed the connection")
        assert len(line.encode()) <= 65536, "a line is at most 64 KiB"
        return json.loads(line)

    def hear_until(self, kind, **members):
        """The first line of that type and with these members; what came before it is dropped."""
        while True:
            line = self.hear()
            if line["type"] == kind and all(line.get(k) == v for k, v in members.items()):
                return line

    def close(self):
        self.file.close()
        self.socket.close()


def seqs(lines):
    return [int(re.match(r"\[seq=(\d+)\]", line).group(1)) for line in lines]
