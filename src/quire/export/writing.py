"""What a served process writes of itself: its snapshot and its report, at its end or before.

Functions given to atexit are called in turn, the last one first: so the snapshot is taken, then the report told, then
the snapshot's file made. Each thus sees little of what the others take.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from quire.process.settings import Config


def begin(config: Config) -> None:
    """From now on, until Python ends."""
    snapshots = None
    if config.snapshot is not None:
        from quire.export.own_snapshots import OwnSnapshots

        snapshots = OwnSnapshots(config)
        snapshots.write_at_end()
    if config.wants_report:
        from quire.export.ending import report_at_end

        if snapshots is None:
            report_at_end(config)
        else:
            report_at_end(config, snapshots.threshold)
    if snapshots is not None:
        snapshots.begin()
