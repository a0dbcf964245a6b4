/* What every room may use: integers, bits, assertions, sanitizer marks. Knows only the compiler.
 *
 * Assertions cost nothing unless QUIRE_ASSERTS is set; the one that fails says what, where, and ends the process
 * without allocating.
 */
#ifndef QUIRE_BASE_H
#define QUIRE_BASE_H

#include <assert.h> /* static_assert */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The compiler keeps these out of line, away from the hot code that calls them. */
#define COLD __attribute__((noinline, cold))
#define SLOW __attribute__((noinline))

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * KIB)

_Noreturn void base_fail(const char *what, const char *file, int line);

#ifdef QUIRE_ASSERTS
#define ASSERT(condition) (LIKELY(condition) ? (void)0 : base_fail(#condition, __FILE__, __LINE__))
#else
#define ASSERT(condition) ((void)0)
#endif

/* In a self-check: end it with the sentence, which says the rule, if the rule is broken. */
#define CHECK(rule, sentence) \
    do { \
        if (!(rule)) { \
            return sentence; \
        } \
    } while (0)

static inline size_t
align_up(size_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

static inline bool
is_power_of_two(size_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* The index of the highest bit that is set; value is not 0. */
static inline unsigned
highest_bit(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value);
}

/* The index of the lowest bit that is set; value is not 0. */
static inline unsigned
lowest_bit(uint64_t value)
{
    return (unsigned)__builtin_ctzll(value);
}

/* By a power of two that the compiler does not know to be one, such as the system's page. */
static inline size_t
divide_by_power(size_t value, size_t power)
{
    return value >> lowest_bit(power);
}

static inline size_t
modulo_power(size_t value, size_t power)
{
    return value & (power - 1);
}

#endif
