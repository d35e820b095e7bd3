"""Columns of events as C sees them: tape.h and replay.h for the compiled modules that run over them."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from orderbook.books._native cimport ob_book
from orderbook.columns._panel cimport ob_panel

cdef extern from "replay.h" nogil:
    enum: OB_FINE, OB_OUT_OF_MEMORY, OB_REFUSED, OB_MORE_ROOM, OB_BREATH
    enum: OB_RECV, OB_EVENT
    int64_t OB_NO_TIME

    ctypedef struct ob_tape:
        const int64_t *ts_event
        const int64_t *ts_recv
        const uint8_t *action
        const uint8_t *side
        const uint8_t *flags
        const int64_t *price
        const int64_t *size
        const uint64_t *order_id
        const uint64_t *sequence
        size_t rows
        int price_scale
        int size_scale
        int follow

    ctypedef struct ob_builder:
        ob_book book
        int live
        int was_live

    ctypedef struct ob_sampler:
        ob_tape tape
        ob_builder builder
        ob_panel rows
        int clock
        int by_count
        int64_t step
        int64_t left
        int64_t start
        int64_t stop
        uint64_t wanted
        int64_t wanted_first
        int64_t wanted_last

    void ob_builder_init(ob_builder *builder)
    void ob_sampler_init(ob_sampler *sampler)
    void ob_sampler_start(ob_sampler *sampler)
    void ob_sampler_free(ob_sampler *sampler)
    int ob_sample(ob_sampler *sampler)
    int ob_run_until(const ob_tape *tape, ob_builder *builder, int clock, int64_t moment, size_t *at, int64_t *now)
    int ob_apply_events(const ob_tape *tape, ob_book *book, size_t *at, int64_t *applied, int64_t *inside)
