"""Starts redcard on free loopback ports and stops it by its pid. Also writes its configuration."""
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPORA = os.environ.get("CORPORA") or os.path.join(ROOT, "..", "shared", "corpora")
if not os.path.isabs(CORPORA):
    CORPORA = os.path.join(ROOT, CORPORA)


def binary():
    return os.environ.get("REDCARD") or os.path.join(ROOT, "build", os.environ.get("MODE", "release"), "redcard")


POLICY = """\
version: 1
rules:
  - id: test-token
    title: A token of the tests
    severity: critical
    action: cut
    regex: 'rctok_[a-z]+_([0-9A-Za-z]{26})'
    secret_group: 1
  - id: test-flag
    title: A phrase that is only noted
    severity: low
    action: flag
    regex: 'frobnicate\\([0-9]+\\)'
"""

ports_given = set()
ports_lock = threading.Lock()


def free_port():
    """Below the ephemeral range, so that no outgoing connection takes it before the server does."""
    with ports_lock:
        while True:
            port = random.randint(11000, 31000)
            if port in ports_given:
                continue
            with socket.socket() as s:
                try:
                    s.bind(("127.0.0.1", port))
                except OSError:
                    continue
            ports_given.add(port)
            return port


def scalar(value):
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if re.match(r"[A-Za-z0-9/][A-Za-z0-9_./-]*\Z", value):
        return value
    return json.dumps(value)


def to_yaml(value, indent=0):
    pad = "  " * indent
    if isinstance(value, dict):
        out = ""
        for k, v in value.items():
            if isinstance(v, (dict, list)) and v:
                out += f"{pad}{k}:\n{to_yaml(v, indent + 1)}"
            else:
                out += f"{pad}{k}: {'[]' if v == [] else '{}' if v == {} else scalar(v)}\n"
        return out
    out = ""
    for v in value:
        if isinstance(v, dict):
            out += pad + "- " + to_yaml(v, indent + 1)[len(pad) + 2:]
        else:
            out += f"{pad}- {scalar(v)}\n"
    return out


class Server:
    """One redcard process in its own folder. Use as a context manager, or start() and stop()."""

    def __init__(self, folder, upstream_ports, policy=POLICY, change=None):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        self.log_path = os.path.join(folder, "redcard.log")
        self.stderr_path = os.path.join(folder, "stderr")
        self.config_path = os.path.join(folder, "redcard.yaml")
        self.policy_path = os.path.join(folder, "policy.yaml")
        self.process = None
        self.preexec = None  # what the process does before it becomes redcard
        if policy != "builtin":
            self.write_policy(policy)
        self.config = {
            "listen": [{"address": f"127.0.0.1:{self.port}"}],
            "admin": {"address": f"127.0.0.1:{self.admin_port}"},
            "workers": 1,
            "policy": "builtin" if policy == "builtin" else "policy.yaml",
            "log": {"level": "info", "file": self.log_path, "exchanges": True},
            "limits": {},
            "timeouts": {"drain": "3s"},
            "upstreams": [{"name": "origin", "addresses": [f"127.0.0.1:{p}" for p in upstream_ports]}],
            "routes": [{"name": "all", "match": {"path": "/"}, "upstream": "origin"}],
        }
        if change:
            change(self.config)
        self.write_config()

    def write_policy(self, text):
        with open(self.policy_path, "w") as f:
            f.write(text)

    def write_config(self, text=None):
        if text is None:
            text = to_yaml({k: v for k, v in self.config.items() if v not in ({}, [])})
        with open(self.config_path, "w") as f:
            f.write(text)

    def start(self, wait=60.0):
        with open(self.stderr_path, "ab") as err:
            self.process = subprocess.Popen([binary(), "serve", "-c", self.config_path], cwd=self.folder,
                                            stdin=subprocess.DEVNULL,
                                            stdout=err, stderr=err, preexec_fn=self.preexec)
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"redcard did not start: exit {self.process.returncode}\n{self.tail()}")
            try:
                if self.admin("/readyz", timeout=1)[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.01)
        self.stop()
        raise RuntimeError(f"redcard was not ready within {wait:g} s\n{self.tail()}")

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def admin(self, path, timeout=5.0):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()

    def metrics(self):
        """{'name{labels}': value} as scraped."""
        found = {}
        for line in self.admin("/metrics")[1].splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                text = f.read()
        except FileNotFoundError:
            return []
        rows = []
        for line in text.split("\n")[:-1]:
            try:
                rows.append(json.loads(line))
            except ValueError:
                rows.append({"event": "NOT JSON", "line": line})
        return rows

    def wait_log(self, event, timeout=5.0, **fields):
        """The first row with that event and those fields."""
        end = time.monotonic() + timeout
        while True:
            rows = [r for r in self.log() if r.get("event") == event and all(r.get(k) == v for k,
                v in fields.items())]
            if rows:
                return rows[0]
            if time.monotonic() > end:
                raise AssertionError(f"no log line {event} {fields or ''}")
            time.sleep(0.02)

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, timeout):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout=10.0):
        """TERM, then KILL. The exit code, or None when it had to be killed."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            if self.wait_exit(timeout) is None:
                self.process.kill()
                self.process.wait()
                return None
        return self.process.returncode

    def stderr(self):
        try:
            with open(self.stderr_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def tail(self, lines=12):
        out = self.stderr().splitlines()[-lines:]
        try:
            with open(self.log_path, errors="replace") as f:
                out += f.read().splitlines()[-lines:]
        except FileNotFoundError:
            pass
        return "\n".join("      | " + line[:400] for line in out) or "      | (the server's log is empty)"

    def rss_kib(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def faults_in(stderr):
    """Sanitizer reports and failed checks, as lines."""
    pattern = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehavior|runtime error:|check failed|CHECK)")
    return [line for line in stderr.splitlines() if pattern.search(line)]
