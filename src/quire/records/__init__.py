"""The nouns of quire, as frozen dataclasses, a file for each kind: a program imports only those that it tells of.

The same records describe the model, a recorded run and a live process, so one picture serves all three.
Sizes are in bytes and end in ``_bytes``; addresses are integers; an index, a count and a size are three things.
Nothing here imports anything else of quire's.
"""
