"""Real chat peers for tests: `pando chat` in lines, told through a pipe, read from files.

Every wait has a condition and a deadline.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from pando import BINARY, Node, NodeError, free_port, wait_until

MESSAGE = re.compile(r"^\[seq=(\d+)\] (\S+): (.*)$", re.M)


class Peer(Node):
    """A chat peer; Node's calls over the control socket work too."""

    def __init__(self, chat, number, seeds=(), flags=()):
        super().__init__(chat.root, f"peer_{number}")
        self.number = number
        self.data = os.path.join(chat.root, f"peer_{number}_data")
        self.seeds = list(seeds)
        self.flags = list(flags)
        self.out = os.path.join(chat.root, f"peer_{number}.out")
        self.err = os.path.join(chat.root, f"peer_{number}.err")
        self.log_dir = os.path.join(chat.root, "logs")
        self.transcript = os.path.join(self.log_dir, f"peer_{number}.log")

    def start(self, wait=True):
        argv = [BINARY, "chat", "--id", str(self.number), "--port", str(self.port), "--data", self.data,
                "--log-dir", self.log_dir]
        for seed in self.seeds:
            argv += ["--seed", seed]
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.process = subprocess.Popen(argv + self.flags, stdin=subprocess.PIPE, stdout=out, stderr=err)
        if wait:
            wait_until(self.answers, 20, f"{self.name} answers (log: {self.err})")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended: {self.log()[-2000:]}")
        try:
            return self.state() is not None
        except (OSError, NodeError, ValueError):
            return False
        except Exception:  # a connection that is cut in the middle of an answer
            return False

    def state(self):
        return self.ask("log.status", space="chat")

    def say(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        self.process.stdin.flush()

    def shown(self):
        """Everything on this peer's standard output."""
        with open(self.out, encoding="utf-8") as out:
            return out.read()

    def log(self):
        with open(self.err, encoding="utf-8") as err:
            return err.read()

    def messages(self, since=0):
        """[(number, sender, text)] as shown, from a position in the output on."""
        return [(int(n), who, text) for n, who, text in MESSAGE.findall(self.shown()[since:])]

    def sees(self, text, since=0, seconds=20):
        wait_until(lambda: text in self.shown()[since:], seconds,
                   f"{self.name} is shown {text!r}; it was {self.shown()[since:]!r}")

    def logs(self, text, since=0, seconds=20):
        wait_until(lambda: text in self.log()[since:], seconds,
                   f"{self.name} logs {text!r}; it was {self.log()[since:]!r}")

    def status(self):
        """What /status shows, as a dictionary."""
        since = len(self.shown())
        self.say("/status")
        self.sees("Quorum: ", since)
        wait_until(lambda: self.shown().endswith("\n"), 5, "the answer is whole")
        return dict(line.split(": ", 1) for line in self.shown()[since:].splitlines() if ": " in line)

    def lines(self):
        with open(self.transcript, "rb") as transcript:
            return transcript.read()

    def records(self):
        """The whole ones: the last line may just be being written."""
        return [json.loads(line) for line in self.lines().splitlines(True) if line.endswith(b"\n")]


class Chat:
    """A folder of peers that is gone afterwards."""

    def __init__(self, count=3, flags=()):
        self.root = tempfile.mkdtemp(prefix="pando-chat-test-")
        self.peers = []
        self.add(flags=flags)
        for _ in range(count - 1):
            self.add(flags=flags)

    def add(self, flags=()):
        number = len(self.peers) + 1
        seeds = [f"1:127.0.0.1:{self.peers[0].port}"] if self.peers else []
        peer = Peer(self, number, seeds, flags)
        while any(peer.port == other.port for other in self.peers):
            peer.port = free_port()
        self.peers.append(peer)
        return peer

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for peer in self.peers:
            if peer.process is not None and peer.process.poll() is None:
                peer.process.send_signal(signal.SIGCONT)
                peer.stop()
            if peer.process is not None and peer.process.stdin is not None:
                try:
                    peer.process.stdin.close()
                except OSError:
                    pass
        if kind is None:
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"what the peers wrote is kept in {self.root}")

    def alive(self):
        return [p for p in self.peers if p.process is not None and p.process.poll() is None]

    def start(self):
        for peer in self.peers:
            peer.start()
        self.settle()
        return self.peers

    def settled(self):
        try:
            states = [p.state() for p in self.alive()]
        except Exception:  # one is starting or stopping
            return False
        leaders = {s["leader"] for s in states}
        voters = {sum(m["standing"] == "voter" for m in s["members"]) for s in states}
        return len(leaders) == 1 and 0 not in leaders and voters == {len(self.peers)}

    def settle(self, seconds=30):
        wait_until(self.settled, seconds, "all peers are voters of one leader")

    def leader(self):
        """The one that leads by its own word, when the others agree."""
        found = []

        def leads():
            found[:] = [p for p in self.alive() if p.state()["role"] == "LEADER"]
            others = {p.state()["leader"] for p in self.alive()}
            return len(found) == 1 and others == {found[0].number}
        wait_until(leads, 20, "one leads and all know")
        return found[0]

    def all_see(self, text, seconds=20):
        for peer in self.alive():
            peer.sees(text, 0, seconds)

    def same_transcripts(self, seconds=20):
        """All who live hold the same bytes; returns them."""
        def equal():
            return len({p.lines() for p in self.alive()}) == 1
        wait_until(equal, seconds, "the transcripts are equal")
        return self.alive()[0].lines()
