"""Artifacts of runs, through the server."""

import io
import json
import os
from pathlib import Path

import mlflow
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from .board import call, client, command, equal, since, takes, world

AREA = "Artifacts"


def _download(run_id: str, path: str) -> bytes:
    return Path(client().download_artifacts(run_id, path, str(world.new_folder()))).read_bytes()


def _listed(run_id: str, path: str | None = None) -> list[tuple[str, bool, int | None]]:
    return [(file.path, file.is_dir, file.file_size) for file in client().list_artifacts(run_id, path)]


@call(AREA, "MlflowClient.log_artifact")
def _() -> None:
    run_id = world.run()
    client().log_artifact(run_id, world.file("a b ü.txt", "words"))
    client().log_artifact(run_id, world.file("empty", ""), "deep/er")
    equal(_listed(run_id), [("a b ü.txt", False, 5), ("deep", True, None)])
    equal((_download(run_id, "a b ü.txt"), _download(run_id, "deep/er/empty")), (b"words", b""))


@call(AREA, "MlflowClient.log_artifact", "every byte in the name")
def _() -> None:
    # A name with "#" or "?" cannot be sent: the client takes the rest for another part of the URL. Clients
    # since 3.0 do not read a name with a line break back.
    characters = [chr(byte) for byte in range(1, 256)]
    names = [f"a{each}z" for each in characters if each not in "/#?\n\r" and not each.isalnum()]
    names += [f"k%step%{byte:02x}%t.png" for byte in range(256)]
    folder = world.new_folder()
    for name in names:
        (folder / name).write_text(name)
    run_id = world.run()
    client().log_artifacts(run_id, str(folder), "d")
    equal(len(_listed(run_id, "d")), len(names))
    equal([name for name in names if _download(run_id, f"d/{name}") != name.encode()], [])


@call(AREA, "MlflowClient.log_artifact", "names that the client decodes when it lists them")
def _() -> None:
    names = [f"dog%step%{step}%timestamp%17{step:08}%{step:02x}.png" for step in range(10, 100)]
    folder = world.new_folder()
    for name in names:
        (folder / name).write_text(name)
    run_id = world.run()
    client().log_artifacts(run_id, str(folder), "images")
    found = [_download(run_id, path) for path, _, _ in _listed(run_id, "images")]
    equal(sorted(found), sorted(name.encode() for name in names))
    everything = Path(client().download_artifacts(run_id, "images", str(world.new_folder())))
    found = [path.read_bytes() for path in everything.rglob("*") if path.is_file()]
    equal(sorted(found), sorted(name.encode() for name in names))


@call(
    AREA,
    "MlflowClient.log_artifact",
    "in parts (MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD)",
    needs=since("2.10"),
    remark="2.9 does not tell the server which run the parts belong to",
)
def _() -> None:
    settings = {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(1 << 20),
        "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 << 20),
    }
    content = os.urandom(12 << 20)
    file = world.new_folder() / "large"
    file.write_bytes(content)
    run_id = world.run()
    os.environ.update(settings)
    try:
        client().log_artifact(run_id, str(file))
    finally:
        for name in settings:
            del os.environ[name]
    equal(_listed(run_id), [("large", False, len(content))])
    equal(_download(run_id, "large") == content, True)


@call(AREA, "MlflowClient.log_artifacts")
def _() -> None:
    run_id = world.run()
    folder = Path(world.file("one.txt", "1")).parent
    (folder / "in").mkdir()
    (folder / "in" / "two.txt").write_text("22")
    client().log_artifacts(run_id, str(folder), "all")
    equal(_listed(run_id, "all"), [("all/in", True, None), ("all/one.txt", False, 1)])
    equal(_listed(run_id, "all/in"), [("all/in/two.txt", False, 2)])


@call(AREA, "MlflowClient.log_text")
def _() -> None:
    run_id = world.run()
    client().log_text(run_id, "<p>ü", "page.html")
    equal(_download(run_id, "page.html"), "<p>ü".encode())


@call(AREA, "MlflowClient.log_dict")
def _() -> None:
    run_id = world.run()
    client().log_dict(run_id, {"a": [1, 2]}, "a.json")
    client().log_dict(run_id, {"a": 1}, "a.yaml")
    equal(json.loads(_download(run_id, "a.json")), {"a": [1, 2]})
    equal(_download(run_id, "a.yaml").strip(), b"a: 1")


@call(AREA, "MlflowClient.log_figure")
def _() -> None:
    from matplotlib.figure import Figure

    run_id = world.run()
    figure = Figure()
    figure.subplots().plot([1, 2])
    client().log_figure(run_id, figure, "figure.png")
    equal(_download(run_id, "figure.png")[:4], b"\x89PNG")


@call(AREA, "MlflowClient.log_image")
def _() -> None:
    import numpy

    run_id = world.run()
    client().log_image(run_id, numpy.zeros((4, 4, 3), dtype=numpy.uint8), "image.png")
    equal(_download(run_id, "image.png")[:4], b"\x89PNG")


@call(AREA, "MlflowClient.log_image", "step by step", needs=takes("MlflowClient.log_image", "key"))
def _() -> None:
    import numpy

    run_id = world.run()
    for step in range(2):
        image = numpy.zeros((4, 4, 3), dtype=numpy.uint8)
        client().log_image(run_id, image, key="dog", step=step, synchronous=True)
    names = [path for path, _, _ in _listed(run_id, "images")]
    equal(len(names), 4)
    equal(all("dog" in name for name in names), True)


@call(AREA, "MlflowClient.log_table")
def _() -> None:
    run_id = world.run()
    client().log_table(run_id, {"a": [1], "b": ["x"]}, "table.json")
    client().log_table(run_id, {"a": [2], "b": ["y"]}, "table.json")
    equal(json.loads(_download(run_id, "table.json"))["data"], [[1, "x"], [2, "y"]])


@call(AREA, "MlflowClient.load_table")
def _() -> None:
    experiment_id = world.experiment()
    run_id = world.run(experiment_id)
    client().log_table(run_id, {"a": [1, 2]}, "table.json")
    frame = client().load_table(experiment_id, "table.json", [run_id], extra_columns=["run_id"])
    equal((list(frame["a"]), list(frame["run_id"])), ([1, 2], [run_id, run_id]))


@call(AREA, "MlflowClient.log_stream")
def _() -> None:
    run_id = world.run()
    client().log_stream(run_id, io.BytesIO(b"stream"), "stream.bin")
    equal(_download(run_id, "stream.bin"), b"stream")


@call(AREA, "MlflowClient.list_artifacts")
def _() -> None:
    run_id = world.run()
    equal(_listed(run_id), [])
    for number in range(3):
        client().log_text(run_id, "x", f"{number}.txt")
    equal([path for path, _, _ in _listed(run_id)], ["0.txt", "1.txt", "2.txt"])
    equal(_listed(run_id, "nothing"), [])
    try:
        client().list_artifacts(run_id, "../x")
    except Exception as error:  # What a client makes of a refusal changed often; the words are ours.
        equal("Invalid path" in str(error), True)
    else:
        raise AssertionError("a path that leads outside was listed")


@call(AREA, "MlflowClient.download_artifacts")
def _() -> None:
    run_id = world.run()
    client().log_text(run_id, "1", "one.txt")
    client().log_text(run_id, "2", "in/two.txt")
    folder = Path(client().download_artifacts(run_id, "", str(world.new_folder())))
    equal((folder / "one.txt").read_text() + (folder / "in" / "two.txt").read_text(), "12")


@call(AREA, "mlflow.log_artifact")
def _() -> None:
    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_artifact(world.file("a.txt", "words"))
        equal(mlflow.get_artifact_uri("a.txt"), f"{run.info.artifact_uri}/a.txt")
    equal(_download(run.info.run_id, "a.txt"), b"words")


@call(AREA, "mlflow.log_artifacts")
def _() -> None:
    folder = os.path.dirname(world.file("a.txt", "words"))
    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_artifacts(folder)
    equal(_download(run.info.run_id, "a.txt"), b"words")


@call(AREA, "mlflow.log_text")
def _() -> None:
    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_text("words", "in/a.txt")
    equal(_download(run.info.run_id, "in/a.txt"), b"words")


@call(AREA, "mlflow.log_dict")
def _() -> None:
    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_dict({"a": 1}, "a.json")
    equal(json.loads(_download(run.info.run_id, "a.json")), {"a": 1})


@call(AREA, "mlflow.log_figure")
def _() -> None:
    from matplotlib.figure import Figure

    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_figure(Figure(), "figure.svg")
    equal(b"<svg" in _download(run.info.run_id, "figure.svg"), True)


@call(AREA, "mlflow.log_image")
def _() -> None:
    from PIL import Image

    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_image(Image.new("RGB", (4, 4)), "image.png")
    equal(_download(run.info.run_id, "image.png")[:4], b"\x89PNG")


@call(AREA, "mlflow.log_table")
def _() -> None:
    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_table({"a": [1]}, "table.json")
    equal(json.loads(_download(run.info.run_id, "table.json"))["data"], [[1]])


@call(AREA, "mlflow.load_table")
def _() -> None:
    mlflow.set_experiment(world.name("tables"))
    with mlflow.start_run():
        mlflow.log_table({"a": [1, 2]}, "table.json")
    equal(list(mlflow.load_table("table.json")["a"]), [1, 2])


@call(AREA, "mlflow.log_stream")
def _() -> None:
    with mlflow.start_run(experiment_id=world.experiment()) as run:
        mlflow.log_stream(io.BytesIO(b"stream"), "stream.bin")
    equal(_download(run.info.run_id, "stream.bin"), b"stream")


@call(AREA, "mlflow.artifacts.download_artifacts")
def _() -> None:
    run_id = world.run()
    client().log_text(run_id, "words", "in/a.txt")
    uri = f"runs:/{run_id}/in/a.txt"
    path = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(world.new_folder()))
    equal(Path(path).read_text(), "words")
    path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="in")
    equal((Path(path) / "a.txt").read_text(), "words")


@call(AREA, "mlflow.artifacts.list_artifacts")
def _() -> None:
    run_id = world.run()
    client().log_text(run_id, "words", "in/a.txt")
    found = mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path="in")
    equal([file.path for file in found], ["in/a.txt"])


@call(AREA, "mlflow.artifacts.load_text")
def _() -> None:
    run_id = world.run()
    client().log_text(run_id, "wörds", "a.txt")
    equal(mlflow.artifacts.load_text(f"{client().get_run(run_id).info.artifact_uri}/a.txt"), "wörds")


@call(AREA, "mlflow.artifacts.load_dict")
def _() -> None:
    run_id = world.run()
    client().log_dict(run_id, {"a": 1}, "a.json")
    equal(mlflow.artifacts.load_dict(f"{client().get_run(run_id).info.artifact_uri}/a.json"), {"a": 1})


@call(AREA, "mlflow.artifacts.load_image")
def _() -> None:
    import numpy

    run_id = world.run()
    client().log_image(run_id, numpy.zeros((4, 6, 3), dtype=numpy.uint8), "a.png")
    image = mlflow.artifacts.load_image(f"{client().get_run(run_id).info.artifact_uri}/a.png")
    equal(image.size, (6, 4))


@call(AREA, "ArtifactRepository.delete_artifacts")
def _() -> None:
    run_id = world.run()
    client().log_text(run_id, "1", "one.txt")
    client().log_text(run_id, "2", "in/two.txt")
    get_artifact_repository(client().get_run(run_id).info.artifact_uri).delete_artifacts("in")
    equal([path for path, _, _ in _listed(run_id)], ["one.txt"])


@call(AREA, "mlflow artifacts", "log-artifact, list, download")
def _() -> None:
    run_id = world.run()
    command("artifacts", "log-artifact", "--run-id", run_id, "--local-file", world.file("a.txt", "words"))
    equal("a.txt" in command("artifacts", "list", "--run-id", run_id), True)
    words = ["artifacts", "download", "--run-id", run_id, "--artifact-path", "a.txt"]
    if since("2.0")():
        words += ["--dst-path", str(world.new_folder())]
    path = command(*words).strip().splitlines()[-1]
    equal(Path(path).read_text(), "words")
