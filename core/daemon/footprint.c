/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the loaded objects and gives their read-only pages back. The heap is trimmed elsewhere. */
#define _GNU_SOURCE /* dl_iterate_phdr(), MADV_DONTNEED */
#include "core/daemon/footprint.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Such code is written to while it is loaded (relocations in the text): it is not the file's. */
static bool is_patched(const struct dl_phdr_info *object)
{
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		if (header->p_type != PT_DYNAMIC) {
			continue;
		}
		const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(object->dlpi_addr + header->p_vaddr);
		for (; entry->d_tag != DT_NULL; entry++) {
			if (entry->d_tag == DT_TEXTREL ||
				(entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL))) {
				return true;
			}
		}
	}
	return false;
}

static size_t forget_segment(const struct dl_phdr_info *object, const ElfW(Phdr) * header)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = (object->dlpi_addr + header->p_vaddr) & ~(page - 1);
	uintptr_t end =
		(object->dlpi_addr + header->p_vaddr + header->p_memsz + page - 1) & ~(page - 1);
	return madvise((void *)start, end - start, MADV_DONTNEED) == 0 ? end - start : 0;
}

static int forget_object(struct dl_phdr_info *object, size_t size, void *arg)
{
	size_t *total = arg;
	(void)size;
	if (is_patched(object)) {
		return 0;
	}
	for (size_t i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];
		/* What may be written holds relocated pointers and variables: ours alone. */
		if (header->p_type == PT_LOAD && (header->p_flags & PF_W) == 0) {
			*total += forget_segment(object, header);
		}
	}
	return 0;
}

size_t tr_footprint_forget_start(void)
{
	size_t total = 0;
	(void)dl_iterate_phdr(forget_object, &total);
	return total;
}
