// Wine 8 lacks the library from which Rust's standard library takes its random numbers.

#include <stddef.h>

__declspec(dllimport) unsigned char __stdcall SystemFunction036(void *bytes, unsigned long length);

__declspec(dllexport) int __stdcall ProcessPrng(void *bytes, size_t length) {
    return SystemFunction036(bytes, (unsigned long)length);
}

// Without the C library, which would take minutes to build.
int __stdcall DllMainCRTStartup(void *instance, unsigned long reason, void *reserved) {
    return 1;
}
