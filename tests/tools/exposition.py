"""Prometheus' text format 0.0.4, read strictly: what a scraper may refuse or misread is an error here."""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,(?=[a-zA-Z_])|$)')
NUMBER = re.compile(r"NaN|[+-]Inf|-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
UNESCAPED = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def labels(text):
    found, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m[1] in found:
            raise ValueError(f"labels {{{text}}}")
        found[m[1]] = re.sub(r"\\.", lambda e: UNESCAPED[e[0]], m[2])
        at = m.end()
    return found


def parse(text):
    """{name: [(labels, value)...]}; ValueError names the line that is wrong."""
    if not text.endswith("\n") or "\r" in text:
        raise ValueError("lines end in one line feed each")
    families, helped, current, seen = {}, set(), None, set()
    for line in text[:-1].split("\n"):
        head = re.fullmatch(rf"# (HELP|TYPE) ({NAME}) (.+)", line)
        if head and head[1] == "HELP":
            if head[2] in helped or re.search(r"\\(?![\\n])", head[3]):
                raise ValueError(line)
            helped.add(head[2])
            current = head[2]
            continue
        if head:
            if head[2] != current or head[2] in families or head[3] not in ("counter", "gauge", "histogram"):
                raise ValueError(line)
            families[head[2]] = []
            continue
        sample = re.fullmatch(rf"({NAME})(?:\{{(.*)\}})? ([^ ]+)", line)
        if not sample or not NUMBER.fullmatch(sample[3]):
            raise ValueError(line)
        name = sample[1]
        if name != current and re.sub(r"_(bucket|sum|count)$", "", name) != current:
            raise ValueError(f"{line}: not of {current}, whose samples these are")
        pairs = labels(sample[2] or "")
        series = (name, tuple(sorted(pairs.items())))
        if current not in families or series in seen:
            raise ValueError(f"{line}: twice, or before its TYPE")
        seen.add(series)
        families[current].append((pairs, float(sample[3].replace("Inf", "inf"))))
    if any(not samples for samples in families.values()):
        raise ValueError("a name without a sample")
    return families
