"""``fit_alone.py BACKEND LOGDIR``: a model is trained on a backend, with no other to be imported.

Prints the frameworks that were imported, the losses of ``fit`` and a note if the weights changed.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parity"))
from alone import FRAMEWORKS, allow_only

BACKEND, LOGDIR = sys.argv[1:]
os.environ["KERAS_BACKEND"] = BACKEND
allow_only("keras", BACKEND, *(["jaxlib"] if BACKEND == "jax" else []))

import keras  # noqa: E402
import numpy as np  # noqa: E402

import nnviz_tb  # noqa: E402

warnings.filterwarnings("error", module="nnviz_tb")

rng = np.random.default_rng(0)
x = rng.normal(size=(64, 8, 8, 1)).astype(np.float32)
y = (x.mean((1, 2, 3)) > 0).astype(np.int32)
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
        keras.layers.BatchNormalization(name="norm"),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(6, activation="tanh", name="hidden"),
        keras.layers.Dense(2, activation="softmax", name="head"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
before = [keras.ops.convert_to_numpy(variable).copy() for variable in model.variables]
with warnings.catch_warnings():
    warnings.simplefilter("error")
    nnviz_tb.log_model(model, 0, logdir=f"{LOGDIR}/once", inputs=x[:16])
after = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)), (
    "the probe left a mark"
)


# Where the backend traces what is inside, it has no numbers to be kept; the training goes on.
class Rematted(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(4, activation="relu", name="inner")
        self.outer = keras.layers.Dense(2, activation="softmax", name="outer")

    def call(self, x):
        flat = keras.ops.reshape(x, (-1, 64))
        return self.outer(keras.remat(lambda z: self.inner(z))(flat))


rematted = Rematted()
rematted.compile("adam", "sparse_categorical_crossentropy")
rematted(x[:4])
seen = nnviz_tb.keras.Callback(f"{LOGDIR}/rematted", inputs=x[:16], every=2)
rematted.fit(x, y, batch_size=16, verbose=0, callbacks=[seen])

callback = nnviz_tb.keras.Callback(f"{LOGDIR}/fit", inputs=x[:16], every=1)
history = model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[callback])
# Between logged steps JAX keeps the variables to itself, a schedule's count of steps among them.
rate = keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
sparse = nnviz_tb.keras.Callback(f"{LOGDIR}/sparse", every=3)
model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[sparse])
seldom = nnviz_tb.keras.Callback(f"{LOGDIR}/seldom", every=1000)
model.fit(x, y, batch_size=16, epochs=1, verbose=0, callbacks=[seldom])

print(*(name for name in FRAMEWORKS if name in sys.modules))
print(*history.history["loss"])
