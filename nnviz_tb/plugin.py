"""The routes of the plugin, about ten lines each, over :mod:`reader` and :mod:`queries`.

What the routes take and give stands in ``http_api.md``; a test fails where it does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from tensorboard import plugin_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from nnviz_tb import (
    catalogue,
    densities,
    overview,
    parameters,
    projection,
    queries,
    static_files,
    wire,
)
from nnviz_tb.definitions import LAYER_FIELDS, RUN_FIELDS, SUMMARY_FIELDS
from nnviz_tb.faults import MethodError, RequestError, UnavailableError
from nnviz_tb.parameters import SELECTION, Selection
from nnviz_tb.reader import Reader, Scope
from nnviz_tb.responses import binary_response, fault_response, json_response
from nnviz_tb.rows import MAX_STEP
from nnviz_tb.schema import PLUGIN_NAME

logger = logging.getLogger(__name__)

Values = dict[str, str]
Handler = Callable[[Scope, Values], Any]
App = Callable[[Any, Any], Iterable[bytes]]

ROUTE_PARAMETERS: dict[str, tuple[str, ...]] = {
    "definitions": (),
    "catalogue": (),
    "scalars": ("run", "tag", *SELECTION),
    "neurons": ("run", "layer", "statistic", *SELECTION),
    "weights": ("run", "layer", "neuron", *SELECTION),
    "density": ("run", "layer", "of", *SELECTION),
    "curve": ("run", "layer"),
    "layer": ("run", "layer", *SELECTION),
    "summary": ("run", "layer", "array", *SELECTION),
    "run": ("run", *SELECTION),
    "path": ("run", "layer", "steps"),
    "overview": ("run", "step", "steps"),
}


class Plugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """TensorBoard's view of us: routes, a tab, and the name of the data we read."""

    plugin_name = PLUGIN_NAME

    def __init__(self, context: base_plugin.TBContext) -> None:
        """Made once, at start-up; reads the panel's files, and none of the log."""
        super().__init__(context)
        self._reader = Reader(context.data_provider)
        self._files = static_files.table()

    def is_active(self) -> bool:
        """False: TensorBoard itself shows the tab where the log names :meth:`data_plugin_names`."""
        return False

    def data_plugin_names(self) -> tuple[str, ...]:
        """Whose data makes the tab appear."""
        return (PLUGIN_NAME,)

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Where the panel begins, and the name on its tab."""
        return base_plugin.FrontendMetadata(es_module_path="/index.js", tab_name="Neurons")

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
            scope = plugin_util.context(environ), plugin_util.experiment_id(environ)
            content = handler(scope, values)
            if isinstance(content, queries.Answer):
                return binary_response(request, wire.encode(content.meta, content.arrays))
            return json_response(request, content)

        return _guarded(answer)

    def _definitions(self, scope: Scope, values: Values) -> Any:
        return catalogue.definitions()

    def _catalogue(self, scope: Scope, values: Values) -> Any:
        listing = self._reader.listing(scope)
        runs = [
            catalogue.run_entry(run, listing.ours.get(run, {}), listing.scalars.get(run, {}))
            for run in listing.runs
        ]
        return {"runs": runs}

    def _scalars(self, scope: Scope, values: Values) -> queries.Answer:
        run, tag = parameters.name(values, "run"), parameters.name(values, "tag")
        selection = parameters.selection(values)
        return queries.scalars(self._reader.scalars(scope, run, tag), selection)

    def _neurons(self, scope: Scope, values: Values) -> queries.Answer:
        run, layer = _run_and_layer(values)
        kind, selection = parameters.statistic(values), parameters.selection(values)
        return queries.neurons(self._reader.series(scope, run, kind, layer), selection)

    def _weights(self, scope: Scope, values: Values) -> queries.Answer:
        run, layer = _run_and_layer(values)
        neuron = parameters.whole(values, "neuron", 0, (1 << 31) - 1)
        selection = parameters.selection(values)
        series = self._reader.series(scope, run, "weights", layer)
        return queries.weights(series, selection, neuron)

    def _density(self, scope: Scope, values: Values) -> queries.Answer:
        run, layer = _run_and_layer(values)
        of = parameters.choice(values, "of", ("input", "output"))
        selection = parameters.selection(values)
        kind = "density" if of == "input" else "output"
        return densities.density(self._reader.series(scope, run, kind, layer), selection)

    def _curve(self, scope: Scope, values: Values) -> queries.Answer:
        run, layer = _run_and_layer(values)
        return queries.curve(self._reader.series(scope, run, "curve", layer))

    def _layer(self, scope: Scope, values: Values) -> queries.Answer:
        run, layer = _run_and_layer(values)
        selection = parameters.selection(values)
        series = self._reader.series(scope, run, "layer", layer)
        return queries.fields(series, selection, list(LAYER_FIELDS))

    def _summary(self, scope: Scope, values: Values) -> queries.Answer:
        run, layer = _run_and_layer(values)
        array = parameters.name(values, "array")
        selection = parameters.selection(values)
        series = self._reader.series(scope, run, "summary", f"{layer}/{array}")
        return queries.fields(series, selection, list(SUMMARY_FIELDS))

    def _run(self, scope: Scope, values: Values) -> queries.Answer:
        run, selection = parameters.name(values, "run"), parameters.selection(values)
        series = self._reader.series(scope, run, "run", "")
        return queries.fields(series, selection, list(RUN_FIELDS))

    def _path(self, scope: Scope, values: Values) -> queries.Answer:
        run, layer = _run_and_layer(values)
        selection = parameters.selection(values)
        return projection.path(self._reader.series(scope, run, "sketch", layer), selection)

    def _overview(self, scope: Scope, values: Values) -> queries.Answer:
        run = parameters.name(values, "run")
        step = parameters.whole(values, "step", 0, MAX_STEP)
        selection: Selection = parameters.selection(values, parameters.OVERVIEW_STEPS)
        layers = self._reader.layers(scope, run)
        series = self._reader.series_of_layers(scope, run, "layer", layers)
        density = self._reader.series_of_layers(scope, run, "density", layers, step is None)
        return overview.overview(layers, series, density, selection, step)


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
