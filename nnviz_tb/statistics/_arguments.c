#include "_arguments.h"

#include <stdarg.h>

INTERNAL void release(Views *views)
{
    while (views->taken > 0) {
        PyBuffer_Release(&views->view[--views->taken]);
    }
}

static Py_buffer *take(Views *views, PyObject *object, int flags)
{
    Py_buffer *view = &views->view[views->taken];
    if (PyObject_GetBuffer(object, view, flags) < 0) {
        return NULL;
    }
    views->taken++;
    return view;
}

static int refuse(const char *message)
{
    PyErr_SetString(PyExc_ValueError, message);
    return -1;
}

static int is_float32(const Py_buffer *view)
{
    /* The format tells byte-swapped numbers apart. */
    return view->itemsize == 4 && view->format && !strcmp(view->format, "f") &&
           !((uintptr_t)view->buf & 3);
}

static int read_block(Views *views, PyObject *object, Sums *sums, int near)
{
    Py_buffer *view = take(views, object, PyBUF_STRIDES | PyBUF_FORMAT);
    if (!view) {
        return -1;
    }
    if (view->ndim != 2 || !is_float32(view) || ((view->strides[0] | view->strides[1]) & 3)) {
        return refuse("block must be aligned float32[fan_in, neurons]");
    }
    sums->data = view->buf;
    sums->rows = view->shape[0];
    sums->columns = view->shape[1];
    sums->row_stride = view->strides[0];
    sums->column_stride = view->strides[1];
    if (near && near_axis(sums) == NEITHER) {
        return refuse("one axis of block must be contiguous");
    }
    return 0;
}

static int read_stretch(Views *views, PyObject *object, Stretch *block)
{
    Py_buffer *view = take(views, object, PyBUF_ANY_CONTIGUOUS | PyBUF_FORMAT);
    if (!view) {
        return -1;
    }
    if (view->ndim != 2 || !is_float32(view)) {
        return refuse("block must be aligned float32[rows, columns]");
    }
    block->data = view->buf;
    block->rows = view->shape[0];
    block->columns = view->shape[1];
    block->column_after_column = !PyBuffer_IsContiguous(view, 'C');
    return 0;
}

static int read_samples(Views *views, PyObject *object, Numbers *samples)
{
    Py_buffer *view = take(views, object, PyBUF_ANY_CONTIGUOUS | PyBUF_FORMAT);
    if (!view) {
        return -1;
    }
    if (!is_float32(view)) {
        return refuse("samples must be aligned float32");
    }
    *samples = (Numbers){view->buf, view->len / 4};
    return 0;
}

static int read_numbers(Views *views, PyObject *object, Numbers *numbers)
{
    Py_buffer *view = take(views, object, PyBUF_SIMPLE);
    if (view) {
        *numbers = (Numbers){view->buf, view->len / 8};
    }
    return view ? 0 : -1;
}

static int read_vector(Views *views, PyObject *object, void *out, ptrdiff_t size, int flags)
{
    Py_buffer *view = take(views, object, flags);
    if (!view) {
        return -1;
    }
    if (view->len != size * 8) {
        PyErr_Format(PyExc_ValueError, "a vector of %zd bytes where %zd are needed", view->len,
                     size * 8);
        return -1;
    }
    memcpy(out, &view->buf, sizeof view->buf); /* into a pointer to whatever the numbers are */
    return 0;
}

static int read_count(PyObject *object, ptrdiff_t *out, const char *name, int least, int most)
{
    *out = PyLong_AsSsize_t(object);
    if (*out == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (*out < least || *out > most) {
        PyErr_Format(PyExc_ValueError, "%s must be %d to %d, got %zd", name, least, most, *out);
        return -1;
    }
    return 0;
}

INTERNAL int read_arguments(Views *views, const char *method, PyObject *const *args,
                            Py_ssize_t given, const char *kinds, ...)
{
    Py_ssize_t needed = (Py_ssize_t)strlen(kinds);
    if (given != needed) {
        PyErr_Format(PyExc_TypeError, "%s takes %zd arguments, got %zd", method, needed, given);
        return -1;
    }
    int status = 0;
    va_list into;
    va_start(into, kinds);
    for (Py_ssize_t k = 0; k < needed && status == 0; k++) {
        switch (kinds[k]) {
        case 'b':
        case 'B':
            status = read_block(views, args[k], va_arg(into, Sums *), kinds[k] == 'B');
            break;
        case 's':
            status = read_stretch(views, args[k], va_arg(into, Stretch *));
            break;
        case 'f':
            status = read_samples(views, args[k], va_arg(into, Numbers *));
            break;
        case 'r':
            status = read_numbers(views, args[k], va_arg(into, Numbers *));
            break;
        case 'v':
        case 'w': {
            void *out = va_arg(into, void *);
            ptrdiff_t size = va_arg(into, int);
            const ptrdiff_t *of = va_arg(into, const ptrdiff_t *);
            size = (of ? size * *of : size) + va_arg(into, int);
            status = read_vector(views, args[k], out, size,
                                 kinds[k] == 'w' ? PyBUF_WRITABLE : PyBUF_SIMPLE);
            break;
        }
        case 'd': {
            double *out = va_arg(into, double *);
            *out = PyFloat_AsDouble(args[k]);
            status = *out == -1.0 && PyErr_Occurred() ? -1 : 0;
            break;
        }
        case 'n': {
            ptrdiff_t *out = va_arg(into, ptrdiff_t *);
            const char *name = va_arg(into, const char *);
            int least = va_arg(into, int), most = va_arg(into, int);
            status = read_count(args[k], out, name, least, most);
            break;
        }
        default: { /* u */
            uint64_t *out = va_arg(into, uint64_t *);
            *out = PyLong_AsUnsignedLongLongMask(args[k]);
            status = PyErr_Occurred() ? -1 : 0;
        }
        }
    }
    va_end(into);
    return status;
}
