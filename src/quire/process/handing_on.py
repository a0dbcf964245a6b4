"""What a process hands on of its ``Config``: in ``QUIRE_*`` to its children, as one text to what ``quire run`` starts.

Read at every start of a process that ``quire run`` started, or of a child that is served, so it imports nothing that
costs time.
"""

import os

from quire.process.settings import RUN, Config, invalid, read_give_back, read_guard, read_large_blocks

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
    return settings | write_reports_each(config)


def write_reports_each(config: Config) -> dict[str, str]:
    """The variable that makes each child process report, in whatever folder it starts; none where it is not asked."""
    if config.json is None or not config.reports_each:
        return {}
    return {"QUIRE_JSON": os.path.abspath(config.json)}


# --- the order of ``quire run`` -------------------------------------------------------------------------------


def write_order(config: Config, serves_children: bool) -> str:
    """What ``quire run`` hands to the process it starts, as one text.

    Not JSON: importing its module takes longer than all the rest of quire's start. The path is last, since it
    may hold any character.
    """
    serving = f"{config.large_blocks} {config.range_bytes or 0} {config.guard} {config.give_back}"
    return f"{serving} {config.report:d} {serves_children:d} {config.json or ''}"


def read_order(text: str) -> tuple[Config, bool]:
    """The config, and whether children are to be served.

    Raises:
        InvalidOption: the text is not from ``quire run`` of this version.
    """
    try:
        large_blocks, range_bytes, guard, give_back, report, serves_children, json = text.split(" ", 6)
        config = Config(
            large_blocks=read_large_blocks(large_blocks, RUN),
            range_bytes=int(range_bytes) or None,
            guard=read_guard(guard, RUN),
            give_back=read_give_back(give_back, RUN),
            report=bool(int(report)),
            json=json or None,
        )
        return config, bool(int(serves_children))
    except ValueError:
        raise invalid(f"{RUN} is quire's own; set QUIRE=1 to be served") from None
