/* See asking.h. */
#include "hook/asking.h"

#include "hook/arrays.h"

void
asking_note(struct asking *asking, const struct object_type *known, PyObject *object, uint32_t row)
{
    struct asked *items = array_grown(asking->items, asking->count, &asking->max, sizeof *items);
    if (items == NULL) {
        asking->is_short_of_memory = true;
        return;
    }
    asking->items = items;
    asking->items[asking->count++] = (struct asked){known, Py_NewRef(object), 0, row};
}

void
asking_ask(struct asking *asking)
{
    for (; asking->asked_count < asking->count; asking->asked_count++) {
        struct asked *asked = &asking->items[asking->asked_count];
        asked->size_bytes = objects_asked_bytes(asked->known, asked->object);
        Py_DECREF(asked->object);
    }
}

void
asking_settle(const struct asking *asking, struct column *sizes)
{
    for (size_t i = 0; i < asking->asked_count; i++) {
        const struct asked *asked = &asking->items[i];
        column_change(sizes, asked->row * sizeof asked->size_bytes, &asked->size_bytes, sizeof asked->size_bytes);
    }
}

void
asking_release(struct asking *asking)
{
    for (size_t i = asking->asked_count; i < asking->count; i++) {
        Py_DECREF(asking->items[i].object);
    }
    PyMem_RawFree(asking->items);
    *asking = (struct asking){0};
}
