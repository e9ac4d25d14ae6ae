"""Spaces that list their members: who gets events, who may write them, who gets nothing."""
import base64
import json
import os
import time
import unittest

from pando import NodeError, World, command, linked, wait_until


def space_of(node, name):
    return next((s for s in node.ask("space.ls")["spaces"] if s["name"] == name), None)


def events(node):
    return space_of(node, "lab")["dag_events"]


def metric(node, name):
    lines = node.ask("metrics").decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


class Members(unittest.TestCase):
    def nodes(self, world):
        """a and b and c, all linked with each other; their peer ids."""
        a = world.node("a").start()
        b = world.node("b", [a.address()]).start()
        c = world.node("c", [a.address(), b.address()]).start()
        for node in (a, b, c):
            wait_until(lambda n=node: n.ask("status")["connected_peers"] == 2, 20, f"{node.name} is linked twice")
        return [(node, node.ask("status")["peer_id"]) for node in (a, b, c)]

    def assert_refused(self, node, verb, **args):
        with self.assertRaises(NodeError) as refused:
            node.ask(verb, **args)
        self.assertEqual(refused.exception.status, "REFUSED", refused.exception.text)
        return refused.exception.text

    def test_a_reader_gets_but_cannot_write_and_a_stranger_gets_nothing(self):
        with World() as world:
            (a, a_id), (b, b_id), (c, c_id) = self.nodes(world)
            policy = ["--access", f"{a_id}=admin", "--access", f"{b_id}=read"]
            for node, order in ((a, policy), (b, policy[2:] + policy[:2])):  # the order does not matter
                code, out, err = command("space", "create", "lab", *order, "--data", node.data)
                self.assertEqual(code, 0, err)
            code, out, err = command("space", "join", "lab", *policy, "--data", c.data)
            self.assertEqual(code, 4, err)
            self.assertIn(c_id, err)

            # The stranger tries the plain door: the space's topic, by its name.
            topic = "/pando/space/" + space_of(a, "lab")["id"]
            c.ask("pubsub.subscribe", topic=topic)
            wait_until(lambda: space_of(a, "lab")["peers"] == 1, 20, "a and b meet in the space")
            event = a.ask("dag.append", space="lab", kind="data", body={"secret": 1})["id"]

            def there():
                try:
                    return b.ask("dag.show", space="lab", id=event)["body"] == {"secret": 1}
                except NodeError:
                    return False
            wait_until(there, 20, "the reader has the event")

            for verb, args in (("dag.append", {"kind": "data", "body": 1}), ("exec.run", {"capsule": "AGFzbQEAAAA="})):
                self.assertIn("only read", self.assert_refused(b, verb, space="lab", **args))
            before = events(a)
            c.ask("pubsub.publish", topic=topic, data=base64.b64encode(b"not for you").decode())
            time.sleep(3)  # three heartbeats of the router: time for IHAVE and IWANT
            self.assertEqual(c.ask("pubsub.messages", topic=topic)["messages"], [])
            # What a space says is no signed message: c would have counted it, and what c said too.
            for node in (a, b, c):
                self.assertEqual(metric(node, "pando_gossip_malformed_total"), 0, node.name)
                self.assertEqual(metric(node, "pando_peer_faults_total"), 0, node.name)
            self.assertEqual([events(a), events(b)], [before, before])
            self.assertEqual([space_of(a, "lab")["peers"], space_of(b, "lab")["peers"]], [1, 1])

            listed = space_of(b, "lab")
            self.assertEqual(listed["access"], {a_id: "admin", b_id: "read"})
            self.assertEqual(listed["role"], "read")
            self.assertEqual(space_of(b, "default")["access"], "open")
            code, out, err = command("space", "ls", "--data", b.data)
            self.assertIn("2 members, our role: read", out)

    def test_the_policy_of_the_configuration_is_the_same_space(self):
        with World() as world:
            a = world.node("a").start()
            b = world.node("b", [a.address()]).start()
            ids = [n.ask("status")["peer_id"] for n in (a, b)]
            members = {ids[0]: "write", ids[1]: "write"}
            a.ask("space.create", name="lab", access=members)
            b.stop()
            with open(os.path.join(b.data, "config.yml"), "w", encoding="utf-8") as file:
                file.write("spaces:\n  - default\n  - name: lab\n    access:\n")
                for peer in reversed(ids):
                    file.write(f"      {peer}: write\n")
            b.start()
            self.assertEqual(space_of(a, "lab")["id"], space_of(b, "lab")["id"])
            linked(a, b)
            wait_until(lambda: space_of(b, "lab")["peers"] == 1, 20, "they meet in the space")
            event = b.ask("dag.append", space="lab", kind="data", body=1)["id"]
            wait_until(lambda: event in json.dumps(a.ask("dag.ls", space="lab")), 20, "b's event is at a")

    def test_another_list_is_another_space_and_a_wrong_one_is_named(self):
        with World() as world:
            a = world.node("a").start()
            me = a.ask("status")["peer_id"]
            self.assertNotEqual(a.ask("space.create", name="one", access={me: "read"})["id"],
                                a.ask("space.create", name="two", access={me: "write"})["id"])
            for wrong, said in (({"me": "read"}, "'me' is not a peer id"), ({me: "owner"}, "'owner'"), ({}, "open")):
                with self.assertRaises(NodeError) as refused:
                    a.ask("space.create", name="bad", access=wrong)
                self.assertEqual(refused.exception.status, "INVALID")
                self.assertIn(said, refused.exception.text)
            plain = a.ask("space.create", name="plain")["id"]
            a.ask("space.rm", name="plain")
            self.assertEqual(a.ask("space.create", name="plain", access="open")["id"], plain)
            code, out, err = command("space", "create", "x", "--access", "open", "--access", f"{me}=read", "--data", a.data)
            self.assertEqual(code, 2)


if __name__ == "__main__":
    unittest.main()
