"""The arrays of a panel as C sees them: panel.h for the compiled modules that write some."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef extern from "panel.h" nogil:
    ctypedef struct ob_panel:
        int64_t *ts
        uint8_t *state
        uint8_t *known[2]
        double *prices[2]
        double *sizes[2]
        uint32_t *counts[2]
        size_t count
        size_t room
        size_t depth
