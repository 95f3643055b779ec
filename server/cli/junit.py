"""Reports of gates as JUnit's XML, which GitLab, GitHub and Jenkins show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write(file: Path, suite: str, verdicts: Sequence[Mapping[str, Any]]) -> None:
    """Write a report: a test case for each rule of each policy."""
    from xml.etree import ElementTree as Xml

    rules = [(verdict, rule) for verdict in verdicts for rule in verdict["rules"]]
    failing = [rule for verdict, rule in rules if not rule["holds"] and verdict["outcome"] == "fail"]
    counts = {"tests": str(len(rules)), "failures": str(len(failing)), "errors": "0"}
    root = Xml.Element("testsuites", counts)
    parent = Xml.SubElement(root, "testsuite", {"name": suite, **counts})
    for verdict, rule in rules:
        case = Xml.SubElement(
            parent,
            "testcase",
            {"classname": f"policy {verdict['policy']}", "name": rule["name"], "time": "0"},
        )
        found = "\n".join(sentence(value) for value in rule["values"])
        if rule["holds"]:
            Xml.SubElement(case, "system-out").text = f"{rule['expression']}\n{found}"
        else:
            kind = "failure" if verdict["outcome"] == "fail" else "skipped"
            Xml.SubElement(case, kind, {"message": rule["expression"]}).text = found
    Xml.indent(root)
    file.write_bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def sentence(value: Mapping[str, Any]) -> str:
    """Return what was found for a fact, such as ``metrics.accuracy is 0.93``."""
    of_version = f" of version {value['version']}" if "version" in value else ""
    if value["state"] == "known":
        return f"{value['fact']}{of_version} is {value['value']!r}"
    return f"{value['fact']}{of_version} is not known: {value.get('note', value['state'])}"
