#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The screen of `cgwall ask`, driven and read back through tmux. What it talks to is a control socket of this
# test's, which puts questions and writes down the answers: the screen is a client like any other.
. "$(dirname "$0")/lib.sh"

if ! type -P tmux >/dev/null; then
	skip "no tmux"
	finish
fi
cat >"$W/agent.py" <<'P'
import json, os, socket, sys, threading, time
run, log = sys.argv[1], sys.argv[2]
lock, open_, streams = threading.Lock(), {}, []
def question(i, **more):
    q = dict(id=i, time="2026-11-22T10:00:00Z", deadline=None, dir="out", proto="tcp", address="192.0.2.%d" % i,
             port=443, remote="192.0.2.%d:443" % i, local="*", domain=None, program="curl", exe="/usr/bin/curl",
             comm="curl", pid=800 + i, uid=0, user="root", gid=0, cgroup="user.slice", unit=None, container=None,
             rule=0, file="/etc/cgwall/policy.conf", line=3, text="default out ask", app=None, flows=1, lately=[],
             scopes=["address,port", "address", "any,port", "any"], whos=["program", "user", "anybody"])
    q["else"] = "block"
    q["else_for"] = 0
    q.update(more)
    return q
def tell(event, q, **more):
    for s in list(streams):
        try: s.sendall((json.dumps(dict(ok=True, more=True, event=event, question=q, **more)) + "\n").encode())
        except OSError: streams.remove(s)
def serve(c):
    for line in c.makefile():
        r = json.loads(line)
        with lock:
            if r["do"] == "questions":
                for q in open_.values():
                    c.sendall((json.dumps(dict(ok=True, more=True, event="open", question=q)) + "\n").encode())
                c.sendall(b'{"ok":true,"more":true,"event":"ready"}\n')
                streams.append(c)
            elif r["do"] == "answer":
                with open(log, "a") as f: f.write(json.dumps(r) + "\n")
                q = open_.pop(r["id"], None)
                if q:
                    tell("close", q, how="answered")
                    c.sendall(json.dumps(dict(ok=True, id=r["id"], text="curl may talk" if r["verdict"] == "pass" else "curl is blocked")).encode() + b"\n")
                else: c.sendall(b'{"ok":false,"error":"there is no such question"}\n')
def commands():
    for line in sys.stdin:
        word = line.split(None, 2)
        with lock:
            if word[0] == "open":
                q = question(int(word[1]), **(json.loads(word[2]) if len(word) > 2 else {}))
                event = "change" if q["id"] in open_ else "open"
                open_[q["id"]] = q
                tell(event, q)
            elif word[0] == "close": tell("close", open_.pop(int(word[1])), how="timeout")
            elif word[0] == "lost":
                for s in list(streams): s.sendall(b'{"ok":true,"more":true,"event":"lost","lost":3}\n')
            elif word[0] == "end": os._exit(0)
s = socket.socket(socket.AF_UNIX)
s.bind(run + "/control")
s.listen()
print("ready", flush=True)
threading.Thread(target=commands, daemon=True).start()
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
P
mkfifo "$W/commands"
$PYTHON "$W/agent.py" "$CGWALL_RUN_DIR" "$W/answers" <"$W/commands" >"$W/agent.out" 2>&1 &
SERVERS+=($!)
exec 7>"$W/commands"
until_ok 20 grep -q ready "$W/agent.out" || { fail "no agent: $(cat "$W/agent.out")"; finish; }

t() { tmux -f /dev/null -S "$W/tmux" "$@"; }
screen() { t capture-pane -p -t s; }
# shows WHAT REGEX: waits until the screen does
shows() { if until_ok 15 sh -c "tmux -S '$W/tmux' capture-pane -p -t s | grep -qE -e '$2'"; then pass "$1"; else fail "$1: no '$2' in: $(screen)"; fi; }
gone() { if until_ok 15 sh -c "! tmux -S '$W/tmux' capture-pane -p -t s | grep -qE -e '$2'"; then pass "$1"; else fail "$1: still '$2' in: $(screen)"; fi; }
keys() { t send-keys -t s "$@"; }
answered() { until_ok 15 sh -c "[ \"\$(wc -l <'$W/answers')\" -ge $2 ]"; is "$1" "$3" "$(tail -1 "$W/answers" | $PYTHON -c 'import json, sys; d = json.load(sys.stdin); print(d["id"], d["verdict"], d["for"], d["scope"], d["who"])')"; }
test_cleanup() { t kill-server 2>/dev/null; }
: >"$W/answers"

status "without a terminal" 1 "$CGWALL" ask </dev/null
like "it says so" "needs a terminal" "$("$CGWALL" ask 2>&1 </dev/null)"

echo 'open 1' >&7
t new-session -d -s s -x 90 -y 24 "bash --norc"
t set -t s status off
keys "PS1='shell ready> '; clear" Enter
shows "a shell" '^shell ready>'
run_ask() { keys "clear; CGWALL_RUN_DIR='$CGWALL_RUN_DIR' '$CGWALL' ask; echo code \$?; stty -a >'$W/stty.after'; echo ended" Enter; }
keys "stty -a >'$W/stty.before'" Enter
run_ask
shows "what was open before" '> +1 curl out tcp 192\.0\.2\.1 443'
shows "how many" '1 open question'
shows "the program" 'program +/usr/bin/curl \(pid 801, root\)'
shows "the rule" 'asked by +/etc/cgwall/policy\.conf:3: default out ask'
echo 'open 2 {"domain": "www.example.com", "flows": 3, "unit": "web.service", "lately": [{"verdict": "pass", "dir": "out", "proto": "udp", "remote": "192.0.2.53:53", "domain": null}]}' >&7
shows "a new one" ' 2 curl out tcp www\.example\.com 443 x3'
keys Down
shows "selected by the arrow" '> +2 curl'
shows "its unit" 'unit +web\.service'
shows "what it did lately" 'lately +pass out udp 192\.0\.2\.53:53'
shows "how an answer is meant" 'for: once +s scope: address,port +w who: program'
keys f f s s w
shows "chosen otherwise" 'for: 1h +s scope: any,port +w who: user'
keys y
answered "pass" 1 "2 pass 1h any,port user"
shows "what became of it" 'curl may talk'
gone "answered: not open any more" ' 2 curl'
shows "the choice was for that one" 'for: once +s scope: address,port +w who: program'
keys n
answered "block" 2 "1 block once address,port program"
shows "none is left" '0 open questions'
keys y q
shows "without a question y does nothing" 'code 0'
run_ask
shows "the screen once more" '0 open questions'
echo 'open 3 {"program": "a\u001b[31mb\n"}' >&7
shows "names cannot do anything to the terminal" 'a\?\[31mb\?'
echo 'close 3' >&7
gone "closed elsewhere" '> +3 '
is "nothing was answered by that" 2 "$(wc -l <"$W/answers")"

# many, a small terminal, and back
for i in $(seq 10 40); do echo "open $i" >&7; done
shows "many" '31 open questions'
t resize-window -t s -x 40 -y 8
shows "small: still a list" '> +10 curl out tcp 192\.0\.2\.10'
keys End
shows "small: the last one" '> +40 curl'
t resize-window -t s -x 20 -y 3
shows "tiny: the selected one and the keys" '> +40 curl'
shows "tiny: the keys" 'y pass'
t resize-window -t s -x 90 -y 24
shows "large again" 'asked by'
keys Home
shows "the first" '> +10 curl'
echo lost >&7
shows "listed again" '31 open questions'

keys q
shows "the shell is back" 'code 0'
shows "with its screen" '^ended'
is "the terminal is as it was" "$(cat "$W/stty.before")" "$(cat "$W/stty.after")"
# ended by a signal
run_ask
shows "again" '31 open questions'
pid=$(t list-panes -t s -F '#{pane_pid}')
pkill -TERM -P "$pid" cgwall
shows "ended by a signal" '^ended'
is "the terminal is as it was" "$(cat "$W/stty.before")" "$(cat "$W/stty.after")"
# the agent goes
run_ask
shows "again" '31 open questions'
echo end >&7
shows "the agent has gone" 'the agent .* has gone'
shows "its exit code" 'code 1'
exec 7>&-
finish
