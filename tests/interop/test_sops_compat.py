"""The original sops and ours side by side: the verbs that read and write files, what they write, where, and their ends.

Files are opened and compared: their layout with ciphertext apart, and their plain text, each read by the other program.
What we do otherwise on purpose is in test_sops_compat_departures.py.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit.sopsground import PLAIN, SopsGround, check, make_ground

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def ground(program: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> SopsGround:
    return make_ground(tmp_path_factory.mktemp("ground"), program("sops"), program("age-keygen"))


DECRYPTS = [
    "decrypt e.yaml",
    "-d e.yaml",
    "--decrypt e.yaml",
    "decrypt e-two.yaml",
    "decrypt e.json",
    "decrypt e.env",
    "decrypt e.ini",
    "decrypt e.txt",
    "decrypt e-groups.yaml",
    "decrypt e-three.yaml",
    "decrypt new-version.yaml",
    "decrypt no-version.yaml",
    "decrypt --output-type json e.yaml",
    "decrypt e.yaml --output-type json",
    "decrypt --output-type=yaml e.json",
    "decrypt --output-type dotenv e-flat.yaml",
    "decrypt --output-type dotenv e.yaml",
    "decrypt --output-type nonsense e.yaml",
    "decrypt --input-type json --output-type json e.yaml",
    "decrypt --output out e.yaml",
    "decrypt --output no/where e.yaml",
    "decrypt -i e.yaml",
    "decrypt --in-place=true e.yaml",
    "decrypt -i=false e.yaml",
    "-d -i e.yaml",
    "-d --output out e.yaml",
    "decrypt -i --output out e.yaml",
    "-d -i --output out e.yaml",
    "decrypt --filename-override x.json e.yaml",
    "decrypt --filename-override x.yaml --input-type yaml e.yaml",
    "decrypt --ignore-mac changed.yaml",
    "decrypt changed.yaml",
    "-d changed.yaml",
    "-d --ignore-mac changed.yaml",
    "decrypt no-mac.yaml",
    "decrypt --ignore-mac no-mac.yaml",
    "decrypt moved.yaml",
    "decrypt p.yaml",
    "decrypt p.txt",
    "decrypt p.json",
    "decrypt p.env",
    "decrypt p.ini",
    "decrypt broken.yaml",
    "decrypt nowhere.yaml",
    "-d nowhere.yaml",
    "decrypt e.yaml e.json",
    "decrypt -i e.yaml --ignore-mac",
    "decrypt e.yaml -nonsense",
    "decrypt --decryption-order pgp,age e.yaml",
    "decrypt --decryption-order age,age e.yaml",
    "decrypt --enable-local-keyservice=false e.yaml",
    "--config without.rules decrypt --output-type yaml e.json",
    "--config without.rules decrypt e.json",
    "--config without.rules decrypt e.yaml",
    "--config without.rules --indent 3 decrypt e.yaml",
    "--config broken.rules decrypt e.yaml",
    "--config nowhere.rules decrypt e.yaml",
    "--indent 1 -d e.json",
    "--indent 0 -d e.yaml",
    "--indent -2 -d e.json",
    "--verbose=false decrypt e.yaml",
]


@pytest.mark.parametrize("words", DECRYPTS)
def test_decrypting(ground: SopsGround, words: str) -> None:
    check(ground, words.split())


@pytest.mark.parametrize(
    "place",
    [
        *('["a"]', "['b']", '["b"][0]', '["b"][2]["c"]', '["n"]', '["f"]', '["t"]', '["e"]', '["d"]', "", '["z"]'),
        *('["a"][0]', '["b"][9]', "a", '["b"]x', "[b]"),
    ],
)
@pytest.mark.parametrize("form", ["yaml", "json"])
def test_extracting(ground: SopsGround, place: str, form: str) -> None:
    check(ground, ["decrypt", "--extract", place, "--output-type", form, "e.yaml"])


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("decrypt", "e.txt"),
        ("decrypt", "e.yaml"),
        ("decrypt --input-type yaml --output-type yaml", "e.yaml"),
        ("decrypt --filename-override x.yaml", "e.yaml"),
        ("decrypt --filename-override x.env --output out", "e.env"),
        ("decrypt -i", "e.yaml"),
        ("encrypt", "p.yaml"),
        ("encrypt -i --filename-override x.yaml", "p.yaml"),
        ("encrypt -a AGE_ONE --filename-override x.yaml --output out.yaml", "p.yaml"),
        ("encrypt -a AGE_ONE --filename-override x.env --output out.env", "p.env"),
    ],
)
def test_standard_input(ground: SopsGround, words: str, name: str) -> None:
    data = {**{key: text.encode() for key, text in PLAIN.items()}, **ground.encrypted}[name]
    check(ground, words.split(), data)


ENCRYPTS = [
    *(f"encrypt --age AGE_ONE p.{suffix}" for suffix in ("yaml", "json", "env", "ini", "txt")),
    "-e -a AGE_ONE p.yaml",
    "--encrypt --age AGE_ONE,AGE_TWO p.yaml",
    "encrypt -a AGE_ONE two.yaml",
    "encrypt -a AGE_ONE flat.yaml",
    "encrypt -i -a AGE_ONE p.yaml",
    "encrypt p.yaml -a AGE_ONE",
    "-e -i -a AGE_ONE p.yaml",
    "encrypt --output out.yaml -a AGE_ONE p.yaml",
    "-e --output out.yaml -a AGE_ONE p.yaml",
    "encrypt --output out.yaml -i -a AGE_ONE p.yaml",
    "encrypt --output-type json -a AGE_ONE p.yaml",
    "encrypt --input-type yaml --output-type yaml -a AGE_ONE p.json",
    "encrypt --filename-override x.yaml -a AGE_ONE p.json",
    "--indent 2 encrypt -a AGE_ONE p.yaml",
    "--indent 2 encrypt -a AGE_ONE p.json",
    "encrypt -a nonsense p.yaml",
    "encrypt -a age1nonsense p.yaml",
    "encrypt p.yaml",
    "-e p.yaml",
    "encrypt nowhere.yaml",
    "encrypt -a AGE_ONE e.yaml",
    "encrypt -a AGE_ONE e.env",
    "encrypt -a AGE_ONE sops.yaml",
    "encrypt -a AGE_ONE broken.yaml",
    "encrypt -a AGE_ONE list.yaml",
    "encrypt -a AGE_ONE --unencrypted-suffix a p.yaml",
    "encrypt -a AGE_ONE --encrypted-suffix word keys.yaml",
    "encrypt -a AGE_ONE --unencrypted-regex ^meta keys.yaml",
    "encrypt -a AGE_ONE --encrypted-regex ^(data|stringData)$ keys.yaml",
    "-e -a AGE_ONE --encrypted-regex ^(data|stringData)$ keys.yaml",
    "-e -a AGE_ONE --encrypted-comment-regex secret comments.yaml",
    "-e -a AGE_ONE --unencrypted-comment-regex other comments.yaml",
    "-e -a AGE_ONE --encrypted-regex a --encrypted-suffix b keys.yaml",
    "encrypt -a AGE_ONE --encrypted-regex a --unencrypted-suffix b keys.yaml",
    "encrypt -a AGE_ONE --encrypted-regex a p.txt",
    "--mac-only-encrypted encrypt -a AGE_ONE p.yaml",
    "-e --mac-only-encrypted -a AGE_ONE p.yaml",
    "encrypt -a AGE_ONE --shamir-secret-sharing-threshold 1 p.yaml",
    "encrypt --encryption-context nonsense -a AGE_ONE p.yaml",
    "--config one.rules encrypt p.yaml",
    "--config both.rules -e p.yaml",
    "--config two-groups.rules encrypt p.yaml",
    "--config two-groups.rules encrypt --shamir-secret-sharing-threshold 2 p.json",
    "--config two-groups.rules encrypt --shamir-secret-sharing-threshold 3 p.yaml",
    "--config three-groups.rules encrypt p.env",
    "--config two-groups.rules encrypt -a AGE_ONE p.yaml",
    "--config data.rules encrypt keys.yaml",
    "--config data.rules encrypt --encrypted-regex ^metadata$ keys.yaml",
    "--config data.rules encrypt --unencrypted-suffix a keys.yaml",
    "--config data.rules encrypt p.txt",
    "--config none.rules encrypt p.yaml",
    "--config none.rules encrypt -a AGE_ONE p.yaml",
    "--config without.rules encrypt p.yaml",
    "--config without.rules encrypt -a AGE_ONE p.yaml",
    "--config without.rules encrypt -a AGE_ONE p.json",
    "--config without.rules encrypt -a AGE_ONE p.txt",
    "--config empty-group.rules encrypt p.yaml",
    "--config clash.rules encrypt p.yaml",
    "--config broken.rules encrypt -a AGE_ONE p.yaml",
    "--config nulls.rules encrypt p.yaml",
    "--config null-first.rules encrypt p.yaml",
    "--config old-words.rules encrypt p.yaml",
]


@pytest.mark.parametrize("words", ENCRYPTS)
def test_encrypting(ground: SopsGround, words: str) -> None:
    check(ground, words.split())


def test_an_empty_key_group_is_said_in_the_original_words(ground: SopsGround) -> None:
    words = ["--config", "empty-group.rules", "encrypt", "p.yaml"]
    theirs, ours = (ground.run(is_ours, words) for is_ours in (False, True))
    assert ours.error == theirs.error == "Could not generate data key: [empty key group provided]\n"


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        ("encrypt p.yaml", {"SOPS_AGE_RECIPIENTS": "AGE_ONE"}),
        ("-e p.yaml", {"SOPS_AGE_RECIPIENTS": "AGE_ONE,AGE_TWO"}),
        ("encrypt p.yaml", {"SOPS_CONFIG": "two-groups.rules"}),
        ("decrypt e.yaml", {"SOPS_CONFIG": "broken.rules"}),
        ("decrypt e.yaml", {"SOPS_DECRYPTION_ORDER": "age,age"}),
        ("decrypt e.yaml", {"SOPS_ENABLE_LOCAL_KEYSERVICE": "false"}),
        ("decrypt e.yaml", {"SOPS_AGE_KEY": ""}),
        ("decrypt e-groups.yaml", {"SOPS_AGE_KEY": ""}),
        ("-d e.yaml", {"SOPS_AGE_KEY": "nonsense"}),
        ("rotate e.yaml", {"SOPS_AGE_KEY": ""}),
        ("set e.yaml ['a'] 1", {"SOPS_AGE_KEY": ""}),
        ("edit e.yaml", {"SOPS_AGE_KEY": ""}),
    ],
)
def test_the_environment(ground: SopsGround, words: str, environ: dict[str, str]) -> None:
    check(ground, words.split(), environ={name: ground.named(text) for name, text in environ.items()})


SETS: list[tuple[str, ...]] = [
    ("e.yaml", '["a"]', "2"),
    ("e.yaml", '["a"]', "1"),
    ("e.yaml", '["a"]', '"text"'),
    ("e.yaml", '["a"]', "null"),
    ("e.yaml", '["a"]', "true"),
    ("e.yaml", '["b"][0]', '"y"'),
    ("e.yaml", '["b"][9]', '"y"'),
    ("e.yaml", '["new"]["deep"][3]["er"]', "1.5"),
    ("e.yaml", '["a"]["b"]', '"y"'),
    ("e.yaml", '["a"]', '{"x": [1, 2.5, "y"], "z": {}}'),
    ("e.yaml", '["x_unencrypted"]', '"plain"'),
    ("e.yaml", "[0]", "1"),
    ("e.json", '["c"]["d"]', '"z"'),
    ("e.env", '["A"]', '"z"'),
    ("e.env", '["N"]', "12"),
    ("e.env", '["N"]', '{"a": 1}'),
    ("e.ini", '["one"]["key"]', '"z"'),
    ("e.txt", '["data"]', '"other"'),
    ("e-two.yaml", '["a"]', "3"),
    ("e.yaml", '["a"]', "[1]"),
    ("e.yaml", '["a"]', "nonsense"),
    ("e.yaml", '["a"]', "1 2"),
    ("e.yaml", "a", "1"),
    ("e.yaml", '["sops"]', "1"),
    ("e.yaml", '["a"]'),
    ("e.yaml",),
    ("nowhere.yaml", '["a"]', "1"),
    ("p.yaml", '["a"]', "1"),
    ("changed.yaml", '["a"]', "2"),
    ("--ignore-mac", "changed.yaml", '["a"]', "2"),
    ("--idempotent", "e.yaml", '["s_unencrypted"]', '"plain"'),
    ("--idempotent", "e.yaml", '["s_unencrypted"]', '"other"'),
    ("--value-file", "e.yaml", '["a"]', "value.json"),
    ("--value-file", "e.yaml", '["a"]', "nowhere.json"),
    ("--value-file", "--value-stdin", "e.yaml", '["a"]'),
    ("--value-stdin", "e.yaml", '["a"]', "1"),
    ("--output-type", "json", "e.yaml", '["a"]', "1"),
]


@pytest.mark.parametrize("words", SETS)
def test_setting(ground: SopsGround, words: tuple[str, ...]) -> None:
    check(ground, ["set", *words])


def test_setting_from_standard_input(ground: SopsGround) -> None:
    check(ground, ["set", "--value-stdin", "e.yaml", '["a"]'], b'{"x": "y"}\n')


@pytest.mark.parametrize(
    "words",
    [
        ('["a"] "text"', "e.yaml"),
        ('["a"]["b"]   {"x": 1}', "e.yaml"),
        ('["a"]', "e.yaml"),
        ('["a"] nonsense', "e.yaml"),
        ('a] "text"', "e.yaml"),
        ('["a"] "text"', "nowhere.yaml"),
    ],
)
def test_setting_in_the_old_style(ground: SopsGround, words: tuple[str, str]) -> None:
    check(ground, ["--config", "one.rules", "--set", *words])


@pytest.mark.parametrize(
    "words",
    [
        ("e.yaml", '["a"]'),
        ("e.yaml", '["b"]'),
        ("e.yaml", '["b"][0]'),
        ("e.yaml", '["b"][2]["c"]'),
        ("e.yaml", '["z"]'),
        ("e.yaml", '["b"][9]'),
        ("e.yaml", '["a"]["b"]'),
        ("--idempotent", "e.yaml", '["z"]'),
        ("--idempotent", "e.yaml", '["a"]["b"]'),
        ("e.json", '["c"]["d"]'),
        ("e.env", '["A"]'),
        ("e.yaml", "a"),
        ("e.yaml",),
        ("nowhere.yaml", '["a"]'),
    ],
)
def test_unsetting(ground: SopsGround, words: tuple[str, ...]) -> None:
    check(ground, ["unset", *words])


ROTATES = [
    "rotate e.yaml",
    "rotate -i e.yaml",
    "-r e.yaml",
    "-r -i e.json",
    "rotate --output out.yaml e.yaml",
    "rotate -i --output out.yaml e.yaml",
    "rotate -i --add-age AGE_TWO e.yaml",
    "rotate -i --rm-age AGE_TWO e-both.yaml",
    "rotate -i --rm-age AGE_ONE --add-age AGE_TWO e.yaml",
    "rotate -i --rm-age AGE_ONE e.yaml",
    "rotate -i --add-age nonsense e.yaml",
    "rotate -i --add-pgp nonsense e.yaml",
    "rotate -i e-groups.yaml",
    "rotate -i --add-age AGE_TWO e-three.yaml",
    "rotate -i e.env",
    "rotate -i e.ini",
    "rotate -i e.txt",
    "rotate -i changed.yaml",
    "-r --ignore-mac changed.yaml",
    "rotate nowhere.yaml",
    "rotate --add-age AGE_ONE nowhere.yaml",
    "-r nowhere.yaml",
    "--add-age AGE_ONE nowhere.yaml",
    "rotate",
    "--config none.rules -r e.yaml",
    "--config none.rules rotate e.yaml",
]


@pytest.mark.parametrize("words", ROTATES)
def test_rotating(ground: SopsGround, words: str) -> None:
    check(ground, words.split())


UPDATES = [
    "--config one.rules updatekeys -y e.yaml",
    "--config both.rules updatekeys --yes e.yaml",
    "--config both.rules updatekeys e.yaml -y",
    "--config one.rules updatekeys -y e-both.yaml",
    "--config two-groups.rules updatekeys -y e.yaml",
    "--config three-groups.rules updatekeys -y e-groups.yaml",
    "--config one.rules updatekeys -y e-groups.yaml",
    "--config both.rules updatekeys -y e.yaml e.json e.env e.ini e.txt",
    "--config both.rules updatekeys -y nowhere.yaml",
    "--config both.rules updatekeys -y e.yaml nowhere.yaml",
    "--config both.rules updatekeys -y .",
    "--config both.rules updatekeys -y p.yaml",
    "--config both.rules updatekeys -y --input-type yaml e.json",
    "--config both.rules updatekeys",
    "--config without.rules updatekeys -y e.yaml",
    "--config none.rules updatekeys -y e.yaml",
    "--config empty-group.rules updatekeys -y e.yaml",
    "updatekeys -y e.yaml",
]


@pytest.mark.parametrize("words", UPDATES)
def test_updating_keys(ground: SopsGround, words: str) -> None:
    check(ground, words.split())


@pytest.mark.parametrize(
    "words",
    [
        ["decrypt", "plain-comment.yaml"],
        ["rotate", "plain-comment.yaml"],
        ["set", "plain-comment.yaml", '["a"]', "2"],
        ["unset", "plain-comment.yaml", '["a"]'],
    ],
)
def test_comments_that_came_in_plain_are_warned_of(ground: SopsGround, words: list[str]) -> None:
    assert "level=warning" in check(ground, words).error


@pytest.mark.parametrize("answer", [b"y\n", b"n\n", b"maybe\ny\n", b""])
def test_updating_keys_asks(ground: SopsGround, answer: bytes) -> None:
    check(ground, ["--config", "both.rules", "updatekeys", "e.yaml"], answer)


def test_updated_keys_leave_all_else_byte_for_byte(ground: SopsGround) -> None:
    done = check(ground, ["--config", "both.rules", "updatekeys", "-y", "e.yaml"])
    before, after = ground.encrypted["e.yaml"].decode(), done.written["e.yaml"].decode()
    apart = [re.sub(r"(?s)    age:\n.*?    lastmodified", "    lastmodified", text) for text in (before, after)]
    assert apart[0] == apart[1]


@pytest.mark.parametrize(
    "words",
    [
        "add -f e.yaml --age AGE_TWO",
        "add -i -f e.yaml --age AGE_TWO",
        "add -i --file e.yaml --age AGE_ONE --age AGE_TWO --shamir-secret-sharing-threshold 2",
        "add -i -f e-groups.yaml --age AGE_TWO",
        "add -i -f e.yaml --age AGE_TWO more",
        "add -i -f nowhere.yaml --age AGE_TWO",
        "delete -i -f e-three.yaml 0",
        "delete -f e-three.yaml 2",
        "delete -i -f e-groups.yaml 1",
        "delete -i -f e-groups.yaml --shamir-secret-sharing-threshold 1 1",
        "delete -i -f e.yaml",
        "delete -i -f e.yaml x",
        "add",
        "delete 0",
        "delete",
        "nonsense",
    ],
)
def test_groups(ground: SopsGround, words: str) -> None:
    check(ground, ["groups", *words.split()])


@pytest.mark.parametrize("name", ["e.yaml", "e.json", "e.env", "e.ini", "e.txt", "no-mac.yaml", "p.yaml", "p.json"])
def test_the_status_of_a_file(ground: SopsGround, name: str) -> None:
    check(ground, ["filestatus", name])


@pytest.mark.parametrize(
    "words", ["p.env", "p.ini", "p.txt", "broken.yaml", "nowhere.yaml", "", "--input-type json e.txt"]
)
def test_the_status_of_other_files(ground: SopsGround, words: str) -> None:
    check(ground, ["filestatus", *words.split()])
