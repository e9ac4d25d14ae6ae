"""The JSON-lines dialect against real nodes: the example script, rooms, catch-up, rights."""
import os
import socket
import subprocess
import sys
import unittest
import uuid

import pando
from chat_nodes import Cluster, Lines
from pando import World, wait_until

HERE = os.path.dirname(os.path.abspath(__file__))
SETTINGS = 'chat:log:{"id":1,"members":[1],"name":"node_1"}'


def alone(world, *flags):
    """One node that is a chat by itself, with a quorum of one."""
    node = world.node("one", flags=["--spaces", SETTINGS, *flags]).start()
    wait_until(lambda: node.ask("log.status")["role"] == "LEADER", 20, "it leads itself")
    return node


def own_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address = s.getsockname()[0]
    return None if address.startswith("127.") else address


class TheDialect(unittest.TestCase):
    def test_the_ten_line_script_speaks_it(self):
        script = os.path.join(HERE, "..", "..", "examples", "chat", "ten_lines.py")
        with open(script, encoding="utf-8") as f:
            self.assertEqual(len(f.read().splitlines()), 10)
        with World() as world:
            node = alone(world)
            done = subprocess.run([sys.executable, script, "127.0.0.1", str(node.port), "hello"],
                                  capture_output=True, text=True, timeout=30 * pando.PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("JOIN_ACK", done.stdout)
            self.assertIn("SEQ_CHAT 1 hello", done.stdout)

    def test_join_chat_heartbeat_and_their_fields(self):
        with Cluster() as chat:
            chat.start()
            wait_until(lambda: all(m["address"] for m in chat[1].status()["members"]), 20, "all addresses are known")
            node = Lines(chat[1].port)
            node.say(type="JOIN", sender_id=101, term=0, room_id="general")
            joined = node.hear_until("JOIN_ACK")
            self.assertEqual((joined["leader_id"], joined["last_seq"], joined["sender_id"]), (3, 0, 1))
            self.assertEqual(sorted((m["node_id"], m["host"], m["port"]) for m in joined["membership"]),
                             [(n.number, "127.0.0.1", n.port) for n in chat.nodes])
            name = str(uuid.uuid4())
            node.say(type="CHAT", sender_id=101, payload="Grüße, \U0001f333", msg_id=name)
            heard = {}
            while len(heard) < 2:
                line = node.hear()
                heard[line["type"]] = line
            self.assertEqual(heard["CHAT_ACK"]["msg_id"], name)
            chat_line = heard["SEQ_CHAT"]
            self.assertEqual((chat_line["msg_id"], chat_line["seq_no"], chat_line["sender_id"], chat_line["payload"],
                              chat_line["room_id"]), (name, 1, 101, "Grüße, \U0001f333", "general"))
            self.assertIsInstance(chat_line["timestamp"], float)
            other = Lines(chat[2].port)  # the same message by another node: taken once
            other.say(type="CHAT", sender_id=101, payload="Grüße, \U0001f333", msg_id=name)
            self.assertEqual(other.hear_until("CHAT_ACK")["seq_no"], 1)
            other.say(type="HEARTBEAT")
            beat = other.hear_until("HEARTBEAT")
            self.assertEqual((beat["sender_id"], beat["leader_id"], beat["term"]), (2, 3, joined["term"]))
            chat.all_at(1)
            node.close()
            other.close()

    def test_a_catch_up_of_five_thousand_comes_whole_and_in_order(self):
        with World() as world:
            node = alone(world)
            for k in range(25):
                node.ask("log.append_many", sender="node_7", texts=[f"{k * 200 + i} " + "x" * 400 for i in range(200)])
            client = Lines(node.port)
            client.say(type="CATCHUP_REQ", last_seq=0)
            numbers, chunks, more = [], 0, True
            while more:
                line = client.hear_until("CATCHUP_RESP")
                numbers += [r["seq_no"] for r in line["payload"]]
                chunks += 1
                more = line["more"]
            self.assertEqual(numbers, list(range(1, 5001)))
            self.assertGreater(chunks, 30)
            node.ask("log.append", text="live")
            self.assertEqual(client.hear_until("SEQ_CHAT")["seq_no"], 5001)
            client.close()

    def test_rooms_are_numbered_and_heard_apart(self):
        with World() as world:
            node = alone(world)
            ops, general = Lines(node.port), Lines(node.port)
            ops.say(type="JOIN", sender_id=1, room_id="ops")
            ops.hear_until("JOIN_ACK", room_id="ops")
            general.say(type="HEARTBEAT")
            general.hear_until("HEARTBEAT")
            general.say(type="CHAT", payload="for all")
            general.say(type="CHAT", payload="for ops", room_id="ops")
            self.assertEqual(ops.hear_until("SEQ_CHAT")["payload"], "for ops")
            self.assertEqual(general.hear_until("CHAT_ACK", room_id="ops")["seq_no"], 1)
            general.say(type="HEARTBEAT")
            line = general.hear()
            while line["type"] != "HEARTBEAT":
                self.assertNotEqual(line.get("payload"), "for ops")
                line = general.hear()
            ops.close()
            general.close()

    def test_errors_are_told_and_the_connection_goes_on(self):
        with World() as world:
            node = alone(world)
            client = Lines(node.port)
            client.say(type="SHOUT", msg_id="m")
            error = client.hear_until("ERROR")
            self.assertEqual(error["msg_id"], "m")
            self.assertIn("SHOUT", error["text"])
            client.socket.sendall(b"{broken\n")
            self.assertEqual(client.hear_until("ERROR")["status"], "MALFORMED")
            client.say(type="CHAT", payload="still here")
            self.assertEqual(client.hear_until("CHAT_ACK")["seq_no"], 1)
            client.close()

    def test_http_and_lines_share_the_port_and_a_node_without_a_room_says_so(self):
        import urllib.request
        with World() as world:
            node = alone(world)
            client = Lines(node.port)
            client.say(type="CHAT", payload="one")
            client.hear_until("CHAT_ACK")
            body = urllib.request.urlopen(f"http://127.0.0.1:{node.port}/api/log/chat/messages", timeout=10 * pando.PATIENCE).read()
            self.assertIn(b'"text":"one"', body)
            client.close()
            plain = world.node("plain").start()
            client = Lines(plain.port)
            client.say(type="JOIN")
            self.assertIn("no chat room", client.hear_until("ERROR")["text"])
            with self.assertRaises(EOFError):
                client.hear()
            client.close()


@unittest.skipIf(own_address() is None, "this machine has no address but loopback")
class FromElsewhere(unittest.TestCase):
    def test_messages_from_elsewhere_need_the_token(self):
        with World() as world:
            node = alone(world, "--http-listen", "0.0.0.0", "--token", "sesame")
            client = Lines(node.port, own_address())
            client.say(type="CHAT", payload="x")
            self.assertEqual(client.hear_until("ERROR")["status"], "REFUSED")
            client.say(type="JOIN", token="sesame")
            client.hear_until("JOIN_ACK")
            client.say(type="CHAT", payload="x")
            self.assertEqual(client.hear_until("CHAT_ACK")["seq_no"], 1)
            client.close()
            client = Lines(node.port, own_address())
            client.say(type="JOIN", token="wrong")
            self.assertIn("token", client.hear_until("ERROR")["text"])
            client.close()

    def test_an_open_node_takes_them(self):
        with World() as world:
            node = alone(world, "--http-listen", "0.0.0.0", "--lines-open")
            client = Lines(node.port, own_address())
            client.say(type="CHAT", payload="x")
            self.assertEqual(client.hear_until("CHAT_ACK")["seq_no"], 1)
            client.close()


if __name__ == "__main__":
    unittest.main()
