"""Fetching published data: what is kept, what is refused, what is not brought twice."""

import hashlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from mkdkit.teachers import fetching, published
from mkdkit.teachers.published import PublishedFile

ROWS = json.dumps([{"input": "One pen and two pens?", "answer": "3"}]).encode()
FILES = {
    "data/skeleton/svamp_train.json": ROWS,
    "data/aug/flan-t5_large/svamp_rand3_aug3.json": ROWS + b" ",
    "data/aug/t5_large/svamp_rand3_aug3.json": ROWS + b"  ",
    "data/skeleton/asdiv_train.json": b"[]",
}


@dataclass
class Server:
    """A web server on this machine, the folder it serves, and what it was asked for."""

    url: str
    folder: Path
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def serve() -> Iterator:
    """Give a function that serves a folder over HTTP on the loopback address."""
    running = []

    def start(folder: Path, *, moved_to: str | None = None) -> Server:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                if moved_to is None:
                    return super().do_GET()
                self.send_response(302)
                self.send_header("Location", moved_to + self.path)
                self.end_headers()

            def log_message(self, format, *args):
                pass

        httpd = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(Handler, directory=str(folder))
        )
        server = Server(f"http://127.0.0.1:{httpd.server_port}", folder)
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        running.append(httpd)
        return server

    yield start
    for httpd in running:
        httpd.shutdown()
        httpd.server_close()


@pytest.fixture
def repository(tmp_path, serve) -> Server:
    """Serve a repository of our own making, with its manifest in `tmp_path/manifests`."""
    for path, content in FILES.items():
        (tmp_path / "web" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / path).write_bytes(content)
    write_manifest(tmp_path, {path: facts(content) for path, content in FILES.items()})
    return serve(tmp_path / "web")


def facts(content: bytes) -> list:
    """Size, git blob SHA-1 and SHA-256, as a manifest has them."""
    blob = b"blob %d\0" % len(content) + content
    return [len(content), hashlib.sha1(blob).hexdigest(), hashlib.sha256(content).hexdigest()]


def write_manifest(tmp_path: Path, files: dict) -> None:
    (tmp_path / "manifests").mkdir(exist_ok=True)
    about = {"repository": "us/ours", "commit": "0" * 40, "licence": "none", "paper": "none"}
    text = json.dumps({**about, "files": files})
    (tmp_path / "manifests" / "ours.json").write_text(text, encoding="utf-8")


def fetch(tmp_path: Path, server: Server, **more) -> list[Path]:
    more = {"base_url": server.url, "task": "svamp"} | more
    downloads, manifests = tmp_path / "downloads", tmp_path / "manifests"
    return fetching.fetch("ours", downloads=downloads, manifests=manifests, **more)


def kept(tmp_path: Path) -> list[str]:
    """Every file below the downloads, hidden ones included."""
    found = (tmp_path / "downloads").rglob("*")
    return sorted(path.name for path in found if path.is_file())


def test_git_blob_sha1_is_the_one_git_gives_a_known_text():
    # `printf 'hello\n' | git hash-object --stdin`
    file = PublishedFile("a.json", 6, "ce013625030ba8dba906f756967f9e9ca394464a", None)
    assert file.difference(b"hello\n") == ""
    assert "SHA-1" in file.difference(b"hellO\n")
    assert "5 bytes, not 6" in file.difference(b"hello")


def test_brings_the_files_of_one_task_and_of_the_usual_mentor(tmp_path, repository):
    paths = fetch(tmp_path, repository)
    folder = tmp_path / "downloads" / "ours" / "data"
    assert paths == [
        folder / "skeleton" / "svamp_train.json",
        folder / "aug" / "flan-t5_large" / "svamp_rand3_aug3.json",
    ]
    assert paths[0].read_bytes() == ROWS
    assert len(kept(tmp_path)) == 2


def test_brings_every_task_and_every_mentor_when_asked(tmp_path, repository):
    assert len(fetch(tmp_path, repository, task=None, mentor=None)) == len(FILES)
    assert len(kept(tmp_path)) == len(FILES)


def test_a_second_fetch_downloads_nothing(tmp_path, repository):
    first = fetch(tmp_path, repository)
    repository.asked.clear()
    assert fetch(tmp_path, repository) == first
    assert repository.asked == []


def test_a_file_that_was_changed_on_disk_is_brought_again(tmp_path, repository):
    first = fetch(tmp_path, repository)
    first[0].write_bytes(ROWS.replace(b"3", b"4"))
    repository.asked.clear()
    fetch(tmp_path, repository)
    assert first[0].read_bytes() == ROWS
    assert repository.asked == ["/data/skeleton/svamp_train.json"]


def test_one_corrupted_byte_is_refused_and_nothing_is_left(tmp_path, repository):
    wrong = ROWS.replace(b"3", b"4")
    (repository.folder / "data/skeleton/svamp_train.json").write_bytes(wrong)
    with pytest.raises(ValueError, match=r"svamp_train.json is not the published.*SHA-1.*again"):
        fetch(tmp_path, repository)
    assert kept(tmp_path) == []


def test_a_wrong_sha256_is_refused_even_where_the_git_sum_agrees(tmp_path, repository):
    size, sha1, sha256 = facts(ROWS)
    write_manifest(tmp_path, {"data/skeleton/svamp_train.json": [size, sha1, sha256[::-1]]})
    with pytest.raises(ValueError, match="SHA-256"):
        fetch(tmp_path, repository)
    assert kept(tmp_path) == []


def test_too_long_a_file_is_refused_and_nothing_is_left(tmp_path, repository):
    (repository.folder / "data/skeleton/svamp_train.json").write_bytes(ROWS + b" " * 100_000)
    with pytest.raises(ValueError, match=f"longer than the published file .{len(ROWS)} bytes"):
        fetch(tmp_path, repository)
    assert kept(tmp_path) == []


def test_a_size_the_manifest_does_not_know_is_bounded_too(tmp_path, repository, monkeypatch):
    _, sha1, _ = facts(ROWS)
    write_manifest(tmp_path, {"data/skeleton/svamp_train.json": [None, sha1, None]})
    assert fetch(tmp_path, repository)[0].read_bytes() == ROWS
    monkeypatch.setattr(fetching, "LARGEST_FILE", len(ROWS) - 1)
    (tmp_path / "downloads" / "ours" / "data" / "skeleton" / "svamp_train.json").unlink()
    with pytest.raises(ValueError, match="longer"):
        fetch(tmp_path, repository)


def test_a_file_the_mirror_lacks_is_named_and_the_others_stay(tmp_path, repository):
    (repository.folder / "data/skeleton/svamp_train.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no data/skeleton/svamp_train.json; the other 1"):
        fetch(tmp_path, repository)
    assert kept(tmp_path) == ["svamp_rand3_aug3.json"]


@pytest.mark.parametrize("path", ["../escape.json", "data/../../escape.json", "/tmp/x", "a\\..\\b"])
def test_a_path_that_leaves_its_folder_is_refused(tmp_path, repository, path):
    write_manifest(tmp_path, {path: facts(ROWS)})
    with pytest.raises(ValueError, match="must stay in its folder"):
        fetch(tmp_path, repository, task=None)
    assert repository.asked == []


def test_a_link_that_leads_out_of_the_downloads_is_refused(tmp_path, repository):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "downloads" / "ours").mkdir(parents=True)
    (tmp_path / "downloads" / "ours" / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="leads out of"):
        fetch(tmp_path, repository)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    "url", ["http://example.org/x", "ftp://127.0.0.1/x", "file:///etc", "127.0.0.1:80", "https://"]
)
def test_only_https_is_asked_but_for_this_machine(tmp_path, repository, url):
    with pytest.raises(ValueError, match="must begin with https://"):
        fetch(tmp_path, repository, base_url=url)


def test_a_redirection_to_plain_http_elsewhere_is_refused(tmp_path, repository, serve):
    sly = serve(tmp_path / "web", moved_to="http://192.0.2.1")
    with pytest.raises(ValueError, match="must begin with https://"):
        fetch(tmp_path, sly)
    assert kept(tmp_path) == []


def test_an_address_that_does_not_answer_is_named_with_a_remedy(tmp_path, repository):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(ConnectionError, match=r"cannot be reached.*mirror"):
        fetch(tmp_path, repository, base_url=url)


def test_a_folder_that_cannot_be_written_is_named_with_a_remedy(tmp_path, repository):
    (tmp_path / "downloads").write_text("a file stands where the folder should be")
    with pytest.raises(OSError, match=r"cannot be written.*choose another"):
        fetch(tmp_path, repository)


def test_a_full_disk_leaves_no_half_file_and_keeps_what_was_whole(tmp_path, repository):
    resource = pytest.importorskip("resource", reason="file size limits are set through POSIX")
    long = b"[" + b" " * 400_000 + b"]"
    (repository.folder / "data/skeleton/svamp_test.json").write_bytes(long)
    whole, too_long = "data/skeleton/svamp_train.json", "data/skeleton/svamp_test.json"
    write_manifest(tmp_path, {whole: facts(ROWS), too_long: facts(long)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))  # a stand-in for a full disk
    try:
        with pytest.raises(OSError, match=r"400,002 bytes.*make room"):
            fetch(tmp_path, repository)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert kept(tmp_path) == ["svamp_train.json"]


def test_unknown_names_come_with_the_nearest_one(tmp_path, repository):
    with pytest.raises(ValueError, match="did you mean 'mentor-kd'"):
        fetching.fetch("mentorkd")
    with pytest.raises(ValueError, match="did you mean 'tracking_shuffled_objects'"):
        fetching.fetch("mentor-kd", task="tso")
    with pytest.raises(ValueError, match="there are asdiv, svamp"):
        fetch(tmp_path, repository, task="gsm8k")


def test_the_shipped_manifests_name_the_tasks_of_their_papers():
    tasks = {source: published.read_manifest(source).tasks() for source in published.sources()}
    assert len(tasks["fine-tune-cot"]) == 12
    assert tasks["mcc-kd"] == ["asdiv", "commonsense_qa", "gsm8k", "svamp"]
    assert len(tasks["mentor-kd"]) == 8
    mentors = {file.mentor for file in published.read_manifest("mentor-kd").files}
    assert mentors == {None, "flan-t5_large", "t5_large"}


@pytest.mark.parametrize("source", ["mentor-kd", "mcc-kd", "fine-tune-cot"])
def test_every_published_file_at_hand_agrees_with_its_shipped_manifest(published_data, source):
    files = published.read_manifest(source).files
    here = [file for file in files if (published_data / source / file.path).is_file()]
    assert here
    for file in here:
        assert file.difference((published_data / source / file.path).read_bytes()) == ""


@pytest.mark.parametrize("task", ["svamp", "tracking_shuffled_objects"])
def test_published_data_are_fetched_from_a_mirror(published_data, serve, tmp_path, task):
    mirror = serve(published_data / "mentor-kd")
    paths = fetching.fetch(
        "mentor-kd", task=task, base_url=mirror.url, downloads=tmp_path / "downloads"
    )
    assert {path.name for path in paths} >= {f"{task}_3_train.json", f"{task}_rand3_aug3.json"}
    asked = len(mirror.asked)
    assert asked == len(paths)
    fetching.fetch("mentor-kd", task=task, base_url=mirror.url, downloads=tmp_path / "downloads")
    assert len(mirror.asked) == asked
