"""The facts of `inspection` as JSON or as terminal tables."""

import json
from typing import Any

SHOWN_CLASSES = 30
SHOWN_PROBLEMS = 20
SHOWN_COLUMNS = 40


def show_json(facts: dict[str, Any]) -> None:
    """Print the facts as JSON."""
    print(json.dumps(facts, indent=2, ensure_ascii=False))


def show_tables(facts: dict[str, Any]) -> None:
    """Print the facts as terminal tables; everything that came from data is escaped."""
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    _show_about(console, facts)
    _show_classes(console, facts)
    _show_columns(console, facts)
    for note in facts["notes"]:
        console.print(f"note: {escape(note)}")
    for problem in facts["problems"][:SHOWN_PROBLEMS]:
        console.print(f"problem: {escape(problem['where'])}: {escape(problem['reason'])}")
    if len(facts["problems"]) > SHOWN_PROBLEMS:
        console.print(f"… and {len(facts['problems']) - SHOWN_PROBLEMS} problems more (--json lists all)")
    if "preview" in facts:
        console.print(f"examples are drawn in {escape(facts['preview'])}")


def _show_about(console: Any, facts: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    about = Table(show_header=False, box=None)
    about.add_row("name", escape(facts["name"]))
    about.add_row("domain", f"{facts['domain']} ({escape(facts['domain_reason'])})")
    about.add_row("task", facts["kind"])
    shape = " × ".join("?" if size < 0 else str(size) for size in facts["shape"])
    about.add_row("shape", f"{shape}  (time, rows, columns, channels)")
    about.add_row("rows", f"{facts['n_train']} training, {facts['n_test']} test")
    about.add_row("labels per row", f"{facts['labels_per_row']:.2f}")
    if facts["imbalance"] is not None:
        about.add_row("imbalance", f"largest class {facts['imbalance']:.3g} times the smallest")
    for key, value in facts["content"].items():
        about.add_row(key.replace("_", " "), escape(_value(value)))
    duplicates = facts["duplicates"]
    about.add_row(
        "duplicates",
        f"{duplicates['test_rows_also_in_train']} test rows also in training, "
        f"{duplicates['train_rows_standing_twice']} training rows repeated "
        f"({duplicates['compared_train']} and {duplicates['compared_test']} compared)",
    )
    console.print(about)


def _show_classes(console: Any, facts: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table("class", "training examples", "share")
    for row in facts["classes"][:SHOWN_CLASSES]:
        share = row["train_examples"] / max(1, facts["n_train"])
        table.add_row(escape(row["name"]), str(row["train_examples"]), f"{share:.1%}")
    console.print(table)
    if len(facts["classes"]) > SHOWN_CLASSES:
        console.print(f"… and {len(facts['classes']) - SHOWN_CLASSES} classes more (--json lists all)")


def _show_columns(console: Any, facts: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    columns = facts["columns"]
    if not columns:
        return
    # The ones with something to say come first; the rest only fill the table.
    flagged = sorted(columns, key=lambda column: -sum(column[flag] for flag in ("leak", "id_like", "constant")))
    table = Table("column", "kind", "missing", "different values", "")
    for column in flagged[:SHOWN_COLUMNS]:
        flags = ", ".join(
            text
            for flag, text in (("leak", "equals the label"), ("id_like", "like an id"), ("constant", "constant"))
            if column[flag]
        )
        table.add_row(
            escape(column["name"]), column["kind"], f"{column['missing']:.1%}", str(column["different"]), flags
        )
    console.print(table)
    if len(columns) > SHOWN_COLUMNS:
        console.print(f"… and {len(columns) - SHOWN_COLUMNS} columns more (--json lists all)")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return (
            " … ".join(f"{value[key]:.5g}" for key in ("lowest", "median", "highest")) + "  (lowest, median, highest)"
        )
    return f"{value:.3g}" if isinstance(value, float) else str(value)
