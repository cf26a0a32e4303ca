"""Tables, aims and the figure of `simulators.py`, from its record."""

import statistics

from qvar.runs import style

CPP = {
    (2, 20): (0.59, 1.10),
    (2, 60): (0.91, 1.76),
    (3, 20): (0.56, 1.20),
    (3, 60): (1.30, 3.00),
    (4, 20): (0.70, 1.65),
    (4, 60): (2.15, 5.88),
    (6, 20): (2.82, 8.85),
    (6, 60): (22.6, 70.0),
    (8, 20): (16.3, 57.0),
    (8, 60): (333.0, 1055.0),
    (10, 20): (512.0, 1171.0),
    (10, 60): (6788.0, 33100.0),
}
"""Energy and gradient, microseconds (minima), measured for a hand-written C++ prototype of the same algorithm on
another sample of circuits of the same distribution (two per size, one from 8 qubits on) and another machine."""

COLUMNS = {
    "Aer": ("Aer, noise model", "Aer, noise in the circuit"),
    "Aer, noise in the circuit": ("Aer, noise in the circuit",),
    "Aer, noise model": ("Aer, noise model",),
    "Aer, model of all gates": ("Aer, model of all gates",),
    "Qulacs": ("Qulacs",),
    "Qulacs, density matrix": ("Qulacs, density matrix",),
    "PennyLane": ("PennyLane",),
    "PennyLane jit": ("PennyLane jit",),
    "TensorCircuit jit": ("TensorCircuit jit",),
    "numpy PTM": ("numpy PTM",),
    "Qulacs SV": ("Qulacs SV",),
}
"""Title of a column, and the forms of the peer of which the faster one counts; the first is for aims and figure."""


def rows_of(record, part, size):
    return [row["times"] for row in record[part] if (row["n_qubits"], row["gates"]) == size]


def sizes_of(record, part="ours"):
    return list(dict.fromkeys((row["n_qubits"], row["gates"]) for row in record[part]))


def fastest(times, what, column, kind):
    """Seconds of the fastest form of a peer on one circuit, None if it was not timed."""
    found = [times[f"{what} {form}"][kind] for form in COLUMNS[column] if f"{what} {form}" in times]
    return min(found, default=None)


def ratio(record, part, size, what, column, kind="median"):
    """How many of our times a peer takes: geometric mean over the circuits."""
    pairs = [(fastest(t, what, column, kind), t[f"{what} ours"][kind]) for t in rows_of(record, part, size)]
    found = [peer / ours for peer, ours in pairs if peer is not None]
    return statistics.geometric_mean(found) if found else None


def mean(record, part, size, what, kind="median"):
    return statistics.fmean(times[what][kind] for times in rows_of(record, part, size))


def own_ratio(record, size, what):
    """Cost of something in units of an energy of the same circuit: mean over the circuits."""
    return statistics.fmean(t[what]["median"] / t["energy"]["median"] for t in rows_of(record, "ours", size))


def duration(seconds):
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1 or unit == "us":
            return f"{number(seconds * factor)} {unit}"
    raise AssertionError


def number(x):
    return f"{x:.0f}" if x >= 99.5 else f"{x:.3g}" if x >= 1 else f"{x:.2g}"


def markdown(header, rows):
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)]


def own_table(record):
    rows = []
    for size in sizes_of(record):
        low, middle = ({w: mean(record, "ours", size, w, k) for w in ("energy", "gradient")} for k in ("min", "median"))
        cells = [f"{size[0]}, {size[1]}"]
        for what, reference in zip(("energy", "gradient"), CPP[size], strict=True):
            cells.append(f"{number(1e6 * low[what])} ({number(1e6 * middle[what])})")
            cells.append(number(1e6 * low[what] / reference))
        cells += [number(own_ratio(record, size, "gradient")), number(own_ratio(record, size, "sweep"))]
        cells += [number(1e6 * mean(record, "ours", size, what)) for what in ("batch", "set-up")]
        rows.append(cells)
    header = ["qubits, gates", "energy, us", "/ C++", "gradient, us", "/ C++", "gradient / energy"]
    return markdown([*header, "Rotosolve sweep / energy", "energy in a batch of 64, us", "set-up, us"], rows)


def peer_table(record, what, part="peers"):
    """Median time of a peer, then the ratio of medians (of minima) to ours."""
    columns = [
        column
        for column in list(COLUMNS)[1:]
        if any(ratio(record, part, size, what, column) for size in sizes_of(record, part))
    ]
    rows = []
    for size in sizes_of(record, part):
        cells = [f"{size[0]}, {size[1]}", duration(mean(record, part, size, f"{what} ours"))]
        for column in columns:
            found = [fastest(times, what, column, "median") for times in rows_of(record, part, size)]
            found = [seconds for seconds in found if seconds is not None]
            ratios = [ratio(record, part, size, what, column, kind) for kind in ("median", "min")]
            cells.append(
                f"{duration(statistics.fmean(found))}: {number(ratios[0])} ({number(ratios[1])})" if found else ""
            )
        rows.append(cells)
    return markdown(["qubits, gates", "ours", *columns], rows)


def setup_table(record):
    columns = [
        c for c in list(COLUMNS)[1:] if any(fastest(row["times"], "set-up", c, "min") for row in record["peers"])
    ]
    rows = []
    for size in sizes_of(record, "peers"):
        cells = [f"{size[0]}, {size[1]}", duration(mean(record, "ours", size, "set-up"))]
        for column in columns:
            found = [fastest(times, "set-up", column, "min") for times in rows_of(record, "peers", size)]
            cells.append(duration(min(filter(None, found))) if any(found) else "")
        rows.append(cells)
    return markdown(["qubits, gates", "ours", *columns], rows)


AER = {2: 1000, 3: 1000, 4: 1000, 6: 300, 8: 50, 10: 50}
QULACS = {2: 10, 3: 20, 4: 20, 6: 30, 8: 30, 10: 30}
UP_TO_EIGHT = (2, 3, 4, 6, 8)


def aims(record):
    """Lines 'met' or 'missed' with the numbers."""

    def against(part, what, column, targets):
        values = [(s, ratio(record, part, s, what, column)) for s in sizes_of(record, part) if s[0] in targets]
        return [(size, value, targets[size[0]]) for size, value in values if value is not None]

    every = sizes_of(record)
    yield verdict("an energy against Aer, one at a time, in its fastest form", against("peers", "energy", "Aer", AER))
    for form in ("noise model", "model of all gates"):
        yield verdict(f"an energy against Aer, {form}", against("peers", "energy", f"Aer, {form}", AER))
    yield verdict("an energy against Qulacs", against("peers", "energy", "Qulacs", QULACS))
    batches = against("peers", "batch", "Aer", dict.fromkeys(UP_TO_EIGHT, 50))
    yield verdict("an energy in a batch against Aer's", batches)
    yield verdict("gradient in energies", [(s, own_ratio(record, s, "gradient"), 4) for s in every], most=True)
    yield verdict("Rotosolve sweep in energies", [(s, own_ratio(record, s, "sweep"), 8) for s in every], most=True)
    setups = [(s, 1e3 * mean(record, "ours", s, "set-up"), 0.1) for s in every if s[1] == 60]
    yield verdict("set-up at 60 gates in ms", setups, most=True)
    for what in ("energy", "gradient"):
        pure = against("noiseless", what, "Qulacs SV", dict.fromkeys(UP_TO_EIGHT, 1))
        yield verdict(f"noiseless {what} against Qulacs' state vector", pure)


def verdict(text, entries, *, most=False):
    """One line: entries are (size, value, target), the target a lower bound, or with `most` an upper one."""
    if not entries:
        return f"- not measured: {text}"
    groups = {}
    for size, value, target in entries:
        groups.setdefault(target, []).append((value, size))
    parts, missed = [], False
    for target, found in groups.items():
        value, (n, gates) = max(found) if most else min(found)
        met = value <= target if most else value >= target
        missed |= not met
        qubits = sorted({s[0] for _, s in found})
        among = f"{qubits[0]}-{qubits[-1]}" if len(qubits) > 1 else f"{qubits[0]}"
        bound = f"{'<=' if most else '>='} {target:g}"
        parts.append(f"{bound} at {among} qubits: {number(value)} at worst ({n} qubits, {gates} gates)")
    return f"- {'missed' if missed else 'met'}: {text}, {'; '.join(parts)}"


def report(record):
    blocks = [
        ("Ours", own_table(record), "Minima (medians), means over the circuits; the other columns are medians."),
        ("Time per energy", peer_table(record, "energy"), "Median; ratio of medians (of minima) to ours."),
        ("Time per gradient", peer_table(record, "gradient"), "Value and all derivatives."),
        ("Time per energy in batches", peer_table(record, "batch"), "Parameter vectors differ."),
        ("Set-up of a new circuit", setup_table(record), "Minima; for jit the compilation of the energy."),
        ("Without noise: time per energy", peer_table(record, "energy", "noiseless"), ""),
        ("Without noise: time per gradient", peer_table(record, "gradient", "noiseless"), ""),
    ]
    lines = []
    for title, table, note in blocks:
        lines += [f"### {title}", "", *table, "", *([note, ""] if note else [])]
    lines += ["### Aims", "", *aims(record), "", "### Left out", ""]
    lines += [f"- {name}: not installed" for name in record["missing"]]
    lines += [f"- {text}" for text in record["left_out"]]
    ran = (
        f"{record['versions']}. The run took {record['seconds']:.0f} s; other work kept {max(0.0, record['load']):.1f} "
    )
    return "\n".join([*lines, "", f"{ran}cores busy at its end.", ""])


STYLES = {
    "Aer": {"color": style.COLOURS[1], "marker": "s", "linestyle": "-"},
    "Aer, model of all gates": {"color": style.COLOURS[1], "marker": "s", "linestyle": ":"},
    "Qulacs": {"color": style.COLOURS[0], "marker": "o", "linestyle": "--"},
    "PennyLane": {"color": style.COLOURS[2], "marker": "^", "linestyle": ":"},
    "PennyLane jit": {"color": style.COLOURS[2], "marker": "^", "linestyle": "-"},
    "TensorCircuit jit": {"color": style.COLOURS[3], "marker": "v", "linestyle": "-."},
    "numpy PTM": {"color": style.COLOURS[4], "marker": "x", "linestyle": "-"},
}


@style.styled
def figure(record, path):
    """Draw time against qubits for energies of 20 and 60 gates, gradients and batches."""
    panels = [("energy", 20), ("energy", 60), ("gradient", 60), ("batch", 60)]
    drawing = style.new_figure(style.PAGE, 5.4)
    for axes, (what, gates) in zip(drawing.subplots(2, 2).flat, panels, strict=True):
        sizes = [size for size in sizes_of(record, "peers") if size[1] == gates]
        reference = {"energy": 0, "gradient": 1}.get(what)
        if reference is not None:
            values = [1e-6 * CPP[size][reference] for size in sizes]
            axes.semilogy([n for n, _ in sizes], values, "--", color=style.GREY, label="C++ prototype, other circuits")
        for column, look in STYLES.items():
            points = []
            for n, _ in sizes:
                found = [fastest(t, what, column, "median") for t in rows_of(record, "peers", (n, gates))]
                found = [seconds for seconds in found if seconds is not None]
                points += [(n, statistics.fmean(found))] if found else []
            if points:
                axes.semilogy(*zip(*points, strict=True), label=column, **look)
        ours = [mean(record, "peers", size, f"{what} ours") for size in sizes]
        axes.semilogy([n for n, _ in sizes], ours, "o-", color="black", linewidth=2, label="qvar")
        title = {"batch": "energy in a batch of 64"}.get(what, what)
        axes.set(title=f"{title}, {gates} gates", xlabel="qubits", ylabel="CPU time (seconds)")
        axes.grid()
    handles, labels = drawing.axes[1].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=4)
    path.write_bytes(style.image(drawing, path.suffix.removeprefix(".")))
