"""Clusters of a log space, clients that keep a history, and what must hold in the end.

Members are static, by the space's settings. A writer is a session: it numbers its messages,
and asks one node after the other until each is answered. Single shots are asked once: their
outcome may stay unknown. Readers read linearly, or what their node has. All clients are
threads of one process, so one clock orders what they saw.
"""
import collections
import http.client
import itertools
import json
import os
import random
import signal
import threading
import time

from history import Append, History, Read, check
from pando import PATIENCE, Node, NodeError, UnixConnection, World, wait_until

ROOM = "general"
PAGE = 1000
TROUBLE = (OSError, http.client.HTTPException, ValueError)


class Line:
    """One kept connection to a node's control socket. `number` tells connections, and with them
    processes of the node, apart."""
    numbers = itertools.count(1)

    def __init__(self, node, patience=6):
        self.node = node
        self.patience = patience
        self.connection = None
        self.number = 0

    def ask(self, verb, **args):
        """The answer. NodeError: refused; one of TROUBLE: nothing is known."""
        if self.connection is None:
            self.connection = UnixConnection(os.path.join(self.node.data, "control.sock"),
                                             timeout=self.patience)
            self.number = next(Line.numbers)
        try:
            self.connection.request("POST", "/api/" + verb, json.dumps(args))
            response = self.connection.getresponse()
            body = response.read()
            answer = json.loads(body)
        except TROUBLE:
            self.close()
            raise
        if response.status != 200:
            error = answer.get("error", {})
            if isinstance(error, dict):
                raise NodeError(error.get("status", str(response.status)), error.get("text", ""))
            raise NodeError(str(response.status), error)
        return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class LogNode(Node):
    """A member of a static group; `within` is a command that the node runs inside of."""

    def __init__(self, root, member, members, settings=None, within=(), flags=()):
        super().__init__(root, f"n{member}", flags=flags)
        self.member = member
        self.within = list(within)
        self.listen = "127.0.0.1"
        self.settings = {"id": member, "members": members, **(settings or {})}
        self.paused = False

    def argv(self):
        argv = super().argv()
        argv[argv.index("--listen") + 1] = self.listen
        return self.within + argv + ["--spaces", "proof:log:" + json.dumps(self.settings)]

    def address(self):
        return f"{self.listen}:{self.port}"

    def log(self, verb, **args):
        return self.ask("log." + verb, **args)

    def status(self):
        """Its status, or None while it does not answer."""
        try:
            return self.log("status")
        except (NodeError, *TROUBLE):
            return None

    def output(self):
        with open(self.data + ".log", "rb") as f:
            return f.read().decode(errors="replace")


class Cluster:
    def __init__(self, size, settings=None, root=None, place=None, flags=()):
        """`place(node)` may put a node elsewhere before any address is used."""
        self.world = World()
        members = list(range(1, size + 1))
        for m in members:
            node = LogNode(root or self.world.root, m, members, settings, flags=flags)
            if place is not None:
                place(node)
            self.world.nodes.append(node)
        self.nodes = self.world.nodes
        for node in self.nodes:
            node.peers = [other.address() for other in self.nodes if other is not node]

    def __enter__(self):
        self.world.__enter__()
        return self

    def __exit__(self, *error):
        return self.world.__exit__(*error)

    def start(self, seconds=20):
        try:
            for node in self.nodes:
                node.start(wait=False)
            for node in self.nodes:
                wait_until(node.answers, 30, f"{node.name} answers")
            self.await_leader(seconds)
        except BaseException as e:
            self.__exit__(type(e), e, None)  # `with` has not begun yet: nothing is left running
            raise
        return self

    def leader(self):
        """The node that a majority calls the leader and that says so itself, or None."""
        said = [s for s in (n.status() for n in self.nodes if n.process.poll() is None and not n.paused)
                if s is not None]
        for s in said:
            if s["role"] == "LEADER" and s["quorum"]:
                followers = sum(o["leader"] == s["id"] and o["term"] == s["term"] for o in said)
                if followers * 2 > len(self.nodes):
                    return self.nodes[s["id"] - 1]
        return None

    def await_leader(self, seconds):
        """How long it took."""
        begin = time.monotonic()
        wait_until(lambda: self.leader() is not None, seconds, lambda: "a leader: " + self.describe())
        return time.monotonic() - begin

    def await_unity(self, seconds):
        """Every node follows one leader in one term."""
        def united():
            said = [n.status() for n in self.nodes]
            return None not in said and said[0]["leader"] != 0 and \
                len({(s["leader"], s["term"]) for s in said}) == 1
        wait_until(united, seconds, lambda: "everybody follows one leader: " + self.describe())

    def describe(self):
        rows = []
        for n in self.nodes:
            s = n.status() if n.process and n.process.poll() is None and not n.paused else None
            rows.append(f"{n.name} is away" if s is None else
                        f"{n.name} {s['role']} term {s['term']} leader {s['leader']} commit {s['commit']}"
                        f" applied {s['applied']} of {s['last_index']} {s['why']}")
        return "; ".join(rows)

    def revive(self):
        """Every node runs, and runs on."""
        for node in self.nodes:
            resume(node)
            if node.process is None or node.process.poll() is not None:
                node.start(wait=False)
        for node in self.nodes:
            wait_until(node.answers, 30, f"{node.name} answers again")

    def settle(self, seconds=30):
        """All have the same number of messages, and what the leader has is committed."""
        def settled():
            try:
                ends = {n.log("read", room=ROOM, limit=1)["last"] for n in self.nodes}
                states = [n.log("status") for n in self.nodes]
            except (NodeError, *TROUBLE):
                return False
            return len(ends) == 1 and all(s["applied"] == s["commit"] == s["last_index"] for s in states)
        wait_until(settled, seconds, lambda: "all nodes are equal: " + self.describe())

    def tails(self):
        """What each node still has, as reads."""
        self.settle()
        reads = []
        for n in self.nodes:
            now = time.monotonic_ns()
            head = n.log("read", room=ROOM, limit=1)
            texts = transcript(n, head["last"], head["first"])
            reads.append(Read(("tail", n.name), False, now, time.monotonic_ns(), head["last"], head["first"],
                              texts))
        return reads

    def transcripts(self):
        self.settle()
        end = min(n.log("read", room=ROOM, limit=1)["last"] for n in self.nodes)
        return {n.name: transcript(n, end) for n in self.nodes}


def pause(node):
    node.paused = True
    node.process.send_signal(signal.SIGSTOP)


def resume(node):
    if node.paused:
        node.process.send_signal(signal.SIGCONT)
    node.paused = False


def transcript(node, end, first=1):
    """The node's texts from number `first` to `end`; None where it shows nothing."""
    texts = []
    while first + len(texts) <= end:
        answer = node.log("read", room=ROOM, limit=PAGE, **{"from": first + len(texts)})
        if not answer["messages"]:
            texts.append(None)
        for m in answer["messages"]:
            while first + len(texts) < m["seq"]:
                texts.append(None)
            texts.append(m["text"])
    return texts[:max(0, end + 1 - first)]


class Client(threading.Thread):
    def __init__(self, load, name):
        super().__init__(name=name, daemon=True)
        self.load = load
        self.rng = random.Random(f"{load.seed} {name}")
        self.lines = [Line(n, load.patience) for n in load.cluster.nodes]
        self.at = self.rng.randrange(len(self.lines))
        self.history = History()
        self.failure = None
        self.refusals = {}

    def run(self):
        try:
            while not self.load.halt.is_set():
                self.turn()
                if self.load.pace > 0:
                    self.load.halt.wait(self.load.pace)
        except Exception as e:  # the main thread raises it
            self.failure = e
        finally:
            for line in self.lines:
                line.close()

    def refused(self, error):
        key = error.status if isinstance(error, NodeError) else type(error).__name__
        self.refusals[key] = self.refusals.get(key, 0) + 1

    def elsewhere(self):
        self.at = (self.at + 1) % len(self.lines)


class Writer(Client):
    """A session: every message is repeated until it is answered."""

    def __init__(self, load, name):
        super().__init__(load, name)
        self.client = self.rng.getrandbits(62) | 1
        self.counter = 0

    def turn(self):
        self.counter += 1
        text = f"{self.name}:{self.counter}{self.load.pad}"
        call = time.monotonic_ns()
        while not self.load.give_up.is_set():
            try:
                answer = self.lines[self.at].ask(
                    "log.append", room=ROOM, text=text, client=self.client, counter=self.counter,
                    timeout_ms=self.load.timeout_ms)
            except NodeError as e:
                self.refused(e)
                if e.status not in self.load.tolerated:
                    raise
            except TROUBLE as e:
                self.refused(e)
            else:
                self.history.appends.append(Append(self.name, self.counter, text, call,
                                                   time.monotonic_ns(), answer["seq"]))
                return
            self.elsewhere()
            self.load.give_up.wait(0.02)
        self.history.appends.append(Append(self.name, self.counter, text, call, None, None))


class Shots(Client):
    """Messages of the node's own session, alone or several at once, asked once."""
    count = 0

    def turn(self):
        self.count += 1
        many = self.rng.random() < 0.25
        texts = [f"{self.name}:{self.count}.{i}{self.load.pad}" for i in range(3 if many else 1)]
        call = time.monotonic_ns()
        numbers = [None] * len(texts)
        end = None
        self.at = self.rng.randrange(len(self.lines))
        try:
            line = self.lines[self.at]
            if many:
                numbers = line.ask("log.append_many", room=ROOM, texts=texts)["seqs"]
            else:
                numbers = [line.ask("log.append", room=ROOM, text=texts[0],
                                    timeout_ms=self.load.timeout_ms)["seq"]]
            end = time.monotonic_ns()
        except NodeError as e:
            self.refused(e)
            if e.status not in self.load.tolerated:
                raise
        except TROUBLE as e:
            self.refused(e)
        for text, number in zip(texts, numbers):
            self.history.appends.append(Append(None, 0, text, call, end, number))
        if end is None:
            self.load.halt.wait(0.02)


class Reader(Client):
    linear = False

    def turn(self):
        if not self.linear or self.rng.random() < 0.3:
            self.at = self.rng.randrange(len(self.lines))
        line = self.lines[self.at]
        call = time.monotonic_ns()
        try:
            answer = line.ask("log.read", room=ROOM, limit=self.rng.randrange(1, 40), linear=self.linear)
        except NodeError as e:
            self.refused(e)
            if e.status not in (*self.load.tolerated, "FULL"):
                raise
            self.elsewhere()
            self.load.halt.wait(0.01)
            return
        except TROUBLE as e:
            self.refused(e)
            self.elsewhere()
            self.load.halt.wait(0.02)
            return
        end = time.monotonic_ns()
        messages = answer["messages"]
        first = messages[0]["seq"] if messages else 1
        for i, m in enumerate(messages):
            if m["seq"] != first + i:
                raise AssertionError(f"{line.node.name} skipped from {first + i} to {m['seq']} in one answer")
        # Sessions end with the connection: a node that was killed may come back with less.
        session = (self.name, line.node.name, line.number)
        self.history.reads.append(Read(session, self.linear, call, end, answer["last"], first,
                                       [m["text"] for m in messages]))


class LinearReader(Reader):
    linear = True


class PatientReader(LinearReader):
    """Asks anybody now and then, and waits for the answer however long it takes: one that stood
    still, or was cut off, when it was asked must not answer from what it knew."""

    def __init__(self, load, name):
        super().__init__(load, name)
        for line in self.lines:
            line.patience = 10

    def turn(self):
        self.load.halt.wait(self.rng.uniform(0, 1))
        self.at = self.rng.randrange(len(self.lines))
        super().turn()


class Recorder(Client):
    """Reads on from any node, for what the nodes will have forgotten in the end."""

    def __init__(self, load, name):
        super().__init__(load, name)
        self.texts = []
        self.misses = 0

    def turn(self):
        if not self.read_on():
            self.load.halt.wait(0.02)

    def read_on(self):
        """False: nothing new here."""
        self.at = self.rng.randrange(len(self.lines))
        try:
            answer = self.lines[self.at].ask("log.read", room=ROOM, limit=PAGE,
                                             **{"from": len(self.texts) + 1})
        except (NodeError, *TROUBLE) as e:
            self.refused(e)
            return False
        messages = answer["messages"]
        if messages and messages[0]["seq"] != len(self.texts) + 1:
            self.misses += 1
            if self.misses > 200:
                raise AssertionError(f"all have forgotten {len(self.texts) + 1} before it was read")
            return False
        self.misses = 0
        self.texts += [m["text"] for m in messages]
        return bool(messages)

    def finish(self, end, seconds=20):
        wait_until(lambda: self.read_on() and False or len(self.texts) >= end, seconds,
                   lambda: f"all {end} messages are read, not {len(self.texts)}")
        return self.texts[:end]


class Amounts(collections.namedtuple("Amounts", "appends linear local")):
    """How much was answered, or has to be."""

    def __add__(self, other):
        return Amounts(*(a + b for a, b in zip(self, other)))

    def covers(self, goal):
        return all(a >= b for a, b in zip(self, goal))

    def __str__(self):
        return f"{self.appends} appends, {self.linear} linear and {self.local} local reads"


class Load:
    """Clients at work: writers, single shots, linear, patient and local readers."""

    def __init__(self, cluster, seed, writers=3, shots=1, linear=1, local=1, patient=0, pace=0.0,
                 timeout_ms=2000, patience=4, pad=0, tolerated=(), record=False):
        self.cluster = cluster
        self.seed = seed
        self.pace = pace
        self.timeout_ms = timeout_ms
        self.pad = "." * pad  # behind every text
        self.tolerated = ("UNAVAILABLE", "TIMEOUT", "BUSY", *tolerated)  # refusals: repeat, elsewhere
        self.patience = patience  # seconds for an answer before the call is made elsewhere
        self.halt = threading.Event()
        self.give_up = threading.Event()
        self.clients = [Writer(self, f"w{i}") for i in range(writers)]
        self.clients += [Shots(self, f"s{i}") for i in range(shots)]
        self.clients += [LinearReader(self, f"linear{i}") for i in range(linear)]
        self.clients += [PatientReader(self, f"patient{i}") for i in range(patient)]
        self.clients += [Reader(self, f"local{i}") for i in range(local)]

        self.recorder = Recorder(self, "recorder") if record else None
        self.clients += [self.recorder] if record else []

    def __enter__(self):
        for c in self.clients:
            c.start()
        return self

    def __exit__(self, *error):
        self.halt.set()
        self.give_up.set()
        for c in self.clients:
            c.join()

    def acknowledged(self):
        return sum(len(c.history.appends) for c in self.clients if isinstance(c, Writer))

    def amounts(self):
        """What was answered so far: messages (singles of sessions only), linear and local reads."""
        reads = [sum(len(c.history.reads) for c in self.clients if isinstance(c, Reader) and c.linear == linear)
                 for linear in (True, False)]
        return Amounts(self.acknowledged(), *reads)

    def reaches(self, goal, seconds):
        """Wait until so much was answered in all: a run with less would prove too little."""
        wait_until(lambda: self.amounts().covers(goal) or self.failures(), seconds,
                   lambda: f"{goal}, only {self.amounts()}: {self.cluster.describe()}")
        self.raise_failures()

    def flows(self, seconds, more=1, linear=0, local=0):
        """Wait until so many more messages and reads were answered."""
        self.reaches(self.amounts() + Amounts(more, linear, local), seconds)

    def failures(self):
        return [f"{c.name}: {c.failure!r}" for c in self.clients if c.failure is not None]

    def raise_failures(self):
        if self.failures():
            raise AssertionError("; ".join(self.failures()))

    def finish(self, seconds=30):
        """No more calls, those under way are answered; the whole history but the transcripts."""
        self.halt.set()
        seconds *= PATIENCE
        deadline = time.monotonic() + seconds
        for c in self.clients:
            c.join(max(0.0, deadline - time.monotonic()))
        stuck = [c.name for c in self.clients if c.is_alive()]
        self.give_up.set()
        for c in self.clients:
            c.join()
        self.raise_failures()
        if stuck:
            raise AssertionError(f"{stuck} got no answer within {seconds:g} s: {self.cluster.describe()}")
        history = History()
        for c in self.clients:
            history.add(c.history)
        return history


class Outcome:
    """What a run amounts to, in numbers."""

    def __init__(self, history, breaches):
        self.breaches = list(breaches)
        self.acked = history.acknowledged()
        self.unknown = sum(a.end is None for a in history.appends)
        self.linear = sum(r.linear for r in history.reads)
        self.local = sum(not r.linear for r in history.reads)

    def __str__(self):
        return (f"{self.acked} acknowledged, {self.unknown} unknown, {self.linear} linear and "
                f"{self.local} local reads, {len(self.breaches)} breaches")


def conclude(cluster, load):
    """Everybody runs again: end the load, compare everything."""
    history = load.finish()
    if load.recorder is None:
        history.transcripts = cluster.transcripts()
    else:
        tails = cluster.tails()
        history.reads += tails
        history.transcripts = {"recorder": load.recorder.finish(max(r.last for r in tails))}
    return Outcome(history, check(history))
