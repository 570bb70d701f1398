"""TensorBoard's data provider: what it lists and reads, and what it raises, in our words.

Nothing else in this package calls the provider. Whatever it raises becomes a fault that says what
was being done, so that no request ends in a stack trace.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from tensorboard import context as tb_context
from tensorboard import errors as tb_errors
from tensorboard.compat.proto import summary_pb2
from tensorboard.data import provider as tb_provider

from nnviz_tb.reading.beneath import Multiplexed, beneath
from nnviz_tb.reading.faults import (
    BadDataError,
    NotFoundError,
    RequestError,
    TooLargeError,
    UnavailableError,
    shown,
)
from nnviz_tb.reading.listings import Tags
from nnviz_tb.reading.stored import Listed
from nnviz_tb.schema import PLUGIN_NAME

SCALARS_PLUGIN = "scalars"
_DATA_CLASSES = {
    PLUGIN_NAME: summary_pb2.DATA_CLASS_TENSOR,
    SCALARS_PLUGIN: summary_pb2.DATA_CLASS_SCALAR,
}

logger = logging.getLogger(__name__)


class Scope(NamedTuple):
    """Who asks (TensorBoard's own context of the request), and in which experiment."""

    context: tb_context.RequestContext
    experiment: str


class Source:
    """A data provider, or none. Safe to use from several threads as far as the provider is."""

    def __init__(self, provider: tb_provider.DataProvider | None) -> None:
        self._provider = provider
        self._beneath = beneath(provider)

    def listing(
        self,
        scope: Scope,
        runs: Collection[str] | None = None,
        tags: Collection[str] | None = None,
        plugins: Collection[str] = tuple(_DATA_CLASSES),
    ) -> Mapping[str, Mapping[str, Tags]]:
        """``{plugin: {run: {tag: Listed}}}`` of our series and of scalars.

        Args:
          runs, tags: the only ones wanted; None for all.
        """
        with told("list the series"):
            if self._beneath is not None:
                wanted = {plugin: _DATA_CLASSES[plugin] for plugin in plugins}
                return self._beneath.tags(scope.experiment, wanted, runs, tags)
            return {plugin: self._public_listing(scope, runs, tags, plugin) for plugin in plugins}

    def runs(self, scope: Scope) -> dict[str, float | None]:
        """``{name: wall time of its first event}`` of all runs, in the order of their start."""
        with told("list the runs"):
            if isinstance(self._beneath, Multiplexed):
                found = self._beneath.runs()
            else:
                listed = self._connected().list_runs(scope.context, experiment_id=scope.experiment)
                found = [(run.start_time, run.run_name) for run in listed]
        return {name: start for start, name in sorted(found, key=_start_then_name)}

    def _public_listing(
        self, scope: Scope, runs: Collection[str] | None, tags: Collection[str] | None, plugin: str
    ) -> Mapping[str, Tags]:
        provider = self._connected()
        listing = provider.list_scalars if plugin == SCALARS_PLUGIN else provider.list_tensors
        answer = listing(
            scope.context,
            experiment_id=scope.experiment,
            plugin_name=plugin,
            run_tag_filter=_filter(runs, tags),
        )
        return {
            name: {tag: _listed(series) for tag, series in of_run.items()}
            for name, of_run in answer.items()
        }

    def tensors(
        self, scope: Scope, run: str, tags: Sequence[str], limit: int
    ) -> Mapping[str, Sequence[Any]]:
        """``{tag: rows}`` of some of our tags, ``limit`` rows of each or more, the last included.

        With more rows than that a provider picks some at random, or hands over all.
        """
        with told(f"read {shown(tags[0])}"):
            if self._beneath is not None:
                return self._beneath.rows(scope.experiment, PLUGIN_NAME, run, tags, limit)
            answer = self._connected().read_tensors(
                scope.context,
                experiment_id=scope.experiment,
                plugin_name=PLUGIN_NAME,
                downsample=limit,
                run_tag_filter=_filter([run], tags),
            )
        return answer.get(run, {})  # type: ignore[no-any-return]

    def scalars(self, scope: Scope, run: str, tag: str, limit: int) -> Sequence[Any]:
        """Rows of one scalar, at most ``limit``, as :meth:`tensors`."""
        with told(f"read the scalar {shown(tag)}"):
            answer = self._connected().read_scalars(
                scope.context,
                experiment_id=scope.experiment,
                plugin_name=SCALARS_PLUGIN,
                downsample=limit,
                run_tag_filter=_filter([run], [tag]),
            )
        return answer.get(run, {}).get(tag, ())  # type: ignore[no-any-return]

    def _connected(self) -> Any:
        if self._provider is None:
            raise UnavailableError("this TensorBoard runs without a data provider")
        return self._provider


def _filter(
    runs: Collection[str] | None, tags: Collection[str] | None
) -> tb_provider.RunTagFilter | None:
    if runs is None and tags is None:
        return None
    return tb_provider.RunTagFilter(runs=runs, tags=tags)


def _start_then_name(run: tuple[float | None, str]) -> tuple[float, str]:
    start, name = run
    return start or math.inf, name


def _listed(series: Any) -> Listed:
    wall_time = series.max_wall_time
    finite = wall_time is not None and math.isfinite(wall_time)
    return Listed(series.max_step or 0, wall_time if finite else 0.0, series.plugin_content or b"")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turns whatever the data provider raises into a fault that says what was being done."""
    try:
        yield
    except RequestError:
        raise
    except tb_errors.NotFoundError as error:
        raise NotFoundError(str(error)) from None
    except tb_errors.PublicError as error:
        raise UnavailableError(f"TensorBoard refused to {what}: {error}") from None
    except (ValueError, TypeError, KeyError, MemoryError, OverflowError) as error:
        # What make_ndarray raises inside the provider when a tensor contradicts itself.
        raise BadDataError(f"cannot {what}: the log holds a tensor that is damaged") from error
    except Exception as error:
        raise _grpc_fault(what, error) from error


def _grpc_fault(what: str, error: Exception) -> RequestError:
    # By name: without the data server TensorBoard need not have gRPC at all.
    code = getattr(error, "code", None)
    name = getattr(code() if callable(code) else None, "name", type(error).__name__)
    if name == "NOT_FOUND":
        return NotFoundError(f"cannot {what}: TensorBoard no longer holds it")
    if name == "RESOURCE_EXHAUSTED":
        return TooLargeError(f"cannot {what}: it is more than TensorBoard's data server can send")
    logger.warning("cannot %s: %s", what, name, exc_info=error)
    return UnavailableError(f"cannot {what}: TensorBoard's data server failed with {name}")
