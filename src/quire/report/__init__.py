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
"""
