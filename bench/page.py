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
    """The tables whose figures there are; each mark is `<!-- name -->`."""
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
    days = sorted({part["at"] for name, part in results.items() if name != "machine"})
    yield from table(["", ""], [["measured", " to ".join(sorted({days[0], days[-1]}))], *results["machine"].items()])


def budgets(figures: Results) -> Iterable[str]:
    times = figures["handlers"]["milliseconds"]
    requests = figures["handlers"]["requests"]
    pages = {(row["slots"], row["booked"], row["way"]): row for row in figures["lists"]}
    small, large = (pages[size, 0, "Holdfast"] for size in (1_000, 100_000))
    begun = figures["starts"]["milliseconds"]
    bare, ours = begun["bare: one PynamoDB call"]["whole"], begun["Holdfast: one read, token"]["whole"]
    health = begun["Holdfast: health"]["whole"]
    rows: list[tuple[str, float, float]] = [
        ("reserve, beside the floor", ratio(times["reserve"], times["floor of reserve"]), 1.35),
        ("confirm, beside the floor", ratio(times["confirm"], times["floor of confirm"]), 1.35),
        ("requests of a lost race", requests["lost race"], 1),
        ("requests of a list page, nothing booked", large["requests"], 1),
        ("list page, 100,000 slots beside 1,000", ratio(large["milliseconds"], small["milliseconds"]), 1.2),
        ("what a sweep reads that has not expired, items", figures["sweep of none"]["requests"]["items looked at"], 0),
        ("import and first request, a token checked, beside bare", ratio(ours, bare), 1.3),
        ("import and first request, health, beside bare", ratio(health, bare), 1.3),
    ]
    yield from table(
        ["", "measured", "budget", ""],
        [
            [name, f"{found:.4g}", f"at most {most}", "holds" if found <= most else "**missed**"]
            for name, found, most in rows
        ],
    )


def handlers(figures: Results, rows: Results) -> Iterable[str]:
    times, requests = figures["milliseconds"], figures["requests"]
    body = []
    for name, floor, usual, relational in (
        ("reserve", "floor of reserve", "usual: reserve", "reserve"),
        ("confirm", "floor of confirm", "usual: confirm", "confirm"),
        ("lost race", "floor of a lost race", "usual: lost race", "lost race"),
        ("reserve, with the limit of holds", "floor of reserve", None, None),
    ):
        line = [name, ms(times[floor]), against(times[name], times[floor]), str(requests[name])]
        line += [against(times[usual], times[floor]), str(requests[usual])] if usual else ["", ""]
        line += [against(rows[relational], rows["floor"])] if relational else [""]
        body.append(line)
    yield from table(["", "floor, ms", "Holdfast, ms", "requests", "usual way, ms", "requests", "PostgreSQL, ms"], body)
    yield ""
    yield f"PostgreSQL's own floor, a bare `UPDATE`: {ms(rows['floor'])} ms."


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
    over, none, rows = figures["sweep of 10,000"], figures["sweep of none"], figures["rows"]["sweeps"]
    sent = over["requests"]
    yield from table(
        ["", ""],
        [
            ["10,000 holds that are over: queries", str(sent["Query"])],
            ["items that they looked at", f"{sent['items looked at']:,}"],
            ["transactions", f"{sent['TransactWriteItems']:,}"],
            ["one release, beside its bare transaction", against(over["release"], over["floor"]) + " ms"],
            ["all of them, on Moto, whose index is not sorted", f"{over['seconds']} s"],
            ["all of them in PostgreSQL, one statement", f"{rows['seconds']} s"],
            [
                "none among 100,000 live holds: queries, items looked at",
                f"{none['requests']['Query']}, {none['requests']['items looked at']}",
            ],
            ["the same, beside an empty table", against(none["full"], none["empty"]) + " ms"],
            ["none among 100,000 in PostgreSQL", ms(rows["full"]) + " ms"],
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
            "PostgreSQL": [ratio(rows[name], rows["floor"]) for name in names],
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
        axes.bar_label(drawn, fmt="%.3g", padding=2, fontsize=9)
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
    axes.set_xlabel("slots of the provider")
    finish(figure, axes, "lists.svg", "A page of 20 bookable slots: milliseconds, medians")


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


def finish(figure: Any, axes: Any, file: str, title: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False)
    path = PLOTS / file
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    # matplotlib leaves blanks at the ends of lines.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")
