"""The corpora's gitleaks rules, written as the TOML file that they came from, and their samples."""
import gzip
import json
import os

import wires


def rules(corpora):
    with gzip.open(os.path.join(corpora, "secrets", "gitleaks_rules.json.gz")) as f:
        return json.load(f)


def samples(corpora):
    with gzip.open(os.path.join(corpora, "secrets", "gitleaks_samples.jsonl.gz"), "rt") as f:
        return [json.loads(line) for line in f]


def table(head, values):
    """A TOML table; strings and lists of them are written as JSON writes them, which TOML reads alike."""
    return [head] + [f"{key} = {json.dumps(value)}" for key, value in values.items() if value]


def toml(corpora):
    found = rules(corpora)
    out = ['title = "gitleaks config"'] + table("[allowlist]", found["global_allowlist"])
    for rule in found["rules"]:
        names = {"id": "id", "description": "description", "regex_re2": "regex", "path": "path",
                 "entropy": "entropy", "secret_group": "secretGroup", "keywords": "keywords"}
        out += table("[[rules]]", {to: rule[name] for name, to in names.items()})
        for allow in rule["allowlists"] or []:
            out += table("[[rules.allowlists]]", allow)
    return "\n".join(out) + "\n"


def parts(text, step):
    return [text[i:i + step] for i in range(0, len(text), step)]


def content(wire, texts):
    stream = wires.stream(wire)
    return b"".join([stream.open(), *[stream.text(t) for t in texts], stream.close()])


def arguments(wire, text, step):
    stream = wires.stream(wire)
    whole = json.dumps({"path": "a.txt", "code": text}, ensure_ascii=False)
    first, *more = parts(whole, step)
    return b"".join([stream.open(), stream.tool(first, "write_file"), *[stream.tool(t) for t in more], stream.close()])


def places(text, step=7):
    """A text wherever an answer may have it: in every wire's content, whole and in small pieces, in tool arguments, in
    whole documents. (place, the wire's name for the command line, body)."""
    for wire in wires.STREAMS:
        name = {"ndjson": "ollama"}.get(wire, wire)
        yield f"{wire} content", name, content(wire, [text])
        if wire == "plain":
            continue
        yield f"{wire} content in pieces", name, content(wire, parts(text, step))
        yield f"{wire} arguments", name, arguments(wire, text, 1 << 20)
        if wire in ("chat", "responses", "messages"):
            yield f"{wire} arguments in pieces", name, arguments(wire, text, step)
        if wire in ("chat", "responses", "messages", "gemini"):
            yield f"{wire} document", "json", wires.document(wire, text)


WIRES = sorted({name for _, name, _ in places("")})
FULL = bool(os.environ.get("REDCARD_TEST_FULL"))
PARTS = range(8 if FULL else 1)  # a full run in steps that end in time


def chosen(corpora, part):
    """Samples of which something is told, each with its number: in a full run those of a part, otherwise of each rule
    one that must be found and one that must not."""
    seen = set()
    for i, s in enumerate(samples(corpora)):
        key = s["rule"], s["kind"]
        told = s["kind"] == "positive" or s["origin"] == "literal"
        if told and i % len(PARTS) == part and (FULL or key not in seen):
            yield i, s
        seen |= {key} if told else set()


def bodies(corpora, wire, part):
    """{file name: body} of what one wire's name on the command line stands for, and {file name: sample}."""
    written, what = {}, {}
    for i, s in chosen(corpora, part):
        for place, name, body in places(s["text"]):
            if name == wire:
                file = f"{place}/{i:05d}".replace(" ", "-")
                written[file], what[file] = body, dict(s, place=place, number=i)
    return written, what


def wrong(what, scanned):
    """(kind, rule, place) of positives that were missed and literal negatives that were found."""
    found = {f["file"]: {x["rule"] for x in f["findings"]} for f in scanned}
    return {(s["kind"], s["rule"], s["place"]) for file, s in what.items()
            if s["rule"] not in found[file] and s["kind"] == "positive"
            or s["rule"] in found[file] and s["kind"] == "negative" and s["origin"] == "literal"}
