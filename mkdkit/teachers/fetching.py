"""Published data from its public home: at a pinned commit, verified, into the project's downloads.

A file appears under its name only when it is whole and its sums agree with the manifest; what is
there already and agrees is not brought again.
"""

import contextlib
import http.client
import ipaddress
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tqdm.auto import tqdm

from mkdkit.tasks import catalogue
from mkdkit.teachers import published
from mkdkit.teachers.published import PublishedFile

DOWNLOADS = Path(__file__).parents[2] / "data" / "downloads"
PUBLIC_HOME = "https://raw.githubusercontent.com"
LARGEST_FILE = 64 * 2**20  # bytes; the bound where a manifest knows no size
TIMEOUT = 30  # seconds without a byte
CHUNK = 2**16  # bytes


def fetch(
    source: str,
    *,
    task: str | None = None,
    mentor: str | None = published.MENTOR,
    base_url: str | None = None,
    downloads: str | Path = DOWNLOADS,
    manifests: Path = published.MANIFESTS,
) -> list[Path]:
    """Bring a source's files into `downloads/source`; return where they are.

    Args:
        source: a name of `published.sources()`.
        task: only this task's files, and those that are for every task; None: all.
        mentor: of Mentor-KD's augmentations only this mentor's; None: every mentor's.
        base_url: a mirror with the repository's folders below it; None: the public home.
        downloads: the folder to write below; nothing is written outside it.
        manifests: where the manifests are.

    Raises:
        ValueError: an unknown source or task, an address that is not https, or a file that is not
            the published one.
        ConnectionError: an address that cannot be reached.
        FileNotFoundError: files the address does not have; the others were brought.
        OSError: a file that cannot be written.
    """
    manifest = published.read_manifest(source, manifests)
    if task is not None:
        catalogue.find(task)
        published.require_known(f"task of {source}", task, manifest.tasks())
    base = (base_url or f"{PUBLIC_HOME}/{manifest.repository}/{manifest.commit}").rstrip("/")
    _require_safe(base)
    wanted = [file for file in manifest.files if _is_wanted(file, task, mentor)]
    folder = Path(downloads) / source
    missing = []
    for file in tqdm(wanted, desc=f"fetch {source}", unit="file"):
        try:
            _bring(f"{base}/{quote(file.path)}", _destination(folder, file.path), file)
        except FileNotFoundError:
            missing.append(file.path)
    if missing:
        raise FileNotFoundError(
            f"{base} has no {', '.join(missing)}; the other {len(wanted) - len(missing)} files are "
            f"in {folder}; fetch again from an address that has them all"
        )
    return [folder / file.path for file in wanted]


def _is_wanted(file: PublishedFile, task: str | None, mentor: str | None) -> bool:
    return (task is None or file.task in (task, None)) and (
        mentor is None or file.mentor in (mentor, None)
    )


def _bring(url: str, target: Path, file: PublishedFile) -> None:
    """Download, verify, write under a name of its own, then rename: never a half file."""
    if target.is_file() and not file.difference(target.read_bytes()):
        return
    content = _download(url, file)
    if difference := file.difference(content):
        raise ValueError(
            f"{url} is not the published file: {difference}; it was not kept; "
            "try again, or another address (base URL)"
        )
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(target)
    except OSError as error:
        remedy = "make room or choose another folder, then fetch again: whole files stay"
        message = f"cannot be written, {error.strerror} ({len(content):,} bytes); {remedy}"
        raise OSError(error.errno, message, str(target)) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _download(url: str, file: PublishedFile) -> bytes:
    """Read the whole answer, and not a byte more than the published file has."""
    limit = LARGEST_FILE if file.size is None else file.size
    content = bytearray()
    try:
        with opener(url).open(url, timeout=TIMEOUT) as response:
            while chunk := response.read(CHUNK):
                content += chunk
                if len(content) > limit:
                    raise ValueError(
                        f"{url} is longer than the published file ({limit:,} bytes); it was not "
                        "kept; try another address (base URL)"
                    )
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            raise FileNotFoundError(url) from error
        answer = f"the server answered {error.code} {error.reason}"
        raise ConnectionError(f"{url}: {answer}; try again later, or a mirror") from error
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        remedy = "check the network, or name a mirror (base URL)"
        raise ConnectionError(f"{url} cannot be reached: {reason}; {remedy}") from error
    return bytes(content)


def opener(url: str) -> urllib.request.OpenerDirector:
    """Return what opens an address: this machine's without a proxy, and no unsafe redirection."""
    handlers: list[urllib.request.BaseHandler] = [_SafeRedirects()]
    if is_loopback(url):  # a proxy would ask its own machine
        handlers.append(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(*handlers)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection only to an address that could have been asked in the first place."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        _require_safe(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_safe(url: str) -> None:
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and is_loopback(url)
    if not parts.hostname or not (parts.scheme == "https" or is_local):
        raise ValueError(
            f"an address must begin with https:// (http:// only on this machine, as in "
            f"http://127.0.0.1:8000), got {url!r}"
        )


def is_loopback(url: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _destination(folder: Path, path: str) -> Path:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{target} leads out of {folder}: a link stands there; remove it")
    return target
