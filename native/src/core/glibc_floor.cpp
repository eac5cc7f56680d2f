// SPDX-License-Identifier: Apache-2.0
//
// libgcc's unwinder, linked in statically, asks glibc 2.35's _dl_find_object for an address's
// unwind table. This is the same answer by dl_iterate_phdr, so that the library also loads where
// glibc is 2.34 (RHEL 9). It is hidden, and serves this library's own exceptions only.
#include <dlfcn.h>
#include <link.h>

#include <cstdint>

#if defined(DLFO_STRUCT_HAS_EH_DBASE)

namespace {

struct Search {
  uintptr_t address;
  dl_find_object* result;
};

int visit(dl_phdr_info* object, size_t, void* data) {
  Search& search = *static_cast<Search*>(data);
  bool found = false;
  const ElfW(Phdr)* table = nullptr;
  uintptr_t low = UINTPTR_MAX;
  uintptr_t high = 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = object->dlpi_phdr[i];
    const uintptr_t begin = object->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD) {
      const uintptr_t end = begin + header.p_memsz;
      found = found || (search.address >= begin && search.address < end);
      low = begin < low ? begin : low;
      high = end > high ? end : high;
    } else if (header.p_type == PT_GNU_EH_FRAME) {
      table = &header;
    }
  }
  if (!found || table == nullptr) {
    return 0;
  }
  *search.result = {};
  search.result->dlfo_map_start = reinterpret_cast<void*>(low);
  search.result->dlfo_map_end = reinterpret_cast<void*>(high);
  search.result->dlfo_eh_frame = reinterpret_cast<void*>(object->dlpi_addr + table->p_vaddr);
  return 1;
}

}  // namespace

extern "C" int _dl_find_object(void* address, dl_find_object* result) noexcept {
  Search search = {reinterpret_cast<uintptr_t>(address), result};
  return dl_iterate_phdr(visit, &search) == 1 ? 0 : -1;
}

#endif
