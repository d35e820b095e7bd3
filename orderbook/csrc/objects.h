/* Python objects made without their Python constructors: named tuples, and objects that are nothing but slots.
 *
 * The one place that knows what such a constructor would have done, in every version of Python.
 */
#ifndef OB_OBJECTS_H
#define OB_OBJECTS_H

#include <Python.h>

/* A named tuple of these items; `type` is a subclass of tuple that adds no fields. */
static inline PyObject *ob_new_row(PyObject *type, Py_ssize_t size, PyObject *const *items) {
    PyObject *made = ((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, size);
    if (!made) return NULL;
#if PY_VERSION_HEX >= 0x030E0000
    ((PyTupleObject *)made)->ob_hash = -1; /* "not computed yet", as tuple's own constructor writes it */
#endif
    for (Py_ssize_t i = 0; i < size; i++) {
        Py_INCREF(items[i]);
        PyTuple_SET_ITEM(made, i, items[i]);
    }
    return made;
}

static inline PyObject *ob_new_triple(PyObject *type, PyObject *a, PyObject *b, PyObject *c) {
    PyObject *items[3] = {a, b, c};
    return ob_new_row(type, 3, items);
}

static inline PyObject *ob_new_order_row(PyObject *type, PyObject *a, PyObject *b, PyObject *c, PyObject *d,
                                         PyObject *e) {
    PyObject *items[5] = {a, b, c, d, e};
    return ob_new_row(type, 5, items);
}

static inline PyObject *ob_new_update(PyObject *type, PyObject *a, PyObject *b, PyObject *c, PyObject *d, PyObject *e,
                                      PyObject *f, PyObject *g) {
    PyObject *items[7] = {a, b, c, d, e, f, g};
    return ob_new_row(type, 7, items);
}

/* An object of a class whose instances are made of nothing but slots, all of them empty. */
static inline PyObject *ob_new_empty(PyObject *type) {
    return ((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, 0);
}

/* Store through a member descriptor, as the object's own __setattr__ would if it were not frozen. */
static inline int ob_store(PyObject *descriptor, PyObject *object, PyObject *value) {
    return Py_TYPE(descriptor)->tp_descr_set(descriptor, object, value);
}

/* Read a slot through its descriptor: what getattr() does once it has found the descriptor. */
static inline PyObject *ob_fetch(PyObject *descriptor, PyObject *object) {
    return Py_TYPE(descriptor)->tp_descr_get(descriptor, object, (PyObject *)Py_TYPE(object));
}

#endif
