#!/usr/bin/env python3
"""A shadow that behaves as the file FOLDER/mode says at the moment of each request, and notes each in FOLDER/requests.

    tests/shadow/shadow.py PORT FOLDER
"""
import gzip
import http.server
import json
import os
import socket
import ssl
import struct
import sys
import time

FOLDER = sys.argv[2]
CODE = "def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return add(a, a)\n"
OTHER = "import os\n\n\nclass Walker:\n    def walk(self, top):\n        for name in os.listdir(top):\n            print(name)\n"
TOKEN = "rctok" + "_abc_" + "0123456789ABCDEFGHIJKLMNOP"


def answer(code):
    return {"id": "x", "object": "chat.completion", "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"```python\n{code}```\n"}}]}


def events(code):
    """The same in pieces of seven characters."""
    text = f"Here:\n```python\n{code}```\n"
    rows = [{"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text[i:i + 7]}}]} for i in range(0, len(text), 7)]
    rows.append({"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return "".join(f"data: {json.dumps(row)}\n\n" for row in rows) + "data: [DONE]\n\n"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def mode(self):
        with open(os.path.join(FOLDER, "mode")) as f:
            return f.read().strip()

    def note(self, body):
        row = {"method": self.command, "target": self.path, "headers": self.headers.items(), "body": body.decode("latin-1")}
        with open(os.path.join(FOLDER, "requests"), "a") as f:
            f.write(json.dumps(row) + "\n")

    def whole(self, body, status=200, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def gzip(self, body):
        body = gzip.compress(body)
        self.send_response(200)
        for name, value in (("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def endless(self, pause):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(b": " + b"." * (10 if pause else 65536) + b"\n\n")
            time.sleep(pause)

    def hoards(self):
        """Events of seven megabytes and no end."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        row = {"id": "x", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "some words " * 6000}}]}
        for _ in range(112):
            self.wfile.write(f"data: {json.dumps(row)}\n\n".encode())
        time.sleep(60)

    def any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        mode = self.mode()
        self.note(body)
        if mode.startswith("sleep "):
            time.sleep(float(mode.split()[1]))
            mode = "ok"
        if mode == "reset":
            self.reset()
        elif mode == "garbage":
            self.whole(b'data: {"choices":[{"delta":{"content":"a\n\n', kind="text/event-stream")
        elif mode == "noise":
            self.wfile.write(b"\x00\xff not http at all\r\n\r\n")
            self.close_connection = True
        elif mode in ("huge", "endless"):
            self.endless(0 if mode == "huge" else 0.05)
        elif mode == "hoards":
            self.hoards()
        elif mode == "error":
            self.whole(b"{}", 500)
        elif mode == "refuses":
            self.whole(b"{}", 400)
        elif mode == "differs":
            self.whole(json.dumps(answer(OTHER)).encode())
        elif mode == "violates":
            self.whole(json.dumps(answer(CODE + f"key = '{TOKEN}'\n")).encode())
        elif mode == "events":
            self.whole(events(CODE).encode(), kind="text/event-stream")
        elif mode == "mislabelled":
            self.whole(events(CODE).encode(), kind="application/octet-stream")
        elif mode == "gzip":
            self.gzip(json.dumps(answer(CODE)).encode())
        elif mode == "prose":
            self.whole(json.dumps(answer("")).encode())
        elif mode == "vanish":  # a connection that was kept ends without a byte
            self.close_connection = True
        elif mode == "closes":  # after an answer, though it did not say so
            self.whole(json.dumps(answer(CODE)).encode())
            self.close_connection = True
        elif mode == "long line":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx-a: " + b"b" * (1 << 20) + b"\r\n\r\n")
            self.close_connection = True
        elif mode == "trailers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n")
            while True:
                self.wfile.write((b"x-t: " + b"q" * 1000 + b"\r\n") * 64)
        elif mode == "exit":
            os._exit(3)
        elif mode == "grows":
            Handler.kept = b"x" * (256 << 20)
            self.whole(json.dumps(answer(CODE)).encode())
        else:
            self.whole(json.dumps(answer(CODE)).encode())

    do_GET = do_POST = do_PUT = do_HEAD = any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) > 3:  # a child that ignores TERM and that only a kill of the group reaches
        if os.fork() == 0:
            import signal
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            with open(os.path.join(FOLDER, "child"), "w") as f:
                f.write(str(os.getpid()))
            time.sleep(600)
            sys.exit(0)
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    if "SHADOW_TLS" in os.environ:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["SHADOW_TLS"] + ".pem", os.environ["SHADOW_TLS"] + ".key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
