"""What was asked of a delta space while it ran is there after kill -9."""
import json
import unittest

from pando import UnixConnection, World, command, wait_until


class Kept(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.world.__enter__()
        self.addCleanup(lambda: self.world.__exit__(None, None, None))

    def node(self, name):
        return self.world.node(name, flags=["--delta", "notes"]).start()

    def run_on(self, node, *args):
        code, out, err = command(*args, "--data", node.data)
        self.assertEqual(code, 0, err)
        return out

    def parsed(self, node, *args):
        return json.loads(self.run_on(node, *args, "--json"))

    def restart(self, node):
        node.kill()
        node.start()

    def links(self, node):
        return self.parsed(node, "link", "ls")["links"]

    def held(self, node):
        return self.parsed(node, "delta", "stats")["totalDeltas"]

    def test_a_detached_link_is_there_again_until_it_is_removed(self):
        a, b = self.node("a"), self.node("b")
        url = f"ws://localhost:{a.port}/federation"
        self.run_on(b, "federate", url, "--detach", "--mode", "pull", "--trust-author", "alice",
                    "--reconnect-max-attempts", "0", "--reconnect-initial-delay", "50")
        before = self.links(b)[0]
        self.restart(b)
        after = self.links(b)[0]
        self.assertEqual((before["kept"], after["kept"]), ("node", "node"))
        self.assertEqual(before["config"], after["config"])
        self.run_on(a, "delta", "create", "--author", "alice", "--pointer", "n=1")
        self.run_on(a, "delta", "create", "--author", "eve", "--pointer", "n=1")
        wait_until(lambda: self.links(b)[0]["stats"]["deltasRejected"] == 1, 20, "eve is refused")
        wait_until(lambda: self.held(b) == 1, 20, "alice's delta")
        self.assertIn("  node  ", self.run_on(b, "link", "ls"))
        self.run_on(b, "link", "rm", after["id"])
        self.restart(b)
        self.assertEqual(self.links(b), [])

    def test_what_is_registered_is_there_again_until_it_is_removed(self):
        a = self.node("a")
        self.run_on(a, "delta", "schema", "register", '{"id":"product","select":{"made":"maker"}}')
        self.run_on(a, "delta", "schema", "register", "--view", '{"id":"card","properties":{}}')
        before = self.parsed(a, "delta", "schema", "show", "product")
        self.restart(a)
        self.assertEqual(self.parsed(a, "delta", "schema", "show", "product"), before)
        self.run_on(a, "delta", "schema", "rm", "product")
        self.restart(a)
        listed = self.parsed(a, "delta", "schema", "ls")
        self.assertEqual([s["id"] for s in listed["schemas"]], ["plain"])
        self.assertEqual(listed["views"], ["card"])

    def archived(self, node, deltas):
        """As many deltas, all negated and archived; the file."""
        path = f"{self.world.root}/{node.name}.car"
        many = [{"id": f"d{i}", "pointers": [{"role": "n", "target": "x" * 500}]} for i in range(deltas)]
        many += [{"id": f"n{i}", "pointers": [{"role": "negates", "target": {"id": f"d{i}", "context": "negated_by"}}]}
                 for i in range(deltas)]
        for i in range(0, len(many), 1000):
            node.ask("delta.create", deltas=many[i:i + 1000])
        self.assertEqual(self.parsed(node, "delta", "archive", "--before", "now", "--out", path)["archived"], 2 * deltas)
        self.assertEqual(self.held(node), 0)
        return path

    def test_an_archive_comes_back_with_the_node_killed_after_it(self):
        a = self.node("a")
        path = self.archived(a, 4000)  # more than one batch
        out = self.parsed(a, "delta", "import", path)
        self.assertEqual((out["new"], out["returned"], out["known"], out["refused"]), (8000, 8000, 0, 0))
        self.restart(a)
        self.assertEqual(self.held(a), 8000)
        self.assertEqual(self.parsed(a, "delta", "query", "--target", "nothing")["deltas"], [])
        text = self.run_on(a, "delta", "import", path)
        self.assertIn("Imported 8000 deltas: 0 new, 0 of them archived here before, 8000 known", text)

    def post(self, node, path, body):
        connection = UnixConnection(f"{node.data}/control.sock")
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        return response.status, answer

    def test_lines_and_archives_are_posted_to_the_path_of_a_space(self):
        a = self.node("a")
        lines = "".join(json.dumps({"id": f"x{i}", "timestamp": 5, "author": "a", "system": "s",
                                    "pointers": [{"role": "n", "target": i}]}) + "\n" for i in range(3))
        status, answer = self.post(a, "/api/delta/notes/import", lines + "{oops}\n")
        self.assertEqual((status, answer["new"], answer["refused"], answer["reasons"][0]["line"]), (200, 3, 1, 4))
        for delta in ("x0", "x1", "x2"):
            self.run_on(a, "delta", "negate", delta)
        path = f"{self.world.root}/x.car"
        self.run_on(a, "delta", "archive", "--before", "now", "--out", path)
        with open(path, "rb") as f:
            status, answer = self.post(a, "/api/delta/notes/import", f.read())
        self.assertEqual((status, answer["new"], answer["returned"]), (200, 6, 6))
        status, answer = self.post(a, "/api/delta/nowhere/import", lines)
        self.assertEqual(status, 404)
        self.assertIn("nowhere", answer["error"]["text"])

    def test_a_damaged_archive_names_the_block_and_the_remedy(self):
        a = self.node("a")
        path = self.archived(a, 10)
        with open(path, "rb") as f:
            whole = f.read()
        for name, damaged, wanted in (
                ("turned", whole[:-1] + bytes([whole[-1] ^ 1]),
                 r"block 21 bafyrei\w+: its bytes do not match its CID: it is damaged; take another copy"),
                ("cut", whole[:-9], "block 21: the file is cut off or damaged here"),
                ("short", whole[:whole.rindex(b"\x01q\x12 ") - 2], "the file names 20 deltas, 19 are in it"),
                ("header", whole[:30], "neither JSON lines nor a CAR archive")):
            file = f"{self.world.root}/{name}.car"
            with open(file, "wb") as f:
                f.write(damaged)
            code, _, err = command("delta", "import", file, "--data", a.data)
            self.assertNotEqual(code, 0, name)
            self.assertRegex(err, wanted)
        self.assertEqual(self.held(a), 19)


if __name__ == "__main__":
    unittest.main()
