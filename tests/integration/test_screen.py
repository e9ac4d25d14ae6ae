"""The chat's screen in a real terminal (tmux): what stands where, keys, sizes, ends."""
import os
import re
import shutil
import subprocess
import unittest

from chat import Chat
from pando import BINARY, PATIENCE, wait_until


class Terminal:
    """One peer of a chat in a tmux window of its own."""

    def __init__(self, chat, peer, width=100, height=24):
        self.peer = peer
        self.socket = os.path.join(chat.root, f"tmux-{peer.number}")
        seeds = "".join(f" --seed {seed}" for seed in peer.seeds)
        command = (f"env LC_ALL=C.UTF-8 {os.path.abspath(BINARY)} chat --id {peer.number} --port {peer.port} "
                   f"--data {peer.data} --log-dir {peer.log_dir}{seeds}; echo EXIT $?; exec sleep 1000")
        self.tmux("new-session", "-d", "-s", "t", "-x", str(width), "-y", str(height), command)
        wait_until(lambda: "Role: " in self.screen()[0], 20, f"{peer.name} has its screen")

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", *args], check=True,
                              capture_output=True, text=True, timeout=20 * PATIENCE).stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-t", "t").split("\n")

    def keys(self, *keys):
        self.tmux("send-keys", "-t", "t", *keys)

    def type(self, text):
        self.tmux("send-keys", "-t", "t", "-l", text)

    def enter(self, text):
        self.type(text)
        self.keys("Enter")

    def resize(self, width, height):
        self.tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def shows(self, text, seconds=15):
        wait_until(lambda: text in "\n".join(self.screen()), seconds,
                   f"{text!r} on the screen of {self.peer.name}; it is\n" + "\n".join(self.screen()))

    def prompt(self):
        """The last line: what is being typed."""
        lines = [line for line in self.screen() if line.startswith(self.peer.name + ">")]
        return lines[-1] if lines else ""

    def prompt_is(self, text):
        wait_until(lambda: self.prompt() == f"{self.peer.name}> {text}".rstrip(), 10,
                   f"the prompt holds {text!r}, not {self.prompt()!r}")

    def end(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, timeout=20 * PATIENCE)


@unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
class Screen(unittest.TestCase):
    def setUp(self):
        self.chat = Chat(2)
        self.chat.__enter__()
        self.addCleanup(self.chat.__exit__, None, None, None)
        self.terminals = []

    def open(self, peer, **size):
        terminal = Terminal(self.chat, peer, **size)
        self.addCleanup(terminal.end)
        return terminal

    def test_two_screens_show_the_same_and_who_is_who(self):
        one = self.open(self.chat.peers[0])
        two = self.open(self.chat.peers[1])
        one.shows("peer_2         follower")
        one.enter("Hello from peer 1! Gr\u00fc\u00dfe \u4f60\u597d \U0001f333")
        two.shows("[seq=1] peer_1: Hello from peer 1! Gr\u00fc\u00dfe \u4f60\u597d \U0001f333")
        two.enter("Hello from peer 2!")
        one.shows("[seq=2] peer_2: Hello from peer 2!")
        one.shows("Role: LEADER | Leader: peer_1")
        two.shows("Role: FOLLOWER | Leader: peer_1")
        two.shows("peer_1         LEADER")
        one.shows("Members: 2")
        one.shows("Became LEADER")
        two.enter("/status")
        two.shows("Quorum: yes (2 of 2 voters reachable)")
        one.keys("C-c")
        one.shows("EXIT 0")
        two.shows("no quorum: 1 of 2 voters reachable (peer_1")
        two.shows("Leader timeout!")
        two.shows("peer_1         unreachable")

    def test_the_typed_line_can_be_edited_and_earlier_ones_come_back(self):
        one = self.open(self.chat.peers[0])
        one.type("wrld")
        one.keys("Left", "Left", "Left")
        one.type("o")
        one.prompt_is("world")
        one.keys("C-a")
        one.type("\u4f60 hello ")
        one.prompt_is("\u4f60 hello world")
        one.keys("Home", "DC")
        one.prompt_is(" hello world")
        one.keys("DC", "C-e", "BSpace")
        one.prompt_is("hello worl")
        one.keys("C-w")
        one.type("there")
        one.prompt_is("hello there")
        one.keys("Enter")
        one.shows("[seq=1] peer_1: hello there")
        one.enter("second")
        one.shows("[seq=2] peer_1: second")
        one.type("draft")
        one.keys("Up")
        one.prompt_is("second")
        one.keys("Up")
        one.prompt_is("hello there")
        one.keys("Down", "Down")
        one.prompt_is("draft")
        one.keys("C-u")
        one.prompt_is("")
        one.type("x" * 150)
        wait_until(lambda: one.prompt().endswith("xxxx") and len(one.prompt()) <= 100, 10,
                   "a long line scrolls sideways")

    def test_scrolling_and_resizing_lose_no_line(self):
        one = self.open(self.chat.peers[0])
        for i in range(1, 61):
            self.chat.peers[0].ask("log.append", space="chat", text=f"message {i} " + "word " * 12)
        one.shows("[seq=60]")
        one.keys("PPage", "PPage")
        one.shows("rows below: PgDn")
        above = [line for line in one.screen() if "[seq=" in line]
        self.chat.peers[0].ask("log.append", space="chat", text="news")
        one.shows("rows below: PgDn")
        wait_until(lambda: [line for line in one.screen() if "[seq=" in line] == above, 5,
                   "what is being read stays where it is")
        one.keys(*["PPage"] * 20)
        one.shows("Became LEADER")
        one.keys(*["NPage"] * 30)
        one.shows("[seq=61] peer_1: news")
        one.resize(50, 12)
        wait_until(lambda: "Members" not in "\n".join(one.screen()), 10, "a narrow screen has no list")
        one.shows("[seq=61] peer_1: news")
        seen = set()

        def collect():
            seen.update(int(n) for n in re.findall(r"\[seq=(\d+)\]", "\n".join(one.screen())))
        collect()
        for _ in range(40):
            before = one.screen()
            one.keys("PPage")
            wait_until(lambda: one.screen() != before or 1 in seen, 5, "the screen moves")
            collect()
            if 1 in seen:
                break
        self.assertEqual(seen, set(range(1, 62)))
        one.resize(100, 24)
        one.shows("Members: 1")
        one.keys(*["NPage"] * 60)
        one.shows("[seq=61] peer_1: news")

    def test_a_screen_of_one_row_and_back(self):
        one = self.open(self.chat.peers[0])
        one.resize(10, 2)
        one.enter("tiny")
        wait_until(lambda: self.chat.peers[0].state()["messages"] == 1, 10, "the line was taken")
        one.resize(100, 24)
        one.shows("[seq=1] peer_1: tiny")

    def test_ctrl_d_and_quit_leave_the_terminal_as_it_was(self):
        one = self.open(self.chat.peers[0])
        two = self.open(self.chat.peers[1])
        two.shows("Role: FOLLOWER")
        two.type("text")
        two.keys("C-d")
        two.prompt_is("text")
        two.keys("C-u", "C-d")
        two.shows("EXIT 0")
        one.enter("/quit")
        one.shows("EXIT 0")
        self.assertNotIn("Role:", "\n".join(one.screen()))


if __name__ == "__main__":
    unittest.main()
