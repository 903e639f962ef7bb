"""What the mirror's tests stand on: a builder, a redcard in front of it, whoever takes what is mirrored, and clients.

Each tap has a class of its own, which places servers where it can see them.
"""
import collections
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import weakref

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
import server as servers  # noqa: E402

MASK = (1 << 64) - 1


def sampled(key, percent):
    """The sample as redcard.yaml(5) defines it, without a look at redcard's code."""
    h = 0xCBF29CE484222325
    for byte in key.encode("latin-1"):
        h = (h ^ byte) * 0x100000001B3 & MASK
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & MASK
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    h ^= h >> 33
    return h % 1000000 < round(percent * 10000)


def answer_with(body, kind="text/plain"):
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Builder:
    """Takes requests, keeps {exchange: (length, sha256)} of their bytes as they came, and answers."""

    def __init__(self, host="127.0.0.1", tls=None, answer=lambda path: answer_with(b"fine")):
        self.answer = answer
        self.seen, self.times, self.lock = {}, collections.Counter(), threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.create_server((host, servers.free_port()), family=family, backlog=128)
        self.tls = tls
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn = self.socket.accept()[0]
            except OSError:
                return
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def serve(self, conn):
        data = b""
        try:
            if self.tls:
                conn = self.tls.wrap_socket(conn, server_side=True)
            while True:
                while b"\r\n\r\n" not in data:
                    more = conn.recv(1 << 18)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                digest, n = self.begin(head + b"\r\n\r\n"), len(head) + 4
                length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
                if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.I):
                    n, data = self.chunks(conn, digest, n, data)
                else:
                    n, data = self.octets(conn, digest, n, data, int(length.group(1)) if length else 0)
                exchange = re.search(rb"\r\nx-redcard-exchange: *(\w+)", head, re.I).group(1).decode()
                with self.lock:
                    self.seen[exchange] = self.row(n, digest.hexdigest())
                    self.times[exchange] += 1
                conn.sendall(self.answer(head.split(b" ", 2)[1].decode()))
        except OSError:
            pass
        finally:
            conn.close()

    @staticmethod
    def begin(head):
        return hashlib.sha256(head)

    @staticmethod
    def row(length, digest):
        return length, digest

    @staticmethod
    def octets(conn, digest, n, data, wanted):
        while wanted:
            if not data:
                data = conn.recv(1 << 18)
                if not data:
                    raise OSError("gone")
            part, data = data[:wanted], data[wanted:]
            digest.update(part)
            n, wanted = n + len(part), wanted - len(part)
        return n, data

    def chunks(self, conn, digest, n, data):
        while True:
            while b"\r\n" not in data:
                data += conn.recv(1 << 18)
            line, data = data.split(b"\r\n", 1)
            digest.update(line + b"\r\n")
            n, size = n + len(line) + 2, int(line, 16)
            n, data = self.octets(conn, digest, n, data, size + 2)
            if size == 0:
                return n, data

    def close(self):
        self.socket.close()


class Shadow(Builder):
    """Keeps the hashes of the bodies alone, by exchange; a request that comes twice is seen in `times`."""

    @staticmethod
    def begin(head):
        return hashlib.sha256()

    @staticmethod
    def row(length, digest):
        return digest


class Replayer:
    """`redcard shadow run`."""

    def __init__(self, config, page, folder):
        self.config, self.at, self.log_path = config, page, os.path.join(folder, "replayer.log")
        self.start()

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([servers.binary(), "shadow", "run", "-c", self.config], stdout=log, stderr=log)
        wait("the replayer", self.answers, 20)

    def answers(self):
        assert self.process.poll() is None, f"the replayer ended with {self.process.returncode}\n{self.tail()}"
        try:
            return self.page("/livez") == "ok\n"
        except OSError:
            return False

    def page(self, path):
        with urllib.request.urlopen(f"http://{self.at}{path}", timeout=20) as answer:
            return answer.read().decode()

    def status(self):
        return json.loads(self.page("/status"))

    def metrics(self):
        lines = [line.rpartition(" ") for line in self.page("/metrics").splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def result(self, name):
        return int(self.metrics().get(f'redcard_shadow_requests_total{{result="{name}"}}', 0))

    def holds(self):
        """What a process can leak: descriptors, rings, bytes of memory."""
        proc = f"/proc/{self.process.pid}"
        with open(proc + "/maps") as f:
            rings = f.read().count("redcard-ring")
        with open(proc + "/status") as f:
            memory = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) << 10
        return len(os.listdir(proc + "/fd")), rings, memory

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        status = self.process.wait(30)
        assert status == 0, f"the replayer ended with {status}\n{self.tail()}"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def tail(self):
        with open(self.log_path, errors="replace") as f:
            return "\n".join("      | " + line[:400] for line in f.read().splitlines()[-12:])


class Watcher:
    """`redcard shadow watch`, whose lines are kept."""

    def __init__(self, config, folder):
        self.lines, self.config = [], config
        self.err = open(os.path.join(folder, "watch.err"), "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen([servers.binary(), "shadow", "watch", "-c", self.config], stdout=subprocess.PIPE,
                                        stderr=self.err, text=True)
        self.thread = threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True)
        self.thread.start()

    def read(self, stream):
        for line in stream:
            if line.endswith("\n"):
                self.lines.append(json.loads(line))

    def events(self, name):
        return [row for row in list(self.lines) if row["event"] == name]

    def requests(self):
        return {row["exchange"]: (row["bytes"], row["sha256"]) for row in self.events("request")}

    def stop(self):
        """Ends it, and returns its counts."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        status = self.process.wait(20)
        self.thread.join(20)
        assert status == 0, f"watch ended with {status}"
        return self.events("counts")[-1]

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(10)


class Stage:
    """A builder, a redcard in front of it, and a watcher or a replayer behind it."""

    def __init__(self, tap, change=None, watch=True, builder=None, **shadow):
        self.folder = tempfile.mkdtemp(prefix="redcard-mirror-")
        self.builder = builder or Builder()
        self.tap, self.change, self.servers = tap, change, []
        self.shadow = {"socket": os.path.join(self.folder, "m.sock"), "percent": 100, "tap": tap.name, **shadow}
        self.watcher = self.replayer = None
        self.server = self.add()
        if watch:
            self.watch()

    def add(self, beside=None):
        """One more proxy of the same replayer, in front of the same builder."""

        def changed(config):
            config["shadow"] = dict(self.shadow)
            if self.change:
                self.change(config)

        server = servers.Server(os.path.join(self.folder, f"redcard{len(self.servers)}"), [self.builder.port], change=changed)
        self.tap.place(server, beside)
        server.start()
        self.servers.append(server)
        return server

    def remove(self, server):
        """It has ended, or is killed here."""
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()
        self.servers.remove(server)
        self.tap.clean(server)
        assert not servers.faults_in(server.stderr()), server.tail()

    def watch(self):
        self.watcher = Watcher(self.server.config_path, self.folder)
        self.await_tap()
        return self.watcher

    def replay(self):
        self.replayer = Replayer(self.server.config_path, self.shadow["listen"], self.folder)
        self.await_tap()
        return self.replayer

    def await_tap(self, server=None):
        wait("the tap", lambda: self.state(server)["tap"] != "none", 20)
        assert self.state(server)["tap"] == self.tap.name, self.state(server)

    def state(self, server=None):
        return json.loads((server or self.server).admin("/status")[1])["mirror"]

    def metric(self, name, server=None, **labels):
        label = "{" + ",".join(f'{k}="{v}"' for k, v in labels.items()) + "}" if labels else ""
        return int((server or self.server).metrics().get(name + label, 0))

    def marked(self, server=None):
        return self.metric("redcard_mirror_marked_requests_total", server)

    def results(self, server=None):
        names = ("captured", "incomplete", "truncated", "unsent", "limited", "absent")
        return {n: self.metric("redcard_mirror_requests_total", server, result=n) for n in names}

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for reader in (self.watcher, self.replayer):
            if reader and reader.process.poll() is None:
                reader.kill()
        for client in list(Client.opened):  # or each server would wait for them
            client.socket.close()
        for server in self.servers:
            status = server.stop()
            self.tap.clean(server)
            faults = servers.faults_in(server.stderr())
            if kind is None:
                assert status == 0, f"redcard ended with {status}\n{server.tail()}"
                assert not faults, faults
            else:
                print(server.tail())
        self.builder.close()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        elif self.replayer:
            print(self.replayer.tail())


class User:
    name = "user"

    def place(self, server, beside=None):
        """Before the server starts; beside: another one, with which it shares what it is in."""

    def attached(self, server):
        """How many programs watch it; None: nobody can say."""

    def nothing_left(self, server):
        """The replayer was killed."""

    def clean(self, server):
        """The server has ended."""


class Ebpf(User):
    """Each server in a cgroup of its own, or in another one's."""

    name = "ebpf"

    def __init__(self):
        self.folders = {}  # of servers, by their ports
        with open("/proc/self/mounts") as f:
            self.root = next(line.split()[1] for line in f if line.split()[2] == "cgroup2")

    def place(self, server, beside=None):
        folder = self.folders[beside.port] if beside else os.path.join(self.root, f"redcard-test-{os.getpid()}-{server.port}")
        self.folders[server.port] = folder
        os.makedirs(folder, exist_ok=True)

        def enter():
            with open(os.path.join(folder, "cgroup.procs"), "w") as f:
                f.write(str(os.getpid()))
        server.preexec = enter

    def attached(self, server):
        tool = shutil.which("bpftool", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not tool:
            return None
        out = subprocess.run([tool, "-j", "cgroup", "show", self.folders[server.port]], capture_output=True, text=True, check=False)
        return len(json.loads(out.stdout.strip() or "[]"))

    def nothing_left(self, server):
        if self.attached(server) is not None:
            wait("the program to be gone", lambda: self.attached(server) == 0)
        assert not [n for _, _, files in os.walk("/sys/fs/bpf") for n in files], "something is pinned"

    def clean(self, server):
        folder = self.folders.pop(server.port, None)
        if folder and folder not in self.folders.values():
            wait("the cgroup to be empty", lambda: self.rmdir(folder))

    @staticmethod
    def rmdir(folder):
        try:
            os.rmdir(folder)
        except OSError:
            return False
        return True


def wait(what, true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.02)


def head(path="/v1/x", body=None, headers=(), chunked=False):
    lines = [f"POST {path} HTTP/1.1", "Host: b", *headers]
    lines.append("Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body or b'')}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def in_chunks(body, size):
    out = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[i:i + size] for i in range(0, len(body), size)))
    return out + b"0\r\n\r\n"


class Client:
    """One connection; ask() writes and reads answers until as many are there as requests."""

    opened = weakref.WeakSet()

    def __init__(self, port, answer=b"fine"):
        self.answer = answer
        Client.opened.add(self)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def ask(self, data, answers=1):
        """The exchanges of the answers; every one must be 200 and whole."""
        sender = threading.Thread(target=self.socket.sendall, args=(data,))
        sender.start()
        found = []
        while len(found) < answers:
            while b"\r\n\r\n" not in self.rest:
                self.read()
            top, rest = self.rest.split(b"\r\n\r\n", 1)
            assert top.startswith(b"HTTP/1.1 200"), top[:200]
            n = int(re.search(rb"content-length: *(\d+)", top, re.I).group(1)) if b"ength" in top else None
            self.rest = rest
            if n is None:
                while b"0\r\n\r\n" not in self.rest:
                    self.read()
                body, self.rest = self.rest.split(b"0\r\n\r\n", 1)
                assert self.answer in body, body
            else:
                while len(self.rest) < n:
                    self.read()
                assert self.rest[:n] == self.answer, self.rest[:n]
                self.rest = self.rest[n:]
            found.append(re.search(rb"x-redcard-exchange: *(\w+)", top, re.I).group(1).decode())
        sender.join()
        return found

    def read(self):
        more = self.socket.recv(1 << 16)
        assert more, "the connection ended"
        self.rest += more


def same_bytes(stage, ids):
    """What was mirrored of these exchanges is what the builder got, and nothing else was."""
    watcher, builder = stage.watcher, stage.builder
    try:
        wait("the mirror", lambda: set(ids) <= set(watcher.requests()), 20)
    except AssertionError:
        missing = [builder.seen[i][0] for i in ids if i not in watcher.requests()]
        raise AssertionError(f"not mirrored: requests of {missing} bytes; {watcher.events('lost')}") from None
    got = watcher.requests()
    wrong = [i for i in ids if got[i] != builder.seen[i]]
    assert not wrong, f"{len(wrong)} of {len(ids)} differ: {got[wrong[0]]}, the builder got {builder.seen[wrong[0]]}"
    assert set(got) == set(ids), f"{len(set(got) - set(ids))} mirrored that were not asked"
    assert len(watcher.events("request")) == len(ids), "mirrored twice"


def even(counts):
    assert counts["sampled_bytes"] == counts["captured_bytes"] + counts["lost_bytes"], counts
    assert counts["requests"] == counts["complete"] + counts["incomplete"] + counts["truncated"], counts


class Load:
    """Clients that ask without end, four requests at a time; every answer must be whole. sent: {exchange: hash of its body}."""

    def __init__(self, stage, clients=2, least=10, most=40010, answer=b"fine"):
        self.stage, self.over, self.asked, self.faults, self.sent = stage, threading.Event(), 0, [], {}
        self.least, self.most, self.answer, self.lock = least, most, answer, threading.Lock()
        self.threads = [threading.Thread(target=self.ask, args=(i,)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def ask(self, seed):
        try:
            client = Client(self.stage.server.port, self.answer)
            while not self.over.is_set():
                body = b"%08d" % seed + b"z" * (seed * 997 % (self.most - self.least) + self.least - 8)
                seed += 1
                if seed % 5000 == 0:  # before the server ends it: limits.requests_per_connection
                    client.socket.close()
                    client = Client(self.stage.server.port, self.answer)
                found = client.ask((head(body=body) + body) * 4, 4)
                with self.lock:
                    self.asked += len(found)
                    self.sent.update((e, hashlib.sha256(body).hexdigest()) for e in found)
        except Exception as e:  # pylint: disable=broad-except
            self.faults.append(f"{type(e).__name__}: {e}")

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
        assert not self.faults, self.faults


def why_not_ebpf():
    """None, or why the eBPF tap is not tried here."""
    if os.geteuid() != 0:
        return "the eBPF tap needs root"
    check = subprocess.run([servers.binary(), "shadow", "check", "--json"], capture_output=True, text=True, check=False)
    if check.returncode != 0:
        return "no eBPF tap: " + json.loads(check.stdout)["needs"][-1]["text"]
    made = subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False)
    return None if made.returncode == 0 else "no network namespace can be made: " + made.stderr.strip()
