/* How many mappings the process has: counted by the helper, or by a thread that waits for it, without the interpreter lock.
 *
 * Callers: helper.c, module/. Calls: os/mappings.h.
 */
#include "hook/service.h"
#include "os/mappings.h"

/* Whether it went to its end. */
static bool
count(bool (*stops)(void), size_t *mappings)
{
    struct mappings_count counted;
    *mappings = 0;
    if (mappings_begin(&counted) != 0) {
        return true;
    }
    for (bool is_done = false; !is_done;) {
        if (stops != NULL && stops()) {
            mappings_end(&counted);
            return false;
        }
        if (mappings_go_on(&counted, &is_done) != 0) {
            return true;
        }
    }
    *mappings = counted.mappings;
    return true;
}

bool
hook_count_mappings(bool (*stops)(void), struct hook_mappings *mappings)
{
    *mappings = (struct hook_mappings){0};
    struct hook_mappings found;
    if (hook_is_newly_filtered() || mappings_max(&found.max) != 0) {
        return true;
    }
    bool is_whole = count(stops, &found.now);
    if (is_whole && found.now != 0) {
        *mappings = found;
    }
    return is_whole;
}
