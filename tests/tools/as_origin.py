"""The builders of a scenario, whose every move is a step."""
import select
import ssl
import threading
import time

import http1
import origin as origins
from expecting import PATIENCE, Unexpected, check_header, expect, octets


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

    def secured(self, files):
        """Speaks TLS with this certificate from now on."""
        self.listener.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.listener.tls.load_cert_chain(*files)

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
        head += {"chunked": "Transfer-Encoding: chunked\r\n", "length": f"Content-Length: {length}\r\n",
                 "close": ""}[frame]
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
            try:
                self.raw("0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in dict(trailers).items()) + "\r\n")
            except ConnectionError:
                self.left = True
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

    def floods(self, mib, raw=None):
        """Writes so much in the background, as fast as it is taken: chunks, or these bytes again and again."""
        piece = octets(raw) if raw else http1.chunk(b"data: " + b"x" * 65000 + b"\n\n")
        conn = self.conn

        def run():
            conn.sock.settimeout(60)
            try:
                while self.flooded < mib << 20:
                    conn.sock.sendall(piece)
                    self.flooded += len(piece) if raw else 65008
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
