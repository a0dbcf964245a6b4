/* What a snapshot knows of each type, and by that of each object: how large it is, what lies before it in its block, what
 * its layout is, what it shows.
 *
 *     block   | collector's header | dictionary, weak references | object ... | inline attributes |
 *             |<----------- bytes_before, each if the type has it ------>|
 *
 * Types are found out about before the walk, or when the first object of one is met; nothing of Python's is allocated for
 * it. Objects are read where they can be read at least cost (homes.h); what is found in them are addresses of their own.
 *
 * Callers: references.c, snapshot*.c. Locking: the interpreter lock.
 */
#ifndef QUIRE_HOOK_OBJECTS_H
#define QUIRE_HOOK_OBJECTS_H

#include "hook/homes.h"
#include "hook/types.h"

/* How sys.getsizeof comes to its answer. BASIC: as object.__sizeof__, also where a function of Python's would answer.
 * ASKED: by a function of C's, which objects_asked_bytes calls; until then as BASIC. */
enum size_rule { SIZE_BASIC, SIZE_INT, SIZE_STRING, SIZE_LIST, SIZE_DICT, SIZE_SET, SIZE_BUFFER, SIZE_CODE, SIZE_ASKED };

/* Where references are found. */
enum shows { SHOWS_NOTHING, SHOWS_LAYOUT, SHOWS_TRAVERSE, SHOWS_SCAN };

struct object_type {
    PyTypeObject *type; /* held, as is the next */
    PyObject *asked;    /* its __sizeof__ */
    PyTypeObject *foreign_base; /* the first base that no class statement made; itself, if it is none */
    uint32_t index;
    uint32_t bytes_before;
    uint32_t fixed_bytes; /* as sys.getsizeof, where it is the same for all objects; 0: it is not */
    uint32_t inline_names; /* attributes that instances may keep in themselves, when this was found out */
    uint8_t kind;      /* enum kind, of its layout: of its first base that has one */
    uint8_t size_rule;
    uint8_t shows;
    bool has_header;   /* the collector's; types that are static have none */
    bool is_class;     /* made by a class statement */
    bool is_bytearray;
    bool may_have_tables;
    bool may_have_names; /* a dictionary of attributes */
    bool is_thread_local; /* threading.local, or a class of that base */
    bool may_be_ours; /* the snapshot may hold references to its objects: types, methods that are asked */
};

struct object_types {
    struct object_type **pieces;
    size_t count;
    size_t pieces_max;
    struct object_type_place {
        const PyTypeObject *type; /* NULL: unused */
        struct object_type *known;
    } *places;
    size_t places_count; /* a power of two, or 0 */
    PyObject *name; /* "__sizeof__" */
    struct object_type *last;
    bool is_short_of_memory;
};

/* The reviewed types are known then (types_review). False: no memory. */
bool objects_begin(struct object_types *types);
void objects_end(struct object_types *types);

/* Find out about a type. NULL: no memory. */
struct object_type *objects_add_type(struct object_types *types, PyTypeObject *type);
struct object_type *objects_type_at(const struct object_types *types, size_t index);

static inline struct object_type_place *
objects_probe(const struct object_types *types, const PyTypeObject *type)
{
    size_t place = (size_t)(((uintptr_t)type * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
    for (;; place++) {
        struct object_type_place *found = &types->places[place & (types->places_count - 1)];
        if (found->type == type || found->type == NULL) {
            return found;
        }
    }
}

/* What is known to be a type; NULL: it is not. */
static inline struct object_type *
objects_find_type(const struct object_types *types, const PyTypeObject *type)
{
    return objects_probe(types, type)->known;
}

/* Of an object that is known with certainty. NULL: no memory. */
static inline struct object_type *
objects_type_of(struct object_types *types, PyObject *object)
{
    PyTypeObject *type = Py_TYPE((PyObject *)at_home(object));
    if (LIKELY(types->last->type == type)) {
        return types->last;
    }
    struct object_type *known = objects_find_type(types, type);
    known = LIKELY(known != NULL) ? known : objects_add_type(types, type);
    types->last = known != NULL ? known : types->last;
    return known;
}

/* References to the object that are the snapshot's own, for as long as its types are known; of types that may_be_ours. */
uint32_t objects_count_of_ours(const struct object_types *types, const struct object_type *known, PyObject *object);

/* Each dictionary that holds the object's attributes, or what is one's to all: of a module, a type, an instance, of the
 * threads of a threading.local. */
void objects_visit_namespaces(const struct object_type *known, PyObject *object,
                              void (*visit)(void *context, PyObject *dict), void *context);

bool objects_has_header(const struct object_type *known, PyObject *object);
bool objects_is_tracked(const struct object_type *known, PyObject *object);

/* Bytes of the object itself, without what lies before it, as it says: of one that only looks so, it may be anything. */
size_t objects_own_bytes(const struct object_type *known, PyObject *object);

/* How far an object is trusted. Of one that only looks so, what it refers to is read, and believed, if may_read says that a
 * block begins there that is so large. */
struct object_reading {
    bool is_certain;
    bool (*may_read)(const void *context, const void *address, size_t size_bytes);
    const void *context;
};

/* As sys.getsizeof. */
size_t objects_varying_bytes(const struct object_type *known, PyObject *object, const struct object_reading *reading);

static inline size_t
objects_bytes(const struct object_type *known, PyObject *object, const struct object_reading *reading)
{
    return LIKELY(known->fixed_bytes != 0) ? known->fixed_bytes : objects_varying_bytes(known, object, reading);
}

/* By a __sizeof__ in C, which may do anything: let go of the lock, run the program's code. Of a type that is ASKED. */
size_t objects_asked_bytes(const struct object_type *known, PyObject *object);

/* The object that a block holds by its looks: behind a plausible count stands a type, before it nothing that no object of
 * that type has there, and it fits into the block. NULL: the block does not look like an object. */
PyObject *objects_look_at(const struct object_types *types, char *block, size_t block_bytes);

/* A table of the object, in a block of its own: where it begins, or an address in it. */
struct object_table {
    const void *address;
    bool may_be_inside;
};
void objects_visit_tables(const struct object_type *known, PyObject *object, const struct object_reading *reading,
                          void (*visit)(void *context, struct object_table table), void *context);

/* How large the table is that begins there, as the object tells, which is known with certainty; 0: it does not tell. */
size_t objects_table_bytes(const struct object_type *known, PyObject *object, const void *table);

#endif
