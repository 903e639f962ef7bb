"""Those who run redcard: the server with its signals, log and metrics, the admin listener, the command line."""
import contextlib
import fcntl
import hashlib
import hmac
import http.client
import json
import os
import pty
import re
import secrets
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import time
import unicodedata

import server as servers
from expecting import PATIENCE, SLOW, Unexpected, expect, fits, show


class Disk:
    """A disk of two MiB of its own. Needs root."""

    def __init__(self, folder):
        self.path, self.mounted = os.path.join(folder, "disk"), False

    def mount(self):
        os.mkdir(self.path)
        self.mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "none", self.path], stderr=subprocess.DEVNULL).returncode == 0
        return self.mounted

    def fill(self):
        with open(os.path.join(self.path, "filler"), "wb") as f:
            free = os.fstatvfs(f.fileno())
            os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_frsize)

    def seal(self, sealed=True):
        """It can only be read. Nobody may have a file open for writing there."""
        subprocess.run(["mount", "-o", "remount," + ("ro" if sealed else "rw"), self.path], check=True)

    def free(self):
        os.remove(os.path.join(self.path, "filler"))

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=True)


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

    def dies(self):
        """kill -9; the kernel gives the ring's sockets back a little later."""
        self.it.signal(signal.SIGKILL)
        self.it.wait_exit(10)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind(("127.0.0.1", self.it.port))
                    s.listen()
                    return
                except OSError:
                    time.sleep(0.02)

    def exits(self, code=0, within_ms=5000):
        expect("exit code", code, self.it.wait_exit(within_ms / 1000 * (4 if SLOW else 1)))

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
        self.scene.names["cards"] = [r for r in self.it.log() if r.get("event") == "card"
                                     and r.get("exchange") == exchange]
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

    def awaits(self, path, pattern):
        """The page says so soon; the listener may not be there yet."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                body = self.scene.server.admin(path)[1]
            except OSError:
                body = ""
            if re.search(pattern, body):
                self.scene.names["answer"] = body
                return
            if time.monotonic() > end:
                raise Unexpected(f"{path}\n      expected {show(pattern)}\n      got      {show(body)}")
            time.sleep(0.02)

    def sends(self, method, path, body=b"", status=200, pattern=None, headers=()):
        """Any request; JSON unless the headers say otherwise."""
        conn = http.client.HTTPConnection("127.0.0.1", self.scene.server.admin_port, timeout=PATIENCE)
        conn.request(method, path, body, {"Content-Type": "application/json", **dict(headers)})
        answer = conn.getresponse()
        text = answer.read().decode()
        conn.close()
        self.scene.names["answer"] = text
        expect(f"status of {method} {path}", status, answer.status)
        if pattern and not re.search(pattern, text, re.M):
            raise Unexpected(f"{method} {path}\n      expected {show(pattern)}\n      got      {show(text)}")

    def reports(self, body, status=200, pattern=None, secret="ab" * 16, name="ci", late=0, nonce=None, sent=None,
                to="/webhook/meta", **headers):
        """An event of the auditor, signed. late: seconds; sent: what goes out in the place of the signed body; to: where."""
        text = body if isinstance(body, str) else json.dumps(body)
        now, nonce = str(int(time.time()) - late), nonce or secrets.token_urlsafe(18)
        signed = "\n".join(["POST", "/webhook/meta", now, nonce, text])
        mark = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()
        given = {"x-redcard-time": now, "x-redcard-nonce": nonce, "x-redcard-signature": f"{name}:{mark}"}
        given.update({k.replace("_", "-"): v for k, v in headers.items()})
        self.sends("POST", to, sent or text, status, pattern, {k: v for k, v in given.items() if v})


class Cli:
    """Runs the program to its end."""

    def __init__(self, scene):
        self.scene, self.done, self.process = scene, None, None

    def file(self, name, text):
        path = os.path.join(self.scene.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def tampers(self, name, *statements):
        """What somebody with write access does to a ledger's database."""
        with contextlib.closing(sqlite3.connect(os.path.join(self.scene.folder, name), isolation_level=None)) as db:
            for statement in ("DROP TRIGGER IF EXISTS row_stays", "DROP TRIGGER IF EXISTS row_is_so", *statements):
                db.execute(statement)

    def run(self, *args, stdin="", file_bytes=None):
        """file_bytes: no file may grow beyond, as on a disk that is full."""
        limit = ["prlimit", f"--fsize={file_bytes}"] if file_bytes else []
        try:
            self.done = subprocess.run([*limit, servers.binary(), *args], cwd=self.scene.folder, input=stdin,
                                       text=True, errors="replace",
                                       capture_output=True, timeout=PATIENCE * 4, check=False)
        except subprocess.TimeoutExpired:
            raise Unexpected("the program was expected to end by itself and went on") from None

    def begins(self, *args):
        """Starts the program; ends() waits for it."""
        self.process = subprocess.Popen([servers.binary(), *args], cwd=self.scene.folder, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")

    def ends(self, wanted):
        try:
            out, err = self.process.communicate(timeout=PATIENCE * 4)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Unexpected("the program was expected to end by itself and went on") from None
        self.done = subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)
        self.exit(wanted)

    def on_terminal(self, columns, *args, **environment):
        """Runs it with standard output on a terminal of that width; what it wrote is done.stdout."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        child = {**os.environ, "TERM": "xterm", "LANG": "C.UTF-8", **environment}
        child = {k: v for k, v in child.items() if v is not None}
        process = subprocess.Popen([servers.binary(), *args], cwd=self.scene.folder, stdout=its, env=child,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        os.close(its)
        said = b""
        with contextlib.suppress(OSError):  # how the other end's close is told
            while part := os.read(ours, 65536):
                said += part
        os.close(ours)
        errors = process.communicate(timeout=PATIENCE * 4)[1]
        self.done = subprocess.CompletedProcess(args, process.returncode, said.replace(b"\r\n", b"\n").decode(),
                                                errors.decode())

    def fits(self, columns):
        """No line below the rule of the two columns is wider, and nothing in any but colours commands a terminal."""
        below = False
        for line in re.sub(r"\x1b\[[0-9;]*m", "", self.done.stdout).split("\n"):
            width = sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in line)
            if (below and width > columns) or any(unicodedata.category(c) in ("Cc", "Cf") for c in line):
                raise Unexpected(f"a line of {columns} columns without control characters was expected\n"
                                 f"      got {width}: {show(line)}")
            below = below or re.match("\u2500+\u253c|-+[+]-", line)
        if not below:
            raise Unexpected(f"two columns were expected, got {show(self.done.stdout)}")

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
