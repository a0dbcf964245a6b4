"""Test suites of others, run plainly and on quire, and held against each other case by case.

Every test file runs in a process of its own: a crash is then one file's, and a file can be run again alone.

    campaign.py   runs the files, looks twice at what differs
    execution.py  one file, one process, one mode
    witness.py    runs in that process before the tests: does quire serve it?
    junit.py      what the tests said: JUnit's XML
    verdict.py    what passes plainly and not on quire; the differences that are allowed
    table.py      what is shown
"""
