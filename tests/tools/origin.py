"""The builder in the tests: an HTTP origin that replays streams at a pace, cut into pieces as asked, or misbehaves.

As a library: Replay(handler) answers by itself; Listener() hands its connections to a script.
As a program:  origin.py PORT [--pace MS] [--data DIR]   serves recorded streams by x-replay: NAME, or by path;
               a request that says "stream": true gets a stream;
               x-replay: leak is a stream of that path's wire with a key in it, split over several events.
"""
import json
import os
import random
import re
import socket
import sys
import threading
import time
import zlib

import http1
import wires


def split_frames(body, content_type):
    """A body as the frames a builder would flush one by one."""
    if "event-stream" in content_type:
        parts = re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)|(?<=\r\r)", body)
    else:
        parts = re.split(rb"(?<=\n)", body)
    return [p for p in parts if p]


def cut(body, how, frames=None):
    """how: "whole" | "bytes" | "events" | ("at", offset) | ("random", seed) | ("size", n)"""
    if how == "whole":
        return [body] if body else []
    if how == "bytes":
        return [body[i:i + 1] for i in range(len(body))]
    if how == "events":
        return frames if frames is not None else split_frames(body, "text/event-stream")
    kind, arg = how
    if kind == "at":
        return [p for p in (body[:arg], body[arg:]) if p]
    if kind == "size":
        return [body[i:i + arg] for i in range(0, len(body), arg)]
    dice, out, at = random.Random(arg), [], 0
    while at < len(body):
        n = dice.choice((1, 2, 3, 7, 16, 61, 250, 1400, 9000))
        out.append(body[at:at + n])
        at += n
    return out


def bad_answer(dice, content_type, body):
    """The bytes of an answer, a good one half of the time."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    whole = head + http1.chunk(body) + b"0\r\n\r\n"
    bad = [whole[:dice.randrange(len(whole))], whole + b"x" * dice.randrange(100000), b"nonsense\r\n\r\n",
           head + http1.chunk(body)[:-9] + b"0\r\n\r\n", head + http1.chunk(body), b"HTTP/1.1 204 None\r\n\r\n",
           b"HTTP/1.1 103 Early\r\n\r\n" + whole, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
           b"HTTP/1.1 429 Wait\r\nContent-Length: 2\r\n\r\nno", b"HTTP/1.1 302 Go\r\nContent-Length: 2\r\n\r\nto",
           b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + body, b""]
    return whole if dice.random() < 0.5 else dice.choice(bad)


def compress(pieces, coding):
    """Each piece flushed by itself, as streaming builders do."""
    z = zlib.compressobj(6, zlib.DEFLATED, {"gzip": 31, "deflate": 15}[coding])
    out = [z.compress(p) + z.flush(zlib.Z_SYNC_FLUSH) for p in pieces]
    return out + [z.flush()]


class Listener:
    """Accepts on a free loopback port. Health checks are answered on the side; other connections wait for take()."""

    def __init__(self, port=0, health=None):
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", port))
        self.sock.listen(512)
        self.port = self.sock.getsockname()[1]
        self.health = health        # path, or None
        self.healthy = True
        self.probes = 0
        self.tls = None             # an ssl context: connections begin with its handshake
        self.waiting, self.all = [], []
        self.cond = threading.Condition()
        self.closed = False
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            if self.closed:
                sock.close()
                return
            if self.tls:
                threading.Thread(target=self.shake, args=(sock,), daemon=True).start()
                continue
            conn = http1.Conn(sock)
            if self.health:
                threading.Thread(target=self.sort, args=(conn,), daemon=True).start()
            else:
                self.give(conn)

    def shake(self, sock):
        try:
            sock.settimeout(5)
            self.give(http1.Conn(self.tls.wrap_socket(sock, server_side=True)))
        except OSError:
            sock.close()

    def sort(self, conn):
        """A probe is answered here; anything else goes to the script with its bytes still to be read."""
        mark = f" {self.health} ".encode()
        try:
            while True:
                while b"\r\n" not in conn.buf:
                    if not conn.fill(60):
                        return
                if mark not in conn.buf.split(b"\r\n")[0]:
                    return self.give(conn)
                conn.message("request")
                self.probes += 1
                status = b"200 OK" if self.healthy else b"500 Down"
                conn.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        except (OSError, http1.Malformed, http1.Ended):
            conn.close()

    def give(self, conn):
        with self.cond:
            self.waiting.append(conn)
            self.all.append(conn)
            self.cond.notify_all()

    def take(self, timeout=5.0):
        with self.cond:
            if not self.cond.wait_for(lambda: self.waiting, timeout):
                raise TimeoutError("no connection reached the origin")
            return self.waiting.pop(0)

    def close(self):
        if not self.closed:
            self.closed = True
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.sock.close()

    def close_all(self):
        self.close()
        for conn in self.all:
            conn.close()


class Answer:
    """What a replaying origin sends: pieces with a pace between them."""

    def __init__(self, pieces, content_type="text/event-stream", status=200, pace=0.0, frame="chunked",
                 coding=None, headers=()):
        self.pieces, self.content_type, self.status, self.pace = pieces, content_type, status, pace
        self.frame, self.coding, self.headers = frame, coding, headers
        self.sent_at = []           # monotonic time just before each piece is written


class Replay(Listener):
    """Answers every request with handler(request) -> Answer, one thread for each connection."""

    def __init__(self, handler, port=0):
        self.handler = handler
        self.requests = []
        super().__init__(port)

    def give(self, conn):
        self.all.append(conn)
        threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        conn.timeout = 120
        try:
            while conn.buf or conn.fill():
                request = conn.message("request")
                self.requests.append(request)
                keep = self.answer(conn, request, self.handler(request))
                if not keep or (request.get("connection") or "").lower() == "close":
                    break
        except (OSError, TimeoutError, http1.Malformed, http1.Ended):
            pass
        conn.close()

    def answer(self, conn, request, a):
        pieces = compress(a.pieces, a.coding) if a.coding else a.pieces
        head = f"HTTP/1.1 {a.status} OK\r\nContent-Type: {a.content_type}\r\n"
        if a.coding:
            head += f"Content-Encoding: {a.coding}\r\n"
        head += "".join(f"{n}: {v}\r\n" for n, v in a.headers)
        head += {"chunked": "Transfer-Encoding: chunked\r\n",
                 "length": f"Content-Length: {sum(map(len, pieces))}\r\n",
                 "close": "Connection: close\r\n"}[a.frame]
        conn.send(head.encode() + b"\r\n")
        due = time.monotonic()
        for piece in pieces:
            if a.pace:
                due += a.pace
                time.sleep(max(0, due - time.monotonic()))
            a.sent_at.append(time.monotonic())
            conn.send(http1.chunk(piece) if a.frame == "chunked" else piece)
        if a.frame == "chunked":
            conn.send(b"0\r\n\r\n")
        return a.frame != "close"


class Recordings:
    """Recorded streams (read in place) and streams of our own writing, by name."""

    def __init__(self, corpora, data):
        self.rows = {}
        index = os.path.join(corpora, "llm_streams", "index.jsonl")
        if os.path.exists(index):
            with open(index) as f:
                for line in f:
                    row = json.loads(line)
                    row["where"] = os.path.join(corpora, "llm_streams", row["file"])
                    self.rows[row["id"]] = row
        self.recorded = len(self.rows)
        for name in sorted(os.listdir(data)) if os.path.isdir(data) else []:
            row = describe(name)
            if row:
                row["where"] = os.path.join(data, name)
                self.rows["data/" + name] = row

    def body(self, row):
        with open(row["where"], "rb") as f:
            return f.read()


OWN = (  # how the names in tests/data/ begin, most specific first
    ("chat", "/v1/chat/completions"), ("responses", "/v1/responses"), ("messages", "/v1/messages"),
    ("gemini_array", "/v1beta/models/builder-1:streamGenerateContent"),
    ("gemini-array", "/v1beta/models/builder-1:streamGenerateContent"),
    ("gemini", "/v1beta/models/builder-1:streamGenerateContent?alt=sse"),
    ("ollama", "/api/chat"), ("ndjson", "/api/chat"), ("plain", "/plain"),
)


def describe(name):
    kinds = {".sse": "text/event-stream", ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson",
             ".json": "application/json", ".txt": "text/plain"}
    kind = kinds.get(os.path.splitext(name)[1])
    if name == "gemini.json":
        return {"id": name, "path": "/v1beta/models/builder-1:generateContent", "query": "",
                "content_type": kind, "family": "gemini",
                "content_encoding": None}
    for prefix, path in OWN:
        if kind and name.startswith(prefix):
            return {"id": name, "path": path, "query": "", "content_type": kind, "family": prefix,
                    "content_encoding": None}
    return None


def leak(target, pace):
    path = target.split("?")[0]
    kind = next((k for k in wires.STREAMS.values() if k.path.split("?")[0] == path), wires.Chat)
    key = wires.access_key()
    words = ["Put ", "this ", "into ", "your ", "settings:\n", 'key = "', key[:4], key[4:9], key[9:], '"\n',
             "and ", "go ", "on."]
    return Answer(kind().whole(words), kind.content_type, pace=pace)


def choose(rows, request):
    """The answer for a request that names none: of its path, and a stream when it asks for one."""
    path = request.target.split("?")[0]
    rows = [r for r in rows if r["path"].split("?")[0] == path and not r["content_encoding"]]
    asks = re.search(rb'"stream"\s*:\s*true', request.body)
    streams = [r for r in rows if "json" != r["content_type"].split(";")[0].rpartition("/")[2]]
    return next(iter(streams if asks and streams else rows), None)


def main(argv):
    port, pace, data = int(argv[1]), 0.0, []
    if "--pace" in argv:
        pace = float(argv[argv.index("--pace") + 1]) / 1000
    data = argv[argv.index("--data") + 1] if "--data" in argv else os.path.join(os.path.dirname(__file__),
        "..", "data")
    recordings = Recordings(os.environ.get("CORPORA", "../shared/corpora"), data)

    def handler(request):
        name = request.get("x-replay")
        if name == "leak":
            return leak(request.target, pace)
        row = recordings.rows.get(name) if name else None
        if row is None:
            row = choose(recordings.rows.values(), request)
        if row is None:
            return Answer([b"no such stream\n"], "text/plain", 404)
        return Answer(split_frames(recordings.body(row), row["content_type"]), row["content_type"], pace=pace)

    origin = Replay(handler, port)
    print(f"origin: {len(recordings.rows)} streams on 127.0.0.1:{origin.port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv)
