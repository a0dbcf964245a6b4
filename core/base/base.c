/* The end of a failed assertion: print, then abort. It allocates nothing, since the heap may be what is broken. */
#include "base/base.h"

#include <stdlib.h>
#include <unistd.h>

static void
print_text(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    ssize_t written = write(STDERR_FILENO, text, length);
    (void)written; /* nobody is left to be told */
}

static void
print_number(int number)
{
    char digits[12];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    print_text(at);
}

_Noreturn void
base_fail(const char *what, const char *file, int line)
{
    print_text("quire: assertion failed: ");
    print_text(what);
    print_text(" (");
    print_text(file);
    print_text(":");
    print_number(line);
    print_text(")\n");
    abort();
}
