/* Blocks that outlive Python: held in C, and used, resized and freed when Python has ended.
 *
 *     Py_AtExit        the last of what Py_FinalizeEx calls
 *     atexit           C's own, when the program exits
 *     the destructor   when the module's library goes
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENDINGS = 3, BLOCKS = 400 };

struct block {
    unsigned char *address;
    size_t size_bytes;
};

static struct block held[ENDINGS][BLOCKS];
static int damaged, unmet;
static bool is_holding;

static size_t
size_of(int number)
{
    static const size_t sizes_bytes[] = {1, 16, 100, 512, 600, 5000, 9000, 100000, 300000};
    return sizes_bytes[(size_t)number % (sizeof sizes_bytes / sizeof sizes_bytes[0])] + (size_t)number % 7;
}

static unsigned char *
allocate(int number, size_t size_bytes)
{
    unsigned char *address = number % 2 == 0 ? PyMem_Malloc(size_bytes) : PyObject_Calloc(1, size_bytes);
    if (address == NULL) {
        unmet++;
    } else {
        memset(address, number % 251, size_bytes);
    }
    return address;
}

static void
release(int number, struct block *block)
{
    (number % 2 == 0 ? PyMem_Free : PyObject_Free)(block->address);
    block->address = NULL;
}

static void
look_at(int number, const struct block *block)
{
    for (size_t i = 0; i < block->size_bytes; i++) {
        damaged += block->address[i] != number % 251;
    }
}

/* Twice the size, and then its end: free, and another one in between. */
static void
let_go(int number, struct block *block)
{
    look_at(number, block);
    unsigned char *moved = (number % 2 == 0 ? PyMem_Realloc : PyObject_Realloc)(block->address, 2 * block->size_bytes);
    if (moved == NULL) {
        unmet++;
    } else {
        block->address = moved;
    }
    look_at(number, block);
    struct block other = {allocate(number, block->size_bytes), block->size_bytes};
    release(number, block);
    look_at(number, &other);
    release(number, &other);
}

static void
end(int ending, const char *name)
{
    if (!is_holding) {
        return;
    }
    for (int number = 0; number < BLOCKS; number++) {
        let_go(number, &held[ending][number]);
    }
    printf("%s: %d damaged, %d not met\n", name, damaged, unmet);
    fflush(stdout);
}

static void
end_in_finalize(void)
{
    end(0, "Py_AtExit");
}

static void
end_in_exit(void)
{
    end(1, "atexit");
}

static void __attribute__((destructor))
end_in_destructor(void)
{
    end(2, "destructor");
}

/* hold(): from now on blocks are held. */
static PyObject *
hold(PyObject *Py_UNUSED(self), PyObject *Py_UNUSED(ignored))
{
    for (int ending = 0; ending < ENDINGS; ending++) {
        for (int number = 0; number < BLOCKS; number++) {
            held[ending][number] = (struct block){allocate(number, size_of(number)), size_of(number)};
        }
    }
    is_holding = true;
    Py_AtExit(end_in_finalize);
    atexit(end_in_exit);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {{"hold", hold, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "outliving", .m_methods = methods};

PyMODINIT_FUNC
PyInit_outliving(void)
{
    return PyModuleDef_Init(&definition);
}
