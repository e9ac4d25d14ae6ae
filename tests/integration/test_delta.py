"""Delta spaces in real nodes: what was answered survives kill -9; instances federate."""
import glob
import http.client
import json
import os
import random
import threading
import time
import unittest

from pando import NodeError, UnixConnection, World, command, wait_until

KILLS = int(os.environ.get("KILLS", "10"))


def with_space(node, **settings):
    """Start it, and make its space; the node keeps that for its next starts."""
    node.start()
    node.ask("space.create", name="db", kind="delta", settings=settings)
    return node


def about(obj, prop, value, **more):
    pointers = [{"role": "of", "target": {"id": obj, "context": prop}}, {"role": prop, "target": value}]
    return dict(pointers=pointers, **more)


def contents(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def state(node):
    return node.ask("delta.hash")


def counted(node, name):
    """One number of /metrics."""
    connection = UnixConnection(os.path.join(node.data, "control.sock"), timeout=20)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " "))


def equal(nodes, seconds, what):
    wait_until(lambda: len({json.dumps(state(n)) for n in nodes}) == 1, seconds,
               lambda: f"{what}: {[state(n) for n in nodes]}")


class Stream(threading.Thread):
    """Reads the lines of a stream until it ends."""

    def __init__(self, node, verb, query=""):
        super().__init__(daemon=True)
        self.connection = UnixConnection(os.path.join(node.data, "control.sock"), timeout=60)
        self.connection.request("GET", f"/api/{verb}?{query}")
        self.lines = []
        self.start()

    def run(self):
        try:
            for line in self.connection.getresponse():
                if line.strip():
                    self.lines.append(json.loads(line))
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            self.connection.close()


class Writer(threading.Thread):
    """Creates deltas as fast as they are answered, and remembers which were."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node = node
        self.halt = threading.Event()
        self.acked = []

    def run(self):
        number = 0
        while not self.halt.is_set():
            c = UnixConnection(os.path.join(self.node.data, "control.sock"), timeout=10)
            try:
                while not self.halt.is_set():
                    number += 1
                    c.request("POST", "/api/delta.create", json.dumps(about("o", "n", number)))
                    response = c.getresponse()
                    body = response.read()
                    if response.status == 200:
                        self.acked.append(json.loads(body)["id"])
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.01)
            finally:
                c.close()


def ids_of(node):
    ids, cursor = set(), ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = node.ask("delta.query", limit=1000, filter={"includeNegated": True}, **more)
        ids |= {d["id"] for d in page["deltas"]}
        cursor = page["cursor"]
    return ids


class Delta(unittest.TestCase):
    def test_what_was_answered_is_there_after_kill_9(self):
        with World() as world:
            node = with_space(world.node("a"), systemId="s1", author="alice")
            first = node.ask("delta.create", **about("prod_1", "name", "Widget"))["id"]
            node.ask("delta.create", deltas=[about("prod_1", "name", "Widget Pro"),
                                             about("prod_1", "price", 99.99, author="bob")])
            node.ask("delta.negate", id=first, reason="renamed")
            view = {"properties": {"name": {"extract": {"primitive": "name"}},
                                   "price": {"extract": {"primitive": "price"}}}}
            want = {"id": "prod_1", "name": "Widget Pro", "price": 99.99}
            self.assertEqual(node.ask("delta.view", id="prod_1", view=view), want)
            before = state(node)
            node.kill()
            node.start()
            self.assertEqual(state(node), before)
            self.assertEqual(node.ask("delta.view", id="prod_1", view=view), want)
            self.assertTrue(node.ask("delta.get", id=first)["negated"])
            stats = node.ask("delta.stats")
            self.assertEqual((stats["systemId"], stats["totalDeltas"]), ("s1", 4))

    def test_an_index_that_is_folded_anew_answers_the_same(self):
        with World() as world:
            node = with_space(world.node("a"))
            ids = [node.ask("delta.create", **about(f"o{i % 7}", "n", i))["id"] for i in range(60)]
            node.ask("delta.negate", id=ids[3])
            asks = [("delta.hash", {}), ("delta.get", {"id": ids[3]}),
                    ("delta.query", {"filter": {"targetIds": ["o3"]}}),
                    ("delta.query", {"filter": {"includeNegated": True}, "limit": 100})]
            before = [node.ask(verb, **args) for verb, args in asks]
            node.stop()
            code, _, stderr = command("db", "reindex", "--data", node.data)
            self.assertEqual(code, 0, stderr)
            notes = glob.glob(os.path.join(node.data, "spaces/*/journal/kind"))
            self.assertIn("delta", [contents(note) for note in notes])
            node.start()
            self.assertEqual([node.ask(verb, **args) for verb, args in asks], before)
            node.stop()
            for note in notes:  # as an older version left it
                os.unlink(note)
            code, _, stderr = command("db", "reindex", "--data", node.data)
            self.assertNotEqual(code, 0)
            self.assertIn("start its node once", stderr)
            node.start()
            self.assertEqual([node.ask(verb, **args) for verb, args in asks], before)

    def test_no_acknowledged_delta_is_lost(self):
        rng = random.Random(7)
        with World() as world:
            node = with_space(world.node("a"))
            writers = [Writer(node) for _ in range(3)]
            for w in writers:
                w.start()
            for _ in range(KILLS):
                time.sleep(rng.uniform(0.02, 0.25))
                node.kill()
                node.start()
            for w in writers:
                w.halt.set()
            for w in writers:
                w.join(20)
            acked = {i for w in writers for i in w.acked}
            self.assertGreater(len(acked), KILLS)
            self.assertEqual(acked - ids_of(node), set())

    def test_watchers_see_what_was_there_and_what_comes(self):
        with World() as world:
            node = with_space(world.node("a"))
            for n in range(20):
                node.ask("delta.create", **about("o", "n", n, id=f"d{n}"))
            stream = Stream(node, "delta.watch", "since=0")
            for n in range(20, 40):
                node.ask("delta.create", **about("o", "n", n, id=f"d{n}"))
            wait_until(lambda: len(stream.lines) >= 40, 10, lambda: f"{len(stream.lines)} lines")
            self.assertEqual(sorted(d["id"] for d in stream.lines), sorted(f"d{n}" for n in range(40)))

    def test_an_export_is_imported_elsewhere(self):
        with World() as world:
            a, b = with_space(world.node("a")), with_space(world.node("b"))
            a.ask("delta.create", deltas=[about("o", "n", n) for n in range(500)])
            stream = Stream(a, "delta.export")
            stream.join(20)
            self.assertEqual(len(stream.lines), 500)
            lines = "\n".join(json.dumps(d) for d in stream.lines) + "\n{}\n"
            connection = UnixConnection(os.path.join(b.data, "control.sock"))
            connection.request("POST", "/api/delta.import", b"\x02db" + lines.encode())
            answer = json.loads(connection.getresponse().read())
            connection.close()
            self.assertEqual((answer["new"], answer["refused"]), (500, 1))
            self.assertEqual(answer["reasons"], [{"line": 501, "reason": "id is missing"}])
            self.assertEqual(state(a), state(b))

    def test_two_instances_federate_and_agree_after_kill_9(self):
        with World() as world:
            a = with_space(world.node("a"), systemId="server")
            b = with_space(world.node("b"), systemId="client", links=[
                {"url": f"ws://{a.address()}/federation", "reconnect": {"maxAttempts": 0, "initialDelay": 100}}])
            a.ask("delta.create", deltas=[about("o", "n", n) for n in range(250)])
            events = Stream(b, "fed.watch")
            equal([a, b], 20, "the first sync")
            for n in range(20):
                a.ask("delta.create", **about("o", "a", n))
                b.ask("delta.create", **about("o", "b", n))
            equal([a, b], 20, "live")
            a.kill()
            b.ask("delta.create", **about("o", "b", "while the server is down"))
            wait_until(lambda: counted(b, 'pando_websockets_closed_total{code="none"}') > 0, 20, "the end is counted")
            a.start()
            a.ask("delta.create", **about("o", "a", "back"))
            equal([a, b], 60, "after the server came back")
            self.assertEqual(state(a)["deltas"], 292)
            self.assertEqual(counted(a, "pando_websockets"), 1)
            self.assertEqual(counted(a, 'pando_websockets_opened_total{direction="in"}'), 1)
            self.assertGreaterEqual(counted(b, 'pando_websockets_opened_total{direction="out"}'), 2)
            for direction in ("in", "out"):
                messages = counted(b, 'pando_websocket_messages_total{direction="%s"}' % direction)
                self.assertGreater(messages, 20)
                self.assertGreater(counted(b, 'pando_websocket_bytes_total{direction="%s"}' % direction), messages)
            names = {e["event"] for e in events.lines}
            self.assertTrue({"delta:sent", "delta:received", "link:disconnected"} <= names, names)

    def test_nodes_that_are_linked_hold_the_same(self):
        with World() as world:
            a, b = world.pair()
            for node in (a, b):
                node.ask("space.create", name="db", kind="delta")
            a.ask("delta.create", deltas=[about("o", "n", n) for n in range(300)])
            equal([a, b], 20, "over the link")
            b.kill()
            a.ask("delta.create", deltas=[about("o", "n", n) for n in range(50)])
            b.start()
            equal([a, b], 30, "after a restart")
            b.ask("delta.create", **about("o", "n", "back"))
            equal([a, b], 20, "the other way")
            self.assertEqual(state(a)["deltas"], 351)

    def test_what_is_wrong_is_named(self):
        with World() as world:
            node = world.node("a").start()
            with self.assertRaises(NodeError) as refused:
                node.ask("space.create", name="db", kind="delta", settings={"sytemId": "x"})
            self.assertIn('there is no setting "sytemId"', refused.exception.text)
            node.ask("space.create", name="db", kind="delta")
            with self.assertRaises(NodeError) as refused:
                node.ask("delta.create", pointers=[{"role": "r", "target": None}])
            self.assertEqual(refused.exception.text, "pointers[0].target is null: leave the pointer out")
            for args, text in ((dict(limit="ten"), '"limit" must be a whole number'),
                               (dict(at="yesterday"), '"at" must be a whole number'),
                               (dict(cursor="a\0b"), "holds the character U+0000")):
                with self.assertRaises(NodeError) as refused:
                    node.ask("delta.query", **args)
                self.assertIn(text, refused.exception.text)
            with self.assertRaises(NodeError) as refused:
                node.ask("fed.connect", url="http://localhost:8080/federation")
            self.assertIn("try ws://localhost:8080/federation", refused.exception.text)


if __name__ == "__main__":
    unittest.main()
