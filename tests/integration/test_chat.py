"""The chat guide with real processes: one test per demo, and what lies beyond."""
import json
import os
import re
import signal
import subprocess
import time
import unittest

from chat import Chat
from pando import BINARY, PATIENCE, World, command, wait_until


def numbers(messages):
    return [n for n, _, _ in messages]


class Guide(unittest.TestCase):
    def test_1_messaging_and_total_order(self):
        with Chat() as chat:
            one, two, three = chat.start()
            self.assertEqual(one.status()["Role"], "LEADER")
            for follower in (two, three):
                status = follower.status()
                self.assertEqual((status["Role"], status["Leader"]), ("FOLLOWER", "peer_1"))
                self.assertEqual(status["Quorum"], "yes (3 of 3 voters reachable)")
            one.say("Hello from peer 1!")
            one.say("This is message 2")
            chat.all_see("[seq=2] peer_1: This is message 2\n")
            two.say("Hello from peer 2!")
            chat.all_see("[seq=3] peer_2: Hello from peer 2!\n")
            want = [(1, "peer_1", "Hello from peer 1!"), (2, "peer_1", "This is message 2"),
                    (3, "peer_2", "Hello from peer 2!")]
            for peer in (one, two, three):
                self.assertEqual(peer.messages(), want)

    def test_2_leader_failure(self):
        with Chat() as chat:
            one, two, three = chat.start()
            three.say("Before leader failure")
            chat.all_see("[seq=1] peer_3: Before leader failure\n")
            self.assertEqual(one.stop(), 0)
            leader = chat.leader()
            self.assertIn(leader, (two, three))
            for phrase in ("Leader timeout!", "Starting election...", "Became LEADER"):
                leader.logs(phrase)
            self.assertEqual(leader.status()["Role"], "LEADER")
            three.say("After leader failure")
            chat.all_see("[seq=2] peer_3: After leader failure\n")
            two.say("Ordering continues!")
            chat.all_see("[seq=3] peer_2: Ordering continues!\n")

    def test_3_rejoining_as_a_follower(self):
        with Chat() as chat:
            one, two, three = chat.start()
            one.say("one")
            chat.all_see("[seq=1] peer_1: one\n")
            one.stop()
            leader = chat.leader()
            two.say("Message while a peer is offline")
            chat.all_see("[seq=2]")
            three.say("Another message")
            chat.all_see("[seq=3]")
            since = len(one.shown())
            one.start()
            chat.settle()
            one.sees("[seq=2] peer_2: Message while a peer is offline\n[seq=3] peer_3: Another message\n", since)
            status = one.status()
            self.assertEqual((status["Role"], status["Leader"]), ("FOLLOWER", leader.name))
            one.say("I'm back as a follower!")
            chat.all_see("[seq=4] peer_1: I'm back as a follower!\n")

    def test_4_concurrent_messages(self):
        with Chat() as chat:
            peers = chat.start()
            for k in range(1, 31):
                for letter, peer in zip("ABC", peers):
                    peer.say(f"{letter}{k}")
            chat.all_see("[seq=90]")
            orders = [p.messages() for p in peers]
            self.assertEqual(orders[0], orders[1])
            self.assertEqual(orders[0], orders[2])
            self.assertEqual(numbers(orders[0]), list(range(1, 91)))
            for letter in "ABC":
                self.assertEqual([t for _, _, t in orders[0] if t[0] == letter],
                                 [f"{letter}{k}" for k in range(1, 31)])

    def test_5_quick_succession_with_verbose_logs(self):
        with Chat(flags=["--verbose"]) as chat:
            one, two, three = chat.start()
            one.say("Fast 1", "Fast 2", "Fast 3")
            two.say("Fast 4")
            chat.all_see("[seq=4]")
            for peer in (one, two, three):
                self.assertEqual(numbers(peer.messages()), [1, 2, 3, 4])
                self.assertEqual([t for _, who, t in peer.messages() if who == "peer_1"],
                                 ["Fast 1", "Fast 2", "Fast 3"])
                peer.logs("Delivering seq_no=4")
            one.logs("Sent heartbeat to 2 peers")
            two.logs("Heartbeat received from leader")

    def test_6_persistence_and_recovery(self):
        with Chat() as chat:
            peers = chat.start()
            for peer in peers:
                peer.say(f"Persistent message {peer.number}")
                chat.all_see(f"[seq={peer.number}] peer_{peer.number}: Persistent message {peer.number}\n")
            before = chat.same_transcripts()
            self.assertEqual(before.count(b"\n"), 3)
            first = json.loads(before.splitlines()[0])
            self.assertEqual(sorted(first), ["msg_id", "room_id", "sender_id", "seq_no", "term", "text", "timestamp"])
            self.assertEqual((first["seq_no"], first["sender_id"], first["room_id"]), (1, 1, "general"))
            self.assertLess(abs(first["timestamp"] - time.time()), 60)
            for peer in peers:
                peer.kill()
            os.unlink(peers[1].transcript)
            chat.start()
            wait_until(lambda: all(p.lines() == before for p in peers), 20, "the logs are as before")
            peers[0].say("After restart")
            chat.all_see("[seq=4] peer_1: After restart\n")
            self.assertEqual(chat.same_transcripts().count(b"\n"), 4)

    def test_7_scale_test(self):
        for flags in (["--peers", "5", "--messages", "30"],
                      ["--peers", "5", "--messages", "60", "--kill-leader"]):
            code, out, err = command("scale-test", *flags, "--base-port", "17000")
            self.assertEqual(code, 0, out + err)
            self.assertIn("byte for byte", out)
        self.assertIn("leads", out)
        self.assertRegex(out, r"peer_\d+ +killed")


class Beyond(unittest.TestCase):
    def test_a_minority_takes_nothing_and_nothing_is_lost(self):
        with Chat() as chat:
            one, two, three = chat.start()
            one.stop()
            two.stop()
            wait_until(lambda: not three.state()["quorum"], 20, "peer_3 knows that it is alone")
            self.assertTrue(three.status()["Quorum"].startswith("no: no quorum: 1 of 3 voters reachable"))
            three.say("alone")
            three.logs("not delivered yet")
            self.assertEqual(three.messages(), [])
            one.start()
            for peer in (one, three):
                peer.sees("[seq=1] peer_3: alone\n")
            self.assertEqual(len(three.messages()), 1)

    def test_a_partition_has_one_leader_and_heals(self):
        with Chat() as chat:
            one, two, three = chat.start()
            one.say("before")
            chat.all_see("[seq=1] peer_1: before\n")
            one.ask("link.cut", peer="all")
            one.say("said by the leader that was cut off")
            wait_until(lambda: {two.state()["leader"], three.state()["leader"]} in ({2}, {3}), 20,
                       "the majority has a leader of its own")
            two.say("said in the majority")
            for peer in (two, three):
                peer.sees("[seq=2] peer_2: said in the majority\n")
            wait_until(lambda: not one.state()["quorum"], 20, "peer_1 knows that it is alone")
            self.assertEqual(one.messages(), [(1, "peer_1", "before")])
            one.ask("link.heal")
            chat.all_see("[seq=3] peer_1: said by the leader that was cut off\n", 30)
            want = chat.peers[0].messages()
            self.assertEqual([n for n, _, _ in want], [1, 2, 3])
            for peer in chat.peers:
                self.assertEqual(peer.messages(), want)

    def test_killed_and_restarted_at_random_every_acknowledged_line_stands_once(self):
        with Chat() as chat:
            peers = chat.start()
            said = 0
            for round_ in range(6):
                victim = peers[round_ % 3]
                others = [p for p in peers if p is not victim]
                victim.kill()
                for _ in range(10):
                    said += 1
                    others[said % 2].say(f"line {said}")
                victim.start()
                chat.settle()
                wait_until(lambda: len(chat.same_transcripts().splitlines()) >= said, 30,
                           f"{said} lines are there")
            records = peers[0].records()
            self.assertEqual([r["seq_no"] for r in records], list(range(1, len(records) + 1)))
            self.assertEqual(sorted(r["text"] for r in records), sorted(f"line {i + 1}" for i in range(said)))

    def test_rooms_have_numbers_of_their_own(self):
        with Chat(2) as chat:
            one, two = chat.start()
            one.say("in general")
            two.sees("[seq=1] peer_1: in general\n")
            since = len(two.shown())
            two.say("/join ops", "first in ops")
            two.sees("[seq=1] peer_2: first in ops\n", since)
            one.say("/rooms")
            one.sees("* general: 1 messages\n")
            one.sees("  ops: 1 messages\n")
            one.say("/join ops")
            one.sees("[seq=1] peer_2: first in ops\n")
            one.say("/join general", "/history 1")
            one.sees("the last 1 messages of general:\n[seq=1] peer_1: in general\n")

    def test_words_that_are_no_command_and_text_that_begins_with_a_slash(self):
        with Chat(1) as chat:
            (one,) = chat.start()
            one.say("/statsu")
            one.logs("unknown command /statsu; did you mean /status? /help lists them")
            one.say("//join is not a command")
            one.sees("[seq=1] peer_1: /join is not a command\n")
            one.say("/help")
            one.sees("/history ")

    def test_hostile_text_does_not_reach_the_terminal(self):
        with Chat(2) as chat:
            one, two = chat.start()
            one.ask("log.append", space="chat", room="general", text="a\u001b[2Jb\u202ec\nd", sender="e\u001bf")
            two.sees("[seq=1] e?f: a?[2Jb?c d\n")

    def test_the_end_of_input_waits_for_what_was_said(self):
        with Chat(1) as chat:
            (one,) = chat.start()
            argv = [BINARY, "chat", "--id", "2", "--port", str(chat.add().port), "--data",
                    os.path.join(chat.root, "guest"), "--log-dir", one.log_dir,
                    "--seed", f"1:127.0.0.1:{one.port}"]
            done = subprocess.run(argv, input="deployed\n", capture_output=True, text=True, timeout=60 * PATIENCE)
            self.assertEqual(done.returncode, 0, done.stderr)
            one.sees("[seq=1] peer_2: deployed\n")

    def test_leaving_is_for_good_and_quitting_is_not(self):
        with Chat() as chat:
            one, two, three = chat.start()
            two.say("/quit")
            wait_until(lambda: two.process.poll() == 0, 15, "peer_2 has quit")
            self.assertEqual(len(one.state()["members"]), 3)
            two.drop()
            two.start()
            chat.settle()
            three.say("/leave")
            three.sees("You have left the group for good.")
            wait_until(lambda: three.process.poll() == 0, 15, "peer_3 has gone")
            wait_until(lambda: len(one.state()["members"]) == 2, 15, "two members are left")

    def test_the_lead_is_handed_over_on_demand(self):
        with Chat() as chat:
            chat.start()
            code, out, err = command("log", "transfer", "3", "--data", chat.peers[0].data)
            self.assertEqual(code, 0, out + err)
            wait_until(lambda: chat.settled() and chat.leader() is chat.peers[2], 20, "peer_3 leads")

    def test_a_lost_majority_is_recovered_only_on_demand(self):
        with Chat() as chat:
            one, two, three = chat.start()
            one.say("kept")
            chat.all_see("[seq=1] peer_1: kept\n")
            two.stop()
            three.stop()
            wait_until(lambda: not one.state()["quorum"], 20, "peer_1 knows that it is alone")
            code, _, err = command("log", "recover", "--members", "1", "--data", one.data)
            self.assertEqual(code, 4)
            self.assertIn("--unsafe", err)
            code, out, err = command("log", "recover", "--unsafe", "--members", "1", "--data", one.data)
            self.assertEqual(code, 0, out + err)
            one.say("alone and well")
            one.sees("[seq=2] peer_1: alone and well\n")

    def test_tail_follows_without_losing_a_line(self):
        with Chat(1) as chat:
            (one,) = chat.start()
            count = 400
            one.say(*[f"{i} " + "x" * 150 for i in range(1, count + 1)])
            one.sees(f"[seq={count}]")
            tail = subprocess.Popen([BINARY, "log", "tail", "--from", "1", "--data", one.data],
                                    stdout=subprocess.PIPE, text=True)
            seen = [tail.stdout.readline() for _ in range(count)]
            one.say("now")
            seen.append(tail.stdout.readline())
            tail.send_signal(signal.SIGINT)
            tail.wait(10 * PATIENCE)
            tail.stdout.close()
            self.assertEqual([int(re.match(r"\[seq=(\d+)\]", line).group(1)) for line in seen],
                             list(range(1, count + 2)))

    def test_load_loses_nothing(self):
        with Chat() as chat:
            one, two, three = chat.start()
            code, out, err = command("load", "--rate", "200", "--count", "400", "--data", one.data, "--json")
            self.assertEqual(code, 0, out + err)
            report = json.loads(out)
            self.assertEqual((report["acknowledged"], report["lost"], report["held"]), (400, 0, True))
            self.assertTrue(0 < report["p50_ms"] <= report["p95_ms"] <= report["p99_ms"])
            chat.all_see("[seq=400]")
            chat.same_transcripts()

    def test_a_stopped_terminal_does_not_stop_the_peer(self):
        """Nobody reads peer_2's output any more; it still votes and delivers, and when somebody
        reads again, all is there: also what was too much to keep in memory meanwhile."""
        with Chat(3) as chat:
            one, two, three = chat.peers
            one.start()
            read, write = os.pipe()
            two.process = subprocess.Popen(
                [BINARY, "chat", "--id", "2", "--port", str(two.port), "--data", two.data, "--log-dir",
                 two.log_dir, "--seed", two.seeds[0]], stdin=subprocess.PIPE, stdout=write,
                stderr=subprocess.DEVNULL)
            os.close(write)
            wait_until(two.answers, 20, "peer_2 answers")
            three.start()
            chat.settle()
            count, text = 400, "y" * 40000
            one.say(*[f"{i} {text}" for i in range(1, count + 1)])
            three.sees(f"[seq={count}]", 0, 90)
            wait_until(lambda: os.path.exists(two.transcript) and two.lines().count(b"\n") == count, 30,
                       "peer_2 has delivered what it cannot show")
            one.kill()
            wait_until(lambda: two.state()["leader"] in (2, 3), 20, "it votes for another leader")
            with os.fdopen(read, "rb") as pipe:
                for i in range(1, count + 1):
                    self.assertTrue(pipe.readline().startswith(b"[seq=%d] peer_1: %d y" % (i, i)), i)
                two.stop()


class Commands(unittest.TestCase):
    """The family `pando log` on ordinary nodes."""

    def test_a_space_is_made_joined_and_talked_in(self):
        with World() as world:
            a, b = world.pair()
            for node, how in ((a, ["--id", "1", "--found", "--name", "anna"]), (b, ["--id", "2", "--join"])):
                code, out, err = command("log", "create", "talk", *how, "--data", node.data)
                self.assertEqual(code, 0, err)
                self.assertIn("kind: log, settings: '{\"id\":", out)
            wait_until(lambda: b.ask("log.status")["role"] == "FOLLOWER", 20, "b is a voter")
            code, out, err = command("log", "append", "hello", "--room", "ops", "--data", b.data)
            self.assertEqual((code, out.split(" in ")[0]), (0, "[seq=1]"), err)
            wait_until(lambda: command("log", "read", "--room", "ops", "--data", a.data)[1] ==
                       "[seq=1] node_2: hello\n", 10, "a shows what b said")
            code, out, _ = command("log", "members", "--data", a.data)
            self.assertRegex(out, r"1  anna +voter")
            self.assertRegex(out, r"2  node_2 +voter")
            code, out, _ = command("log", "rooms", "--data", a.data)
            self.assertRegex(out, r"ops +1 messages, seq 1 to 1")
            code, out, _ = command("log", "stat", "--data", a.data)
            self.assertIn("Role: LEADER\nLeader: anna\n", out)
            code, out, _ = command("log", "read", "--linear", "--room", "ops", "--data", a.data, "--json")
            self.assertEqual(json.loads(out)["last"], 1)
            code, _, err = command("log", "remove", "2", "--data", a.data)
            self.assertEqual(code, 0, err)
            wait_until(lambda: len(a.ask("log.members")["members"]) == 1, 10, "a is alone")

    def test_settings_in_the_config_open_the_space_at_every_start(self):
        with World() as world:
            a = world.node("a", flags=["--spaces", 'talk:log:{"id":1,"found":true,"name":"anna"}'])
            os.makedirs(a.data)
            a.start()
            wait_until(lambda: a.ask("log.status")["role"] == "LEADER", 20, "a leads")
            self.assertEqual(a.ask("log.append", text="one")["seq"], 1)
            self.assertEqual(a.stop(), 0)
            a.flags = []
            with open(os.path.join(a.data, "config.yml"), "w", encoding="utf-8") as config:
                config.write("spaces:\n  - name: talk\n    kind: log\n    settings:\n      id: 1\n"
                             "      found: yes\n      name: anna\n")
            a.start()
            wait_until(lambda: a.ask("log.status")["role"] == "LEADER", 20, "a leads again")
            self.assertEqual(a.ask("log.append", text="two")["seq"], 2)

    def test_a_space_made_at_run_time_prints_and_has_a_transcript(self):
        """As one of the configuration does: after a restart the transcript is whole, and nothing is
        printed again; and that goes when the space is removed."""
        with World() as world:
            a = world.node("a")
            logs = os.path.join(world.root, "transcripts")
            a.flags = ["--chat-dir", logs, "--spaces", 'talk:log:{"id":1,"found":true,"name":"anna"}']

            def printed():
                with open(a.data + ".log", encoding="utf-8") as out:
                    return [line.rstrip("\n") for line in out if line.startswith("[seq=")]

            def written(name):
                try:
                    with open(os.path.join(logs, name), encoding="utf-8") as lines:
                        return [json.loads(line)["text"] for line in lines if line.endswith("\n")]
                except FileNotFoundError:
                    return None
            a.start()
            a.ask("space.create", name="more", kind="log", settings={"id": 7, "found": True})
            wait_until(lambda: a.ask("log.status", space="more")["role"] == "LEADER", 20, "it leads")
            for i in range(1, 4):
                a.ask("log.append", space="more", text=f"text {i}")
            texts = [f"text {i}" for i in range(1, 4)]
            lines = [f"[seq={i}] node_7: {t}" for i, t in enumerate(texts, 1)]
            wait_until(lambda: written("node_7_more_messages.jsonl") == texts, 10, "a transcript")
            wait_until(lambda: printed() == lines, 10, lambda: printed())
            self.assertEqual(a.stop(), 0)
            a.start()
            wait_until(lambda: a.ask("log.status", space="more")["role"] == "LEADER", 20, "it leads")
            a.ask("log.append", space="more", text="text 4")
            a.ask("log.append", space="talk", text="in the other one")
            texts.append("text 4")
            lines += ["[seq=4] node_7: text 4", "[seq=1] anna: in the other one"]
            wait_until(lambda: written("node_7_more_messages.jsonl") == texts, 10, "a whole transcript")
            wait_until(lambda: written("anna_messages.jsonl") == ["in the other one"], 10, "the other one")
            wait_until(lambda: sorted(printed()) == sorted(lines), 10, lambda: printed())
            a.ask("space.rm", name="more")
            a.ask("space.create", name="more", kind="log", settings={"id": 8, "found": True})
            wait_until(lambda: a.ask("log.status", space="more")["role"] == "LEADER", 20, "it leads")
            a.ask("log.append", space="more", text="anew")
            wait_until(lambda: written("node_8_more_messages.jsonl") == ["anew"], 10, "another transcript")
            wait_until(lambda: printed()[-1] == "[seq=1] node_8: anew", 10, lambda: printed())
            self.assertEqual(written("node_7_more_messages.jsonl"), texts)

    def test_a_chat_ends_when_it_is_stopped_from_elsewhere(self):
        with Chat(1) as chat:
            (one,) = chat.start()
            code, out, err = command("stop", "--data", one.data)
            self.assertEqual(code, 0, err)
            wait_until(lambda: one.process.poll() == 0, 15, "peer_1 has ended")


if __name__ == "__main__":
    unittest.main()
