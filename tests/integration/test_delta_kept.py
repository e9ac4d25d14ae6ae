"""What was asked of a delta space while it ran is there after kill -9."""
import json
import unittest

from pando import World, command, wait_until


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


if __name__ == "__main__":
    unittest.main()
