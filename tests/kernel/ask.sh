# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# For tests of `ask`; source it after lib.sh and peer.sh. Calls are made by asker.c in the guarded cgroup; what
# reaches the other network namespace is counted there.

ASKER=$O/tests/kernel/asker
[ -x "$ASKER" ] || { echo "no $ASKER: 'make tests' builds it"; exit 1; }

# peer_serve PORT COUNT: TCP and UDP at the peer
peer_serve() {
	at_peer "$ASKER" serve "$1" "$2" >"$W/peer.$1" 2>&1 &
	SERVERS+=($!)
	until_ok 20 grep -q ready "$W/peer.$1" || fail "no server at the peer: $(cat "$W/peer.$1")"
}

# peer_http: a web server at the peer, port 8080, that says hello
peer_http() {
	at_peer "$PYTHON" - >"$W/http.out" 2>&1 <<'PY' &
import http.server, socket
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")
    def log_message(self, *args):
        pass
Server(("::", 8080), Handler).serve_forever()
PY
	SERVERS+=($!)
}

# Packets that have come to the peer.
peer_packets() { at_peer awk '$1 == "peer0:" {n = $3} END {print n == "" ? "not counted" : n + 0}' /proc/net/dev; }

# UDP datagrams that have come to a socket there.
peer_datagrams() { at_peer awk '$1 == "Udp:" && $2 ~ /^[0-9]/ {n = $2} END {print n == "" ? "not counted" : n}' /proc/net/snmp; }

# ask_begin NAME [OPTION ...] KIND ADDR PORT: returns when the call has been made. Its input is open until ask_close.
ask_begin() {
	local name=$1
	shift
	rm -f "$W/$name.in" "$W/$name.out"
	mkfifo "$W/$name.in"
	# not in_cgroup(): that would be one process more, and ASK_PID not the one that asks
	(echo "$BASHPID" >"${ASK_CGROUP:-$GUARD}/cgroup.procs" && exec "${ASK_AS:-$ASKER}" "$@") <>"$W/$name.in" >"$W/$name.out" 2>&1 6>&- &
	ASK_PID=$!
	SERVERS+=("$ASK_PID")
	until_ok 20 grep -q . "$W/$name.out" || fail "$name: $* was not begun"
}

# What became of it: a word. Waits 30 s at most.
ask_result() { # NAME
	until_ok 30 grep -qv '^begun' "$W/$1.out"
	grep -v '^begun' "$W/$1.out" | tail -1 | cut -d' ' -f1
}

# The milliseconds that it took.
ask_took() { grep -v '^begun' "$W/$1.out" | tail -1 | cut -d' ' -f2; } # NAME

# The number of the open question about a remote port; waits for it.
question_of() { # PORT
	local id
	until_ok 20 sh -c "'$CGWALL' questions --json | grep -q '\"port\":$1,'"
	id=$("$CGWALL" questions --json | grep "\"port\":$1," | grep -oE '"id":[0-9]+' | head -1)
	echo "${id#*:}"
}

# Fields of an open question, by a Python expression over q
question() { # ID EXPRESSION
	json "[($2) for q in [d['question'] for d in ds if d.get('question', {}).get('id') == $1]][0]" "$CGWALL" questions --json
}

questions() { "$CGWALL" questions --json | wc -l; }
no_questions() { [ "$(questions)" = 0 ]; }

# answer ID VERDICT ...: exit code 0 expected
answer() { status "answer $*" 0 "$CGWALL" answer "$@"; }

# control REQUEST ...: sends lines of JSON to the control socket on one connection; prints the last line of each answer.
control() {
	"$PYTHON" - "$CGWALL_RUN_DIR/control" "$@" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile()
for request in sys.argv[2:]:
    s.sendall(request.encode() + b"\n")
    while True:
        line = f.readline()
        if not line or not json.loads(line).get("more"):
            print(line, end="")
            break
PY
}

# answer_all VERDICT: every open question, on one connection; prints how many flows went
answer_all() {
	"$PYTHON" - "$CGWALL_RUN_DIR/control" "$1" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
f = s.makefile()
s.sendall(b'{"do":"questions"}\n')
ids = []
while True:
    o = json.loads(f.readline())
    if not o.get("more"):
        break
    ids.append(o["question"]["id"])
for i in ids:
    s.sendall(json.dumps({"do": "answer", "id": i, "verdict": sys.argv[2]}).encode() + b"\n")
print(sum(json.loads(f.readline()).get("flows", 0) for i in ids))
PY
}
