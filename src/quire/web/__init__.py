"""The page: a picture of a heap in a browser, from a server on this machine or as one file. docs/design/page.md."""
