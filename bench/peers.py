"""The programs under measurement: their configuration, their processes, what they cost.

A peer is started from a template in bench/peers/ with @NAME@ filled in, on its own port of 127.0.0.1, pinned to the
proxy's core. Nothing here writes outside the run's folder, and processes are ended by their pid only.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
ORIGIN_PORT = 9000
REDCARD = os.path.join(ROOT, "build", "release", "redcard")
MODULES = "/usr/lib/nginx/modules"

# name: (kind, settings, port, what it is)
PEERS = {
    "direct": ("direct", {}, ORIGIN_PORT, "no proxy at all"),
    "nginx": ("nginx", {"BUFFER": "64k"}, 9101, "nginx, 64 KB buffers"),
    "nginx-16k": ("nginx", {"BUFFER": "16k"}, 9102, "nginx, 16 KB buffers"),
    "haproxy": ("haproxy", {"BUFFER": "65536"}, 9103, "HAProxy, 64 KB buffers"),
    "haproxy-16k": ("haproxy", {"BUFFER": "16384"}, 9104, "HAProxy, 16 KB buffers"),
    "nginx-lua": ("lua", {"BUFFER": "64k", "KEYWORDS": "false"}, 9105, "nginx with Lua, the pack's rules on each part"),
    "nginx-lua-kw": ("lua", {"BUFFER": "64k", "KEYWORDS": "true"}, 9108, "the same, each rule only where a keyword stands"),
    "redcard": ("redcard", {"INSPECT": "false"}, 9106, "redcard, policy off"),
    "redcard-pack": ("redcard", {"INSPECT": "true"}, 9107, "redcard, the whole built-in pack"),
}


class Missing(Exception):
    """A peer that cannot run here; the text says why and what helps."""


def template(name, values):
    with open(os.path.join(HERE, "peers", name), encoding="utf-8") as file:
        text = file.read()
    for key, value in values.items():
        text = text.replace("@" + key + "@", str(value))
    return text


def scalar(value):
    """A YAML scalar of one line: in single, double or no quotes."""
    if value[0] == "'":
        return value[1:value.rindex("'")].replace("''", "'")
    if value[0] == '"':
        return value[1:value.rindex('"')].replace('\\"', '"').replace("\\\\", "\\")
    return value


def rules(folder):
    """The pack's rules, [(regex, [keyword, ...]), ...], from the `regex` and `keywords` lines of its YAML files."""
    found = []
    for name in sorted(os.listdir(folder)):
        if not name.endswith((".yaml", ".yml")):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for key, value in re.findall(r"^\s*(?:-\s+)?(regex|keywords):\s*(.+?)\s*$", file.read(), re.M):
                if key == "regex":
                    found.append((scalar(value), []))
                elif found:
                    found[-1][1].extend(scalar(one.strip()) for one in value.strip("[]").split(",") if one.strip())
    if not found:
        raise Missing("no rules in " + folder)
    return found


def lua_section(name):
    text = template("lua.conf.in", {})
    return re.search(r"^\[%s\]\n(.*?)(?=^\[|\Z)" % name, text, re.M | re.S).group(1).strip()


def write_lua_rules(path, pack, with_keywords):
    quote = "[====[%s]====]"
    with open(path, "w", encoding="utf-8") as file:
        file.write("return {\n")
        for regex, keywords in pack:
            words = ", ".join(quote % one.lower() for one in keywords) if with_keywords else ""
            file.write("{regex = %s, keywords = {%s}},\n" % (quote % regex, words))
        file.write("}\n")


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Missing(name + " is not installed; `deploy/setup bench` installs it")
    return path


def children(pid):
    """pid and all processes below it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry, encoding="utf-8", errors="replace") as file:
                    parents.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(entry))
            except OSError:
                continue
    out = [pid]
    for one in out:
        out.extend(parents.get(one, []))
    return out


def settle(core):
    """In the child: pins it, and lets its session weigh as much as its priority says (sessions are scheduled as groups)."""
    os.sched_setaffinity(0, {core})
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(os.getpriority(os.PRIO_PROCESS, 0)))
    except OSError:
        pass


class Process:
    """A child pinned to a core, in a session of its own so that Ctrl-C reaches only us."""

    def __init__(self, argv, core, folder, name, **more):
        self.name = name
        self.errors = open(os.path.join(folder, name + ".err"), "w+", encoding="utf-8", errors="replace")
        self.popen = subprocess.Popen(argv, stderr=self.errors, start_new_session=True, preexec_fn=lambda: settle(core),
                                      **{"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, **more})

    def said(self):
        self.errors.seek(0)
        return self.errors.read().strip()[:2000]

    def wait_port(self, port, limit_s=10):
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if self.popen.poll() is not None:
                raise Missing("%s ended at once: %s" % (self.name, self.said() or "no message"))
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        raise Missing("%s does not listen on port %d: %s" % (self.name, port, self.said()))

    def pids(self):
        return children(self.popen.pid)

    def private_bytes(self):
        total = 0
        for pid in self.pids():
            with open("/proc/%d/smaps_rollup" % pid, encoding="utf-8") as file:
                total += 1024 * sum(int(kb) for kb in re.findall(r"^Private_\w+:\s+(\d+) kB", file.read(), re.M))
        return total

    def stop(self):
        pids = self.pids() if self.popen.poll() is None else []
        for sig, limit_s in ((signal.SIGTERM, 1.0), (signal.SIGKILL, 5.0)):
            end = time.monotonic() + limit_s
            for pid in pids:
                try:
                    os.kill(pid, sig)
                except OSError:
                    pass
            while pids and time.monotonic() < end:
                if self.popen.poll() is not None:
                    pids = [pid for pid in pids if pid != self.popen.pid and os.path.exists("/proc/%d" % pid)]
                time.sleep(0.01)
        self.errors.close()


def command(name, folder, rules_folder):
    """Writes the peer's configuration; returns what to run."""
    kind, settings, port, _ = PEERS[name]
    home = os.path.join(folder, name)
    os.makedirs(home, exist_ok=True)
    values = {"PORT": port, "ADMIN": port + 100, "ORIGIN": ORIGIN_PORT, "RUN": home, "FILES": 20000,
              "HTTP": "", "BODY": "", "MODULES": "", **settings}
    if kind == "lua":
        needed = [os.path.join(MODULES, one) for one in ("ndk_http_module.so", "ngx_http_lua_module.so")]
        if not all(os.path.exists(one) for one in needed):
            raise Missing("nginx's Lua module is not installed; `deploy/setup bench` installs it")
        values["MODULES"] = "\n".join("load_module %s;" % one for one in needed)
        values["HTTP"] = lua_section("HTTP").replace("@RUN@", home)
        values["BODY"] = lua_section("BODY").replace("@KEYWORDS@", settings["KEYWORDS"])
        write_lua_rules(os.path.join(home, "rules.lua"), rules(rules_folder), settings["KEYWORDS"] == "true")
    if kind in ("nginx", "lua"):
        config, source = os.path.join(home, "nginx.conf"), "nginx.conf.in"
        argv = [program("nginx"), "-p", home, "-c", config]
    elif kind == "haproxy":
        config, source = os.path.join(home, "haproxy.cfg"), "haproxy.cfg.in"
        argv = [program("haproxy"), "-db", "-f", config]
    else:
        config, source = os.path.join(home, "redcard.yaml"), "redcard.yaml.in"
        argv = [REDCARD, "serve", "-c", config]
        if not os.access(REDCARD, os.X_OK):
            raise Missing("build/release/redcard is not there; `make` builds it")
    with open(config, "w", encoding="utf-8") as file:
        file.write(template(source, values))
    return argv


def start(name, folder, core, rules_folder):
    process = Process(command(name, folder, rules_folder), core, folder, name)
    try:
        process.wait_port(PEERS[name][2])
    except BaseException:
        process.stop()
        raise
    return process


def version(name):
    try:
        argv = {"nginx": [program("nginx"), "-v"], "haproxy": [program("haproxy"), "-v"],
                "redcard": [REDCARD, "version"]}[name]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    except (Missing, OSError, IndexError, subprocess.TimeoutExpired):
        return None
