/* See homes.h. */
#include "hook/homes.h"

#include "heap/mesh.h"
#include "hook/service.h"

#include <string.h>

struct home homes[HOMES];
bool homes_are_elsewhere;

void
homes_find(struct home *home, uintptr_t page)
{
    *home = (struct home){page, mesh_way_home(service.heap, (const void *)(page * PAGE_BYTES_MIN))};
}

/* There is no object in page 0. */
void
homes_forget(void)
{
    homes_are_elsewhere = service.heap != NULL && mesh_is_in_use(service.heap);
    memset(homes, 0, sizeof homes);
}
