"""The results as tables in `docs/benchmarks.md`, between its marks, and as plots beside it."""

import re
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

from bench.engines import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
PLOTS = ROOT / "docs" / "benchmarks"
HOLDFAST, USUAL, RELATIONAL, FLOOR = "#1b7f5c", "#c77d2a", "#4a6fa5", "#b8b8b8"
Results = dict[str, Any]
Spread = list[float]


def write(results: Results) -> None:
    """Of all parts; each mark is `<!-- name -->`."""
    text = PAGE.read_text()
    figures = {name: part["figures"] for name, part in results.items() if name != "machine"}
    tables = {
        "machine": machine(results),
        "budgets": budgets(figures),
        "handlers": handlers(figures["handlers"], figures["rows"]["handlers"]),
        "race": race(figures["race"], figures["rows"]["race"]),
        "units": units(figures["units"]["operations"]),
        "lists": lists(figures["lists"], figures["rows"]["lists"]),
        "sweeps": sweeps(figures),
        "starts": starts(figures["starts"]["milliseconds"]),
    }
    for name, lines in tables.items():
        marked = re.compile(f"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        place = marked.search(text)
        if place is None:
            raise LookupError(f"docs/benchmarks.md: no mark {name}")
        inner = "\n" + "\n".join(lines) + "\n\n"
        text = text[: place.end(1)] + inner + text[place.start(2) :]
    PAGE.write_text(text)
    plot(figures)


def machine(results: Results) -> Iterable[str]:
    parts = [part for name, part in results.items() if name != "machine"]
    days = sorted({part["at"] for part in parts})
    body = [
        ["measured", " to ".join(sorted({days[0], days[-1]}))],
        ["took", f"{sum(part['seconds'] for part in parts) / 60:.0f} minutes"],
        ["load of the machine before each part", " ".join(str(part["load"]) for part in parts)],
        *results["machine"].items(),
    ]
    yield from table(["", ""], body)


def budgets(figures: Results) -> Iterable[str]:
    times, requests = figures["handlers"]["milliseconds"], figures["handlers"]["requests"]
    limited = "reserve, with the limit of holds"
    begun = figures["starts"]["milliseconds"]
    bare, ours = begun["bare: one PynamoDB call"]["whole"], begun["Holdfast: one read, token"]["whole"]
    looked_at = figures["sweep-none"]["requests"]["items looked at"]
    rows: list[tuple[str, float, float]] = [
        ("reserve, no limit of holds, beside the floor", ratio(times["reserve"], times["floor of reserve"]), 1.35),
        ("reserve, with the limit of holds, beside the floor", ratio(times[limited], times["floor of reserve"]), 1.35),
        ("confirm, beside the floor", ratio(times["confirm"], times["floor of confirm"]), 1.35),
        ("requests of a lost race, no limit of holds", requests["lost race"], 1),
        ("requests of a lost race, with the limit of holds", figures["units"]["operations"]["reserve, too late"][0], 1),
    ]
    pages = {(row["slots"], row["booked"]): row for row in figures["lists"] if row["way"] == "Holdfast"}
    for booked in sorted({booked for _, booked in pages}):
        small, large = pages[1_000, booked], pages[100_000, booked]
        flat = ratio(large["milliseconds"], small["milliseconds"])
        rows.append((f"list page of 100,000 slots beside 1,000, {booked} % booked", flat, 1.2))
        rows.append((f"requests of that page, {booked} % booked", large["requests"], 1))
    rows += [
        ("items that a sweep reads that have not expired", looked_at, 0),
        ("import and first request, a token checked, beside bare", ratio(ours, bare), 1.3),
        ("import and first request, health, beside bare", ratio(begun["Holdfast: health"]["whole"], bare), 1.3),
    ]
    yield from table(
        ["", "measured", "budget", ""],
        [
            [name, f"{found:.3g}", f"at most {most}", "holds" if found <= most else "**missed**"]
            for name, found, most in rows
        ],
    )


def handlers(figures: Results, rows: Results) -> Iterable[str]:
    times, requests = figures["milliseconds"], figures["requests"]
    body = []
    for name, floor, usual, relational in (
        ("reserve", "floor of reserve", "usual: reserve", "floor"),
        ("confirm", "floor of confirm", "usual: confirm", "floor"),
        ("lost race", "floor of a lost race", "usual: lost race", "floor of a lost race"),
        ("reserve, with the limit of holds", "floor of reserve", None, None),
    ):
        above = times[name][1] - times[floor][1]
        line = [name, ms(times[floor]), against(times[name], times[floor]), f"{above:.2f}", str(requests[name])]
        line += [against(times[usual], times[floor]), str(requests[usual])] if usual else ["", ""]
        line += [ms(rows[relational]), against(rows[name], rows[relational])] if relational else ["", ""]
        body.append(line)
    head = ["", "floor, ms", "Holdfast, ms", "above, ms", "requests", "usual way, ms", "requests"]
    yield from table([*head, "PostgreSQL's floor, ms", "PostgreSQL, ms"], body)


def race(figures: Results, rows: Results) -> Iterable[str]:
    everybody = {**figures, "PostgreSQL": {**rows, "requests": ""}}
    yield from table(
        ["", "winner, ms", "losers, ms", "the last of 64, ms", "requests of a race"],
        [
            [name, ms(one["winner"]), ms(one["losers"]), ms(one["last"]), str(one["requests"])]
            for name, one in everybody.items()
        ],
    )


def units(figures: Results) -> Iterable[str]:
    yield from table(
        ["", "requests", "read units", "write units"],
        [[name, *(f"{one:g}" for one in numbers)] for name, numbers in figures.items() if not name.startswith("(")],
    )


def lists(figures: list[Results], rows: list[Results]) -> Iterable[str]:
    by_place = {(row["slots"], row["booked"], row["way"]): row for row in figures}
    relational = {(row["slots"], row["booked"]): row for row in rows}
    body = []
    for slots, booked in sorted(relational, key=lambda place: (place[1], place[0])):
        ours, usual = by_place[slots, booked, "Holdfast"], by_place[slots, booked, "usual way"]
        floor = by_place[slots, booked, "floor"]["milliseconds"]
        smallest = by_place[1_000, booked, "Holdfast"]["milliseconds"]
        body.append(
            [
                f"{booked} %",
                f"{slots:,}",
                ms(floor),
                ms(ours["milliseconds"]),
                f"{ratio(ours['milliseconds'], smallest):.2f}",
                f"{ours['requests']}, {ours['found']}",
                ms(usual["milliseconds"]),
                f"{usual['requests']}, {usual['found']}",
                ms(relational[slots, booked]["milliseconds"]),
            ]
        )
    yield from table(
        [
            "booked",
            "slots",
            "floor, ms",
            "Holdfast, ms",
            "beside 1,000",
            "requests, found",
            "usual way, ms",
            "requests, found",
            "PostgreSQL, ms",
        ],
        body,
    )


def sweeps(figures: Results) -> Iterable[str]:
    over, none, rows = figures["sweep-over"], figures["sweep-none"], figures["rows"]["sweeps"]
    sent = over["requests"]
    yield from table(
        ["", ""],
        [
            ["10,000 holds that are over: queries", str(sent["Query"])],
            ["items that they looked at", f"{sent['items looked at']:,}"],
            ["transactions", f"{sent['TransactWriteItems']:,}"],
            ["one release, ms, and beside its bare transaction", against(over["release"], over["floor"])],
            ["all of them, on Moto, whose index is not sorted, s", f"{over['seconds']:.3g}"],
            ["all of them in PostgreSQL, one statement, s", f"{rows['seconds']:.3g}"],
            [
                "none among 100,000 live holds: queries, items looked at",
                f"{none['requests']['Query']}, {none['requests']['items looked at']}",
            ],
            ["the same, ms, and beside an empty table", against(none["full"], none["empty"])],
            ["none among 100,000 in PostgreSQL, ms", ms(rows["full"])],
        ],
    )


def starts(figures: Results) -> Iterable[str]:
    bare = figures["bare: one PynamoDB call"]["whole"]
    yield from table(
        ["", "import, ms", "first request, ms", "both, ms", "beside bare", "both, ms of CPU"],
        [
            [
                name,
                ms(one["importing"]),
                ms(one["first_request"]),
                ms(one["whole"]),
                f"{ratio(one['whole'], bare):.2f}",
                ms(one["whole_cpu"]),
            ]
            for name, one in figures.items()
        ],
    )


def table(head: list[str], body: Iterable[Iterable[str]]) -> Iterable[str]:
    for line in (head, ["---"] * len(head), *body):
        yield "| " + " | ".join(line) + " |"


def ratio(one: Spread, other: Spread) -> float:
    """Of the medians."""
    return one[1] / other[1]


def ms(spread: Spread) -> str:
    """The median, and the quartiles."""
    low, middle, high = spread
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


def against(spread: Spread, floor: Spread) -> str:
    return f"{ms(spread)}, x {ratio(spread, floor):.2f}"


def plot(figures: Results) -> None:
    # The same figures give the same file.
    plt.rcParams.update({"svg.hashsalt": "holdfast", "svg.fonttype": "none", "font.size": 10})
    times, rows = figures["handlers"]["milliseconds"], figures["rows"]["handlers"]
    names = ["reserve", "confirm", "lost race"]
    floors = ["floor of reserve", "floor of confirm", "floor of a lost race"]
    bars(
        "handlers.svg",
        "Time of a handler, as a multiple of one bare write on its engine",
        names,
        {
            "Holdfast": [ratio(times[name], times[floor]) for name, floor in zip(names, floors, strict=True)],
            "usual way": [
                ratio(times[f"usual: {name}"], times[floor]) for name, floor in zip(names, floors, strict=True)
            ],
            "PostgreSQL": [
                ratio(rows["reserve"], rows["floor"]),
                ratio(rows["confirm"], rows["floor"]),
                ratio(rows["lost race"], rows["floor of a lost race"]),
            ],
        },
        line=1.35,
    )
    races = {**figures["race"], "PostgreSQL": figures["rows"]["race"]}
    bars(
        "race.svg",
        "64 clients, one slot: milliseconds until the answer, medians",
        ["the winner", "a loser", "the last loser"],
        {
            name: [races[name][who][1] for who in ("winner", "losers", "last")]
            for name in ("Holdfast", "usual way", "PostgreSQL")
        },
    )
    _lists(figures["lists"], figures["rows"]["lists"])
    _starts(figures["starts"]["milliseconds"])


def bars(file: str, title: str, names: list[str], groups: dict[str, list[float]], line: float | None = None) -> None:
    figure, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    width = 0.8 / len(groups)
    for place, ((name, values), colour) in enumerate(zip(groups.items(), (HOLDFAST, USUAL, RELATIONAL), strict=True)):
        drawn = axes.bar([at + place * width for at in range(len(names))], values, width, label=name, color=colour)
        axes.bar_label(drawn, fmt="%.3g", padding=2, fontsize=9, bbox={"color": "white", "pad": 0.5})
    if line:
        axes.axhline(line, color="black", linewidth=0.8, linestyle="--", label=f"budget {line}")
    axes.set_xticks([at + width for at in range(len(names))], names)
    finish(figure, axes, file, title)


def _lists(ours: list[Results], relational: list[Results]) -> None:
    figure, axes = plt.subplots(figsize=(7.5, 3.6), layout="constrained")
    for booked, style in ((0, "-"), (50, "--"), (99, ":")):
        for name, colour in (("Holdfast", HOLDFAST), ("usual way", USUAL)):
            found = [row for row in ours if row["booked"] == booked and row["way"] == name]
            curve(axes, found, f"{name}, {booked} % booked", colour, style)
        found = [row for row in relational if row["booked"] == booked]
        curve(axes, found, f"PostgreSQL, {booked} % booked", RELATIONAL, style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([1_000, 10_000, 100_000], ["1,000 slots", "10,000", "100,000"])
    axes.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes.minorticks_off()
    finish(figure, axes, "lists.svg", "A page of 20 bookable slots: milliseconds, medians", beside=True)


def curve(axes: Any, rows: list[Results], label: str, colour: str, style: str) -> None:
    points = sorted((row["slots"], row["milliseconds"][1]) for row in rows)
    axes.plot(*zip(*points, strict=True), style, marker="o", markersize=3, color=colour, label=label)


def _starts(figures: Results) -> None:
    figure, axes = plt.subplots(figsize=(7.5, 2.8), layout="constrained")
    names = list(figures)[::-1]
    imports = [figures[name]["importing"][1] for name in names]
    axes.barh(names, imports, color=HOLDFAST, label="import")
    first = [figures[name]["first_request"][1] for name in names]
    axes.barh(names, first, left=imports, color=FLOOR, label="first request")
    finish(figure, axes, "starts.svg", "Start, without Lambda's own: milliseconds, medians")


def finish(figure: Any, axes: Any, file: str, title: str, *, beside: bool = False) -> None:
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    place = {"loc": "center left", "bbox_to_anchor": (1, 0.5)} if beside else {}
    axes.legend(fontsize=8, frameon=False, **place)
    path = PLOTS / file
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    # matplotlib leaves blanks at the ends of lines.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
