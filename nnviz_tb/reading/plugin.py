"""The routes of the plugin, about ten lines each, over :mod:`reader` and :mod:`queries`.

What the routes take and give stands in ``http_api.md``; a test fails where it does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from tensorboard import plugin_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from nnviz_tb.definitions import LAYER_FIELDS, RUN_FIELDS, SUMMARY_FIELDS
from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import Thresholds, assess
from nnviz_tb.reading import (
    catalogue,
    densities,
    kernels,
    overview,
    parameters,
    projection,
    queries,
    static_files,
)
from nnviz_tb.reading.answers import Answers, Values, container
from nnviz_tb.reading.desk import Desk
from nnviz_tb.reading.evidence import gather
from nnviz_tb.reading.faults import (
    BadRequestError,
    MethodError,
    NotFoundError,
    RequestError,
    UnavailableError,
    shown,
)
from nnviz_tb.reading.listings import layers_in, stamp
from nnviz_tb.reading.parameters import SELECTION, Selection
from nnviz_tb.reading.reader import MAX_AGE_S, Reader
from nnviz_tb.reading.responses import (
    Body,
    fault_response,
    json_body,
    json_text_body,
    respond,
)
from nnviz_tb.reading.rows import MAX_STEP
from nnviz_tb.reading.source import Scope
from nnviz_tb.schema import PLUGIN_NAME, tag_of

logger = logging.getLogger(__name__)

Handler = Callable[[Scope, Values], Body]
App = Callable[[Any, Any], Iterable[bytes]]

ROUTE_PARAMETERS: dict[str, tuple[str, ...]] = {
    "definitions": (),
    "catalogue": (),
    "contents": ("run",),
    "scalars": ("run", "tag", *SELECTION),
    "neurons": ("run", "layer", "statistic", *SELECTION),
    "weights": ("run", "layer", "neuron", *SELECTION),
    "kernels": ("run", "layer", "step"),
    "density": ("run", "layer", "of", *SELECTION),
    "curve": ("run", "layer"),
    "layer": ("run", "layer", *SELECTION),
    "summary": ("run", "layer", "array", *SELECTION),
    "run": ("run", *SELECTION),
    "path": ("run", "layer", "steps"),
    "overview": ("run", "step", "steps", "from", "to"),
    "findings": ("run", "thresholds"),
}


class Plugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """TensorBoard's view of us: routes, a tab, and the name of the data we read."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        """Made once, at start-up; reads the panel's files, and none of the log."""
        super().__init__(context)
        desk = Desk()
        self._reader = Reader(context.data_provider, desk=desk)
        self._answers = Answers(desk)
        self._book = catalogue.Book()
        self._files = static_files.table()

    def is_active(self) -> bool:
        """False: TensorBoard itself shows the tab where the log names :meth:`data_plugin_names`."""
        return False

    def data_plugin_names(self) -> tuple[str, ...]:
        """Whose data makes the tab appear."""
        return (PLUGIN_NAME,)

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Where the panel begins, and the name on its tab."""
        return base_plugin.FrontendMetadata(es_module_path="/index.js", tab_name="NNViz")

    def get_plugin_apps(self) -> dict[str, App]:
        """Every route and every file, by exact name; there are no wildcards."""
        apps = {f"/{name}": self._data_app(name) for name in ROUTE_PARAMETERS}
        for name, file in self._files.items():
            apps[name] = _guarded(file.response)
        return apps

    def _data_app(self, name: str) -> App:
        handler: Handler = getattr(self, f"_{name}")

        def answer(request: wrappers.Request) -> wrappers.Response:
            environ = request.environ
            values = parameters.parse(environ.get("QUERY_STRING", ""), ROUTE_PARAMETERS[name])
            scope = Scope(plugin_util.context(environ), plugin_util.experiment_id(environ))
            return respond(request, handler(scope, values))

        return _guarded(answer)

    def _definitions(self, scope: Scope, values: Values) -> Body:
        return self._answers.get("definitions", None, lambda: json_body(catalogue.definitions()))

    def _catalogue(self, scope: Scope, values: Values) -> Body:
        def build() -> Body:
            return json_text_body(self._book.json(*self._reader.heads(scope)))

        return self._answers.aging(("catalogue", scope.experiment), build)

    def _contents(self, scope: Scope, values: Values) -> Body:
        run = parameters.name(values, "run")
        held = self._reader.contents(scope, run)

        def build() -> Body:
            return json_text_body(catalogue.contents_json(run, *held).encode("ascii"))

        return self._answers.get(("contents", scope.experiment, run), stamp(*held), build)

    def _scalars(self, scope: Scope, values: Values) -> Body:
        run, tag = parameters.name(values, "run"), parameters.name(values, "tag")
        selection = parameters.selection(values)
        series = self._reader.scalars(scope, run, tag)
        return self._answers.of_series(
            "scalars", scope, values, series, lambda: queries.scalars(series, selection)
        )

    def _neurons(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        kind, selection = parameters.statistic(values), parameters.selection(values)
        series = self._reader.series(scope, run, kind, layer)
        return self._answers.of_series(
            "neurons", scope, values, series, lambda: queries.neurons(series, selection)
        )

    def _weights(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        neuron = parameters.whole(values, "neuron", 0, (1 << 31) - 1)
        selection = parameters.selection(values)
        series = self._reader.series(scope, run, "weights", layer)
        return self._answers.of_series(
            "weights", scope, values, series, lambda: queries.weights(series, selection, neuron)
        )

    def _kernels(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        step = parameters.whole(values, "step", 0, MAX_STEP)
        series = self._reader.series(scope, run, "weights", layer)
        return self._answers.of_series(
            "kernels", scope, values, series, lambda: kernels.kernels(series, step)
        )

    def _density(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        of = parameters.choice(values, "of", ("input", "output"))
        selection = parameters.selection(values)
        kind = "density" if of == "input" else "output"
        series = self._reader.series(scope, run, kind, layer)
        return self._answers.of_series(
            "density", scope, values, series, lambda: densities.density(series, selection)
        )

    def _curve(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        series = self._reader.series(scope, run, "curve", layer)
        return self._answers.of_series(
            "curve", scope, values, series, lambda: queries.curve(series)
        )

    def _layer(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        selection = parameters.selection(values)
        series = self._reader.series(scope, run, "layer", layer)
        names = list(LAYER_FIELDS)
        return self._answers.of_series(
            "layer", scope, values, series, lambda: queries.fields(series, selection, names)
        )

    def _summary(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        array = parameters.name(values, "array")
        selection = parameters.selection(values)
        series = self._reader.series(scope, run, "summary", f"{layer}/{array}")
        names = list(SUMMARY_FIELDS)
        return self._answers.of_series(
            "summary", scope, values, series, lambda: queries.fields(series, selection, names)
        )

    def _run(self, scope: Scope, values: Values) -> Body:
        run, selection = parameters.name(values, "run"), parameters.selection(values)
        series = self._reader.series(scope, run, "run", "")
        names = list(RUN_FIELDS)
        return self._answers.of_series(
            "run", scope, values, series, lambda: queries.fields(series, selection, names)
        )

    def _path(self, scope: Scope, values: Values) -> Body:
        run, layer = _run_and_layer(values)
        selection = parameters.selection(values)
        series = self._reader.series(scope, run, "sketch", layer)
        return self._answers.of_series(
            "path", scope, values, series, lambda: projection.path(series, selection)
        )

    def _overview(self, scope: Scope, values: Values) -> Body:
        run = parameters.name(values, "run")
        step = parameters.whole(values, "step", 0, MAX_STEP)
        selection: Selection = parameters.selection(values, parameters.OVERVIEW_STEPS)
        tags = self._reader.run_tags(scope, run)
        layers = layers_in(tags)
        if not layers:
            raise NotFoundError(f"run {shown(run)} holds no layer")

        def build() -> Body:
            read = partial(self._reader.series_of_layers, scope, run, layers=layers, tags=tags)
            density = read(kind="density", last_only=step is None)
            return container(
                overview.overview(layers, read(kind="layer"), density, selection, step)
            )

        shown_tags = (tag_of(kind, layer) for kind in ("layer", "density") for layer in layers)
        held = stamp({tag: tags[tag] for tag in shown_tags if tag in tags})
        question = ("overview", scope.experiment, *sorted(values.items()))
        return self._answers.get(question, held, build, good_s=MAX_AGE_S)

    def _findings(self, scope: Scope, values: Values) -> Body:
        run = parameters.name(values, "run")
        try:
            thresholds = Thresholds().changed(parameters.limits(values))
        except ArgumentError as error:
            raise BadRequestError(str(error)) from None
        held = self._reader.contents(scope, run)

        def build() -> Body:
            return json_body(assess(gather(self._reader, scope, run), thresholds).as_dict())

        question = ("findings", scope.experiment, run, thresholds)
        return self._answers.get(question, stamp(*held), build, good_s=MAX_AGE_S)


def _run_and_layer(values: Values) -> tuple[str, str]:
    return parameters.name(values, "run"), parameters.name(values, "layer")


def _guarded(answer: Callable[[wrappers.Request], wrappers.Response]) -> App:
    """A WSGI application around ``answer``: GET and HEAD only, and every failure in one shape."""

    @wrappers.Request.application
    def app(request: wrappers.Request) -> wrappers.Response:
        try:
            if request.method not in ("GET", "HEAD"):
                raise MethodError(f"{request.method[:20]} is not allowed; use GET or HEAD")
            return answer(request)
        except RequestError as fault:
            return fault_response(request, fault)
        except Exception:
            # A defect of ours. The reason goes to TensorBoard's own log, not to the client.
            logger.exception("nnviz failed to answer %s", request.path)
            return fault_response(
                request, UnavailableError("the plugin failed; see TensorBoard's log")
            )

    return app
