"""What was measured, as people read it: the figures of each peer, then one table of ratios with the bounds they have to keep."""

import statistics

# what, part, case, of, against, how, bound. `speed`: CPU time per unit of the other over ours, more is better. `cpu`, `p99`:
# ours over the other's, less is better. A bound is (direction, value); None is shown for orientation only.
RATIOS = (
    ("small requests, 64 connections: per CPU second", "small", "64", "redcard", "nginx", "speed", (">=", 1.0)),
    ("small requests, 64 connections: per CPU second", "small", "64", "redcard", "haproxy", "speed", None),
    ("small requests, 64 connections: per second", "small", "64", "redcard", "nginx", "rate", None),
    ("small requests, 256 connections: per CPU second", "small", "256", "redcard", "nginx", "speed", (">=", 1.0)),
    ("small requests, 256 connections: per CPU second", "small", "256", "redcard", "haproxy", "speed", None),
    ("small requests, 256 connections: per second", "small", "256", "redcard", "nginx", "rate", None),
    ("frames flat out, policy off, chunk per event", "flat", "event", "redcard", "haproxy", "speed", (">=", 1.0)),
    ("frames flat out, policy off, chunk per write", "flat", "write", "redcard", "haproxy", "speed", (">=", 1.0)),
    ("frames flat out, policy off, chunk per event", "flat", "event", "redcard", "nginx", "speed", None),
    ("frames flat out, policy off, chunk per write", "flat", "write", "redcard", "nginx", "speed", None),
    ("frames flat out, policy off, chunk per event", "flat", "event", "redcard", "nginx-16k", "speed", None),
    ("frames flat out, policy off, chunk per write", "flat", "write", "redcard", "nginx-16k", "speed", None),
    ("frames flat out, whole pack, chunk per event", "policy", "event", "redcard-pack", "nginx", "speed", (">=", 0.5)),
    ("frames flat out, whole pack, chunk per write", "policy", "write", "redcard-pack", "nginx", "speed", (">=", 0.5)),
    ("frames flat out, whole pack, chunk per event", "policy", "event", "redcard-pack", "nginx-16k", "speed", None),
    ("frames flat out, whole pack, chunk per write", "policy", "write", "redcard-pack", "nginx-16k", "speed", None),
    ("frames flat out, whole pack, chunk per event", "policy", "event", "redcard-pack", "haproxy", "speed", None),
    ("frames flat out, whole pack, chunk per write", "policy", "write", "redcard-pack", "haproxy", "speed", None),
    ("frames flat out, whole pack, chunk per event", "policy", "event", "redcard-pack", "nginx-lua", "speed", (">=", 3.0)),
    ("frames flat out, whole pack, chunk per write", "policy", "write", "redcard-pack", "nginx-lua", "speed", (">=", 3.0)),
    ("frames flat out, whole pack, chunk per event", "policy", "event", "redcard-pack", "nginx-lua-kw", "speed", (">=", 3.0)),
    ("frames flat out, whole pack, chunk per write", "policy", "write", "redcard-pack", "nginx-lua-kw", "speed", (">=", 3.0)),
    ("frames flat out, whole pack, chunk per event", "policy", "event", "redcard-pack", "redcard", "speed", None),
    ("frames flat out, whole pack, chunk per write", "policy", "write", "redcard-pack", "redcard", "speed", None),
    ("2,000 streams: CPU per event", "pace", "2000", "redcard", "nginx-16k", "cpu", ("<=", 0.8)),
    ("2,000 streams: CPU per event", "pace", "2000", "redcard", "haproxy-16k", "cpu", None),
    ("2,000 streams, whole pack: CPU per event", "pace", "2000", "redcard-pack", "nginx-16k", "cpu", ("<=", 0.8)),
    ("2,000 streams: p99 latency", "pace", "2000", "redcard", "haproxy-16k", "p99", ("<=", 1.0)),
    ("2,000 streams, whole pack: p99 latency", "pace", "2000", "redcard-pack", "haproxy-16k", "p99", ("<=", 1.0)),
    ("2,000 streams: p99 latency", "pace", "2000", "redcard", "nginx-16k", "p99", None),
    ("2,000 streams: p50 latency", "pace", "2000", "redcard", "haproxy-16k", "p50", None),
    ("9,000 streams: memory per stream", "memory", "9000", "redcard", "nginx-16k", "memory", None),
    ("9,000 streams: memory per stream", "memory", "9000", "redcard", "haproxy-16k", "memory", None),
    ("9,000 streams: KiB per stream", "memory", "9000", "redcard", None, "kib", ("<=", 12.0)),
    ("9,000 streams, whole pack: KiB per stream", "memory", "9000", "redcard-pack", None, "kib", ("<=", 12.0)),
)

FIELDS = {"speed": "cpu_us", "cpu": "cpu_us", "rate": "per_second", "p99": "p99_us", "p50": "p50_us",
          "memory": "bytes_per_stream", "kib": "bytes_per_stream"}


def failed(run):
    """A run whose figures mean nothing: connections broke, or nothing came."""
    return run.get("errors", 0) > 0 or run.get("units", 1) == 0 or run.get("bytes_per_stream", 1) <= 0


def ratio(how, ours, theirs):
    mine = ours[FIELDS[how]]
    if how == "kib":
        return mine / 1024
    other = theirs[FIELDS[how]]
    top, bottom = (other, mine) if how == "speed" else (mine, other)
    return top / bottom if bottom > 0 else None


def ratios(raw):
    """One row for each line of RATIOS that was measured: ratios are taken inside a round and then ordered."""
    rows = []
    for what, part, case, of, against, how, bound in RATIOS:
        runs = raw.get(part, {}).get(case, {})
        ours, theirs = runs.get(of, []), runs.get(against or of, [])
        whole = [(a, b) for a, b in zip(ours, theirs) if not failed(a) and not failed(b)]
        values = sorted(value for value in (ratio(how, a, b) for a, b in whole) if value is not None)
        if not values:
            continue
        median = statistics.median(values)
        row = {"what": what, "of": of, "against": against, "how": how, "min": values[0], "median": median,
               "max": values[-1], "rounds": len(values), "bound": "%s %.2f" % bound if bound else None}
        if bound:
            row["met"] = median >= bound[1] if bound[0] == ">=" else median <= bound[1]
            row["missed_by_percent"] = 0 if row["met"] else round(100 * abs(median / bound[1] - 1), 1)
        rows.append(row)
    return rows


def spread(runs, field, scale=1.0):
    values = sorted(run[field] * scale for run in runs)
    return "%10.2f  (%.2f to %.2f)" % (statistics.median(values), values[0], values[-1])


def show_figures(raw):
    for part, cases in raw.items():
        if part == "micro":
            continue
        for case, runs in cases.items():
            unit = {"small": "us per request", "memory": "KiB per stream"}.get(part, "us per frame")
            print("\n%s, %s" % (part, {"small": "%s connections", "flat": "one chunk for each %s",
                                       "policy": "one chunk for each %s"}.get(part, "%s streams") % case))
            for name, all_runs in runs.items():
                if any(failed(run) for run in all_runs):
                    print("  %-13s FAILED in %d of %d runs, left out of the ratios: connections broke or nothing came"
                          % (name, sum(failed(run) for run in all_runs), len(all_runs)))
                    continue
                if part == "memory":
                    print("  %-13s %-34s %s; %.2f KiB with what it had at the start"
                          % (name, spread(all_runs, "bytes_per_stream", 1 / 1024), unit,
                             statistics.median(run["all_bytes_per_stream"] for run in all_runs) / 1024))
                    continue
                line = "  %-13s %-34s %s of the proxy" % (name, spread(all_runs, "cpu_us"), unit)
                line += ", %9.0f/s" % statistics.median(run["per_second"] for run in all_runs)
                if all_runs[0]["samples"]:
                    line += ", p50 %.0f p99 %.0f p99.9 %.0f us" % tuple(
                        statistics.median(run[field] for run in all_runs) for field in ("p50_us", "p99_us", "p999_us"))
                busy = statistics.median(run["load_share"] + run["origin_share"] for run in all_runs)
                line += ", harness core %.0f %%" % (100 * min(busy, 1))
                print(line)


def show_micro(micro):
    print("\nmicro, one event of 349 bytes")
    for name, row in micro.items():
        print("  %-22s %8.1f ns" % (name, row["ns"]) +
              (", %6.0f instructions" % row["instructions"] if row.get("instructions") else ""))


def show(report):
    about = report["machine"]
    print("%s, %s cores, Linux %s, commit %s%s" % (about["cpu"], about["cores"], about["kernel"],
                                                   (about["commit"] or "none")[:10], " (changed)" if about["changed"] else ""))
    print("%s; load average %.1f at the start, %.1f at the end" % (about["network"], about["load_average"][0],
                                                                     about["load_average_after"][0]))
    print("; ".join(text for text in about["versions"].values() if text))
    print("%d rounds, %d s in all; the proxy has one core, origin and load share the other" % (report["rounds"],
                                                                                                report["seconds"]))
    if about["load_average"][0] > 0.7:
        print("NOTE: something else was running at the start; latencies and the paced figures need a quiet machine")
    for name, why in report["missing"].items():
        print("left out: %s: %s" % (name, why))
    show_figures(report["raw"])
    if "micro" in report["raw"]:
        show_micro(report["raw"]["micro"])
    if report["ratios"]:
        print("\n%-50s %-13s %-12s %7s %7s %7s  %-8s" % ("ratio", "of", "against", "min", "median", "max", "bound"))
    for row in report["ratios"]:
        verdict = "" if not row["bound"] else "met" if row["met"] else "MISSED by %.1f %%" % row["missed_by_percent"]
        print("%-50s %-13s %-12s %7.2f %7.2f %7.2f  %-8s %s" % (row["what"], row["of"], row["against"] or "-", row["min"],
                                                                row["median"], row["max"], row["bound"] or "", verdict))
