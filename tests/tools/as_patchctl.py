"""PatchCtl, and the repository that it restores: a bare remote and someone who pushes to it."""
import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import time

import server as servers
from expecting import SLOW, Unexpected, expect, fits, show

WHO = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
ENV = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null")


class Git:
    """The remote and one work tree. Files are {path: text, or None to remove it}."""

    def __init__(self, scene):
        self.scene = scene

    @property
    def remote(self):
        return os.path.join(self.scene.folder, "remote.git")

    def run(self, *args, check=True):
        done = subprocess.run(["git", *WHO, *args], cwd=os.path.join(self.scene.folder, "work"), env=ENV,
                              capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise Unexpected(f"git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()

    def makes(self, files=None):
        """A repository with one commit; returns its name."""
        os.mkdir(os.path.join(self.scene.folder, "work"))
        self.run("init", "-q", "-b", "main", ".")
        self.run("init", "-q", "--bare", "-b", "main", self.remote)
        self.run("remote", "add", "origin", self.remote)
        return self.commits(files or {"a.txt": "one\n", "b.txt": "two\n"})

    def commits(self, files, message="change"):
        """Commits on what the remote has, and pushes, anew when another was quicker; returns the commit's name."""
        for tries in range(20, 0, -1):
            if os.listdir(os.path.join(self.remote, "refs", "heads")):
                self.run("fetch", "-q", "origin")
                self.run("reset", "-q", "--hard", "origin/main")
            self.write(files)
            self.run("add", "-A")
            self.run("commit", "-q", "-m", message)
            try:
                self.run("push", "-q", "origin", "HEAD:main")
                break
            except Unexpected:
                if tries == 1:
                    raise
        return self.run("rev-parse", "HEAD")

    def write(self, files):
        for path, text in files.items():
            path = os.path.join(self.scene.folder, "work", path)
            if text is None:
                os.unlink(path)
            else:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as f:
                    f.write(text)

    def tip(self):
        self.run("fetch", "-q", "origin")
        return self.run("rev-parse", "origin/main")

    def same(self, a, b="origin/main"):
        """Whether two revisions have one tree."""
        self.run("fetch", "-q", "origin")
        return self.run("rev-parse", a + "^{tree}") == self.run("rev-parse", b + "^{tree}")

    def restores(self, rollback):
        """How many commits of the remote belong to that rollback."""
        self.run("fetch", "-q", "origin")
        return len(self.run("log", "--format=%H", f"--grep=^Redcard-Rollback: {rollback}$", "origin/main").split())

    def leaves(self):
        os.rename(self.remote, self.remote + ".away")

    def returns(self):
        os.rename(self.remote + ".away", self.remote)


class PatchCtl:
    """One process of it, its tokens `all`, `reader` and `registrar`, its one target `app`."""

    def __init__(self, scene):
        self.scene, self.process, self.port = scene, None, None
        self.limits = {"timeout": "60s"}
        self.secrets = {name: secrets.token_hex(16) for name in ("all", "reader", "registrar")}
        self.id, self.answer, self.remote, self.target = None, None, None, "app"
        self.tls = None  # (certificate, key)
        self.others = []  # more targets, as the configuration has them

    @property
    def folder(self):
        return self.scene.folder

    @property
    def log_path(self):
        return os.path.join(self.folder, "patchctl.log")

    @property
    def config_path(self):
        return os.path.join(self.folder, "patchctl.yaml")

    @property
    def url(self):
        return f"https://localhost:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    def token_file(self, name="all"):
        path = os.path.join(self.folder, "token-" + name)
        with open(path, "w") as f:
            f.write(self.secrets[name] + "\n")
        return path

    def signer(self, token="all", **more):
        """The section `rollback` of a proxy that asks this one."""
        self.port = self.port or servers.free_port()
        return {"patchctl": self.url, "name": token, "secret": {"file": self.token_file(token)}, **more}

    def configures(self, **limits):
        self.limits.update(limits)
        self.port = self.port or servers.free_port()
        state = os.path.join(self.folder, "state")
        os.makedirs(state, exist_ok=True)
        roles = {"all": ["register", "rollback", "read", "quorum"], "reader": ["read"], "registrar": ["register"]}
        config = {
            "listen": f"127.0.0.1:{self.port}", "state_dir": "state",
            "tokens": [{"name": n, "secret": {"file": self.token_file(n)}, "roles": roles[n]} for n in roles],
            "targets": [{"name": self.target, "driver": "git", "remote": self.remote or os.path.join(self.folder, "remote.git"), "branch": "main", "committer": {"name": "redcard", "email": "redcard@example.org"}}, *self.others],
            "limits": self.limits,
        }
        if self.tls:
            config["tls"] = {"cert": self.tls[0], "key": self.tls[1]}
        with open(self.config_path, "w") as f:
            f.write(servers.to_yaml(config))

    def starts(self, wait=30, **limits):
        self.configures(**limits)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([servers.binary(), "patchctl", "-c", self.config_path], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=ENV)
        end = time.monotonic() + wait
        while time.monotonic() < end:
            expect("PatchCtl's exit code", None, self.process.poll())
            try:
                if self.request("GET", "/livez", "", {})[0] == 200:
                    return
            except OSError:
                time.sleep(0.01)
        raise Unexpected("PatchCtl did not start")

    def at_most(self, file_bytes):
        """No file of it may grow beyond, as on a disk that is full. None: it may."""
        limit = "unlimited" if file_bytes is None else str(file_bytes)
        subprocess.run(["prlimit", f"--pid={self.process.pid}", f"--fsize={limit}:"], check=True)

    def crowd(self, bodies):
        """All of them at once: [(key, body)]; returns [(status, id)] in that order."""
        def one(pair):
            status, text = self.request("POST", "/rollback", json.dumps(pair[1]), {
                "Content-Type": "application/json", "Idempotency-Key": pair[0],
                "Authorization": "Bearer " + self.secrets["all"]})
            return status, json.loads(text).get("id")
        with concurrent.futures.ThreadPoolExecutor(len(bodies)) as pool:
            return list(pool.map(one, bodies))

    def besieged(self, n, wanted):
        """n connections that ask nothing, of which so many are turned away soon."""
        self.siege = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(n)]
        end, away = time.monotonic() + 10, set()
        while len(away) < wanted and time.monotonic() < end:
            time.sleep(0.1)
            for conn in self.siege:
                conn.setblocking(False)
                try:
                    if conn.recv(1) == b"":
                        away.add(conn)
                except BlockingIOError:
                    pass
                except ConnectionResetError:
                    away.add(conn)
        expect("connections that are turned away", wanted, len(away))

    def relieved(self):
        for conn in self.siege:
            conn.close()
        time.sleep(0.2)

    def dies(self):
        self.process.kill()
        self.process.wait()

    def reloads(self, event="reloaded", **limits):
        """Writes the configuration anew, or leaves what stands there, and waits for the word of it."""
        if limits:
            self.configures(**limits)
        with open(self.log_path) as f:
            before = f.read().count(f'"event":"{event}"')
        self.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with open(self.log_path) as f:
                if f.read().count(f'"event":"{event}"') > before:
                    return
            time.sleep(0.02)
        raise Unexpected(f"PatchCtl said no {event}")

    def stops(self):
        self.process.send_signal(signal.SIGTERM)
        expect("PatchCtl's exit code", 0, self.process.wait(30))
        self.process = None

    def settle(self):
        """After the scenario: it still runs, ends when it is told to, and a sanitizer has said nothing."""
        if self.process and self.process.poll() is None:
            self.stops()
        if os.path.exists(self.log_path):
            with open(self.log_path, errors="replace") as f:
                text = f.read()
            expect("reports in PatchCtl's log", [], servers.faults_in(text))
            for secret in self.secrets.values():
                if secret in text:
                    raise Unexpected("a token is in PatchCtl's log")

    def clear(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tail(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as f:
            return "".join(f.readlines()[-15:])

    # --- asking ---

    def request(self, method, path, body, headers):
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if self.tls:
            context = ssl.create_default_context(cafile=self.tls[0])
            context.check_hostname = False
            conn = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)
        try:
            conn.request(method, path, body or None, headers)
            answer = conn.getresponse()
            return answer.status, answer.read().decode()
        finally:
            conn.close()

    def sends(self, method, path, body, status, wanted, headers):
        if not isinstance(body, str):
            body = json.dumps(body)
        if body:
            headers = {"Content-Type": "application/json", **headers}
        got, text = self.request(method, path, body, headers)
        self.answer = json.loads(text) if text.startswith("{") else text
        self.scene.names["answer"] = self.answer
        if got != status:
            raise Unexpected(f"{method} {path}\n      expected {status}\n      got      {got} {text[:300]}")
        if wanted and not re.search(wanted, text, re.S):
            raise Unexpected(f"{method} {path}\n      expected {show(wanted)}\n      got      {text[:600]}")

    def asks(self, method, path, body, status, wanted=None, token="all", **headers):
        """With a bearer token; other headers by their names with _ for -."""
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            given["Authorization"] = "Bearer " + self.secrets.get(token, token)
        self.sends(method, path, body, status, wanted, given)

    def signs(self, method, path, body, status, wanted=None, token="all", late=0, nonce=None, change=None, **headers):
        """With a signature. change: what is sent in the place of the signed body; late: seconds."""
        text = body if isinstance(body, str) else json.dumps(body)
        now, nonce = str(int(time.time()) - late), nonce or secrets.token_urlsafe(18)
        signed = "\n".join([method, path, now, nonce, text])
        mark = hmac.new(self.secrets[token].encode(), signed.encode(), hashlib.sha256).hexdigest()
        given = {"x-redcard-time": now, "x-redcard-nonce": nonce, "x-redcard-signature": f"{token}:{mark}"}
        given.update({k.replace("_", "-"): v for k, v in headers.items()})
        self.sends(method, path, change or text, status, wanted, given)

    def registers(self, revision, status=201, target="app"):
        self.asks("POST", "/anchors", {"target": target, "revision": revision, "note": "good"}, status)

    def rolls_back(self, bad, key, status=202, wanted=None, **more):
        self.asks("POST", "/rollback", {"target": "app", "bad": bad, "reason": "test-token", **more}, status, wanted,
                  Idempotency_Key=key)
        if status in (200, 202):
            self.id = self.answer["id"]

    def awaits(self, phase, within=40, rollback=None):
        """The last rollback comes to that end."""
        end = time.monotonic() + within * (4 if SLOW else 1)
        while True:
            self.asks("GET", "/rollback/" + (rollback or self.id), "", 200)
            if self.answer["phase"] == phase:
                return
            if self.answer["phase"] in ("verified", "failed", "expired", "aborted") or time.monotonic() > end:
                raise Unexpected(f"the rollback should be {phase}: {show(self.answer)}")
            time.sleep(0.02)

    def metric(self, name, wanted):
        text = self.request("GET", "/metrics", "", {})[1]
        found = re.search(f"^{re.escape(name)} (.*)$", text, re.M)
        got = float(found.group(1)) if found else None
        if not (wanted(got) if callable(wanted) else fits(wanted, got)):
            raise Unexpected(f"metric {name}\n      expected {show(wanted)}\n      got      {show(got)}")

    def logs(self, event, within=5, **fields):
        end = time.monotonic() + within
        while time.monotonic() < end:
            with open(self.log_path, errors="replace") as f:
                for line in f:
                    row = json.loads(line) if line.startswith("{") else {}
                    if row.get("event") == event and all(fits(v, row.get(k)) for k, v in fields.items()):
                        return
            time.sleep(0.02)
        raise Unexpected(f"no line {event} with {show(fields)} in PatchCtl's log:\n{self.tail()}")
