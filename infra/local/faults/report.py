"""Table of results, as Markdown that is also readable in a terminal."""

HEAD = ("service", "fault", "injected", "requests", "2xx", "503/409", "other", "slowest s", "accepted", "uncertain",
        "lost", "repeated", "recovered s")


def cells(verdict):
    """Cells of a verdict's row, as text."""
    line = (verdict.service, verdict.kind, verdict.injected, verdict.requests, verdict.good, verdict.refused,
            verdict.broken, f"{verdict.slowest.seconds:.1f}", verdict.accepted, verdict.uncertain, verdict.lost,
            verdict.repeated, f"{verdict.recovered_seconds:.0f}")
    return [str(cell) for cell in line]


def table(verdicts):
    """Table of all verdicts."""
    rows = [HEAD, *map(cells, verdicts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    line = lambda row: "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
    return "\n".join([line(HEAD), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows[1:])])


def last_line(verdicts):
    """Summary of all verdicts."""
    good = sum(verdict.holds for verdict in verdicts)
    lost, repeated = sum(verdict.lost for verdict in verdicts), sum(verdict.repeated for verdict in verdicts)
    if good == len(verdicts):
        return f"{good} of {len(verdicts)} cases passed: nothing lost, nothing paid for twice"
    return f"{good} of {len(verdicts)} cases passed: {lost} lost, {repeated} paid for twice"
