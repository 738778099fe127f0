"""Model packs over loopback: whole or not at all, nothing outside the folder, nothing unasked."""

import io
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from avfuse.cli import main
from avfuse.errors import InputError
from avfuse.faces.install import RELEASE, install, is_installed, pack_folder


def zipped(files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


class Release:
    """A release page on this machine."""

    def __init__(self, url):
        self.url = url
        self.files = {}
        self.held_back = 0
        self.asked = []


@pytest.fixture
def release(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page.asked.append(self.path)
            content = page.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - page.held_back])

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        page = Release(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield page
        server.shutdown()


MODELS = {"det_10g.onnx": b"one" * 999, "1k3d68.onnx": b"two"}


@pytest.fixture
def get(release, tmp_path):
    """Install from that page into an empty folder."""

    def run(content=None, **options):
        if content is not None:
            release.files["/buffalo_l.zip"] = content
        return install(root=tmp_path, release=release.url, **options)

    return run


def nothing_left(tmp_path):
    return not any((tmp_path / "models").iterdir())


def test_downloads_the_models(get, tmp_path, capsys):
    folder = get(zipped(MODELS))
    assert folder == tmp_path / "models" / "buffalo_l"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == MODELS
    assert [path.name for path in folder.parent.iterdir()] == ["buffalo_l"]
    said = capsys.readouterr()
    assert "non-commercial research only" in said.out
    assert said.err == ""  # no progress bar where nobody watches


def test_quiet_says_nothing(get, capfd):
    get(zipped(MODELS), quiet=True)
    assert capfd.readouterr() == ("", "")


def test_what_is_there_is_not_downloaded_again(get, release):
    assert get(zipped(MODELS)) == get()
    assert release.asked == ["/buffalo_l.zip"]


def test_a_folder_around_the_models_is_taken_off(get):
    folder = get(zipped({f"antelopev2/{name}": data for name, data in MODELS.items()}))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == MODELS


def test_an_empty_folder_is_filled(get, tmp_path):
    pack_folder(root=tmp_path).mkdir(parents=True)
    assert is_installed(get(zipped(MODELS)))


def test_other_peoples_files_stay(get, tmp_path):
    notes = pack_folder(root=tmp_path) / "notes.txt"
    notes.parent.mkdir(parents=True)
    notes.write_text("mine")
    with pytest.raises(InputError, match="choose another root"):
        get(zipped(MODELS))
    assert notes.read_text() == "mine"


def test_a_download_that_breaks_off_leaves_nothing(get, release, tmp_path):
    release.held_back = 7
    content = zipped(MODELS)
    with pytest.raises(InputError, match=f"after {len(content) - 7} of {len(content)} bytes"):
        get(content)
    assert nothing_left(tmp_path)


def test_a_name_that_nobody_published(get, tmp_path):
    with pytest.raises(InputError, match=r"buffalo_l\.zip: 404 .*; is that the pack's name\?"):
        get()
    assert nothing_left(tmp_path)


def test_nobody_answers(get, release, tmp_path):
    free = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    release.url = f"http://127.0.0.1:{free.server_port}"
    free.server_close()
    with pytest.raises(InputError, match="cannot be downloaded"):
        get()
    assert nothing_left(tmp_path)


def damaged():
    """A stored file whose bytes are not those its checksum was made of."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("det.onnx", b"model")
    return content.getvalue().replace(b"model", b"motel")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>log in first</html>", "no zip file"),
        (damaged(), "damaged"),
        (zipped({}), "no ONNX models"),
        (zipped({"readme.txt": b""}), "no ONNX models"),
    ],
)
def test_what_is_no_pack_leaves_nothing(get, tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        get(content)
    assert nothing_left(tmp_path)


@pytest.mark.parametrize("name", ["../evil.onnx", "models/../../evil.onnx", "/tmp/evil.onnx"])
def test_a_zip_that_reaches_out_of_its_folder_is_refused(get, tmp_path, name):
    with pytest.raises(InputError, match="outside its folder"):
        get(zipped({**MODELS, name: b"evil"}))
    assert nothing_left(tmp_path)
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("pack", ["", "../evil", "a/b", "/etc", ".hidden", "a b", "buffalo_l?x"])
def test_a_name_is_no_path(pack, release, tmp_path):
    with pytest.raises(InputError, match="no name of a model pack"):
        install(pack, tmp_path, release=release.url)
    assert release.asked == []


def test_the_official_address_and_place():
    """As insightface's own documentation gives them: docs/model_zoo.md."""
    assert urlsplit(RELEASE).path == "/deepinsight/insightface/releases/download/model-zoo"
    assert pack_folder().parts[-3:] == (".insightface", "models", "buffalo_l")


class TestCommand:
    def test_says_where_the_models_are(self, tmp_path, capsys):
        folder = pack_folder("buffalo_s", tmp_path)
        folder.mkdir(parents=True)
        (folder / "det_500m.onnx").touch()
        words = ["faces", "install", "--pack", "buffalo_s", "--root", str(tmp_path)]
        assert main(words) == 0
        assert capsys.readouterr().out == f"{folder}\n"
        assert main([*words, "--quiet"]) == 0
        assert capsys.readouterr().out == ""

    def test_refuses_what_is_no_pack(self, tmp_path, capsys):
        assert main(["faces", "install", "--pack", "../evil", "--root", str(tmp_path)]) == 2
        assert "no name of a model pack" in capsys.readouterr().err

    def test_a_file_of_that_name_is_given_as_a_path(self, tmp_path, capsys, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert main(["faces", "./install", "--json", "faces.json"]) == 2
        assert capsys.readouterr().err == "avfuse: install: no such file; check the path\n"
