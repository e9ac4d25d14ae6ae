"""What an operator changes while a node runs is found again after a restart."""
import json
import os
import threading
import time
import unittest

from pando import NodeError, World, command, equal, linked, wait_until


def peers(node):
    return node.ask("status")["connected_peers"]


def stays(holds, seconds, what):
    """The condition holds all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert holds(), what
        time.sleep(0.05)


class AfterARestart(unittest.TestCase):
    def restart(self, node, how):
        if how == "kill":
            node.kill()
        else:
            self.assertEqual(node.stop(), 0)
        node.start()

    def test_added_peers_are_dialled_again(self):
        for how in ("stop", "kill"):
            with World() as world:
                a = world.node("a").start()
                b = world.node("b").start()
                code, out, err = command("peer", "add", a.address(), "--data", b.data)
                self.assertEqual(code, 0, err)
                self.restart(b, how)
                linked(a, b)
                b.ask("peer.rm", peer=a.address())
                self.restart(b, how)
                stays(lambda: peers(b) == 0, 2, "a removed peer is not dialled")

    def test_a_removed_peer_of_the_configuration_stays_away_until_it_is_added(self):
        with World() as world:
            a, b = world.pair()
            code, out, err = command("peer", "rm", a.ask("status")["peer_id"], "--data", b.data)
            self.assertEqual(code, 0, err)
            self.restart(b, "kill")
            stays(lambda: peers(b) == 0, 2, "--peer names it, but it was removed")
            with open(b.data + ".log", encoding="utf-8") as log:
                self.assertIn("pando peer add", log.read())
            b.ask("peer.add", address=a.address())
            linked(b)
            self.restart(b, "stop")
            linked(a, b)

    def test_a_ban_lasts_until_it_is_lifted(self):
        with World() as world:
            a, b = world.pair()
            other = b.ask("status")["peer_id"]
            code, out, err = command("peer", "ban", other, "--reason", "a test", "--data", a.data)
            self.assertEqual(code, 0, err)
            self.restart(a, "kill")
            stays(lambda: peers(a) == 0, 2, "b dials a, and is refused")
            code, out, err = command("peer", "ls", "--data", a.data)
            self.assertIn(other, out)
            self.assertIn("a test", out)
            code, out, err = command("peer", "unban", other, "--data", a.data)
            self.assertEqual(code, 0, err)
            a.ask("peer.add", address=b.address())
            linked(a, b)
            self.restart(a, "stop")
            linked(a, b)
            with self.assertRaises(NodeError) as refused:
                a.ask("peer.unban", peer=other)
            self.assertEqual(refused.exception.status, "NOT_FOUND")

    def test_created_spaces_open_again_and_removed_ones_do_not(self):
        def spaces(node):
            return {s["name"]: s for s in node.ask("space.ls")["spaces"]}
        with World() as world:
            a = world.node("a").start()
            me = a.ask("status")["peer_id"]
            a.ask("space.create", name="lab", access={me: "write"})
            a.ask("space.create", name="gone")
            event = a.ask("dag.append", space="lab", kind="data", body={"kept": True})["id"]
            before = spaces(a)["lab"]
            a.ask("space.rm", name="gone")
            self.restart(a, "kill")
            self.assertEqual(sorted(spaces(a)), ["default", "lab"])
            for key in ("id", "access", "role"):
                self.assertEqual(spaces(a)["lab"][key], before[key])
            self.assertEqual(a.ask("dag.show", space="lab", id=event)["body"], {"kept": True})
            a.ask("space.rm", name="lab")
            self.assertEqual(a.stop(), 0)
            # A node that is not running is told in the same way.
            code, out, err = command("space", "create", "offline", "--data", a.data)
            self.assertEqual(code, 0, err)
            a.start()
            self.assertEqual(sorted(spaces(a)), ["default", "offline"])

    def test_a_cut_ends_with_the_node(self):
        with World() as world:
            a, b = world.pair()
            b.ask("link.cut", peer="all")
            wait_until(lambda: peers(a) == 0, 10, "the link is cut")
            self.restart(b, "stop")
            linked(a, b)
            equal([a, b], 20)

    def test_a_file_that_does_not_read_stops_the_start_with_the_reason(self):
        with World() as world:
            a = world.node("a").start()
            a.stop()
            path = os.path.join(a.data, "operator.json")
            for text, said in (("", "not a JSON object"), (json.dumps({"version": 9}), "version 9")):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                code, out, err = command("node", "--port", "0", "--http-port", "0", "--data", a.data)
                self.assertNotEqual(code, 0)
                self.assertIn("operator.json", err)
                self.assertIn(said, err)
            os.unlink(path)
            a.start()


class AtTheStart(unittest.TestCase):
    def test_a_node_waits_for_a_command_that_looks_into_its_folder(self):
        with World() as world:
            node = world.node("a").start()
            for _ in range(6):
                self.assertEqual(node.stop(), 0)
                halt = threading.Event()

                def look():
                    while not halt.is_set():
                        command("status", "--data", node.data)

                looking = threading.Thread(target=look)
                looking.start()
                node.start(wait=False)
                wait_until(node.answers, 20, "the node comes up")
                halt.set()
                looking.join()


if __name__ == "__main__":
    unittest.main()
