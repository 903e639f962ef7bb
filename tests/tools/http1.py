"""HTTP/1.1 as the tests read it: a strict reader of its own, independent of the parser under test.

Nothing here is lenient. A message that two readers could understand differently is a Malformed, so a test that
reads through this module proves that what it received had one meaning.
"""
import re
import socket
import time

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
TARGET = re.compile(rb"(/[\x21\x22\x24-\x7e\x80-\xff]*|\*|https?://[\x21\x22\x24-\x7e\x80-\xff]+)\Z")
NAMED_HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%\-]+(:[0-9]{1,5})?)?\Z")  # empty: there is no authority
ADDRESS_HOST = re.compile(rb"\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?\Z")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})\Z")
CHUNK_EXTENDED = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?\Z")


class Malformed(Exception):
    """The bytes break the grammar, or leave room for a second meaning."""


class Ended(Exception):
    """The connection ended inside a message."""


class Message:
    """A head, and later its body. Names keep their spelling; lookups do not care."""

    def __init__(self, start, headers):
        self.start = start
        self.headers = headers
        self.body = b""
        self.chunks = []
        self.trailers = []

    def all(self, name):
        name = name.lower().encode()
        return [v for n, v in self.headers if n.lower() == name]

    def get(self, name):
        values = self.all(name)
        return b", ".join(values).decode("latin-1") if values else None

    @property
    def method(self):
        return self.start[0].decode("latin-1")

    @property
    def target(self):
        return self.start[1].decode("latin-1")

    @property
    def status(self):
        return int(self.start[1])


def parse_headers(lines):
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not TOKEN.match(name):
            raise Malformed(f"header line {line[:60]!r}")
        value = value.strip(b" \t")
        if not VALUE.match(value):
            raise Malformed(f"control byte in the value of {name!r}")
        headers.append((name, value))
    return headers


def parse_head(raw, kind):
    """raw: everything up to and including the empty line."""
    lines = raw[:-4].split(b"\r\n")
    for line in lines:
        if b"\r" in line or b"\n" in line or b"\0" in line:
            raise Malformed(f"bare CR, LF or NUL in {line[:60]!r}")
    if kind == "request":
        start = lines[0].split(b" ")
        if len(start) != 3 or not TOKEN.match(start[0]) or not TARGET.match(start[1]):
            raise Malformed(f"request line {lines[0][:80]!r}")
        if start[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            raise Malformed(f"version {start[2]!r}")
    else:
        start = lines[0].split(b" ", 2)
        if len(start) < 2 or start[0] not in (b"HTTP/1.1", b"HTTP/1.0") or not re.match(rb"[1-9][0-9]{2}\Z",
            start[1]):
            raise Malformed(f"status line {lines[0][:80]!r}")
    return Message(start, parse_headers(lines[1:]))


def framing(head, kind, method=None):
    """("none" | "length" | "chunked" | "close", length)"""
    lengths, codings = head.all("content-length"), head.all("transfer-encoding")
    if kind == "request":
        hosts = head.all("host")
        if len(hosts) != 1 and not (head.start[2] == b"HTTP/1.0" and not hosts):
            raise Malformed(f"{len(hosts)} Host headers")
        if hosts and not (NAMED_HOST.match(hosts[0]) or ADDRESS_HOST.match(hosts[0])):
            raise Malformed(f"Host {hosts[0]!r}")
    if lengths and codings:
        raise Malformed("Content-Length beside Transfer-Encoding")
    if len(lengths) > 1 or len(codings) > 1:
        raise Malformed("a framing header twice")
    if kind == "response":
        if method == "HEAD" or head.status < 200 or head.status in (204, 304):
            return "none", 0
    if codings:
        if codings[0].lower() != b"chunked":
            raise Malformed(f"Transfer-Encoding {codings[0]!r}")
        version = head.start[2] if kind == "request" else head.start[0]
        if version != b"HTTP/1.1":
            raise Malformed("Transfer-Encoding in HTTP/1.0")
        return "chunked", 0
    if lengths:
        if not re.match(rb"[0-9]{1,18}\Z", lengths[0]):
            raise Malformed(f"Content-Length {lengths[0]!r}")
        return "length", int(lengths[0])
    return ("none", 0) if kind == "request" else ("close", 0)


class Body:
    """Takes a body's framing off, in whatever pieces it comes. What was decoded gathers in out."""

    def __init__(self, head, extensions=False):
        self.head, self.out, self.done = head, bytearray(), False
        self.size = CHUNK_EXTENDED if extensions else CHUNK
        self.left = head.length
        self.state = {"none": "end", "length": "data", "close": "close", "chunked": "size"}[head.framing]
        self.lines = []

    def feed(self, data, eof=False, error=None):
        """Returns the bytes it did not use. Ended when eof comes too early."""
        while not self.done:
            before = self.state, len(data)
            data = getattr(self, "in_" + self.state)(data, eof and not error)
            if (self.state, len(data)) == before:
                if eof and not self.done:
                    raise Ended(f"the body ended too early (in its {self.state})" + (f": {error}" if error else ""))
                break
        return data

    def in_end(self, data, _):
        self.done = True
        return data

    def in_close(self, data, eof):
        self.out += data
        self.done = eof and not data
        return b""

    def in_data(self, data, _):
        part = data[:self.left]
        self.out += part
        self.left -= len(part)
        if not self.left:
            self.state = "end" if self.head.framing == "length" else "mark"
        return data[len(part):]

    def in_mark(self, data, _):
        if len(data) < 2:
            return data
        if data[:2] != b"\r\n":
            raise Malformed("chunk without its CRLF")
        self.state = "size"
        return data[2:]

    def in_size(self, data, _):
        line, found, rest = data.partition(b"\r\n")
        if not found:
            return data
        size = self.size.match(line)
        if not size:
            raise Malformed(f"chunk size {line[:40]!r}")
        self.left = int(size.group(1), 16)
        self.head.chunks.append(self.left)
        self.state = "data" if self.left else "trailers"
        return rest

    def in_trailers(self, data, _):
        line, found, rest = data.partition(b"\r\n")
        if not found:
            return data
        if line:
            self.lines.append(line)
        else:
            self.head.trailers = parse_headers(self.lines)
            self.state = "end"
        return rest


class Conn:
    """One socket, read strictly. Every wait is bounded by a deadline."""

    extensions = False  # whether chunk extensions may stand; what we forward never has them

    def __init__(self, sock, timeout=5.0):
        self.sock = sock
        self.timeout = timeout
        self.buf = b""
        self.eof = False
        self.error = None
        self.got = bytearray()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data):
        self.sock.settimeout(self.timeout)
        self.sock.sendall(data)

    def fill(self, timeout=None):
        """Reads once. False at the end of the connection; TimeoutError when nothing came."""
        if self.eof:
            return False
        self.sock.settimeout(self.timeout if timeout is None else max(timeout, 0.001))
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise TimeoutError("nothing arrived in time") from None
        except OSError as e:
            self.error, data = e, b""
        if not data:
            self.eof = True
            return False
        self.buf += data
        self.got += data
        return True

    def take(self, n):
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def until(self, mark):
        seen = 0
        while True:
            at = self.buf.find(mark, max(0, seen - len(mark)))
            if at >= 0:
                return self.take(at + len(mark))
            seen = len(self.buf)
            if not self.fill():
                raise Ended(f"connection ended after {self.buf[:200]!r}")

    def exactly(self, n):
        while len(self.buf) < n:
            if not self.fill():
                raise Ended(f"connection ended {n - len(self.buf)} bytes early")
        return self.take(n)

    def head(self, kind, method=None):
        while kind == "request" and not self.buf and self.fill():
            pass
        head = parse_head(self.until(b"\r\n\r\n"), kind)
        head.framing, head.length = framing(head, kind, method)
        return head

    def body_parts(self, head):
        """Yields the body as it arrives. Trailers end up in the head. Ended when it is cut off."""
        body = Body(head, self.extensions)
        while True:
            self.buf = body.feed(self.buf, self.eof, self.error)
            if body.out:
                part, body.out = bytes(body.out), bytearray()
                yield part
            if body.done:
                return
            self.fill()

    def message(self, kind, method=None):
        head = self.head(kind, method)
        head.body = b"".join(self.body_parts(head))
        return head

    def quiet(self, seconds):
        """True when nothing at all arrives for so long."""
        if self.buf or self.eof:
            return False
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.fill(end - time.monotonic())
                return False
            except TimeoutError:
                pass
        return True

    def wait_eof(self):
        """Reads on to the end of the connection; whatever came stays in buf."""
        end = time.monotonic() + self.timeout
        while self.fill(end - time.monotonic()):
            pass

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        try:
            self.sock.close()
        except OSError:
            pass
        self.eof = True


class Bytes(Conn):
    """The same reader over bytes that are all there."""

    def __init__(self, data):
        self.buf, self.eof, self.error, self.timeout, self.got = data, True, None, 0, bytearray(data)


def connect(port, timeout=5.0, source=None):
    sock = socket.socket()
    sock.settimeout(timeout)
    if source:
        sock.bind((source, 0))
    sock.connect(("127.0.0.1", port))
    return Conn(sock, timeout)


def requests_in(data, extensions=False):
    """What one strict reader makes of these bytes: (complete requests, "end" | "truncated" | "malformed")."""
    conn, found = Bytes(data), []
    conn.extensions = extensions
    while conn.buf:
        try:
            found.append(conn.message("request"))
        except Ended:
            return found, "truncated"
        except Malformed:
            return found, "malformed"
        last = found[-1]
        tokens = [t.strip().lower() for v in last.all("connection") for t in v.split(b",")]
        if b"close" in tokens or (last.start[2] == b"HTTP/1.0" and b"keep-alive" not in tokens):
            return found, "end"
    return found, "end"


def chunked(data, trailers=()):
    """data as one chunk and the last chunk."""
    out = b"%x\r\n%s\r\n" % (len(data), data) if data else b""
    return out + b"0\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in trailers) + b"\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)
