"""The delta space as people touch it: the command line, config.yml, one flag, the C API's ways."""
import json
import os
import signal
import subprocess
import unittest

from pando import BINARY, World, command, wait_until


def delta(node, *args, **options):
    """`pando delta ...` on a node that must succeed; its output."""
    code, out, err = command("delta", *args, "--data", node.data, **options)
    if code != 0:
        raise AssertionError(f"pando delta {args}: {code}: {err}")
    return out


def parsed(node, *args):
    return json.loads(delta(node, *args, "--json"))


def links(node):
    code, out, err = command("link", "ls", "--json", "--data", node.data)
    if code != 0:
        raise AssertionError(err)
    return json.loads(out)["links"]


def equal(*nodes):
    wait_until(lambda: len({delta(n, "hash") for n in nodes}) == 1, 20, "equal hashes")


class Commands(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.world.__enter__()
        self.addCleanup(lambda: self.world.__exit__(None, None, None))

    def node(self, name, *flags):
        return self.world.node(name, flags=["--delta", "notes", *flags])

    def refused(self, exit_code, text, *args, node=None):
        where = ["--data", node.data] if node is not None else []
        code, _, err = command(*args, *where)
        self.assertEqual(code, exit_code, err)
        self.assertIn(text, err)

    def test_create_read_negate_and_look_back(self):
        a = self.config("a", "delta: {space: notes}\n").start()
        name = delta(a, "create", "--author", "alice", "--pointer", "named=prod_1:name", "--pointer",
                     "name=Widget Pro").strip()
        price = delta(a, "create", "--pointer", "priced=@prod_1:price", "--pointer", "price:=19.99",
                      "--timestamp", "5000").strip()
        ids = parsed(a, "create", '[{"id":"x1","pointers":[{"role":"link","target":"https://x.example/"}]},'
                     '{"id":"x2","pointers":[{"role":"n","target":true}]}]')["ids"]
        self.assertEqual(ids, ["x1", "x2"])
        out = delta(a, "create", "-", input='{"id":"x3","pointers":[{"role":"n","target":1}]}\n'
                    '{"id":"x4","pointers":[{"role":"n","target":2}]}\n')
        self.assertEqual(out.split(), ["x3", "x4"])
        found = parsed(a, "query", "--target", "prod_1")["deltas"]
        self.assertEqual([d["id"] for d in found], [price, name])
        self.assertEqual(found[1]["pointers"], [{"role": "named", "target": {"id": "prod_1", "context": "name"}},
                                                {"role": "name", "target": "Widget Pro"}])
        self.assertEqual(found[0]["pointers"][1]["target"], 19.99)
        line = delta(a, "query", "--author", "alice").splitlines()
        self.assertEqual(len(line), 1)
        self.assertIn(f'alice@a  {name}  named=@prod_1:name name="Widget Pro"', line[0])
        self.assertIn("price:=19.99", delta(a, "query", "--context", "price", "--until", "5000"))
        self.assertEqual(parsed(a, "view", "prod_1"), {"id": "prod_1", "name": "Widget Pro", "price": 19.99})
        view = parsed(a, "hyperview", "prod_1")
        self.assertEqual(view["price"][0]["pointers"][1]["target"], 19.99)
        self.assertNotIn("name", parsed(a, "at", "prod_1", "5000"))
        self.assertTrue(delta(a, "timeline", "prod_1").startswith("5000  "))
        gone = delta(a, "negate", name, "--reason", "renamed").strip()
        self.assertNotIn("name", parsed(a, "hyperview", "prod_1"))
        self.assertIn(f"by {gone}", delta(a, "get", name))
        self.assertEqual(len(parsed(a, "query", "--author", "alice")["deltas"]), 0)
        self.assertEqual(len(parsed(a, "query", "--author", "alice", "--include-negated")["deltas"]), 1)
        before = delta(a, "hash")
        a.stop()
        self.assertEqual(delta(a, "hash"), before)  # nobody runs: the folder is opened for the call
        a.start()
        self.assertEqual(delta(a, "hash"), before)
        b = self.node("b").start()
        b.stop()
        self.refused(3, "no single delta space", "delta", "hash", node=b)  # its flag is not in a file
        self.assertEqual(delta(a, "origin", "prod_1").splitlines()[0], f"Delta:     {price}")

    def test_pages_and_a_watch(self):
        a = self.node("a").start()
        many = [{"id": f"d{i:05}", "timestamp": 1000 + i, "pointers": [{"role": "n", "target": i}]}
                for i in range(2500)]
        delta(a, "create", "-", input=json.dumps(many))
        page = parsed(a, "query", "--limit", "2200")
        self.assertEqual([d["id"] for d in page["deltas"]], [d["id"] for d in many[:2200]])
        rest = parsed(a, "query", "--limit", "1000", "--cursor", page["cursor"])
        self.assertEqual([d["id"] for d in rest["deltas"]], [d["id"] for d in many[2200:]])
        self.assertIsNone(rest["cursor"])
        newest = parsed(a, "query", "--limit", "1", "--descending")["deltas"]
        self.assertEqual(newest[0]["id"], "d02499")
        watch = subprocess.Popen([BINARY, "delta", "watch", "--since", "3498", "--data", a.data, "--json"],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(watch.stdout.close)
        seen = [json.loads(watch.stdout.readline())["id"] for _ in range(2)]
        self.assertEqual(seen, ["d02498", "d02499"])
        delta(a, "create", '{"id":"new","pointers":[{"role":"n","target":1}]}')
        self.assertEqual(json.loads(watch.stdout.readline())["id"], "new")
        watch.send_signal(signal.SIGINT)
        watch.wait(10)

    def test_mistakes_name_the_remedy(self):
        a = self.node("a").start()
        self.refused(2, "what does the delta say?", "delta", "create", node=a)
        self.refused(2, "takes ROLE=TARGET", "delta", "create", "--pointer", "x", node=a)
        self.refused(2, "behind := stands JSON", "delta", "create", "--pointer", "x:=y", node=a)
        self.refused(2, "--since takes a time", "delta", "query", "--since", "later", node=a)
        self.refused(2, "column", "delta", "query", "--filter", "{", node=a)
        self.refused(2, "colour", "delta", "query", "--filter", '{"colour":1}', node=a)
        self.refused(2, "try ws://localhost:1/x", "federate", "http://localhost:1/x", node=a)
        self.refused(2, "mode", "federate", "ws://localhost:1/", "--mode", "both", node=a)
        self.refused(2, "--before TIME", "delta", "archive", node=a)
        code, _, err = command("link", "show", "nothing", "--data", a.data)
        self.assertNotEqual(code, 0)
        self.assertIn("pando link ls", err)
        code, _, err = command("delta", "get", "nothing", "--data", a.data)
        self.assertNotEqual(code, 0)
        self.assertIn("there is no delta 'nothing'", err)

    def test_export_and_import_are_each_others_reverse(self):
        a, b = self.node("a").start(), self.node("b").start()
        delta(a, "create", "-", input=json.dumps(
            [{"id": f"d{i}", "timestamp": 1000 + i, "pointers": [{"role": "t", "target": "x" * 400}]}
             for i in range(9000)]))
        delta(a, "negate", "d7")
        file = os.path.join(self.world.root, "all.jsonl")
        delta(a, "export", "--out", file)
        out = parsed(b, "import", file)
        self.assertEqual((out["new"], out["known"], out["refused"]), (9001, 0, 0))
        self.assertEqual(parsed(b, "import", file)["known"], 9001)
        self.assertEqual(delta(a, "hash"), delta(b, "hash"))
        with open(file, "a", encoding="utf-8") as f:
            f.write('{"id":"broken"}\n')
        code, out, err = command("delta", "import", file, "--data", b.data)
        self.assertNotEqual(code, 0)
        self.assertIn("line 9002:", err)
        self.assertIn("refused 1 lines", out)

    def test_an_archive_frees_what_was_negated_and_stays_out(self):
        a, b = self.node("a").start(), self.node("b").start()
        delta(a, "create", '[{"id":"keep","pointers":[{"role":"n","target":1}]},'
              '{"id":"go","pointers":[{"role":"n","target":2}]}]')
        delta(a, "negate", "go")
        file = os.path.join(self.world.root, "all.jsonl")
        delta(a, "export", "--out", file)
        archive = os.path.join(self.world.root, "old.car")
        out = parsed(a, "archive", "--before", "now", "--out", archive)
        self.assertEqual(out["archived"], 2)
        self.assertEqual(os.path.getsize(archive), out["bytes"])
        self.assertEqual(parsed(a, "stats")["totalDeltas"], 1)
        self.refused(1, "never takes the place", "delta", "archive", "--before", "now", "--out", archive, node=a)
        self.assertEqual(parsed(a, "import", file)["new"], 0)
        self.assertEqual(parsed(a, "stats")["totalDeltas"], 1)

    def test_two_nodes_federate_pause_and_part(self):
        a, b = self.node("a").start(), self.node("b").start()
        url = f"ws://localhost:{a.port}/federation"
        delta(a, "create", "--pointer", "n=1")
        code, out, err = command("federate", url, "--detach", "--json", "--data", b.data)
        self.assertEqual(code, 0, err)
        link = json.loads(out)["id"]
        delta(b, "create", "--pointer", "n=2")
        equal(a, b)
        self.assertEqual(command("link", "pause", link[:8], "--data", b.data)[0], 0)
        self.assertEqual(links(b)[0]["status"], "paused")
        for node in (a, b):
            delta(node, "create", "--pointer", "n=3")
        self.assertNotEqual(delta(a, "hash"), delta(b, "hash"))
        self.assertEqual(command("link", "resume", link, "--data", b.data)[0], 0)
        equal(a, b)
        shown = command("link", "show", link, "--data", b.data)[1]
        self.assertIn("Remote system: a", shown)
        self.assertEqual(command("link", "rm", link, "--data", b.data)[0], 0)
        self.assertEqual(links(b), [])
        wait_until(lambda: links(a) == [], 10, "a has no link either")

    def test_a_link_lasts_as_long_as_its_command(self):
        a, b = self.node("a").start(), self.node("b").start()
        delta(a, "create", "--author", "alice", "--pointer", "n=1")
        delta(a, "create", "--author", "eve", "--pointer", "n=1")
        argv = [BINARY, "federate", f"ws://localhost:{a.port}/federation", "--mode", "pull",
                "--trust-author", "alice", "--data", b.data, "--json"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            events = []
            while not events or events[-1]["event"] != "sync:completed":
                events.append(json.loads(process.stdout.readline()))
            kinds = [e["event"] for e in events]
            self.assertEqual(kinds[:3], ["link:connecting", "link:connected", "sync:started"])
            self.assertEqual(kinds.count("delta:received"), 1)
            self.assertEqual(kinds.count("delta:rejected"), 1)
            process.send_signal(signal.SIGINT)
            last = json.loads(process.stdout.readlines()[-1])
            self.assertEqual(last["event"], "link:disconnected")
            self.assertEqual(process.wait(10), 0)
        self.assertEqual(links(b), [])
        code, out, err = command("federate", "ws://localhost:1/federation", "--no-reconnect", "--data", b.data)
        self.assertNotEqual(code, 0)
        self.assertIn("refuses the connection", err)
        self.assertIn("link:error", out)
        self.assertEqual(links(b), [])

    def config(self, name, text):
        node = self.world.node(name)
        os.makedirs(node.data)
        with open(os.path.join(node.data, "config.yml"), "w", encoding="utf-8") as f:
            f.write(text)
        return node

    def test_config_in_the_spelling_of_programs_and_ours(self):
        a = self.config("a", "delta: {space: notes, systemId: hub, cacheSize: 50}\n"
                        "federation:\n  enableServer: true\n  serverConfig:\n    path: /fed\n"
                        "    trustPolicy: {trustedAuthors: [alice]}\n  autoBroadcast: true\n").start()
        b = self.config("b", "spaces:\n  - {name: one, kind: delta, settings: {system_id: edge}}\n"
                        "federation:\n  reconnect: {initial_delay: 100, maxAttempts: 0}\n  links:\n"
                        f"    - url: ws://localhost:{a.port}/fed\n"
                        "      push_filter: {authors: [alice, eve]}\n").start()
        wait_until(lambda: [x["status"] for x in links(b)] == ["connected"], 20, "connected")
        self.assertEqual(links(b)[0]["config"]["reconnect"]["initialDelay"], 100)
        for author in ("alice", "eve", "carl"):
            delta(b, "create", "--author", author, "--pointer", "n=1")
        wait_until(lambda: links(b)[0]["stats"]["deltasRefused"] == 1, 10, "eve is refused")
        self.assertEqual([d["author"] for d in parsed(a, "query")["deltas"]], ["alice"])
        self.assertEqual(links(a)[0]["remoteSystemId"], "edge")
        self.assertEqual(parsed(a, "stats")["systemId"], "hub")

    def test_in_memory_is_in_no_file(self):
        a = self.node("a", "--delta-storage", "memory").start()
        before = {f for f in os.listdir("/dev/shm") if f.startswith("pando-")}
        self.assertEqual(a.ask("status")["spaces_in_memory"], 1)
        marker = "a-text-that-is-looked-for"
        delta(a, "create", "--pointer", f"n={marker}")
        self.assertEqual(parsed(a, "stats")["storageType"], "memory")
        self.assertIn("In memory:       1 spaces", command("status", "--data", a.data)[1])
        for folder, _, files in os.walk(a.data):
            for name in set(files) - {"control.sock"}:
                with open(os.path.join(folder, name), "rb") as f:
                    self.assertNotIn(marker.encode(), f.read(), name)
        a.kill()
        a.start()
        self.assertEqual(parsed(a, "stats")["totalDeltas"], 0)
        a.stop()
        mine = {f for f in os.listdir("/dev/shm") if f.startswith("pando-")} & before
        self.assertEqual(len(before - mine), 1, "the folder is gone")


if __name__ == "__main__":
    unittest.main()
