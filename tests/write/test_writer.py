"""What the writer writes, read back by readers that are not ours, and what it refuses."""

from __future__ import annotations

import math
import threading
import time
import warnings
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from logs import accumulated, array, rows, scalars
from tbparse import SummaryReader
from tensorboard.compat.proto import event_pb2

import nnviz_tb
from nnviz_tb.errors import ArgumentError, LoggingWarning, NnvizError
from nnviz_tb.schema import metadata_from_bytes

RNG = np.random.default_rng(0)
MODEL = {
    "hidden/kernel": RNG.normal(size=(30, 10)).astype("f4"),
    "hidden/bias": RNG.normal(size=10).astype("f4"),
    "out/kernel": RNG.normal(size=(10, 1)).astype("f4"),
    "out/bias": np.zeros(1, "f4"),
}


def relu(x):
    return np.maximum(x, 0)


@pytest.fixture
def writer(tmp_path):
    with nnviz_tb.SummaryWriter(tmp_path / "run") as writer:
        yield writer


def test_1500_logged_steps_come_back_as_1500(writer):
    for step in range(1500):
        weights = {name: value + step for name, value in MODEL.items()}
        writer.log_model(weights, step, scalars={"loss": 1.0 / (step + 1)})
    steps = [step for step, _ in scalars(writer.log_dir, "loss")]
    assert steps == list(range(1500))
    for tag in ("hidden/kernel", "nnviz/weight_norm/hidden", "nnviz/layer/out", "nnviz/run"):
        assert [step for step, _ in rows(writer.log_dir, tag)] == list(range(1500)), tag
    assert array(writer.log_dir, "nnviz/bias/hidden") == pytest.approx(MODEL["hidden/bias"] + 1499)


def test_tensorflow_reads_every_record_with_its_checksum(writer):
    for step in range(20):
        writer.log_model(MODEL, step, scalars={"loss": step})
        writer.add_scalar("accuracy", 0.5, step)
    (file,) = Path(writer.log_dir).iterdir()
    records = [
        event_pb2.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(file))
    ]
    assert len(records) == 41
    assert records[0].file_version == "brain.Event:2"
    told: set[str] = set()
    for event in records[1:]:
        for value in event.summary.value:
            # Metadata stands in the first value of a tag and nowhere else.
            assert value.HasField("metadata") == (value.tag not in told), value.tag
            told.add(value.tag)
    damaged = file.read_bytes()[:-1] + b"\0"
    file.write_bytes(damaged if damaged != file.read_bytes() else damaged[:-1] + b"\1")
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(file)))


# tbparse calls pandas in a way that pandas means to give up.
@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_tbparse_reads_scalars_and_histograms(writer):
    for step in range(5):
        writer.add_scalar("loss", step / 8, step)
        writer.add_histogram("weights", np.arange(100.0), step)
    reader = SummaryReader(writer.log_dir)
    frame = reader.tensors
    losses = frame[frame["tag"] == "loss"]
    assert [float(value) for value in losses["value"]] == [step / 8 for step in range(5)]
    histograms = [np.asarray(value) for value in frame[frame["tag"] == "weights"]["value"]]
    assert len(histograms) == 5
    assert histograms[0][:, 2].sum() == 100


@pytest.mark.parametrize("values", [
    RNG.normal(size=(40, 30)), RNG.normal(size=1000).astype("f2"), np.arange(-5, 200),
    np.array([1e-30, -1e30, 3.0]), np.full(7, 2.5), np.array([0.0, -0.0]), [True, False],
    np.array([1.0, np.nan, np.inf, -np.inf, -2.0]), RNG.normal(size=100).astype(ml_dtypes.bfloat16),
])  # fmt: skip
def test_a_histogram_counts_all_finite_values_and_brackets_them(writer, values):
    writer.add_histogram("h", values, 3)
    table = array(writer.log_dir, "h")
    numbers = np.asarray(values).astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    assert table[:, 2].sum() == finite.size
    assert table[0, 0] <= finite.min() == pytest.approx(table[0, 0], rel=1e-6)
    assert table[-1, 1] >= finite.max() == pytest.approx(table[-1, 1], rel=1e-6)
    assert (table[1:, 0] == table[:-1, 1]).all()
    # NumPy's own counts in our borders; a value on a border may be on either side of it.
    for left, right, count in table:
        inside = ((finite > left) & (finite < right)).sum()
        assert inside <= count <= inside + np.isin(finite, (left, right)).sum()


def test_scalars_of_every_kind_come_back_as_float32(writer):
    given = [1, 2.5, True, np.float64(0.1), np.int64(7), np.array(3.0), np.array([[4.0]]), 1e300,
             -1e300, math.nan, math.inf, ml_dtypes.bfloat16(1.5), tf.constant(2.0),
             10**400, np.float16(0.5)]  # fmt: skip
    for step, value in enumerate(given):
        writer.add_scalar("s", value, step)
    read = np.array([value for _, value in scalars(writer.log_dir, "s")])
    wanted = [
        1,
        2.5,
        1,
        np.float32(0.1),
        7,
        3,
        4,
        np.inf,
        -np.inf,
        np.nan,
        np.inf,
        1.5,
        2,
        np.inf,
        0.5,
    ]
    np.testing.assert_array_equal(read, np.array(wanted, "f4"))
    metadata = accumulated(writer.log_dir).SummaryMetadata("s")
    assert (metadata.plugin_data.plugin_name, metadata.data_class) == ("scalars", 1)


def test_a_given_wall_time_is_kept(writer):
    writer.add_scalar("s", 1, 0, walltime=1234.5)
    writer.add_scalar("s", 1, 1, 1235)
    events = accumulated(writer.log_dir).Tensors("s")
    assert [event.wall_time for event in events] == [1234.5, 1235.0]


def test_scalars_of_one_chart_go_to_child_runs_as_in_torch(writer):
    for step in range(3):
        writer.add_scalars("loss", {"train": step, "valid/best": 2 * step}, step)
    root = Path(writer.log_dir)
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == [
        "loss_train",
        "loss_valid_best",
    ]
    assert scalars(root / "loss_valid_best", "loss") == [(0, 0.0), (1, 2.0), (2, 4.0)]


@pytest.mark.parametrize(
    "name", ["../../escape", "..", "/etc/x", "a\\b", "a\0b", "\ud800", "x" * 999]
)
def test_no_name_leads_out_of_the_run(writer, name):
    writer.add_scalars(".", {name: 1}, 0)
    writer.add_scalars(name.replace("\0", ""), {"..": 1}, 0)
    root = Path(writer.log_dir)
    assert {path.parent for path in root.rglob("*") if path.is_dir()} == {root}
    assert sorted(path.name for path in root.parent.iterdir()) == ["run"]


def test_one_record_holds_the_whole_step(writer):
    before = len(list(tf.data.TFRecordDataset([str(p) for p in Path(writer.log_dir).iterdir()])))
    writer.log_model(MODEL, 1, scalars={"loss": 1, "accuracy": 0.5})
    after = len(list(tf.data.TFRecordDataset([str(p) for p in Path(writer.log_dir).iterdir()])))
    assert after - before == 1


def test_the_writer_of_a_directory_is_made_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def log(step: int) -> None:
        nnviz_tb.log_model(MODEL, step, logdir=["runs/a", tmp_path / "runs" / "a"][step % 2])

    threads = [threading.Thread(target=log, args=(step,)) for step in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list((tmp_path / "runs" / "a").iterdir())) == 1
    assert sorted(s for s, _ in rows(tmp_path / "runs/a", "nnviz/run")) == list(range(8))


def test_a_resumed_run_may_go_back_in_step(writer):
    for step in (1, 2, 3, 2, 3, 4):
        writer.log_model(MODEL, step)
    steps = [step for step, _ in rows(writer.log_dir, "nnviz/weight_norm/hidden")]
    assert steps == [1, 2, 3, 2, 3, 4]


def test_two_models_share_a_run_under_their_names(writer):
    writer.log_model(MODEL, 1, name="generator")
    writer.log_model(MODEL, 1, name="critic")
    tags = accumulated(writer.log_dir).Tags()["tensors"]
    assert {"nnviz/layer/generator/hidden", "nnviz/layer/critic/hidden"} <= set(tags)


def test_an_activation_is_logged_without_a_model(writer):
    inputs = RNG.normal(size=(64, 5))
    writer.add_activation("gate", relu, inputs, 3)
    np.testing.assert_allclose(
        array(writer.log_dir, "nnviz/activity/gate"), (inputs > 0).mean(axis=0), rtol=1e-6
    )


# What is refused at once, and how it is said.

STEPS = [-1, 1.0, 1.5, True, None, "3", math.nan, 2**53, np.float32(3), np.bool_(True)]


@pytest.mark.parametrize("step", STEPS, ids=repr)
@pytest.mark.parametrize("call", [
    lambda w, s: w.add_scalar("a", 1, s), lambda w, s: w.add_histogram("a", [1], s),
    lambda w, s: w.add_scalars("a", {"b": 1}, s), lambda w, s: w.log_model(MODEL, s),
    lambda w, s: w.add_activation("a", relu, np.ones((2, 2)), s),
])  # fmt: skip
def test_a_step_that_is_no_count_is_refused(writer, call, step):
    with pytest.raises(ArgumentError, match=r"step must be an integer from 0 to .*, got"):
        call(writer, step)
    assert accumulated(writer.log_dir).Tags()["tensors"] == []


@pytest.mark.parametrize("step", [0, 2**53 - 1, np.int32(5), np.uint64(6), np.array(7)], ids=repr)
def test_a_step_may_be_any_kind_of_integer(writer, step):
    writer.add_scalar("a", 1, step)
    writer.log_model(MODEL, step)
    assert scalars(writer.log_dir, "a") == [(int(step), 1.0)]


REFUSED = {
    "a scalar that is text": (lambda w: w.add_scalar("a", "1", 0), "scalar_value must be one real"),
    "a scalar that is None": (lambda w: w.add_scalar("a", None, 0), "got None"),
    "a scalar of two": (lambda w: w.add_scalar("a", np.ones(2), 0), r"array of shape \(2,\)"),
    "a complex scalar": (lambda w: w.add_scalar("a", 1j, 0), "got 1j"),
    "NumPy's complex": (lambda w: w.add_scalar("a", np.complex64(1 + 2j), 0), "must be one real"),
    "TensorFlow's": (lambda w: w.add_scalar("a", tf.constant(1 + 2j), 0), "must be one real"),
    "a tag that is a number": (lambda w: w.add_scalar(3, 1, 0), "tag must be a string"),
    "an empty tag": (lambda w: w.add_scalar("", 1, 0), "tag must be a string that is not empty"),
    "a tag of ours": (lambda w: w.add_scalar("nnviz/run", 1, 0), "must not begin with 'nnviz/'"),
    "a time that is text": (lambda w: w.add_scalar("a", 1, 0, "now"), "walltime must be finite"),
    "a time that is NaN": (lambda w: w.add_scalar("a", 1, 0, math.nan), "walltime must be finite"),
    "a histogram of text": (lambda w: w.add_histogram("a", ["x"], 0), "values must hold real"),
    "a ragged histogram": (lambda w: w.add_histogram("a", [[1], [1, 2]], 0), "values cannot be"),
    "scalars that are a list": (lambda w: w.add_scalars("a", [1], 0), "must be a dict"),
    "a scalar among scalars": (lambda w: w.add_scalars("a", {"b": "c"}, 0), r"\['b'\] must be one"),
    "model scalars": (lambda w: w.log_model(MODEL, 0, scalars=3), "scalars must be a dict"),
    "one model scalar": (lambda w: w.log_model(MODEL, 0, scalars={"a": None}), r"scalars\['a'\]"),
    "an empty model": (lambda w: w.log_model({}, 0), "model"),
    "no model": (lambda w: w.log_model(None, 0), "model is a builtins.NoneType"),
    "a model that is text": (lambda w: w.log_model("resnet", 0), "model is a builtins.str"),
    "a model of text": (lambda w: w.log_model({"w": np.array(["a"])}, 0), "real numbers"),
    "gradients of another shape": (
        lambda w: w.log_model(MODEL, 0, gradients={"hidden/kernel": np.ones(3)}), "gradients"),
    "a model's name": (lambda w: w.log_model(MODEL, 0, name=3), "name must be a string"),
    "both places": (lambda w: nnviz_tb.log_model(MODEL, 0, logdir="x", writer=w), "either logdir"),
    "no place": (lambda w: nnviz_tb.log_model(MODEL, 0), "either logdir or writer"),
    "another writer": (lambda w: nnviz_tb.log_model(MODEL, 0, writer=3), "writer must be"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_a_bad_argument_is_refused_by_name_and_leaves_no_trace(writer, call, message):
    with pytest.raises(NnvizError, match=message):
        call(writer)
    assert accumulated(writer.log_dir).Tags()["tensors"] == []
    assert writer.dropped_count == 0


@pytest.mark.parametrize("logdir", [3, None, "", "a\0b"])
def test_a_logdir_that_is_no_path_is_refused(logdir):
    with pytest.raises(ArgumentError, match="logdir must be a"):
        nnviz_tb.SummaryWriter(logdir)


def test_a_logdir_that_cannot_be_written_to_is_refused_at_once(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    for logdir in (blocked, blocked / "below", "/proc/nnviz"):
        with pytest.raises(
            ArgumentError, match="logdir must be a directory that can be written to"
        ):
            nnviz_tb.SummaryWriter(logdir)


@pytest.mark.parametrize(
    "options", [{"max_step_bytes": 100}, {"max_step_bytes": "1M"}, {"seed": -1}]
)
def test_options_out_of_range_are_refused(tmp_path, options):
    with pytest.raises(ArgumentError, match=next(iter(options))):
        nnviz_tb.SummaryWriter(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_tag_belongs_to_one_dashboard(writer):
    writer.add_scalar("a", 1, 0)
    with pytest.raises(ArgumentError, match="'a' is taken by scalars"):
        writer.add_histogram("a", [1.0], 0)
    with pytest.warns(LoggingWarning, match="'hidden/kernel' is a tag of scalars already"):
        writer.log_model(MODEL, 1, scalars={"hidden/kernel": 5})
    assert scalars(writer.log_dir, "hidden/kernel") == [(1, 5.0)]


# What is logged although it is odd.


def test_weights_that_are_not_finite_are_counted(writer):
    kernel = RNG.normal(size=(20, 4)).astype("f4")
    kernel[0, 0], kernel[1, 1], kernel[2, 1] = np.nan, np.inf, -np.inf
    writer.log_model({"d/kernel": kernel, "e/kernel": np.full((2, 2), np.nan, "f4")}, 0)
    table = array(writer.log_dir, "d/kernel")
    assert table[:, 2].sum() == np.isfinite(kernel).sum()
    fields = list(nnviz_tb.definitions.LAYER_FIELDS)
    figures = dict(zip(fields, array(writer.log_dir, "nnviz/layer/d"), strict=True))
    assert [figures[f"weight_{n}_count"] for n in ("nan", "posinf", "neginf")] == [1, 1, 1]
    tags = accumulated(writer.log_dir).Tags()["tensors"]
    assert "e/kernel" not in tags
    assert "nnviz/layer/e" in tags


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, "f2", "f8", "i4",
                                   "u1", ">f4", "?"])  # fmt: skip
def test_weights_of_any_dtype_read_back_as_float32(writer, dtype):
    kernel = RNG.integers(0, 2, (6, 4)).astype(dtype)
    writer.log_model({"d/kernel": kernel, "d/bias": np.ones(4).astype(dtype)}, 0)
    weights = array(writer.log_dir, "nnviz/weights/d")
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, kernel.astype("f4").T)
    np.testing.assert_array_equal(array(writer.log_dir, "nnviz/bias/d"), np.ones(4, "f4"))


def test_a_layer_of_no_size_is_there_without_numbers(writer):
    writer.log_model({"d/kernel": np.zeros((0, 4), "f4"), "e/kernel": np.zeros((3, 0), "f4")}, 0)
    tags = accumulated(writer.log_dir).Tags()["tensors"]
    assert {"nnviz/layer/d", "nnviz/layer/e"} <= set(tags)
    assert not {"d/kernel", "e/kernel"} & set(tags)


NAMES = ["a b", "é🧠", "<script>alert(1)</script>", "x" * 300, "x" * 900, "line\nbreak", "\ud800",
         "nul\0", "..", "nnviz"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_hostile_layer_name_is_kept_as_far_as_text_can_be(writer, name):
    for step in range(2):
        writer.log_model([{name: {"kernel": np.ones((2, 2), "f4")}}], step)
    content = accumulated(writer.log_dir).PluginTagToContent("nnviz")
    layers = [tag[len("nnviz/layer/") :] for tag in content if tag.startswith("nnviz/layer/")]
    assert len(layers) == 1
    if name in NAMES[:4]:
        assert layers == [f"0/{name}"]
    assert len(layers[0]) <= 600
    assert layers[0].isprintable()
    assert metadata_from_bytes(content[f"nnviz/layer/{layers[0]}"]).neurons == 2
    assert len(rows(writer.log_dir, f"nnviz/weight_norm/{layers[0]}")) == 2


def test_what_fails_later_drops_the_model_and_keeps_the_scalars(writer):
    calls = []

    def gate(x):
        calls.append(1)
        if len(calls) > 10_000:
            raise MemoryError("no room")
        return np.maximum(x, 0)

    inputs = np.ones((4, 2))
    writer.log_model(
        MODEL, 0, scalars={"loss": 0}, activations={"hidden": (gate, np.ones((4, 10)))}
    )
    assert "nnviz/curve/hidden" in accumulated(writer.log_dir).Tags()["tensors"]
    calls += [1] * 10_000
    with pytest.warns(LoggingWarning):
        writer.log_model(MODEL, 1, scalars={"loss": 1}, activations={"hidden": (gate, inputs)})
    assert scalars(writer.log_dir, "loss") == [(0, 0.0), (1, 1.0)]


@pytest.mark.slow
def test_a_probe_batch_of_the_wrong_shape_is_refused(writer):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu")])
    with pytest.raises(NnvizError, match="inputs"):
        writer.log_model(model, 0, inputs=np.ones((2, 5), "f4"))
    assert accumulated(writer.log_dir).Tags()["tensors"] == []
    writer.log_model(model, 0, inputs=np.ones((2, 4), "f4"))
    with pytest.warns(LoggingWarning, match="step 1 was not recorded"):
        writer.log_model(model, 1, inputs=np.ones((2, 5), "f4"), scalars={"loss": 1})
    assert writer.dropped_count == 1
    assert scalars(writer.log_dir, "loss") == [(1, 1.0)]


def test_a_training_that_begins_anew_in_the_same_process_is_measured_from_its_own_beginning(
    tmp_path,
):
    rng = np.random.default_rng(0)
    for _ in range(3):  # the cell of a notebook, run again
        kernel = rng.normal(size=(6, 4)).astype(np.float32)
        for step in range(3):
            nnviz_tb.log_model({"dense/kernel": kernel * (1 + step)}, step, logdir=tmp_path)
    found = rows(tmp_path, "nnviz/distance/dense")

    assert [step for step, _ in found] == 3 * [0, 1, 2]
    for step, distances in found:
        np.testing.assert_allclose(distances, np.full(4, step), rtol=1e-5, atol=1e-6)


def test_a_training_that_goes_back_to_a_checkpoint_goes_on(writer):
    kernel = np.ones((6, 4), np.float32)
    for step in (10, 10, 20, 30, 20):
        writer.log_model({"dense/kernel": kernel * step}, step)
    last, distances = rows(writer.log_dir, "nnviz/distance/dense")[-1]

    assert last == 20
    np.testing.assert_allclose(distances, np.ones(4), rtol=1e-5)


def test_names_of_one_directory_are_one_run(writer):
    with warnings.catch_warnings():
        warnings.simplefilter("error", LoggingWarning)
        for step, main in enumerate(("loss/x", "loss_x")):
            writer.add_scalars(main, {"t": step}, step)
            time.sleep(0.11)  # scalars look after their file ten times a second
        writer.add_scalars("loss/x", {"t": 2}, 2)
    (folder,) = (path for path in Path(writer.log_dir).iterdir() if path.is_dir())

    assert len(list(folder.iterdir())) == 1
    assert scalars(folder, "loss/x") == [(0, 0.0), (2, 2.0)]
    assert scalars(folder, "loss_x") == [(1, 1.0)]
