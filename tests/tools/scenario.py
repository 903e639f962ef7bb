"""Scenarios: one readable file each, a dialogue between clients, builders and one redcard.

    # What this shows, in a sentence.             the title
    policy:                                       YAML; the tests' own policy when absent
    config:                                       changes to the usual configuration, `path = expression`
        routes[0].cut = "error"
    each:                                         run once for every combination
        wire = ["chat", "messages"]
    start: no                                     the steps start the server themselves, if at all
    needs: corpora                                skipped where these are absent
    steps:
        client post stream.path
        origin gets "POST"
        origin begins stream
        origin sends stream.text("hello")
        client received stream.text("hello")

A step is `ACTOR VERB arguments`, `let NAME = expression` or `check expression`. Arguments are Python expressions; text
becomes UTF-8. Actors whose name begins with "origin" are builders (the configuration's upstream uses `origin`; others are
used where the configuration names them); server, cli and probe are themselves; every other name is a client. Which verbs
there are is what the classes below define. After the steps come the checks that hold for every scenario (Scene.settle).
"""
import ast
import itertools
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import traceback

import http1
import origin as origins
import server as servers
import wires

PATIENCE = float(os.environ.get("REDCARD_TEST_PATIENCE", "5"))


class Skip(Exception):
    pass


class Unexpected(AssertionError):
    """Carries what was expected and what came."""


def expect(what, wanted, got):
    if wanted != got:
        raise Unexpected(f"{what}\n      expected {show(wanted)}\n      got      {show(got)}")


def show(value):
    text = repr(value)
    if len(text) <= 700:
        return text
    return f"{text[:420]} ... {text[-200:]} ({len(value) if hasattr(value, '__len__') else '?'} long)"


def brief(value):
    text = value if isinstance(value, str) else "-".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
    return text if text.isprintable() and len(text) <= 60 else repr(text)[1:60]


def octets(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def fits(wanted, got):
    return bool(wanted.search(got or "")) if isinstance(wanted, re.Pattern) else wanted == got


def check_header(message, name, wanted):
    got = message.get(name)
    if not fits(wanted, got):
        raise Unexpected(f"header {name}\n      expected {show(wanted)}\n      got      {show(got)}")


class Client:
    """Someone who uses a builder through redcard."""

    def __init__(self, scene):
        self.scene, self.conn, self.methods, self.answer, self.reader = scene, None, [], None, None
        self.body_seen, self.pending = bytearray(), bytearray()

    def connect(self, source=None):
        self.conn = http1.connect(self.scene.server.port, PATIENCE, source)
        self.methods = []

    def send(self, data):
        """Raw bytes."""
        if not self.conn or self.conn.eof:
            self.connect()
        self.conn.send(octets(data))

    def asks(self, *methods):
        """Says which methods the raw bytes contained, so that answers can be framed."""
        self.methods += methods

    def request(self, method, path="/", body=None, host="builder.test", headers=(), version="1.1"):
        head = f"{method} {path} HTTP/{version}\r\n" + (f"Host: {host}\r\n" if host else "")
        head += "".join(f"{n}: {v}\r\n" for n, v in dict(headers).items())
        if body is not None:
            body = octets(body)
            head += f"Content-Length: {len(body)}\r\n"
        self.send(head.encode("latin-1") + b"\r\n" + (body or b""))
        self.methods.append(method)

    def get(self, path="/", **more):
        self.request("GET", path, **more)

    def post(self, path="/", body='{"stream":true}', **more):
        headers = {"Content-Type": "application/json", **dict(more.pop("headers", {}))}
        self.request("POST", path, body=body, headers=headers, **more)

    def skips_100(self):
        """Interim answers may come first."""
        while b"\r\n\r\n" not in self.conn.buf or self.conn.buf.startswith(b"HTTP/1.1 100"):
            if self.conn.buf.startswith(b"HTTP/1.1 100") and b"\r\n\r\n" in self.conn.buf:
                self.conn.head("response", "GET")
            elif not self.conn.fill():
                break

    def status(self, wanted):
        """The next head arrives and has this status."""
        method = self.methods[0] if self.methods else "GET"
        self.answer = self.conn.head("response", method)
        if self.answer.status >= 200 and self.methods:
            self.methods.pop(0)
        self.reader = http1.Body(self.answer)
        self.body_seen, self.pending = bytearray(), bytearray()
        expect("status", wanted, self.answer.status)

    def header(self, name, wanted):
        """Text must be equal, a pattern must be found, None: absent."""
        check_header(self.answer, name, wanted)

    def pull(self, timeout=None):
        """Takes what is there or arrives next. False when nothing more can come."""
        before = len(self.pending)
        self.conn.buf = self.reader.feed(self.conn.buf, self.conn.eof, self.conn.error)
        if not self.reader.out and not self.reader.done:
            self.conn.fill(timeout)
            self.conn.buf = self.reader.feed(self.conn.buf, self.conn.eof, self.conn.error)
        self.pending += self.reader.out
        self.body_seen += self.reader.out
        self.reader.out = bytearray()
        return len(self.pending) > before or not self.reader.done

    def received(self, wanted):
        """Exactly these body bytes come next."""
        wanted = octets(wanted)
        try:
            while len(self.pending) < len(wanted) and wanted.startswith(bytes(self.pending)) and self.pull():
                pass
        except (TimeoutError, http1.Ended) as e:
            raise Unexpected(f"{e}\n      expected {show(wanted)}\n      got      {show(bytes(self.pending))}") from None
        expect("the next body bytes", wanted, bytes(self.pending[:len(wanted)]))
        del self.pending[:len(wanted)]

    def receives_nothing(self, ms=150):
        """No body byte comes for so long, except comments."""
        end = time.monotonic() + ms / 1000
        while time.monotonic() < end:
            try:
                self.pull(end - time.monotonic())
            except TimeoutError:
                break
        comments = re.sub(rb":[^\n]*\n\n?", b"", bytes(self.pending))
        expect("body bytes while nothing may leave", b"", comments)

    def received_comment(self):
        """A comment arrives, and nothing else."""
        while b"\n" not in self.pending:
            self.pull()
        line, _, rest = bytes(self.pending).partition(b"\n")
        if not line.startswith(b":"):
            raise Unexpected(f"expected a comment, got {show(line)}")
        self.pending = bytearray(rest.lstrip(b"\n"))

    def no_head(self, ms=150):
        """Nothing at all comes."""
        if not self.conn.quiet(ms / 1000):
            raise Unexpected(f"expected silence, got {show(self.conn.buf)}{' and the end' if self.conn.eof else ''}")

    def rest(self):
        while self.pull():
            pass
        data = bytes(self.pending)
        self.pending = bytearray()
        return data

    def body(self, wanted):
        """The rest of the body is this, and it ends as it should."""
        expect("body", octets(wanted), self.rest())

    def ends(self):
        self.body(b"")

    def aborted(self, wanted=b""):
        """The connection ends inside the body, after these bytes."""
        try:
            self.rest()
        except http1.Ended:
            expect("bytes before the abort", octets(wanted), bytes(self.pending))
            return
        raise Unexpected(f"expected an aborted body, but it ended properly after {show(bytes(self.body_seen[-300:]))}")

    def trailer(self, name, wanted):
        check_header(http1.Message([], self.answer.trailers), name, wanted)

    def cut(self, form, wire=None):
        """The stream ends in the wire's own form for a cut, and nothing was wrong with it on the way."""
        wire = wire or self.scene.names["wire"]
        try:
            self.rest()
        except http1.Ended:
            if form == "abort" or (form == "error" and wire in ("plain", "ndjson")):
                return
            raise
        if form == "abort":
            raise Unexpected(f"expected an aborted body, but it ended properly after {show(bytes(self.body_seen[-300:]))}")
        self.reads_cut(form, wire)

    def reads_cut(self, form, wire):
        seen = wires.read(wire, bytes(self.body_seen))
        expect(f"faults of the stream that ends with {show(bytes(self.body_seen[-400:]))}", [], seen.faults)
        if form == "error":
            expect("how the stream ended", "error", seen.ended)
        elif wire == "plain":
            if b"test-token" not in bytes(self.body_seen).split(b"\n")[-2:][0]:
                raise Unexpected(f"expected a last line naming the card, got {show(bytes(self.body_seen[-200:]))}")
        elif wire == "ndjson":
            last = bytes(self.body_seen).split(b"\n")[-2]
            if b"test-token" not in last:
                raise Unexpected(f"expected a last line naming the card, got {show(last)}")
        else:
            expect("how the stream ended", wires.STREAMS[wire].reads_graceful, seen.ended)
        self.reading = seen

    def said(self, wanted, wire=None):
        """What a client makes of the text so far."""
        seen = wires.read(wire or self.scene.names["wire"], bytes(self.body_seen))
        expect("text as a client reads it", wanted, seen.said)

    def problem(self, status=403, retry="false"):
        """A whole HTTP answer with problem+json, before any byte of a stream."""
        self.status(status)
        self.header("content-type", re.compile(r"^application/problem\+json"))
        self.header("x-should-retry", retry)
        self.header("x-redcard-exchange", re.compile(r"\S"))
        value = json.loads(self.rest())
        expect("problem status", status, value.get("status", status))
        self.scene.names["problem"] = value

    def closed(self):
        """The connection ends with nothing more."""
        self.conn.wait_eof()
        expect("bytes before the end of the connection", b"", self.conn.buf)

    def refused(self, *statuses):
        """Answered with one of these and closed."""
        self.answer = self.conn.head("response", "GET")
        if self.answer.status not in statuses:
            raise Unexpected(f"status\n      expected one of {statuses}\n      got      {self.answer.status}")
        self.reader = http1.Body(self.answer)
        self.rest()
        self.conn.wait_eof()

    def refuses(self, *statuses):
        """Answered with one of these; the connection may go on."""
        self.answer = self.conn.head("response", self.methods.pop(0) if self.methods else "GET")
        self.reader = http1.Body(self.answer)
        self.body_seen, self.pending = bytearray(), bytearray()
        if self.answer.status not in statuses:
            raise Unexpected(f"status\n      expected one of {statuses}\n      got      {self.answer.status}")
        self.rest()

    def gives_up(self):
        """Whatever comes: the exchange is over soon, for better or worse."""
        if self.reader is None or (self.answer and self.reader.done):
            self.answer = self.conn.head("response", self.methods.pop(0) if self.methods else "GET")
            self.reader = http1.Body(self.answer)
        try:
            self.rest()
        except http1.Ended:
            pass

    def got_raw(self, wanted):
        """Bytes of a tunnel."""
        expect("tunnelled bytes", octets(wanted), self.conn.exactly(len(octets(wanted))))

    def wait_end(self):
        self.conn.wait_eof()

    def cannot_connect(self):
        """The port takes nobody any more."""
        try:
            conn = http1.connect(self.scene.server.port, 1)
        except OSError:
            return
        conn.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        conn.wait_eof()
        if b" 200 " in conn.buf:
            raise Unexpected("a new connection was served")

    def knocks(self, path):
        """Asks where there is no room: refused, closed, or left waiting, but never served."""
        try:
            self.get(path)
            self.conn.fill(0.3)
        except (OSError, TimeoutError):
            return
        if self.conn.buf and b" 503 " not in self.conn.buf.split(b"\r\n")[0] + b" ":
            raise Unexpected(f"expected 503 or nothing, got {show(self.conn.buf)}")

    def replays(self, origin, rows, split):
        """Each recorded stream passes byte for byte."""
        recordings = self.scene.names["recordings"]()
        for row in rows:
            body = recordings.body(row)
            target = (row["path"].split("#")[0]) + ("?" + row["query"] if row["query"] else "")
            self.post(target, headers={"X-Replay": row["id"]})
            origin.gets("POST", target)
            origin.begins(content_type=row["content_type"], frame="chunked")
            origin.sends(body, split=split)
            origin.ends()
            self.status(200)
            got = self.rest()
            if got != body:
                at = next((i for i, (a, b) in enumerate(zip(got, body)) if a != b), min(len(got), len(body)))
                raise Unexpected(f"{row['id']} differs at byte {at} of {len(body)}\n      expected {show(body[at:at + 200])}\n"
                                 f"      got      {show(got[at:at + 200])}")

    def crowd(self, origin, n, stream):
        """n clients at once, each with a stream of its own text; all are begun before any is ended."""
        clients, bodies = [], {}
        for i in range(n):
            c = Client(self.scene)
            c.post(stream.path, headers={"X-Number": str(i)})
            clients.append(c)
            origin.gets("POST")
            number = origin.request.get("x-number")
            origin.begins(stream)
            origin.keep(number)
            bodies[number] = stream.open() + stream.text(f"I am number {number}; ") + stream.close()
            origin.sends(bodies[number][:len(bodies[number]) // 2])
        for number in bodies:
            origin.use(number)
            origin.sends(bodies[number][len(bodies[number]) // 2:])
            origin.ends()
        for i, c in enumerate(clients):
            c.status(200)
            expect(f"body of client {i}", bodies[str(i)], c.rest())
            c.leave()

    def half_close(self):
        self.conn.sock.shutdown(socket.SHUT_WR)

    def leave(self):
        self.conn.close()

    def reset(self):
        self.conn.close(reset=True)

    def small_window(self):
        """Connects with a small receive buffer, to be a slow reader."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(PATIENCE)
        sock.connect(("127.0.0.1", self.scene.server.port))
        self.conn = http1.Conn(sock, PATIENCE)
        self.methods = []

    @property
    def exchange(self):
        return self.answer.get("x-redcard-exchange")


class Origin:
    """A builder whose every move is a step."""

    def __init__(self, scene):
        self.scene = scene
        self.listener = origins.Listener()
        self.address = f"127.0.0.1:{self.listener.port}"
        self.conn, self.request, self.open, self.kept = None, None, [], {}
        self.was_fresh, self.framing, self.sent, self.left = None, None, bytearray(), False
        self.flooded, self.flooding = 0, None

    def probed(self, path):
        """Health checks ask for this path and are answered on the side."""
        self.listener.health = path

    def unhealthy(self):
        self.listener.healthy = False

    def recovers(self):
        self.listener.healthy = True

    def next_conn(self):
        """A connection with bytes to read: one that was open, or a new one. (connection, whether it is new)"""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ready = [c for c in self.open if c.buf] or self.readable(0.005)
            for conn in ready:
                if conn.buf or conn.fill():
                    return conn, False
            self.open = [c for c in self.open if not c.eof]
            try:
                conn = self.listener.take(0.005)
                self.open.append(conn)
                return conn, True
            except TimeoutError:
                pass
        raise Unexpected("no request reached the origin")

    def readable(self, timeout):
        live = {c.sock.fileno(): c for c in self.open if not c.eof}
        poll = select.poll()
        for number in live:
            poll.register(number, select.POLLIN)
        return [live[n] for n, _ in poll.poll(timeout * 1000)] if live else []

    def gets(self, method=None, path=None, head_only=False):
        """The next request arrives, on any connection."""
        self.conn, self.was_fresh = self.next_conn()
        self.conn.timeout = PATIENCE
        self.request = self.conn.head("request") if head_only else self.conn.message("request")
        self.sent, self.left = bytearray(), False
        if method:
            expect("method", method, self.request.method)
        if path:
            expect("path", path, self.request.target)

    def header(self, name, wanted):
        check_header(self.request, name, wanted)

    def body(self, wanted):
        if not self.request.body and self.request.framing != "none":
            self.request.body = b"".join(self.conn.body_parts(self.request))
        expect("request body", octets(wanted), self.request.body)

    def trailer(self, name, wanted):
        check_header(http1.Message([], self.request.trailers), name, wanted)

    def fresh(self):
        expect("a new connection", True, self.was_fresh)

    def reused(self):
        expect("a reused connection", False, self.was_fresh)

    def keep(self, name):
        """Remembers this exchange, so that use(name) can return to it."""
        self.kept[name] = (self.conn, self.request, self.framing, self.sent)

    def use(self, name):
        self.conn, self.request, self.framing, self.sent = self.kept[name]

    def raw(self, data):
        self.conn.send(octets(data))

    def got_raw(self, wanted):
        """Bytes of a tunnel."""
        expect("tunnelled bytes", octets(wanted), self.conn.exactly(len(octets(wanted))))

    def continues(self):
        """Says 100 when the request as it arrived here waits for that."""
        if self.request.get("expect"):
            self.raw("HTTP/1.1 100 Continue\r\n\r\n")

    def asked(self, ms):
        """Whether a request arrives within so long."""
        end = time.monotonic() + ms / 1000
        while time.monotonic() < end:
            if self.listener.waiting:
                return True
            time.sleep(0.005)
        return False

    def never_complete(self, ms=200):
        """Whatever reached it is no whole request."""
        time.sleep(ms / 1000)
        for conn in self.listener.all:
            conn.quiet(0.05)
            whole, _ = http1.requests_in(bytes(conn.got))
            expect("whole requests that reached the origin", [], [m.method for m in whole])

    def answers(self, status=200, body=b"", headers=(), reason="OK"):
        """A whole answer with its length."""
        body = octets(body)
        head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{n}: {v}\r\n" for n, v in dict(headers).items())
        if status >= 200 and status not in (204, 304):
            head += f"Content-Length: {len(body)}\r\n"
        self.raw(head.encode("latin-1") + b"\r\n" + (b"" if self.request.method == "HEAD" else body))

    def begins(self, stream=None, content_type=None, headers=(), frame="chunked", length=None, status=200):
        """The head of a streamed answer."""
        self.framing = frame
        kind = content_type or getattr(stream, "content_type", "text/event-stream")
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\n"
        head += "".join(f"{n}: {v}\r\n" for n, v in dict(headers).items())
        head += {"chunked": "Transfer-Encoding: chunked\r\n", "length": f"Content-Length: {length}\r\n", "close": ""}[frame]
        self.raw(head + "\r\n")

    def sends(self, data, split="whole", pace=0):
        """Body bytes, in one or many pieces. That the proxy leaves on the way is for other steps to notice."""
        try:
            for piece in origins.cut(octets(data), split):
                self.sent += piece
                self.raw(http1.chunk(piece) if self.framing == "chunked" else piece)
                if pace:
                    time.sleep(pace / 1000)
        except ConnectionError:
            self.left = True

    def ends(self, trailers=()):
        """The body ends as it should."""
        if self.left:
            return
        if self.framing == "chunked":
            self.raw("0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in dict(trailers).items()) + "\r\n")
        elif self.framing == "close":
            self.closes()

    def closes(self):
        self.conn.close()

    def resets(self):
        self.conn.close(reset=True)

    def sees_leave(self):
        """The proxy gives this exchange's connection up."""
        self.conn.timeout = PATIENCE
        try:
            self.conn.wait_eof()
        except TimeoutError:
            raise Unexpected("the proxy kept the builder's connection open") from None

    def untouched(self, ms=120):
        """No request reaches it."""
        time.sleep(ms / 1000)
        got = [bytes(c.got) for c in self.listener.waiting if c.quiet(0.01) is False and c.got]
        got += [bytes(c.buf) for c in self.open if not c.eof and c.quiet(0.01) is False and c.buf]
        expect("bytes that reached the origin", [], got)

    def connections(self, wanted):
        expect("connections made to the origin", wanted, len(self.listener.all))

    def goes_down(self):
        """Connections are refused from now on."""
        self.listener.close_all()

    def comes_up(self):
        self.listener = origins.Listener(self.listener.port, self.listener.health)
        self.open = []

    def floods(self, mib):
        """Writes so much in the background, as fast as it is taken."""
        piece = b"data: " + b"x" * 65000 + b"\n\n"
        conn = self.conn

        def run():
            conn.sock.settimeout(60)
            try:
                while self.flooded < mib << 20:
                    conn.sock.sendall(http1.chunk(piece))
                    self.flooded += len(piece)
                conn.sock.sendall(b"0\r\n\r\n")
            except OSError:
                pass
        self.flooding = threading.Thread(target=run, daemon=True)
        self.flooding.start()

    def stuck(self, below_mib):
        """The flood has come to rest before that much was taken."""
        last, since, end = -1, time.monotonic(), time.monotonic() + PATIENCE
        while time.monotonic() - since < 0.4:
            if self.flooded != last:
                last, since = self.flooded, time.monotonic()
            if time.monotonic() > end:
                raise Unexpected(f"the flood never came to rest; {self.flooded} bytes were taken")
            time.sleep(0.02)
        if not 0 < self.flooded < below_mib << 20:
            raise Unexpected(f"expected the origin to be blocked before {below_mib} MiB, it wrote {self.flooded} bytes")

    def flood_done(self):
        self.flooding.join(PATIENCE * 4)
        expect("the flood is over", False, self.flooding.is_alive())


class Redcard:
    """The server and its admin side."""

    def __init__(self, scene):
        self.scene = scene

    @property
    def it(self):
        return self.scene.server

    def starts(self):
        self.it.start()

    def hup(self, policy=None, config=None):
        """Reloads; policy and config replace the files first."""
        if policy is not None:
            self.it.write_policy(policy)
        if config is not None:
            self.it.write_config(config)
        self.it.signal(signal.SIGHUP)

    def reloaded(self, result="ok", count=1):
        self.metric(f'redcard_reloads_total{{result="{result}"}}', count)

    def term(self):
        self.it.signal(signal.SIGTERM)

    def exits(self, code=0, within_ms=5000):
        expect("exit code", code, self.it.wait_exit(within_ms / 1000))

    def runs(self):
        expect("the server's exit code", None, self.it.process.poll())

    def metric(self, name, wanted, within_ms=3000):
        """A metric has (or a predicate accepts) this value soon. None: it is absent."""
        ok = wanted if callable(wanted) else lambda v: v == wanted
        end = time.monotonic() + within_ms / 1000
        while True:
            got = self.it.metrics().get(name)
            if ok(got):
                return
            if time.monotonic() > end:
                raise Unexpected(f"metric {name}\n      expected {show(wanted)}\n      got      {show(got)}")
            time.sleep(0.02)

    def logs(self, event, **fields):
        self.scene.names["row"] = self.it.wait_log(event, PATIENCE, **fields)

    def records(self, exchange, **fields):
        """The exchange's record is logged, with these fields."""
        row = self.it.wait_log("exchange", PATIENCE, exchange=exchange)
        self.scene.names["row"] = row
        self.scene.names["cards"] = [r for r in self.it.log() if r.get("event") == "card" and r.get("exchange") == exchange]
        for name, wanted in fields.items():
            got = row.get(name)
            if not (wanted(got) if callable(wanted) else fits(wanted, got)):
                raise Unexpected(f"field {name} of the record {show(row)}\n      expected {show(wanted)}\n      got      {show(got)}")

    def memory_below(self, mib):
        got = self.it.rss_kib() / 1024
        if got > mib * self.scene.memory_factor():
            raise Unexpected(f"expected less than {mib} MiB resident, got {got:.1f}")


class Probe:
    """Asks the admin listener."""

    def __init__(self, scene):
        self.scene = scene

    def gets(self, path, status=200, pattern=None):
        got, body = self.scene.server.admin(path)
        expect(f"status of {path}", status, got)
        if pattern and not re.search(pattern, body, re.M):
            raise Unexpected(f"{path}\n      expected {show(pattern)}\n      got      {show(body)}")
        self.scene.names["answer"] = body


class Cli:
    """Runs the program to its end."""

    def __init__(self, scene):
        self.scene, self.done = scene, None

    def file(self, name, text):
        with open(os.path.join(self.scene.folder, name), "w") as f:
            f.write(text)

    def run(self, *args, stdin=""):
        try:
            self.done = subprocess.run([servers.binary(), *args], cwd=self.scene.folder, input=stdin, text=True, errors="replace",
                                       capture_output=True, timeout=PATIENCE * 4, check=False)
        except subprocess.TimeoutExpired:
            raise Unexpected("the program was expected to end by itself and went on") from None

    def exit(self, wanted):
        if self.done.returncode != wanted:
            raise Unexpected(f"exit code\n      expected {wanted}\n      got      {self.done.returncode}\n"
                             f"      stderr {show(self.done.stderr)}\n      stdout {show(self.done.stdout)}")

    def says(self, *patterns):
        """Standard error is one line, and each pattern is in it."""
        lines = self.done.stderr.splitlines()
        if len(lines) != 1:
            raise Unexpected(f"expected one line, got {show(self.done.stderr)}")
        for pattern in patterns:
            if not re.search(pattern, lines[0]):
                raise Unexpected(f"stderr\n      expected {show(pattern)}\n      got      {show(lines[0])}")

    def prints(self, pattern):
        if not re.search(pattern, self.done.stdout, re.M):
            raise Unexpected(f"stdout\n      expected {show(pattern)}\n      got      {show(self.done.stdout)}")

    def nothing_listens(self):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", self.scene.server.port)) == 0:
                raise Unexpected("something still listens on the proxy's port")


def parse(path):
    """The file as {"title", "policy", "config": [(line, text)], "each", "steps": [...], ...}."""
    with open(path) as f:
        lines = f.read().split("\n")
    found = {"title": "", "path": path, "config": [], "each": [], "steps": [], "policy": None, "start": "yes", "needs": "", "unscanned": "no"}
    section = None
    for number, line in enumerate(lines, 1):
        if section is None and line.startswith("#"):
            found["title"] += (" " if found["title"] else "") + line.lstrip("# ").strip()
            continue
        head = re.match(r"(policy|config|each|steps|start|needs|unscanned):\s*(.*)$", line)
        if head:
            section = head.group(1)
            if section in ("start", "needs", "unscanned"):
                found[section] = head.group(2).strip()
            elif section == "policy":
                found["policy"] = ""
        elif section == "policy":
            found["policy"] += line.replace("\t", "", 1).replace("\t", "  ") + "\n"
        elif section in ("config", "each", "steps") and line.strip() and not line.strip().startswith("#"):
            deeper = re.match(r"(\t\t| {8})", line)
            if deeper and found[section]:
                at, text = found[section][-1]
                found[section][-1] = (at, text + "\n" + line.strip())
            else:
                found[section].append((number, line.strip()))
        elif line.strip() and section is None:
            raise ValueError(f"{path}:{number}: not in a section: {line}")
    return found


def assign(target, path, value):
    """path: name.name[0].name"""
    keys = [int(k) if k.isdigit() else k for k in re.findall(r"[A-Za-z0-9_-]+", path)]
    for here, following in zip(keys, keys[1:]):
        if isinstance(target, list):
            while len(target) <= here:
                target.append({})
        elif here not in target:
            target[here] = [] if isinstance(following, int) else {}
        target = target[here]
    if isinstance(target, list) and len(target) <= keys[-1]:
        target.append(None)
    target[keys[-1]] = value


class Scene:
    """One run of one scenario, in its own folder, with its own ports."""

    def __init__(self, scenario, variables):
        self.scenario, self.variables = scenario, variables
        self.name = os.path.relpath(scenario["path"], os.path.join(servers.ROOT, "tests", "scenarios")).rsplit(".", 1)[0]
        if variables:
            self.name += " (" + ", ".join(brief(v) for v in variables.values()) + ")"
        self.server, self.folder, self.actors, self.line = None, None, {}, 0
        self.names = {}

    def memory_factor(self):
        return 8 if os.environ.get("MODE", "release") in ("asan", "tsan") else 1

    def prepare(self):
        s = self.scenario
        if "corpora" in s["needs"] and not os.path.isdir(servers.CORPORA):
            raise Skip("no corpora")
        self.folder = tempfile.mkdtemp(prefix="redcard-scene-")
        wire = self.variables.get("wire", "chat")
        self.names = {
            "wire": wire, "stream": wires.stream(wire), "streams": wires.STREAMS, "wires": wires, "secret": wires.secret(), "re": re, "json": json,
            "matches": re.compile, "compress": origins.compress, "chunk": http1.chunk, "chunked": http1.chunked, "time": time,
            "dead": f"127.0.0.1:{servers.free_port()}", "folder": self.folder, "document": wires.document, "os": os,
            "recordings": lambda: origins.Recordings(servers.CORPORA, os.path.join(servers.ROOT, "tests", "data")),
            "busy": self.busy, "deaf": self.deaf, "access_key": wires.access_key, **self.variables,
        }
        words = " ".join(t for _, t in s["steps"] + s["config"])
        for name in sorted(set(re.findall(r"\borigin\w*", words)) | {"origin"}):
            self.actors[name] = Origin(self)
        self.actors.update(server=Redcard(self), probe=Probe(self), cli=Cli(self))
        self.names.update(self.actors)
        policy = s["policy"] if s["policy"] is not None else servers.POLICY
        if policy.strip() == "builtin":
            policy = "builtin"
        self.server = servers.Server(self.folder, [self.actors["origin"].listener.port], policy, self.configure)
        self.names["port"], self.names["config_path"] = self.server.port, self.server.config_path
        self.names["admin_port"] = self.server.admin_port

    def configure(self, config):
        for self.line, text in self.scenario["config"]:
            path, _, value = text.partition(" = ")
            assign(config, path.strip(), eval(value, dict(self.names)))

    def busy(self, port):
        """Somebody else listens there."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", port))
        sock.listen(1)
        self.names.setdefault("_kept", []).append(sock)
        return True

    def deaf(self):
        """An address whose connections are never accepted: its queue is full."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        kept = self.names.setdefault("_kept", [])
        kept.append(sock)
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(sock.getsockname())
            kept.append(filler)
        return f"127.0.0.1:{sock.getsockname()[1]}"

    def step(self, text):
        if text.startswith("let "):
            names, _, value = text[4:].partition(" = ")
            value = eval(value, self.names)
            names = [n.strip() for n in names.split(",")]
            self.names.update(zip(names, value if len(names) > 1 else [value]))
            return
        if text.startswith("check "):
            if not eval(text[6:], self.names):
                raise Unexpected(f"not so: {text[6:]}{self.values_of(text[6:])}")
            return
        if text.startswith("sleep "):
            time.sleep(float(text[6:]) / 1000)
            return
        found = re.match(r"(\w+) (\w+)(?:\s+(.*))?$", text, re.S)
        if not found:
            raise ValueError(f"not a step: {text}")
        actor, verb, args = found.groups()
        if actor not in self.actors:
            self.actors[actor] = self.names[actor] = Client(self)
        call = getattr(self.actors[actor], verb, None)
        if call is None:
            raise ValueError(f"{actor} has no verb {verb}")
        self.names["_call"] = call
        eval(f"_call({args or ''})", self.names)

    def values_of(self, text):
        names = {n.id for n in ast.walk(ast.parse(text, mode="eval")) if isinstance(n, ast.Name)}
        plain = {n: self.names[n] for n in names if isinstance(self.names.get(n), (int, float, str, bytes, dict, list))}
        return "".join(f"\n      {n} is {show(v)}" for n, v in plain.items())

    def settle(self):
        """What holds after every scenario."""
        for actor in self.actors.values():
            if isinstance(actor, Client) and actor.conn:
                actor.conn.close()
            if isinstance(actor, Origin):
                actor.listener.close_all()
        if self.server.process is None:
            return
        alive = self.server.process.poll() is None
        metrics = self.server.metrics() if alive else {}
        page = self.server.admin("/metrics")[1] if alive else ""
        code = self.server.stop()
        if alive:
            expect("exit code of the server", 0, code)
        faults = servers.faults_in(self.server.stderr())
        expect("reports on the server's standard error", [], faults)
        if self.scenario["unscanned"] == "no" and alive:
            expect("redcard_unscanned_bytes_total", 0, metrics.get("redcard_unscanned_bytes_total", 0))
        for row in self.server.log():
            if row.get("event") == "NOT JSON":
                raise Unexpected(f"a log line is not JSON: {show(row['line'])}")
            if row.get("event") == "exchange" and "received_bytes" in row:
                if not row["released_bytes"] <= row["judged_bytes"] + row.get("unscanned_bytes", 0) <= row["received_bytes"]:
                    raise Unexpected(f"released <= judged <= received does not hold in {show(row)}")
        for what, text in (("log", json.dumps(self.server.log())), ("standard error", self.server.stderr()), ("metrics", page)):
            if wires.SECRET_BODY in text:
                raise Unexpected(f"the secret's body is in the {what}")
        for name, actor in self.actors.items():
            if isinstance(actor, Client) and self.scenario["unscanned"] == "no" and not self.names.get("secret_may_pass"):
                if wires.SECRET_BODY[:4] in bytes(actor.body_seen).decode("utf-8", "replace"):
                    raise Unexpected(f"bytes of the secret's body reached {name}")

    def run(self):
        """None, or what went wrong, as text."""
        try:
            self.prepare()
            if self.scenario["start"] == "yes":
                self.server.start()
            for self.line, text in self.scenario["steps"]:
                self.step(text)
            self.line = 0
            self.settle()
            return None
        except Skip:
            raise
        except Exception as e:  # whatever goes wrong in a step is the scenario's failure
            return self.failure(e)
        finally:
            self.clear()

    def failure(self, e):
        steps = dict(self.scenario["steps"] + self.scenario["config"])
        where = f"{os.path.relpath(self.scenario['path'], servers.ROOT)}:{self.line}" if self.line else "after the steps"
        text = steps.get(self.line, "").split("\n")[0]
        what = str(e) if isinstance(e, (Unexpected, AssertionError)) else f"{type(e).__name__}: {e}"
        if os.environ.get("REDCARD_TEST_TRACE"):
            what += "\n" + traceback.format_exc()
        return f"  {self.name}\n    {where}: {text}\n    {what}\n    the server said:\n{self.server.tail() if self.server else ''}"

    def clear(self):
        for actor in self.actors.values():
            if isinstance(actor, Origin):
                actor.listener.close_all()
        if self.server:
            self.server.stop(timeout=3)
        for sock in self.names.get("_kept", []):
            sock.close()
        if self.folder and not os.environ.get("REDCARD_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def scenes(path):
    """One Scene for every combination of `each`."""
    scenario = parse(path)
    axes = []
    for _, text in scenario["each"]:
        name, _, values = text.partition(" = ")
        axes.append([(name.strip(), v) for v in eval(values, {"wires": wires, "range": range, "list": list, "STREAMS": list(wires.STREAMS)})])
    return [Scene(scenario, dict(combination)) for combination in itertools.product(*axes)]
