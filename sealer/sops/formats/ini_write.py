"""INI as go-ini writes it: signs aligned within a section, empty lines between sections, quotes where they are needed.

Source: go-ini/ini file.go, writeToBuffer, release 1.67.3.
"""

from sealer.sops.formats.ini_read import DEFAULT, SPACE, Section
from sealer.sops.tree import to_bytes


def write(sections: list[Section]) -> str:
    """The text of sections."""
    lines: list[str] = []
    for index, section in enumerate(sections):
        lines += [_remark(line, line) for line in _lines(section.comment)]
        if index or section.name.upper() != DEFAULT:
            lines.append(f"[{section.name}]")
        elif not section.keys:
            continue
        names = [_quoted_name(name) for name in section.keys]
        widths = [len(name) if name.isascii() else len(to_bytes(name)) for name in names]
        width = max(widths, default=0)
        for name, taken, key in zip(names, widths, section.keys.values(), strict=True):
            if key.comment:
                lines += [_remark(line, line.strip(SPACE)) for line in _lines(key.comment)]
            lines.append(f"{name}{' ' * (width - taken)} = {_quoted_value(key.value)}")
        if index < len(sections) - 1:
            lines.append("")
    return "".join(f"{line}\n" for line in lines)


def _lines(comment: str) -> list[str]:
    return comment.split("\n") if comment else []


def _remark(line: str, text: str) -> str:
    """A line of a comment: with its own sign if it has one, else with a semicolon before `text`.

    The original crashes at an empty line, which it makes itself of a comment that begins with a bare sign.
    """
    if not line:
        return ";"
    return f"{line[0]} {line[1:].strip(SPACE)}" if line[0] in "#;" else f"; {text}"


def _quoted_name(name: str) -> str:
    """A name that begins like a comment or a section is quoted, too: the original writes it bare and loses the key."""
    if '"' in name or "=" in name or ":" in name or (name[0] in "#;[" and "`" not in name):
        return f"`{name}`"
    return f'"""{name}"""' if "`" in name else name


def _quoted_value(value: str) -> str:
    if "\n" in value or "`" in value:
        return f'"""{value}"""'
    if "#" in value or ";" in value:
        return f"`{value}`"
    return f'"{value}"' if value and (value[0] in SPACE or value[-1] in SPACE) else value
