/* The end of a failed assertion: print, then abort. It allocates nothing, since the heap may be what is broken. */
#include "base/base.h"

#include "base/text.h"

#include <stdlib.h>
#include <unistd.h>

_Noreturn void
base_fail(const char *what, const char *file, int line)
{
    char buffer[512];
    struct text text = text_begin(buffer, sizeof buffer);
    text_add(&text, "quire: assertion failed: ");
    text_add(&text, what);
    text_add(&text, " (");
    text_add(&text, file);
    text_add(&text, ":");
    text_add_number(&text, (uint64_t)line);
    text_add(&text, ")\n");
    ssize_t written = write(STDERR_FILENO, buffer, (size_t)(text.at - buffer));
    (void)written; /* nobody is left to be told */
    abort();
}
