"""From a remote's URL to the API that is asked, and to the token that it gets."""

from typing import Any

import pytest

from engine.errors import KsealError
from sealer.rotation.forges.base import described
from sealer.rotation.forges.choose import choose

ENVIRON = {"GITHUB_TOKEN": "of-github", "GITLAB_TOKEN": "of-gitlab", "GITEA_TOKEN": "of-gitea"}


def asked(remote: str, said: str | None = None) -> tuple[str, str]:
    """The URL below which requests are, and the header that carries the token."""
    forge: Any = choose(said, remote, token=None, environ=ENVIRON)
    wire = forge._wire
    header = next(value for name, value in wire._headers.items() if name in ("Authorization", "PRIVATE-TOKEN"))
    return wire._api + forge._path, header


@pytest.mark.parametrize(
    ("remote", "said", "api", "token"),
    [
        ("https://github.com/a/b.git", None, "https://api.github.com/repos/a/b/pulls", "Bearer of-github"),
        ("git@github.com:a/b.git", None, "https://api.github.com/repos/a/b/pulls", "Bearer of-github"),
        ("ssh://git@ssh.github.com:443/a/b", None, "https://api.github.com/repos/a/b/pulls", "Bearer of-github"),
        ("https://x.ghe.com/a/b", "github", "https://api.x.ghe.com/repos/a/b/pulls", "Bearer of-github"),
        ("git@git.co:a/b.git", "github", "https://git.co/api/v3/repos/a/b/pulls", "Bearer of-github"),
        (
            "https://gitlab.com/a/b/c.git",
            None,
            "https://gitlab.com/api/v4/projects/a%2Fb%2Fc/merge_requests",
            "of-gitlab",
        ),
        ("git@altssh.gitlab.com:a/b", None, "https://gitlab.com/api/v4/projects/a%2Fb/merge_requests", "of-gitlab"),
        (
            "https://git.co/lab/a/b.git",
            "gitlab=https://git.co/lab/",
            "https://git.co/lab/api/v4/projects/a%2Fb/merge_requests",
            "of-gitlab",
        ),
        ("https://codeberg.org/a/b.git", None, "https://codeberg.org/api/v1/repos/a/b/pulls", "token of-gitea"),
        ("ssh://git@git.co:2222/a/b.git", "gitea", "https://git.co/api/v1/repos/a/b/pulls", "token of-gitea"),
        ("https://git.co:3000/a/b.git", "gitea", "https://git.co:3000/api/v1/repos/a/b/pulls", "token of-gitea"),
        ("https://GIT.co/a/b%23.git", "gitea", "https://git.co/api/v1/repos/a/b%2523/pulls", "token of-gitea"),
        ("http://127.0.0.1:80/a/b", "gitea", "http://127.0.0.1:80/api/v1/repos/a/b/pulls", "token of-gitea"),
    ],
)
def test_the_api_follows_from_the_remote(remote: str, said: str | None, api: str, token: str) -> None:
    assert asked(remote, said) == (api, token)


@pytest.mark.parametrize(
    ("remote", "said", "what"),
    [
        ("https://git.example.org/a/b", None, "nobody knows what kind of forge"),
        ("https://github.com.example.org/a/b", None, "nobody knows what kind of forge"),
        ("https://github.com/a", None, "no repository of this forge is called so"),
        ("https://github.com/a/b/c", None, "no repository of this forge is called so"),
        ("https://github.com/a/..", None, "no repository of this forge is called so"),
        ("http://git.co/a/b", "gitea", "tokens do not travel over plain http"),
        ("https://git.co/a/b", "gitea=http://git.co", "tokens do not travel over plain http"),
        ("https://git.co/a/b", "gitea=https://me:hunter2@git.co", "credentials do not belong into a URL"),
        ("https://git.co/a/b", "gitea=git.co", "no address of web pages"),
        ("https://git.co/a/b", "gitea=https://git.co:x", "cannot be read"),
    ],
)
def test_what_is_no_such_address_is_refused(remote: str, said: str | None, what: str) -> None:
    with pytest.raises(KsealError, match=what) as caught:
        choose(said, remote, token=None, environ=ENVIRON)
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_a_job_token_is_told_not_to_do() -> None:
    with pytest.raises(KsealError, match="no token") as caught:
        choose(None, "https://gitlab.com/a/b", token=None, environ={"CI_JOB_TOKEN": "x", "GITHUB_TOKEN": "y"})
    assert "CI_JOB_TOKEN cannot open merge requests" in (caught.value.hint or "")
    assert "GITLAB_TOKEN" in (caught.value.hint or "")


@pytest.mark.parametrize("token", ["two\nlines", "sp ace", "ümlaut", "\x00"])
def test_a_token_that_would_break_a_header_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(KsealError, match="GITEA_TOKEN holds characters that no token has") as caught:
        choose("gitea", "https://git.co/a/b", token=None, environ={"GITEA_TOKEN": token})
    assert token not in caught.value.message


def test_a_long_message_is_cut_and_names_of_files_are_no_markup() -> None:
    title, body = described("Reseal\n\n" + "- @team [x](y)\n" * 5000)
    assert title == "Reseal"
    assert len(body) < 31_000
    assert body.startswith("```text\n- @team [x](y)\n")
    assert body.endswith("- @team [x](y)\n…\n```\n")
