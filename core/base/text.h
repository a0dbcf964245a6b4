/* Text in a buffer of fixed size, for where nothing may be allocated: inside an allocation, or in a signal handler.
 *
 *     | what was added so far | 0 |     free     |
 *                              at               end
 *
 * What does not fit is left out; the text always ends with a 0.
 */
#ifndef QUIRE_TEXT_H
#define QUIRE_TEXT_H

#include "base/base.h"

struct text {
    char *at;
    char *end;
};

struct text text_begin(char *buffer, size_t size_bytes);
void text_add(struct text *text, const char *added);
void text_add_byte(struct text *text, char byte);
void text_add_number(struct text *text, uint64_t number);
void text_add_address(struct text *text, const void *address);

/* A code point, as UTF-8; what a terminal would not print as a "?". */
void text_add_character(struct text *text, uint32_t character);

static inline size_t
text_room(const struct text *text)
{
    return (size_t)(text->end - text->at) - 1;
}

#endif
