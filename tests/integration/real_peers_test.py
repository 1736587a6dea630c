"""curl and nginx on either side of the weir: peers that know nothing of it."""
from __future__ import annotations

import gzip
import hashlib
import pathlib
import subprocess
from typing import Callable

import pytest
from http_client import get
from origin import Nginx, Origin
from plans import one_version
from weir_harness import Weir

StartWeir = Callable[..., Weir]

_TEXT = b"".join(b"line %d of a text that compresses well\n" % number for number in range(20_000))


def curl(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", *arguments], capture_output=True,
                          timeout=60, check=False)
    assert done.returncode == 0, (arguments, done.returncode, done.stderr)
    return done


@pytest.fixture(name="files")
def _files(nginx: Nginx, weir: StartWeir) -> Weir:
    (nginx.files / "text.txt").write_bytes(_TEXT)
    (nginx.files / "empty.txt").touch()
    (nginx.files / "blob.bin").write_bytes(hashlib.sha512(b"blob").digest() * 100_000)
    return weir(one_version(nginx))


def url(weir: Weir, path: str) -> str:
    return f"http://127.0.0.1:{weir.port}{path}"


def test_nginx_compresses_through_the_weir(files: Weir) -> None:
    reply = get(files.port, "/text.txt", {"Accept-Encoding": "gzip"})
    assert (reply["content-encoding"], reply["transfer-encoding"]) == ("gzip", "chunked")
    assert gzip.decompress(reply.body) == _TEXT and len(reply.body) < len(_TEXT)
    assert curl("--compressed", url(files, "/text.txt")).stdout == _TEXT


def test_nginx_serves_files_through_the_weir(files: Weir, tmp_path: pathlib.Path) -> None:
    target = tmp_path / "blob"
    curl("--output", str(target), url(files, "/blob.bin"))
    assert target.read_bytes() == hashlib.sha512(b"blob").digest() * 100_000
    assert get(files.port, "/empty.txt")["content-length"] == "0"
    missing = get(files.port, "/missing.txt")
    assert missing.status == 404 and b"nginx" in missing.body and missing["x-weir-reason"] is None


def test_ranges_and_conditions_pass(files: Weir) -> None:
    part = get(files.port, "/text.txt", {"Range": "bytes=1000-1999"})
    assert (part.status, part["content-range"]) == (206, f"bytes 1000-1999/{len(_TEXT)}")
    assert part.body == _TEXT[1000:2000]
    beyond = get(files.port, "/text.txt", {"Range": f"bytes={len(_TEXT)}-"})
    assert beyond.status == 416
    unchanged = get(files.port, "/text.txt", {"If-None-Match": part["etag"] or ""})
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert curl("--range", "5-9,20-24", url(files, "/text.txt")).stdout.count(b"Content-Range") == 2


def test_head_of_a_file(files: Weir) -> None:
    head = curl("--head", url(files, "/text.txt")).stdout
    assert b"content-length: %d" % len(_TEXT) in head.lower() and b"x-weir-version: v1" in head.lower()


def test_a_file_is_put(files: Weir, tmp_path: pathlib.Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(_TEXT)
    done = curl("--upload-file", str(upload), "--write-out", "\n%{http_code} %{size_upload}", url(files, "/put/it"))
    assert done.stdout == b"nothing kept\n200 %d" % len(_TEXT)


def test_nginx_may_refuse_a_file_unread(files: Weir, tmp_path: pathlib.Path) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(_TEXT * 10)  # nginx takes 1 MiB unless told otherwise
    done = curl("--upload-file", str(upload), "--write-out", "\n%{http_code}", url(files, "/put/it"))
    assert b"413 Request Entity Too Large" in done.stdout and done.stdout.endswith(b"\n413")


@pytest.mark.parametrize("options", [
    [], ["--header", "Transfer-Encoding: chunked"], ["--header", "Expect: 100-continue"], ["--header", "Expect:"],
    ["--http1.0"],
])
def test_curl_uploads_whole_bodies(origin: Callable[..., Origin], weir: StartWeir, tmp_path: pathlib.Path,
                                   options: list[str]) -> None:
    upload = tmp_path / "upload"
    upload.write_bytes(_TEXT * 4)  # curl waits for 100 before it sends a body as large as that
    served = weir(one_version(origin()))
    done = curl("--upload-file", str(upload), *options, url(served, "/sink"))
    assert hashlib.sha256(_TEXT * 4).hexdigest().encode() in done.stdout


def test_curl_reuses_its_connection(origin: Callable[..., Origin], weir: StartWeir) -> None:
    served = weir(one_version(origin()))
    arguments = ["--write-out", "%{http_code} %{size_download} %{num_connects}\n"]
    for target in ("/bytes/1", "/bytes/1000", "/chunked/1000", "/status/204", "/until-close/1000", "/status/404"):
        arguments += ["--output", "/dev/null", url(served, target)]
    lines = curl(*arguments).stdout.decode().splitlines()
    assert lines == ["200 1 1", "200 1000 0", "200 1000 0", "204 0 0", "200 1000 0", "404 3 0"]
