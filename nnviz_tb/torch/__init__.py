"""PyTorch: :func:`watch` logs a model while it trains, from its own training passes."""

from __future__ import annotations

import os
from collections.abc import Mapping

from torch import nn
from torch.optim import Optimizer

from nnviz_tb.health import OnFinding, Thresholds
from nnviz_tb.recording.writer import SummaryWriter
from nnviz_tb.torch.selection import Patterns
from nnviz_tb.torch.watching import Watch

__all__ = ["Watch", "watch"]


def watch(
    model: nn.Module,
    writer: SummaryWriter | str | os.PathLike[str],
    *,
    every: int | str = "auto",
    include: Patterns = None,
    exclude: Patterns = None,
    optimizer: Optimizer | list[Optimizer] | tuple[Optimizer, ...] | None = None,
    max_overhead: float = 0.01,
    name: str = "",
    first_step: int = 0,
    on_finding: OnFinding | None = None,
    thresholds: Thresholds | Mapping[str, float] | None = None,
    all_reduce: bool = False,
) -> Watch:
    """The watch that logs the model at the steps of its optimizer, until it is closed.

    The optimizers are found by the parameters they hold, and any number of models may be watched.
    Compiled models run uncompiled for the steps that are logged, and are never compiled anew:
    compile first, then watch.

    Of weights on an accelerator, and of what reaches activations there, sums are taken on the
    device and come without the training waiting for them: the record of a logged step is written
    at a later one. Read at once are the parameters of an activation function that has some, as
    PReLU, a learning rate that is a tensor, and whether the gradient of a weight that is computed
    (parametrized, weight-normed, of LoRA) is confirmed by those of its sources.

    Gradients are those that the step uses: read before it, or when its closure has first returned.
    Steps that are made inside compiled code, or replayed as a CUDA graph, are not seen.
    FullyShardedDataParallel (FSDP1) is refused: it keeps flattened pieces of weights.

    In a distributed training the process of rank 0 writes. Under DistributedDataParallel the others
    do nothing, unless ``all_reduce`` is set. Weights that are sharded (``fully_shard``,
    ``parallelize_module``, any DTensor) are watched in every process, each of which makes and
    closes its watch as the others do: each reduces its shard, and only sums are exchanged, never a
    weight. All log the same steps; with ``"auto"`` the first process says at each of them which is
    the next. A process whose watch fails tells the others, and one that does not come is waited for
    a minute; then the watches end, and the training goes on.

    Args:
      model: also one wrapped by ``torch.compile`` or DistributedDataParallel.
      writer: a writer of your own, or the directory of the run.
      every: log every so many steps; ``"auto"`` logs densely at first and thinning later, within
        ``max_overhead``.
      include: only layers whose names match a pattern, as ``"encoder/*"``, or one of several.
      exclude: leave out layers whose names match.
      optimizer: one whose steps are counted, or several of which the first is; by default the first
        that steps the model's parameters.
      max_overhead: largest share of the time that ``"auto"`` may take.
      name: goes before the layers' names, for a second model in the same run.
      first_step: the count to begin with, for a training that is resumed.
      on_finding: what to do when something is found to be wrong: ``"warn"`` with a
        :class:`~nnviz_tb.errors.HealthWarning`; ``"stop"`` when it is severe, which sets
        :attr:`Watch.should_stop` for the loop to look at, and warns; or call a function with the
        :class:`~nnviz_tb.health.Finding`, in the process that writes. What the function raises
        comes out of ``optimizer.step()``. ``docs/findings.md`` says what is looked for.
      thresholds: limits of findings, or those that differ from the defaults, by name.
      all_reduce: of activations, tell what all processes of a distributed training saw, not only
        the first one. Every process makes the watch; on an accelerator a logged step then waits for
        the samples.

    Raises:
      ArgumentError: an argument is not as described; or ``"stop"`` in a training of several
        processes, which would wait for the one that stopped.
    """
    return Watch(
        model,
        writer,
        every=every,
        include=include,
        exclude=exclude,
        optimizer=optimizer,
        max_overhead=max_overhead,
        name=name,
        first_step=first_step,
        on_finding=on_finding,
        thresholds=thresholds,
        all_reduce=all_reduce,
    )
