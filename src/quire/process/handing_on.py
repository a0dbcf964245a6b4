"""What a process hands on of its ``Config``: in ``QUIRE_*`` to its children, as one text to what ``quire run`` starts.

Read at every start of a process that ``quire run`` started, or of a child that is served, so it imports nothing that
costs time.
"""

import os

from quire.process.settings import RUN, Config, invalid, read_give_back, read_guard, read_large_blocks

_NONE = "-"
"""Of a signal."""

# --- to children ----------------------------------------------------------------------------------------------


def write_environment(config: Config) -> dict[str, str]:
    """The variables that make a child process be served as this config says, and report as ``for_child`` says."""
    settings = {"QUIRE": "1", "QUIRE_LARGE_BLOCKS": config.large_blocks}
    if config.range_bytes is not None:
        settings["QUIRE_RANGE"] = str(config.range_bytes)
    if config.guard:
        settings["QUIRE_GUARD"] = str(config.guard)
    if config.give_back != "all":
        settings["QUIRE_GIVE_BACK"] = config.give_back
    return settings | write_files_each(config)


def write_files_each(config: Config) -> dict[str, str]:
    """The variables that make each child process write its report and its snapshot, in whatever folder it starts."""
    settings = {}
    if config.json is not None and config.reports_each:
        settings["QUIRE_JSON"] = os.path.abspath(config.json)
    if config.snapshot is not None and config.snapshots_each:
        settings["QUIRE_SNAPSHOT"] = os.path.abspath(config.snapshot)
        if config.snapshot_at is not None:
            settings["QUIRE_SNAPSHOT_AT"] = str(config.snapshot_at)
        if config.snapshot_on is not None:
            settings["QUIRE_SNAPSHOT_ON"] = config.snapshot_on
    return settings


# --- the order of ``quire run`` -------------------------------------------------------------------------------


def write_order(config: Config, serves_children: bool) -> str:
    """What ``quire run`` hands to the process it starts, as one text.

    Not JSON: importing its module takes longer than all the rest of quire's start. The paths are last, the length of
    the first before them, since they may hold any character.
    """
    serving = f"{config.large_blocks} {config.range_bytes or 0} {config.guard} {config.give_back}"
    moments = f"{config.snapshot_at or 0} {config.snapshot_on or _NONE}"
    json = config.json or ""
    return f"{serving} {config.report:d} {serves_children:d} {moments} {len(json)} {json}{config.snapshot or ''}"


def read_order(text: str) -> tuple[Config, bool]:
    """The config, and whether children are to be served.

    Raises:
        InvalidOption: the text is not from ``quire run`` of this version.
    """
    try:
        *serving, report, serves_children, at, on, json_length, paths = text.split(" ", 9)
        large_blocks, range_bytes, guard, give_back = serving
        config = Config(
            large_blocks=read_large_blocks(large_blocks, RUN),
            range_bytes=int(range_bytes) or None,
            guard=read_guard(guard, RUN),
            give_back=read_give_back(give_back, RUN),
            report=bool(int(report)),
            json=paths[: int(json_length)] or None,
            snapshot=paths[int(json_length) :] or None,
            snapshot_at=int(at) or None,
            snapshot_on=None if on == _NONE else on,
        )
        return config, bool(int(serves_children))
    except ValueError:
        raise invalid(f"{RUN} is quire's own; set QUIRE=1 to be served") from None
