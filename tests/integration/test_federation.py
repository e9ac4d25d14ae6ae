"""Two and three nodes: links, partitions, suspension, identity, policy, backup."""
import json
import os
import signal
import socket
import time
import unittest

from pando import NodeError, World, command, equal, linked, wait_until


def append(node, **body):
    return node.ask("dag.append", kind="data", body=body)["id"]


class Federation(unittest.TestCase):
    def test_a_suspended_node_heals(self):
        with World() as world:
            a, b = world.pair()
            b.process.send_signal(signal.SIGSTOP)
            begin = time.monotonic()
            count = 0
            while time.monotonic() - begin < float(os.environ.get("SUSPEND_SECONDS", "20")):
                append(a, n=count)
                count += 1
                time.sleep(0.05)
            b.process.send_signal(signal.SIGCONT)
            linked(b)
            append(b, n=-1)
            equal([a, b], 60)

    def test_a_cut_heals_and_both_sides_are_equal(self):
        with World() as world:
            a, b = world.pair()
            a.ask("link.cut", peer="all")
            wait_until(lambda: b.ask("status")["connected_peers"] == 0, 10, "b is alone")
            for i in range(50):
                append(a, n=i)
                append(b, n=i)
            self.assertNotEqual(a.heads(), b.heads())

            def refused():
                return any(p.get("failures", 0) >= 2 and "cut" in p["reason"] for p in b.ask("peer.ls")["peers"])
            wait_until(refused, 10, "b dialled during the cut, and goes on")
            a.ask("link.heal")
            linked(a, b)
            equal([a, b], 20)

    def test_three_nodes_become_a_mesh(self):
        with World() as world:
            a = world.node("a", flags=["--mesh"]).start()
            b = world.node("b", [a.address()], ["--mesh"]).start()
            c = world.node("c", [a.address()], ["--mesh"]).start()
            for node in (a, b, c):
                wait_until(lambda n=node: n.ask("status")["connected_peers"] == 2, 30, f"{node.name} meets both")
            append(c, text="hello")
            equal([a, b, c], 20)

    def test_identity_and_sequence_survive_a_restart(self):
        with World() as world:
            a = world.node("a").start()
            before = a.ask("status")["peer_id"]
            first = append(a, n=1)
            self.assertEqual(a.stop(), 0)
            a.start()
            self.assertEqual(a.ask("status")["peer_id"], before)
            second = append(a, n=2)
            shown = a.ask("dag.show", id=second)
            self.assertGreater(shown["seq"], a.ask("dag.show", id=first)["seq"])
            self.assertEqual(a.ask("dag.stats")["equivocations"], 0)

    def test_a_peer_with_another_key_is_refused(self):
        with World() as world:
            a = world.node("a").start()
            stranger = world.node("stranger").start()
            other = stranger.ask("status")["peer_id"]
            b = world.node("b", [f"/ip4/127.0.0.1/udp/{a.port}/quic-v1/p2p/{other}"]).start()

            def told():
                peers = b.ask("peer.ls")["peers"]
                return any(other in p.get("peer_id", "") and p["state"] != "linked" and p["reason"] for p in peers)
            wait_until(told, 20, "b says why it is not linked")
            self.assertEqual(b.ask("status")["connected_peers"], 0)
            text = json.dumps(b.ask("peer.ls"))
            self.assertIn(a.ask("status")["peer_id"], text, "the reason names both identities")

    def test_networks_with_different_names_refuse_each_other(self):
        with World() as world:
            a = world.node("a", flags=["--network", "one"]).start()
            b = world.node("b", [a.address()], ["--network", "two"]).start()
            wait_until(lambda: "another network" in json.dumps(b.ask("peer.ls")), 20, "the reason is shown")
            self.assertEqual(a.ask("status")["connected_peers"], 0)

    def test_a_banned_peer_stays_out(self):
        with World() as world:
            a, b = world.pair()
            a.ask("peer.ban", peer=b.ask("status")["peer_id"], reason="test")
            wait_until(lambda: b.ask("status")["connected_peers"] == 0, 10, "b is out")
            time.sleep(1)
            self.assertEqual(a.ask("status")["connected_peers"], 0)

    def test_a_backup_of_a_running_node_restores(self):
        with World() as world:
            a, b = world.pair()
            ids = [append(a, n=i) for i in range(100)]
            target = os.path.join(world.root, "backup")
            code, out, err = command("backup", target, "--data", a.data)
            self.assertEqual(code, 0, err)
            append(a, n="after the backup")
            equal([a, b], 20)
            a.stop()
            code, out, err = command("restore", target, "--data", a.data + "-restored")
            self.assertEqual(code, 0, err)
            a.data += "-restored"
            a.start()
            for event in ids:
                a.ask("dag.show", id=event)
            linked(a, b)
            append(a, n="after the restore")
            equal([a, b], 30)
            self.assertEqual(a.ask("dag.stats")["equivocations"], 0, "the epoch was raised")

    def test_a_late_joiner_catches_up(self):
        with World() as world:
            a = world.node("a").start()
            a.ask("dag.append_many", count=5000, size=200, quiet=True)
            b = world.node("b", [a.address()]).start()
            linked(a, b)
            equal([a, b], 60)
            self.assertGreaterEqual(b.ask("status")["dag_events"], 5000)

    def test_spaces_are_created_joined_and_removed(self):
        with World() as world:
            a, b = world.pair()
            a.ask("space.create", name="lab", kind="dag")
            b.ask("space.join", name="lab", kind="dag")
            event = a.ask("dag.append", space="lab", kind="data", body={"x": 1})["id"]

            def there():
                try:
                    return b.ask("dag.show", space="lab", id=event) is not None
                except NodeError:
                    return False
            wait_until(there, 20, "the event is in b's lab")
            with self.assertRaises(NodeError):
                b.ask("dag.show", id=event)
            b.ask("space.rm", name="lab")
            self.assertNotIn("lab", json.dumps(b.ask("space.ls")))


class Doors(unittest.TestCase):
    def test_health_metrics_and_routes_answer_on_tcp(self):
        import urllib.request
        with World() as world:
            a = world.node("a").start()
            base = f"http://127.0.0.1:{a.port}"
            self.assertIn(b"ok", urllib.request.urlopen(base + "/health").read())
            metrics = urllib.request.urlopen(base + "/metrics").read().decode()
            self.assertIn("pando_dag_events", metrics)
            self.assertIn("# TYPE pando_connected_peers gauge", metrics)
            routes = json.loads(urllib.request.urlopen(base + "/api").read())
            self.assertIn("status", json.dumps(routes))
            self.assertIn("peer_id", json.loads(urllib.request.urlopen(base + "/api/status").read()))

    def test_a_taken_port_is_named_with_its_remedy(self):
        with World() as world:
            a = world.node("a").start()
            for kind in (["--port", str(a.port)], ["--port", "0", "--http-port", str(a.port)]):
                code, out, err = command("node", *kind, "--listen", "127.0.0.1", "--data",
                                         os.path.join(world.root, "other"))
                self.assertNotEqual(code, 0)
                self.assertIn(str(a.port), err)

    def test_a_second_process_on_the_same_folder_is_refused(self):
        with World() as world:
            a = world.node("a").start()
            code, out, err = command("node", "--port", "0", "--http-port", "0", "--data", a.data)
            self.assertEqual(code, 5, err)
            self.assertIn(str(a.process.pid), err)

    def test_an_unreachable_peer_names_port_and_firewall(self):
        with World() as world:
            a = world.node("a", ["127.0.0.1:9"]).start()

            def told():
                text = json.dumps(a.ask("peer.ls"))
                return "UDP" in text and "firewall" in text
            wait_until(told, 20, "peer ls names the UDP port and the firewall")

    def test_a_wrong_peer_format_says_what_is_expected(self):
        code, out, err = command("node", "--peer", "not an address", "--data", "/tmp/pando-never")
        self.assertEqual(code, 2)
        self.assertIn("127.0.0.1:9001", err)
        self.assertFalse(os.path.exists("/tmp/pando-never/spaces"))

    def test_garbage_on_the_udp_port_harms_nobody(self):
        with World() as world:
            a, b = world.pair()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                for i in range(2000):
                    s.sendto(os.urandom(1 + i % 1400), ("127.0.0.1", a.port))
            append(a, n=1)
            equal([a, b], 10)


if __name__ == "__main__":
    unittest.main()
