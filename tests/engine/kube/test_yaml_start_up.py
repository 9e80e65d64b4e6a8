"""PyYAML's C parser is loaded without the rest of PyYAML, and nobody else in the process notices (decision 0002)."""

import functools
import subprocess
import sys
from textwrap import dedent

import pytest

_READ = 'from engine.kube.yaml import *; assert read_all(b"a: [1]", dialect=Dialect.V2, source="s") == [{"a": [1]}]\n'


@functools.cache
def run(code: str) -> str:
    """What a fresh interpreter prints; its failure is the test's. Tests that ask the same share one."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(code: str) -> set[str]:
    return set(run(f"{code}\nimport sys; print(*sys.modules)").split())


def test_reading_yaml_loads_neither_resolvers_nor_constructors() -> None:
    modules = loaded(_READ)
    assert {"yaml", "yaml._yaml", "yaml.events"} <= modules
    assert not {"yaml.resolver", "yaml.constructor", "yaml.representer", "yaml.cyaml", "yaml.scanner"} & modules


def test_reading_and_writing_json_loads_no_yaml_at_all() -> None:
    modules = loaded('from engine.kube.manifest import *; print(to_json(read(b"{}", source="s")[0][0].raw))')
    assert not {name for name in modules if name.startswith("yaml") or name == "engine.kube.yaml_read"}


def test_writing_yaml_loads_no_parser() -> None:
    modules = loaded('from engine.kube.manifest import *; print(to_yaml(read(b"{}", source="s")[0][0].raw))')
    assert not {"yaml", "engine.kube.yaml_read"} & modules


@pytest.mark.parametrize(
    "heavy", ["dataclasses", "inspect", "asyncio", "ssl", "http.client", "logging", "threading", "json"]
)
def test_reading_and_writing_loads_nothing_heavy(heavy: str) -> None:
    modules = loaded('from engine.kube.manifest import *; print(to_yaml(read(b"a: 1", source="s")[0][0].raw))')
    assert heavy not in modules


_OTHERS_USE = dedent(
    """
    import yaml
    assert yaml.safe_load("a: [1, 2001-01-01]")["a"][0] == 1
    for loader in (yaml.SafeLoader, yaml.CSafeLoader):
        assert yaml.load("{a: yes}", Loader=loader) == {"a": True}
        try:
            yaml.load("a: [", Loader=loader)
        except yaml.parser.ParserError as error:
            assert isinstance(error, yaml.YAMLError)
        else:
            raise AssertionError
        try:
            yaml.load("a: \\x00", Loader=loader)
        except yaml.reader.ReaderError:
            pass
        else:
            raise AssertionError
        node = yaml.compose("a: [b]", Loader=loader)
        assert isinstance(node, yaml.nodes.MappingNode) and isinstance(node, yaml.MappingNode)
        kinds = [type(event) for event in yaml.parse("a", Loader=loader)]
        assert yaml.events.ScalarEvent in kinds and yaml.ScalarEvent in kinds
    assert yaml.dump({"a": 1}, Dumper=yaml.CSafeDumper) == yaml.safe_dump({"a": 1}) == "a: 1\\n"
    try:
        yaml.emit([yaml.ScalarEvent(None, None, (True, True), "x")], Dumper=yaml.CSafeDumper)
    except yaml.emitter.EmitterError:
        pass
    else:
        raise AssertionError
    import yaml._yaml, engine.kube.libyaml
    assert yaml._yaml.CParser is engine.kube.libyaml.CParser
    """
)


@pytest.mark.parametrize("order", [_READ + _OTHERS_USE, "import yaml\n" + _READ + _OTHERS_USE, _OTHERS_USE + _READ])
def test_others_have_all_of_pyyaml_before_and_after_us(order: str) -> None:
    run(order + _OTHERS_USE + _READ)


@pytest.mark.parametrize(
    "use",
    [
        "from yaml import safe_load, CSafeLoader\nassert safe_load('1') == 1",
        "from yaml import *\nassert safe_load('1') == 1",
        "import yaml.constructor\nassert yaml.constructor.SafeConstructor and yaml.safe_load('1') == 1",
        "from yaml.scanner import ScannerError\nimport yaml\nassert yaml.scanner.ScannerError is ScannerError",
        "import yaml\nassert yaml.__version__ and hasattr(yaml, 'CLoader') and not hasattr(yaml, 'nonsense')",
        "import yaml, importlib\nimportlib.reload(yaml)\nassert yaml.safe_load('1') == 1",
        "import yaml, pickle\nassert pickle.loads(pickle.dumps(yaml.YAMLError('x'))).args == ('x',)",
        "import _yaml\nassert _yaml.CParser",
    ],
)
def test_the_package_completes_itself_however_it_is_asked(use: str) -> None:
    run(_READ + use + "\n" + _READ)


def test_many_threads_may_be_the_first_to_ask() -> None:
    run(
        _READ
        + dedent(
            """
            import sys, threading
            sys.setswitchinterval(1e-6)
            barrier, seen = threading.Barrier(16), []
            def ask():
                barrier.wait()
                import yaml
                seen.append(yaml.load("[1, 2]", Loader=yaml.CSafeLoader))
            threads = [threading.Thread(target=ask) for _ in range(16)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert seen == [[1, 2]] * 16, seen
            """
        )
    )


def test_a_pyyaml_without_libyaml_is_named_with_its_cure() -> None:
    printed = run(
        dedent(
            """
            import sys
            sys.modules["yaml._yaml"] = None
            try:
                import engine.kube.libyaml
            except Exception as error:
                print(type(error).__name__, error, error.hint)
            assert "yaml" not in sys.modules
            """
        )
    )
    assert printed.startswith("KsealError the libyaml part of PyYAML is missing install PyYAML")
