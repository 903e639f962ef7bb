#!/usr/bin/env python3
"""A helm with one release, `shop`, whose state is the file $STUB_STATE. Numbers only grow, and old ones stay.

For tests only: `stub deploy IMAGE`, `stub set KEY JSON`, `stub state STATUS` (of the current revision), `stub rollbacks`.
"""
import json
import os
import sys

PATH = os.environ["STUB_STATE"]


def end(s, status, out="", err=""):
    with open(PATH + ".new", "w") as f:
        json.dump(s, f)
    os.replace(PATH + ".new", PATH)  # it may be killed
    sys.stdout.write(out)
    sys.stderr.write(err)
    sys.exit(status)


def add(s, manifest, status, description):
    if status == "deployed":
        for r in s["revisions"]:
            r["status"] = "superseded" if r["status"] == "deployed" else r["status"]
    number = s["revisions"][-1]["revision"] + 1 if s["revisions"] else 1
    s["revisions"].append({"revision": number, "status": status, "manifest": manifest, "description": description})
    s["revisions"] = s["revisions"][-s["keep"]:]


def stub(s, args):
    if args[0] == "deploy":
        add(s, f"# Source: shop\nimage: {args[1]}\n", "deployed", "Upgrade complete")
    elif args[0] == "set":
        s[args[1]] = json.loads(args[2])
    elif args[0] == "state":
        s["revisions"][-1]["status"] = args[1]
    elif args[0] == "image":
        end(s, 0, s["revisions"][-1]["manifest"].split()[-1] + "\n")
    elif args[0] == "rollbacks":
        end(s, 0, str(sum("rollback" in c and "--dry-run" not in c for c in s["calls"])) + "\n")
    end(s, 0)


def main(argv):
    s = {"revisions": [], "calls": [], "fail": None, "dies": False, "keep": 10}
    if os.path.exists(PATH):
        with open(PATH) as f:
            s = json.load(f)
    if argv[0] == "stub":
        stub(s, argv[1:])
    flags, words, i = {}, [], 0
    while i < len(argv):
        name, _, value = argv[i].partition("=")
        if name in ("--kubeconfig", "--kube-context", "--namespace", "--revision"):
            i += 1
            value = argv[i]
        elif name.startswith("-") and name not in ("--max", "--output", "--dry-run", "--wait", "--timeout"):
            end(s, 1, err=f"Error: unknown flag: {name}\n")
        if name.startswith("-"):
            flags[name] = value
        else:
            words.append(name)
        i += 1
    s["calls"].append(argv)
    if s["fail"] and s["fail"][0] in argv:
        end(s, 1, err=s["fail"][1] + "\n")
    if "shop" not in words:
        end(s, 1, err="Error: release: not found\n")
    if words[0] == "history":
        end(s, 0, json.dumps([{k: r[k] for k in ("revision", "status", "description")} for r in s["revisions"]]))
    last = s["revisions"][-1]
    if words[0] == "status":
        end(s, 0, json.dumps({"name": "shop", "info": {"status": last["status"]}, "version": last["revision"]}))
    number = int(flags.get("--revision") or (words[2] if words[0] == "rollback" else 0))
    found = [r for r in s["revisions"] if r["revision"] == number]
    if not found:
        end(s, 1, err=f"Error: release has no {number} version\n")
    if words[:2] == ["get", "manifest"]:
        end(s, 0, found[0]["manifest"])
    if words[0] == "rollback":
        if "--dry-run" not in flags:
            add(s, found[0]["manifest"], "pending-rollback" if s["dies"] else "deployed", f"Rollback to {number}")
        if s["dies"] and "--dry-run" not in flags:
            s["dies"] = False
            end(s, 1, err="Error: interrupted\n")
        end(s, 0, "Rollback was a success! Happy Helming!\n")
    end(s, 1, err=f"Error: unknown command {words}\n")


main(sys.argv[1:])
