"""A trust policy with a capsule, over the link of two nodes: what it accepts comes, nothing else."""
import json
import os
import re
import unittest

from pando import BINARY, World, command, linked, wait_until

CAPSULE = os.path.join(os.path.dirname(BINARY), "..", "..", "capsules", "verified.wasm")


@unittest.skipUnless(os.path.exists(CAPSULE), "capsules/verified.wasm is not built")
class Capsule(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.world.__enter__()
        self.addCleanup(lambda: self.world.__exit__(None, None, None))

    def run_on(self, node, *args):
        code, out, err = command(*args, "--data", node.data)
        self.assertEqual(code, 0, err)
        return out

    def held(self, node):
        return node.ask("delta.stats")["totalDeltas"]

    def make(self, node, name, verified, claimed):
        deltas = [{"id": f"{name}{i}", "pointers": [{"role": "verified" if i < verified else "claimed", "target": True}]}
                  for i in range(verified + claimed)]
        node.ask("delta.create", deltas=deltas)

    def test_two_nodes_where_one_asks_a_capsule(self):
        a = self.world.node("a", flags=["--delta", "notes"]).start()
        ran = self.run_on(a, "exec", CAPSULE, '{"pointers":[]}', "--json")
        cid = re.search(r'"capsule": ?"(\w+)"', ran).group(1)
        b = self.world.node("b", peers=[a.address()], flags=[
            "--delta", "notes", "--federation-trust-policy", json.dumps({"capsule": cid})])
        self.make(a, "early", 300, 100)
        b.start()
        linked(a, b)  # b gets the capsule from a, by its CID
        wait_until(lambda: self.held(b) == 300, 60, lambda: f"300 of the first, not {self.held(b)}")
        self.make(a, "late", 200, 50)
        wait_until(lambda: self.held(b) == 500, 60, lambda: f"500 of all, not {self.held(b)}")
        self.make(b, "own", 0, 1)
        wait_until(lambda: self.held(a) == 651, 20, "a takes all")
        ids = [d["id"] for d in b.ask("delta.query", limit=1000)["deltas"]]
        self.assertEqual(sum(i.startswith("early") for i in ids), 300)
        b.kill()
        b.start()
        self.assertEqual(self.held(b), 501)


if __name__ == "__main__":
    unittest.main()
