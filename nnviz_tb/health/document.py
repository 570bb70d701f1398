"""``docs/findings.md``, made from the definitions and thresholds that the rules use.

``python -m nnviz_tb.health.document > docs/findings.md`` writes it anew; a test says when to.
"""

from __future__ import annotations

import re

from nnviz_tb.health.kinds import KINDS, REASONS
from nnviz_tb.health.thresholds import Thresholds

_INTRODUCTION = """\
# Findings

What the panel's Findings view, `nnviz_tb.report(logdir)`, `python -m nnviz_tb report` and
`nnviz_tb.HealthMonitor` say of a run, by which definition, and from which limit on.

```python
made = nnviz_tb.report("runs", thresholds={"dead_units": 0.3})
for finding in made:
    print(finding.severity, finding.layer, finding.first_step, finding.sentence)
```
```
python -m nnviz_tb report runs --fail-on severe   # status 1 when something severe is found
```

- A figure is judged by its **median over a window** of logged steps, never by a single one, and not
  before the window is full. A finding ends at an easier limit than the one at which it began, so
  that it does not flicker. What is over is kept as information.
- **Not measured is not healthy.** What was not recorded, or too seldom, is listed with the reason
  and what to call.
- Severities: `info` (worth knowing, or over), `warning`, `severe`.
- Rules look at nothing but what is logged, so the report of a finished run and the monitor of a
  running one say the same. Of a long run the monitor keeps its start and the recent 64 logged
  steps whole, and thins what is between.
- While a run lasts, `on_finding="warn"` warns, `"stop"` ends the training at the first severe
  finding, and a function is called with each finding: in the callbacks for Keras, Lightning and
  Hugging Face, and in `nnviz_tb.torch.watch`, where `"stop"` sets `watch.should_stop` for the loop
  to look at. `thresholds=` beside it changes limits. In any other loop, with a function:
  `writer.monitor = nnviz_tb.HealthMonitor(on_finding)`.

`docs/fault_bench.md` shows how often the rules are right.
"""


def render() -> str:
    """The whole document, Markdown."""
    parts = [_INTRODUCTION, "## Kinds\n"]
    for name, kind in KINDS.items():
        parts.append(
            f'### <a id="{name}"></a>{kind.label}: `{name}`\n\n'
            f"{kind.text}\n\n"
            f"- Source: {kind.source}.\n"
            f"- What usually helps: {kind.advice}\n"
            f"- Judged by `{kind.needs}`; without it: `{kind.missing}`.\n"
        )
    parts.append(
        "## Thresholds\n\nFields of `nnviz_tb.health.Thresholds`; `--threshold NAME=VALUE` and the "
        "panel change them.\n\n| name | default | what it limits | source |\n|---|---:|---|---|"
    )
    rows = []
    for name, entry in Thresholds.describe().items():
        text = re.sub(r"\|", r"\\|", entry["text"])
        rows.append(f"| `{name}` | {entry['default']:g} | {text} | {entry['source']} |")
    parts[-1] += "\n" + "\n".join(rows) + "\n"
    reasons = "\n".join(
        f"| `{name}` | {clause} | {advice} |" for name, (clause, advice) in REASONS.items()
    )
    parts.append(
        "## Why something was not measured\n\n| reason | meaning | what to do |\n|---|---|---|\n"
        f"{reasons}\n"
    )
    return "\n".join(parts)


if __name__ == "__main__":
    print(render(), end="")
