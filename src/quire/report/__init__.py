"""Records in, tables and views out. Pure: nothing here reads a process, a file or a clock.

Read the files in this order:

    waterfall    a RunReport's memory, row by row
    run_view     everything the screen at a program's end says
    paired       the runs of a Comparison in numbers: medians, ratios, how sure they are
    compare_view what quire compare says
    view         what a view is made of
    units        sizes and counts as people read them
    cells        text on a terminal's cells
    plain        a view as text, with the standard library alone
    pictures     heaps, objects, frames, pages and turns of threads, drawn
    chapter_view a chapter of quire.model on the terminal
    chapter_markdown    the same as a document

Of a snapshot, over its columns, with NumPy:

    snapshot     the columns, checked
    answers      the nouns of what is answered
    sizes, names, objects    of one object: its size with tables, its text, how it is named
    edges        what an edge is: a key, an index, an attribute
    reach        from where each object is reached; words and places tell it
    types        what the heap is made of
    references   who refers to whom
    paths        ways from a root to an object
    retained     who frees what: dominators
    cycles       what only the collector can free
    pins         what survivors keep from going back
    differences  two snapshots
"""
