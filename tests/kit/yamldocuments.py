"""Random YAML documents with comments wherever a person, or an enemy, could put one."""

from random import Random

_SCALARS = (
    *("1", "x", "'q r'", '"d"', "~", "", "true", "a b", "[1, 2]", "{a: 1, b: 2}", "[]", "{}", "!!str 5", "0x1F"),
    *("2024-01-02", "yes", "!mine z", "[a: b, # o\n{0} c]", "{? x # p\n{0}  : y}", "[ # u\n{0}  # v\n{0}  ]"),
    *("|-\n{0}  lit\n{0}  two", ">\n{0}  fold\n{0}  more", "|+ # hh\n{0}  lit\n\n", "| # k\n{0}  x"),
    *('"multi\n{0}  line"', "multi\n{0}  plain", "[1, # f\n{0}  2 # g\n{0}  ]"),
    *("{k: v, # h\n{0}  # i\n{0}  l: m # j\n{0}  }", "[\n{0}  # q\n{0}  {a: 1} # w\n{0}  # e\n{0}  , 2]"),
)
_SHARED = ("*first", "&other [x] # y", "&{1} z")


class Writer:
    """Writes one document. Without `is_shared` there are no anchors and aliases."""

    def __init__(self, random: Random, *, is_shared: bool = True) -> None:
        self._random = random
        self._scalars = _SCALARS + (_SHARED if is_shared else ())
        self._is_shared = is_shared
        self._lines: list[str] = []
        self._anchors = 0

    def stream(self) -> bytes:
        """Between one and three documents."""
        random, lines = self._random, self._lines
        for number in range(random.choice([1, 1, 1, 2, 3])):
            if number or random.random() < 0.15:
                lines.append("---" + random.choice(["", "", "", " # s"]))
            self._noise(0, 0.4)
            if not number:
                lines.append("start: &first 1" if self._is_shared else "start: 1")
            self._mapping(0, 3)
            self._noise(0, 0.4)
            if random.random() < 0.1:
                lines.append("...")
                self._noise(0)
        text = "\n".join(lines) + random.choice(["\n", "\n", "", "\n\n"])
        return (text.replace("\n", "\r\n") if random.random() < 0.05 else text).encode()

    def _noise(self, indent: int, chance: float = 0.25) -> None:
        """Comments and blank lines, more or less where they belong."""
        random = self._random
        while random.random() < chance:
            if random.random() < 0.4:
                self._lines.append("")
            else:
                column = random.choice([indent, indent, indent, indent - 2, indent + 2, 0, indent - 1])
                mark = random.choice(["", " ", "c", "#"])
                self._lines.append(" " * max(0, column) + f"#{mark}{random.randrange(100)}")

    def _tail(self) -> str:
        return self._random.choice(["", "", "", "", " # t", "   #u", " #"])

    def _mapping(self, indent: int, depth: int, lead: str | None = None) -> None:
        for number in range(self._random.randrange(1, 4)):
            start = self._start(indent, lead if not number else None)
            key = self._random.choice("abcdefgh") + str(number)
            if self._random.random() < 0.05:
                key = f"? {key}{self._tail()}\n{' ' * indent}"
            self._node(indent, depth, f"{start}{key}:", is_item=False)

    def _sequence(self, indent: int, depth: int, lead: str | None = None) -> None:
        for number in range(self._random.randrange(1, 4)):
            self._node(indent, depth, self._start(indent, lead if not number else None) + "-", is_item=True)

    def _start(self, indent: int, lead: str | None) -> str:
        if lead is not None:
            return lead
        self._noise(indent)
        return " " * indent

    def _node(self, indent: int, depth: int, lead: str, *, is_item: bool) -> None:
        random = self._random
        chance = random.random()
        if depth <= 0 or chance < 0.5:
            self._anchors += 1
            pattern = random.choice(self._scalars)
            text = pattern.replace("{0}", " " * indent).replace("{1}", f"n{self._anchors}")
            tail = "" if text.startswith(("|", ">")) or text.endswith("\n") else self._tail()
            self._lines.append(lead + (" " if text else "") + text + tail)
        elif chance < 0.6 and is_item:
            inside = self._mapping if random.random() < 0.7 else self._sequence
            inside(len(lead) + 1, depth - 1, lead + " ")
        else:
            self._anchors += 1
            anchor = f" &m{self._anchors}" if self._is_shared and random.random() < 0.2 else ""
            self._lines.append(lead + anchor + self._tail())
            self._noise(indent + 2)
            if chance < 0.8:
                self._mapping(indent + random.choice([1, 2, 2, 4]), depth - 1)
            else:
                self._sequence(indent + (2 if is_item else random.choice([0, 2, 4])), depth - 1)
