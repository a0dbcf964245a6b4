/* See text.h. */
#include "base/text.h"

struct text
text_begin(char *buffer, size_t size_bytes)
{
    buffer[0] = '\0';
    return (struct text){buffer, buffer + size_bytes};
}

void
text_add_byte(struct text *text, char byte)
{
    if (text_room(text) != 0) {
        *text->at++ = byte;
        *text->at = '\0';
    }
}

void
text_add(struct text *text, const char *added)
{
    for (; *added != '\0'; added++) {
        text_add_byte(text, *added);
    }
}

static void
add_digits(struct text *text, uint64_t number, unsigned base)
{
    char digits[24];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do {
        *--at = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    text_add(text, at);
}

void
text_add_number(struct text *text, uint64_t number)
{
    add_digits(text, number, 10);
}

void
text_add_address(struct text *text, const void *address)
{
    text_add(text, "0x");
    add_digits(text, (uintptr_t)address, 16);
}

void
text_add_character(struct text *text, uint32_t character)
{
    bool is_control = character < 0x20 || (character >= 0x7f && character < 0xa0);
    bool is_surrogate = character >= 0xd800 && character < 0xe000;
    if (is_control || is_surrogate) {
        character = '?';
    }
    unsigned more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    if (text_room(text) <= more) {
        return;
    }
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    text_add_byte(text, (char)(first[more] | (character >> (6 * more))));
    while (more-- != 0) {
        text_add_byte(text, (char)(0x80 | ((character >> (6 * more)) & 0x3f)));
    }
}
