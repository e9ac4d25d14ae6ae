import json, socket, sys
node = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
def say(**line):
    node.sendall(json.dumps(line).encode() + b"\n")
say(type="JOIN", sender_id=42, room_id="general")
say(type="CHAT", sender_id=42, room_id="general", payload=sys.argv[3])
for line in map(json.loads, node.makefile()):
    print(line["type"], line.get("seq_no", ""), line.get("payload", ""))
    if line["type"] == "SEQ_CHAT" and line["payload"] == sys.argv[3]:
        break
