#!/usr/bin/env python3
"""An ordinary HTTP service that no proxy stands in front of: it joins a cgroup, listens, and notes what it got.

    tests/attach/service.py CGROUP ADDRESS PORT FILE

Each request has a header `x-n`; FILE gets {"n", "bytes", "sha256"} of it as it came over the wire, and {"received": bytes} of all
connections at the end of each. `x-answer` says how it is answered: length, chunked, close, sse, none (204), or large:BYTES.
"""
import hashlib
import json
import os
import re
import socket
import sys
import threading
import time

CODE = "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return add(a, a)\n"
LOCK = threading.Lock()


def events():
    text = f"Here:\n```python\n{CODE}```\n"
    rows = [{"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text[i:i + 7]}}]}
            for i in range(0, len(text), 7)]
    rows.append({"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [f"data: {json.dumps(row)}\n\n".encode() for row in rows] + [b"data: [DONE]\n\n"]


def answer_body(n):
    return f"answer {n} ".encode() * 20


class Connection:
    def __init__(self, conn, file):
        self.conn, self.file, self.data, self.received = conn, file, b"", 0

    def read(self):
        more = self.conn.recv(1 << 18)
        if not more:
            raise EOFError
        self.received += len(more)
        self.data += more

    def until(self, mark):
        while mark not in self.data:
            self.read()
        part, self.data = self.data.split(mark, 1)
        self.digest.update(part + mark)
        self.n += len(part) + len(mark)
        return part

    def octets(self, wanted):
        while wanted:
            if not self.data:
                self.read()
            part, self.data = self.data[:wanted], self.data[wanted:]
            self.digest.update(part)
            self.n, wanted = self.n + len(part), wanted - len(part)

    def request(self):
        self.digest, self.n = hashlib.sha256(), 0
        head = self.until(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
        if re.search(rb"\r\nexpect: 100-continue", head, re.I):
            self.conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.I):
            size = 1
            while size:
                size = int(self.until(b"\r\n"), 16)
                self.octets(size + 2)
        elif length:
            self.octets(int(length.group(1)))
        return head

    def answer(self, head, n):
        form = re.search(rb"\r\nx-answer: *([\w:]+)", head, re.I)
        form = form.group(1).decode() if form else "length"
        body, send = answer_body(n), self.conn.sendall
        if head.startswith(b"HEAD "):
            send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        elif form == "none":
            send(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif form == "chunked":
            send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for at in range(0, len(body), 7):
                send(b"%x\r\n%s\r\n" % (len(body[at:at + 7]), body[at:at + 7]))
            send(b"0\r\n\r\n")
        elif form == "close":
            send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
            return False
        elif form == "sse":
            send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for event in events():
                send(b"%x\r\n%s\r\n" % (len(event), event))
                time.sleep(0.001)
            send(b"0\r\n\r\n")
        else:
            body = b"z" * int(form.split(":")[1]) if form.startswith("large:") else body
            send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        return True

    def serve(self):
        try:
            more = True
            while more:
                head = self.request()
                n = re.search(rb"\r\nx-n: *(\w+)", head, re.I).group(1).decode()
                note(self.file, n=n, bytes=self.n, sha256=self.digest.hexdigest())
                more = self.answer(head, n)
        except (OSError, EOFError, AttributeError, ValueError):
            pass  # the client has left, or speaks something else
        note(self.file, received=self.received)
        self.conn.close()


def note(file, **row):
    with LOCK:
        file.write(json.dumps(row) + "\n")
        file.flush()


def main():
    cgroup, address, port, path = sys.argv[1:]
    with open(os.path.join(cgroup, "cgroup.procs"), "w") as f:
        f.write(str(os.getpid()))
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, int(port)), family=family, backlog=128)
    with open(path, "w") as file:
        while True:
            conn = listener.accept()[0]
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Connection(conn, file).serve, daemon=True).start()


if __name__ == "__main__":
    main()
