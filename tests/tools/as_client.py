"""The clients of a scenario: what they can do and what they can notice."""
import contextlib
import json
import random
import re
import socket
import ssl
import time

import http1
import origin as origins
import wires
from expecting import PATIENCE, Unexpected, check_header, expect, octets, show


class Client:
    """Someone who uses a builder through redcard."""

    def __init__(self, scene):
        self.scene, self.conn, self.methods, self.answer, self.reader = scene, None, [], None, None
        self.body_seen, self.pending = bytearray(), bytearray()
        self.asked_bytes = 0

    def connect(self, source=None):
        self.conn = http1.connect(self.scene.server.port, PATIENCE, source)
        self.methods = []

    def secures(self, files, name="builder.test"):
        """Connects with TLS and verifies the certificate."""
        self.connect()
        context = ssl.create_default_context(cafile=files[0])
        self.conn = http1.Conn(context.wrap_socket(self.conn.sock, server_hostname=name), PATIENCE)

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

    def chaos(self, origin, wire, seed, rounds):
        """Either side leaves, resets or falls silent at any moment; some exchanges come to their end. Up to eight are open."""
        dice, open_ones = random.Random(seed), []
        for i in range(rounds):
            stream, client = wires.stream(wire), Client(self.scene)
            frames = stream.whole(["some ", "words ",
                                   self.scene.names["secret"] if dice.random() < 0.2 else "more ", "end"])
            client.post(stream.path)
            try:
                origin.gets("POST")
                origin.begins(stream)
            except (OSError, http1.Ended):
                continue
            data = b"".join(frames)
            origin.sends(data[:dice.randrange(len(data))], split=dice.choice(["whole", ("random", i)]))
            open_ones.append((client, origin.conn))
            while len(open_ones) > dice.randrange(8):
                gone, conn = open_ones.pop(dice.randrange(len(open_ones)))
                ends = [gone.leave, gone.reset, conn.close, lambda c=conn: c.close(reset=True),
                        lambda c=conn: c.send(b"5\r\nabc"), lambda c=conn: c.send(b"nonsense\r\n")]
                for end in dice.sample(ends, 2):
                    with contextlib.suppress(OSError):
                        end()
                gone.leave()
                conn.close()
        for client, conn in open_ones:
            client.leave()
            conn.close()

    def ballot_of(self, builders, by_spec, stream, spec, dice):
        """The clients and the builders' connections of one ballot that has just begun. A builder that reset the connection
        on which it is asked again never hears of it."""
        clients, conns, asked = [], [], []
        for k, builder in enumerate(builders):
            if by_spec and dice.random() < 0.9 or not clients:
                clients.append(Client(self.scene))
                clients[-1].post(f"/{k if by_spec else 0}{stream.path}", headers={"x-redcard-spec": spec})
                asked += [builder] if by_spec else builders
        for builder in asked:
            with contextlib.suppress(OSError, http1.Ended, Unexpected):
                builder.gets("POST")
                conns.append(builder.conn)
        return clients, conns

    def half_asks(self, dice, stream, spec):
        """A request that never comes as a whole."""
        client = Client(self.scene)
        head = f"POST /0{stream.path} HTTP/1.1\r\nHost: a\r\nX-Redcard-Spec: {spec}\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(head + dice.choice(["", "5\r\nabc", "5\r\nabcde\r\n", "nonsense\r\n"]))
        dice.choice([client.leave, client.reset])()

    def chaos_of_ballots(self, builders, by_spec, seed, rounds):
        """Clients and builders leave, reset, fall silent or answer in bad ways; some ballots come to a verdict. Up to eight are
        open."""
        dice, open_ones, stream = random.Random(seed), [], wires.stream("chat")

        def end(clients, conns):
            ends = [c.leave for c in clients] + [c.reset for c in clients] + [c.close for c in conns]
            ends += [lambda c=c: c.close(reset=True) for c in conns]
            for how in dice.sample(ends, dice.randrange(len(ends))):
                with contextlib.suppress(OSError):
                    how()
            for one in clients:
                one.leave()
            for conn in conns:
                conn.close()
        for i in range(rounds):
            if dice.random() < 0.1:
                self.half_asks(dice, stream, f"half-{seed}-{i}")
            clients, conns = self.ballot_of(builders, by_spec, stream, f"spec-{seed}-{i}", dice)
            for conn in dice.sample(conns, len(conns)):
                body = b"".join(stream.whole([f"```python\nprint({dice.randrange(2)})\n```\n",
                                              self.scene.names["secret"] if dice.random() < 0.1 else "end"]))
                with contextlib.suppress(OSError):
                    conn.send(origins.bad_answer(dice, stream.content_type, body))
            open_ones.append((clients, conns))
            while len(open_ones) > dice.randrange(8):
                end(*open_ones.pop(dice.randrange(len(open_ones))))
        for one in open_ones:
            end(*one)

    def same_at_every_split(self, origin, stream, data, step=1):
        """The same answer in two reads, divided at every position: what comes is always the same."""
        first = None
        for at in range(0, len(data), step):
            self.connect()
            self.post(stream.path)
            origin.gets("POST")
            origin.begins(stream)
            origin.sends(data, split=("at", at))
            origin.ends()
            self.status(200)
            body = self.rest().replace(self.exchange.encode(), b"EXCHANGE")
            self.leave()
            first = first or body
            expect(f"body when the builder's bytes are divided at {at}", first, body)

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

    def asks_on(self, path, times=1, below_mib=16):
        """Pipelines requests, as many as are taken, so many times; sooner or later no more are taken."""
        block = f"GET {path} HTTP/1.1\r\nHost: builder.test\r\n\r\n".encode() * 4000
        sock = self.conn.sock
        before = sock.gettimeout()
        sock.setblocking(False)
        end = time.monotonic() + 0.2 * times
        while time.monotonic() < end and self.asked_bytes < below_mib << 20:
            with contextlib.suppress(BlockingIOError):
                self.asked_bytes += sock.send(block[self.asked_bytes % len(block):])
        sock.settimeout(before)
        if self.asked_bytes >= below_mib << 20:
            raise Unexpected(f"more than {below_mib} MiB of requests were taken while few were answered")

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
