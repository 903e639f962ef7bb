#!/usr/bin/env python3
"""A kubectl with one workload, whose state is the file $STUB_STATE. It renumbers its history as the controllers do.

A Deployment's ReplicaSets keep the numbers that they had (deployment.kubernetes.io/revision-history, at most so many); the
ControllerRevisions of the others do not. A change is seen by the controller at the `lag`th look after it.

For tests only: `stub new KIND`, `stub deploy IMAGE`, `stub set KEY JSON`, `stub calls`.
"""
import copy
import json
import os
import sys

PATH = os.environ["STUB_STATE"]
LABELS = {"app": "shop"}


def template(image):
    return {"metadata": {"labels": dict(LABELS), "creationTimestamp": None},
            "spec": {"containers": [{"name": "shop", "image": image}], "restartPolicy": "Always"}}


def new(kind):
    return {"kind": kind, "generation": 0, "observed": 0, "lag": 0, "looks": 0, "revisions": [], "template": None, "updated": 3,
            "available": 3, "calls": [], "fail": None, "paused": False, "keep": 10}


def sync(s):
    """What the controller does when it sees a change."""
    s["observed"] = s["generation"]
    top = max([r["number"] for r in s["revisions"]], default=0) + 1
    for r in s["revisions"]:
        if r["template"] == s["template"]:
            if r["number"] != top - 1:
                r["history"].append(r["number"])
                r["number"] = top
            return
    s["revisions"].append({"name": "shop-%08x" % (7919 * top),
                           "number": top, "history": [], "template": copy.deepcopy(s["template"])})
    s["revisions"] = s["revisions"][-s["keep"]:]


def change(s, to):
    s["template"], s["generation"], s["looks"] = copy.deepcopy(to), s["generation"] + 1, 0


def look(s):
    if s["observed"] < s["generation"]:
        s["looks"] += 1
        if s["looks"] > s["lag"]:
            sync(s)


def workload(s):
    status = {"observedGeneration": s["observed"], "replicas": 3, "updatedReplicas": s["updated"], "availableReplicas": s["available"]}
    if s["kind"] == "daemonset":
        status = {"observedGeneration": s["observed"], "desiredNumberScheduled": 3, "currentNumberScheduled": 3,
                  "updatedNumberScheduled": s["updated"], "numberAvailable": s["available"]}
    if s["kind"] == "statefulset":
        name = max(s["revisions"], key=lambda r: r["number"])["name"]
        status.update(currentRevision=name if s["updated"] == 3 else "older", updateRevision=name)
    return {"kind": s["kind"], "metadata": {"name": "shop", "uid": "uid-1", "generation": s["generation"]},
            "spec": {"replicas": 3, "selector": {"matchLabels": LABELS}, "template": s["template"]}, "status": status}


def item(s, r):
    meta = {"name": r["name"], "ownerReferences": [{"uid": "uid-1", "controller": True}]}
    if s["kind"] != "deployment":
        return {"metadata": meta, "revision": r["number"],
                "data": {"spec": {"template": {**copy.deepcopy(r["template"]), "$patch": "replace"}}}}
    meta["annotations"] = {"deployment.kubernetes.io/revision": str(r["number"])}
    if r["history"]:
        meta["annotations"]["deployment.kubernetes.io/revision-history"] = ",".join(map(str, r["history"]))
    t = copy.deepcopy(r["template"])
    t["metadata"]["labels"]["pod-template-hash"] = r["name"]
    return {"metadata": meta, "spec": {"replicas": 0, "template": t}}


def stranger(s):
    """One of another workload with the same labels."""
    other = item(s, {"name": "other-1", "number": 1, "history": [2, 3, 4, 5], "template": template("other:1")})
    other["metadata"]["ownerReferences"] = [{"uid": "uid-2", "controller": True}]
    return other


def end(s, status, out="", err=""):
    with open(PATH + ".new", "w") as f:
        json.dump(s, f)
    os.replace(PATH + ".new", PATH)  # it may be killed
    sys.stdout.write(out)
    sys.stderr.write(err)
    sys.exit(status)


def stub(s, args):
    if args[0] == "new":
        s = new(args[1])
    elif args[0] == "deploy":
        change(s, template(args[1]))
        sync(s)
    elif args[0] == "set":
        s[args[1]] = json.loads(args[2])
    elif args[0] == "get":
        end(s, 0, json.dumps(s[args[1]]) + "\n")
    elif args[0] == "image":
        end(s, 0, s["template"]["spec"]["containers"][0]["image"] + "\n")
    elif args[0] == "numbers":
        end(s, 0, " ".join(str(n) for n in sorted(r["number"] for r in s["revisions"])) + "\n")
    elif args[0] == "undos":
        end(s, 0, str(sum("undo" in c and "--dry-run=server" not in c for c in s["calls"])) + "\n")
    end(s, 0)


def undo(s, flags):
    to = int(flags.get("--to-revision", "0"))
    found = [r for r in s["revisions"] if r["number"] == to]
    if not found:
        end(s, 1, err=f"error: unable to find specified revision {to} in history\n")
    if s["paused"]:
        end(s, 1, err="error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again\n")
    if flags.get("--dry-run") == "server":
        end(s, 0, "rolled back (server dry run)\n")
    if found[0]["template"] == s["template"]:
        end(s, 0, f"skipped rollback (current template already matches revision {to})\n")
    change(s, found[0]["template"])
    end(s, 0, "rolled back\n")


def main(argv):
    s = new("deployment")
    if os.path.exists(PATH):
        with open(PATH) as f:
            s = json.load(f)
    if argv[0] == "stub":
        stub(s, argv[1:])
    flags, words, i = {}, [], 0
    while i < len(argv):
        name, _, value = argv[i].partition("=")
        if name in ("--kubeconfig", "--context", "--namespace", "--selector"):
            i += 1
            value = argv[i]
        elif name.startswith("-") and name not in ("--request-timeout", "--output", "--to-revision", "--dry-run", "--revision"):
            end(s, 1, err=f"error: unknown flag: {name}\n")
        if name.startswith("-"):
            flags[name] = value
        else:
            words.append(name)
        i += 1
    s["calls"].append(argv)
    if s["fail"] and s["fail"][0] in argv:
        end(s, 1, err=s["fail"][1] + "\n")
    what = s["kind"] + "/shop"
    if words[0] == "get" and words[1] == what:
        look(s)
        end(s, 0, json.dumps(workload(s)))
    if words[0] == "get" and words[1] == ("replicasets" if s["kind"] == "deployment" else "controllerrevisions"):
        if flags.get("--selector") != "app=shop":
            end(s, 1, err="error: not asked by its labels\n")
        end(s, 0, json.dumps({"kind": "List", "items": [stranger(s)] + [item(s, r) for r in s["revisions"]]}))
    if words[:2] == ["rollout", "undo"] and words[2] == what:
        undo(s, flags)
    if words[:2] == ["rollout", "history"] and words[2] == what:
        end(s, 0, "Pod Template:\n  Labels: app=shop\n")
    end(s, 1, err=f'Error from server (NotFound): "{" ".join(words)}" not found\n')


main(sys.argv[1:])
