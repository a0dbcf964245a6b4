"""The live side: serving a process, and what it says of itself. The only importer of ``quire._core``."""
