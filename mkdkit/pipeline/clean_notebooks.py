"""What a stored notebook holds and what it must not: `clean` makes it so, `faults` checks it.

A notebook is stored with the outputs of one run from top to bottom, and with nothing that says
where or when that was, so that two runs differ only where their results do.
"""

import base64
import io
import re
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode
from PIL import Image

MOST_LINES = 20  # in a code cell; longer ones belong in the package
MOST_BYTES = 500_000
PNG, COLORS = "image/png", 128
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
WIDGET = "application/vnd.jupyter.widget-view+json"
DRAWS = re.compile(r"\b(figures|closeups|comparisons|method)\.plot_\w+\(")
ABSOLUTE = re.compile(
    r"(?<![\w.:/<])/(home|Users|root|tmp|var|opt|usr|work|mnt|private)/[\w.]\S*|\b[A-Z]:\\Users\S*"
)
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
PUBLISHED = "published-texts"  # tags a cell that shows texts of a published set, once fetched
PROGRESS = re.compile(r"\d+%\||\d+it \[|it/s\]|s/it\]|\[\d+:\d+<")


def clean(notebook: NotebookNode) -> NotebookNode:
    """Return an executed notebook as it is stored: counted 1 to n, without traces of the run."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python")
    )
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k == "tags"})
    for number, cell in enumerate(_code(notebook), start=1):
        cell.execution_count = number
        is_others = PUBLISHED in cell.metadata.get("tags", [])
        cell.outputs = [] if is_others else _kept_outputs(cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    return notebook


def _kept_outputs(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs without widgets and progress bars, neighbouring pieces of one stream joined."""
    kept: list[NotebookNode] = []
    for output in outputs:
        if WIDGET in output.get("data", {}):
            continue  # without its kernel a saved widget shows an error
        if output.output_type == "stream":
            if output.name == "stderr":
                output.text = _without_progress(output.text)
            if kept and kept[-1].get("name") == output.name:
                kept[-1].text += output.text
                continue
            if not output.text:
                continue
        if "metadata" in output:
            output.metadata = NotebookNode()
        if PNG in output.get("data", {}):
            output.data[PNG] = _in_few_colors(output.data[PNG])
        kept.append(output)
    return kept


def _in_few_colors(image: str) -> str:
    """A PNG in base64 with a palette: a figure has few colours, and takes a third of the room."""
    picture = Image.open(io.BytesIO(base64.b64decode(image)))
    if picture.mode == "P":
        return image  # it was stored before
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A") if "A" in picture.mode else None)
    small = ground.quantize(COLORS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    file = io.BytesIO()
    small.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode() + "\n"


def _without_progress(text: str) -> str:
    lines = re.split(r"[\r\n]+", text)
    kept = [line for line in lines if line.strip(" \x1b[A") and not PROGRESS.search(line)]
    return "".join(f"{line}\n" for line in kept)


def faults(notebook: NotebookNode) -> list[str]:
    """Everything in a notebook that must not be stored, in words; an empty list if it is clean."""
    found = list(_notebook_faults(notebook))
    for number, cell in enumerate(_code(notebook), start=1):
        found += [f"code cell {number}: {fault}" for fault in _cell_faults(cell, number)]
    return found


def _notebook_faults(notebook: NotebookNode) -> Iterator[str]:
    if "widgets" in notebook.metadata:
        yield "metadata.widgets is stored"
    if notebook.metadata.get("kernelspec") != KERNEL:
        yield f"the kernel is not {KERNEL['name']}"
    size = len(nbformat.writes(notebook).encode())
    if size > MOST_BYTES:
        yield f"{size:,} bytes; at most {MOST_BYTES:,}"
    for cell in notebook.cells:
        if cell.cell_type != "code" and ABSOLUTE.search(cell.source):
            yield f"a text cell has the path of a machine: {ABSOLUTE.search(cell.source)}"


def _cell_faults(cell: NotebookNode, number: int) -> Iterator[str]:
    if cell.execution_count != number:
        yield f"execution count {cell.execution_count}"
    if len(cell.source.splitlines()) > MOST_LINES:
        yield f"{len(cell.source.splitlines())} lines; at most {MOST_LINES}"
    if "execution" in cell.metadata:
        yield "times of its run are stored"
    for text in (cell.source, *_texts(cell.outputs)):
        for pattern, what in ((ABSOLUTE, "the path of a machine"), (ADDRESS, "a memory address")):
            if match := pattern.search(text):
                yield f"{what}: {match.group()[:60]}"
    kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
    if any(output.output_type == "error" for output in cell.outputs):
        yield "an error is stored"
    if WIDGET in kinds:
        yield "a widget is stored; it shows an error without its kernel"
    if DRAWS.search(cell.source) and not any(kind.startswith("image/") for kind in kinds):
        yield "it draws a figure, but no image is stored"


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def _texts(outputs: list[NotebookNode]) -> Iterator[str]:
    for output in outputs:
        yield output.get("text", "")
        for kind, content in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield content
