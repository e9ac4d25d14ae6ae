"""Where a node listens and what it can dial: IPv4, IPv6, both, and names."""
import json
import os
import socket
import unittest

from pando import World, command, equal, linked, wait_until


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


def listening(node):
    return json.dumps(node.ask("status")["listen"])


@unittest.skipUnless(has_ipv6(), "this machine has no IPv6 loopback")
class Ipv6(unittest.TestCase):
    def test_two_nodes_link_over_ipv6(self):
        with World() as world:
            a = world.node("a", flags=["--listen", "::1"]).start()
            self.assertIn(f"/ip6/::1/udp/{a.port}/quic-v1", listening(a))
            b = world.node("b", [f"[::1]:{a.port}"], ["--listen", "::1"]).start()
            linked(a, b)
            a.ask("dag.append", kind="data", body=6)
            equal([a, b], 20)

    def test_a_node_on_both_links_with_nodes_on_either(self):
        with World() as world:
            both = world.node("both", flags=["--listen", "127.0.0.1,::1"]).start()
            self.assertIn("/ip4/127.0.0.1/", listening(both))
            self.assertIn("/ip6/::1/", listening(both))
            four = world.node("four", [both.address()]).start()
            six = world.node("six", [f"[::1]:{both.port}"], ["--listen", "::1"]).start()
            linked(four, six)
            wait_until(lambda: both.ask("status")["connected_peers"] == 2, 20, "both families are linked")
            four.ask("dag.append", kind="data", body=4)
            equal([four, both, six], 20)

    def test_any_address_is_told_as_the_interfaces_have_it(self):
        with World() as world:
            a = world.node("a", flags=["--listen", "0.0.0.0,::"]).start()
            told = listening(a)
            self.assertIn("/ip6/::1/", told)
            self.assertIn("/ip4/127.0.0.1/", told)
            self.assertNotIn("/ip6/::/", told)
            self.assertNotIn("/ip6/fe80", told)

    def test_a_name_is_dialled_by_the_family_that_it_has(self):
        with World() as world:
            a = world.node("a", flags=["--listen", "127.0.0.1,::1"]).start()
            b = world.node("b", [f"/dns6/::1/udp/{a.port}/quic-v1"], ["--listen", "::1"]).start()
            linked(a, b)
            # localhost has an IPv4 address everywhere; a node of IPv6 only cannot use it.
            c = world.node("c", [f"/dns4/localhost/udp/{a.port}/quic-v1"], ["--listen", "::1"]).start()
            wait_until(lambda: "listens on IPv6 only" in json.dumps(c.ask("peer.ls")), 20, "the reason is shown")
            d = world.node("d", [f"/dns4/localhost/udp/{a.port}/quic-v1"], ["--listen", "127.0.0.1,::1"]).start()
            linked(d)


class Wrong(unittest.TestCase):
    def test_a_wrong_listen_address_is_named(self):
        with World() as world:
            for listen, said in (("1.2.3", "'1.2.3' is neither"), ("127.0.0.1,127.0.0.2", "two addresses of one family"),
                                 ("127.0.0.1,", "'' is neither")):
                code, out, err = command("node", "--port", "0", "--http-port", "0", "--listen", listen,
                                         "--data", os.path.join(world.root, "x"))
                self.assertEqual(code, 2, err)
                self.assertIn(said, err)


if __name__ == "__main__":
    unittest.main()
