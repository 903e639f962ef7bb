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
used where the configuration names them); server, cli, probe, patchctl and git are themselves; every other name is a client. Which verbs
there are is what the classes in as_client.py, as_origin.py and as_operator.py define. After the steps come the checks that
hold for every scenario (Scene.settle).
"""
import ast
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import traceback
import xml.etree.ElementTree

import exposition
import gitleaks
import http1
import origin as origins
import server as servers
import wires
from as_client import Client
from as_operator import Cli, Disk, Probe, Redcard
from as_origin import Origin
from as_patchctl import Git, PatchCtl
from expecting import SLOW, Unexpected, brief, expect, show


class Skip(Exception):
    pass


def parse(path):
    """The file as {"title", "policy", "config": [(line, text)], "each", "steps": [...], ...}."""
    with open(path) as f:
        lines = f.read().split("\n")
    found = {"title": "", "path": path, "config": [], "each": [], "steps": [], "policy": None,
             "start": "yes", "needs": "", "unscanned": "no"}
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
        self.name = os.path.relpath(scenario["path"],
                                    os.path.join(servers.ROOT, "tests", "scenarios")).rsplit(".", 1)[0]
        if variables:
            self.name += " (" + ", ".join(brief(v) for v in variables.values()) + ")"
        self.server, self.folder, self.actors, self.line = None, None, {}, 0
        self.names = {}

    def memory_factor(self):
        return 8 if SLOW else 1

    def prepare(self):
        s = self.scenario
        if "corpora" in s["needs"] and not os.path.isdir(servers.CORPORA):
            raise Skip("no corpora")
        if "openssl" in s["needs"] and not shutil.which("openssl"):
            raise Skip("no openssl command")
        self.folder = tempfile.mkdtemp(prefix="redcard-scene-")
        wire = self.variables.get("wire", "chat")
        self.names = {
            "wire": wire, "stream": wires.stream(wire), "streams": wires.STREAMS, "wires": wires,
            "secret": wires.secret(), "re": re, "json": json, "sha256": hashlib.sha256,
            "xml": xml.etree.ElementTree,
            "matches": re.compile, "sqlite3": sqlite3, "compress": origins.compress, "chunk": http1.chunk,
            "chunked": http1.chunked, "time": time,
            "dead": f"127.0.0.1:{servers.free_port()}", "folder": self.folder, "document": wires.document, "os": os,
            "recordings": lambda: origins.Recordings(servers.CORPORA, os.path.join(servers.ROOT, "tests", "data")),
            "small_disk": self.small_disk,
            "root": servers.ROOT, "corpora": servers.CORPORA, "gitleaks": gitleaks, "busy": self.busy, "deaf": self.deaf, "certificate": self.certificate,
            "access_key": wires.access_key, "exposition": exposition.parse, **self.variables,
        }
        words = " ".join(t for _, t in s["steps"] + s["config"])
        for name in sorted(set(re.findall(r"\borigin\w*", words)) | {"origin"}):
            self.actors[name] = Origin(self)
        self.actors.update(server=Redcard(self), probe=Probe(self), cli=Cli(self), git=Git(self),
                           patchctl=PatchCtl(self))
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

    def small_disk(self):
        """Its folder; `disk` is then what can be filled."""
        disk = self.names["disk"] = Disk(self.folder)
        if not disk.mount():
            raise Skip("no root for a disk of its own")
        return "disk"

    def busy(self, port):
        """Somebody else listens there."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", port))
        sock.listen(1)
        self.names.setdefault("_kept", []).append(sock)
        return True

    def certificate(self, name):
        """A certificate of its own making for that name, and its key: two files."""
        files = os.path.join(self.folder, name + ".pem"), os.path.join(self.folder, name + ".key")
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2",
             "-subj", "/CN=" + name, "-addext", "subjectAltName=DNS:" + name, "-out", files[0], "-keyout", files[1]],
            capture_output=True, text=True, check=False)
        expect("exit code of openssl " + done.stderr[-300:], 0, done.returncode)
        return files

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
        plain = {n: self.names[n] for n in names if isinstance(self.names.get(n),
                                                               (int, float, str, bytes, dict, list))}
        return "".join(f"\n      {n} is {show(v)}" for n, v in plain.items())

    def settle(self):
        """What holds after every scenario."""
        for actor in self.actors.values():
            if isinstance(actor, Client) and actor.conn:
                actor.conn.close()
            if isinstance(actor, Origin):
                actor.listener.close_all()
        self.actors["patchctl"].settle()
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
                if not row["released_bytes"] <= row["judged_bytes"] + row.get("unscanned_bytes",
                    0) <= row["received_bytes"]:
                    raise Unexpected(f"released <= judged <= received does not hold in {show(row)}")
        for what, text in (("log", json.dumps(self.server.log())), ("standard error", self.server.stderr()),
                           ("metrics", page)):
            if wires.SECRET_BODY in text:
                raise Unexpected(f"the secret's body is in the {what}")
        for name, actor in self.actors.items():
            if isinstance(actor, Client) and self.scenario["unscanned"] == "no" and not self.names.get(
                "secret_may_pass"):
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
        return f"  {self.name}\n    {where}: {text}\n    {what}\n    the server said:\n{self.server.tail() if self.server else ''}{self.actors['patchctl'].tail() if self.server else ''}"

    def clear(self):
        for actor in self.actors.values():
            if isinstance(actor, Origin):
                actor.listener.close_all()
        if "patchctl" in self.actors:
            self.actors["patchctl"].clear()
        if self.server:
            self.server.stop(timeout=3)
        for sock in self.names.get("_kept", []):
            sock.close()
        if "disk" in self.names:
            self.names["disk"].unmount()
        if self.folder and not os.environ.get("REDCARD_TEST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)


def scenes(path):
    """One Scene for every combination of `each`."""
    scenario = parse(path)
    axes = []
    for _, text in scenario["each"]:
        name, _, values = text.partition(" = ")
        axes.append([(name.strip(), v) for v in eval(values,
                                                     {"wires": wires, "gitleaks": gitleaks, "range": range, "list": list,
                                                      "STREAMS": list(wires.STREAMS)})])
    return [Scene(scenario, dict(combination)) for combination in itertools.product(*axes)]
