"""The corpora's gitleaks rules, written as the TOML file that they came from, and their samples."""
import gzip
import json
import os


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
