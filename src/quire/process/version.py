"""The version of quire, for those who may not import the package itself; pyproject.toml says the same."""

__version__ = "0.1.0"
