"""The commands: one file each, with ``run(arguments) -> exit code``. Nothing imports from here."""
