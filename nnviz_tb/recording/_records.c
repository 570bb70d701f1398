/* One event appended to a file, as Python calls it.
 *
 * nnviz_tb.recording.pieces is the definition of its bytes, and does all that is refused here.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* From so many bytes on a tensor is written from where it is; smaller ones are joined. */
#define LARGE_BYTES 65536
/* Of memory in one call: half of what POSIX systems take, less the record's own. */
#define MOST_LARGE 250
#define FRAME_HEAD_BYTES 12
#define FRAME_TAIL_BYTES 4
#define MOST_EVENT_HEAD_BYTES 30

/* A `Summary.value`: what to write, and the bytes of its messages from the innermost out. */
typedef struct {
    PyObject *tensor;
    Py_buffer memory;
    const char *tag;
    Py_ssize_t tag_bytes;
    unsigned char type;
    Py_ssize_t shape_bytes, tensor_bytes, body_bytes, bytes;
} Value;

typedef struct {
    Value *values;
    Py_ssize_t count, taken;
    struct iovec *pieces;
    int piece_count;
    PyObject **joined; /* the pieces that are not tensors */
    Py_ssize_t joined_count;
    PyObject *extend;
    uint32_t checksum;
} Record;

static Py_ssize_t varint_bytes(uint64_t number)
{
    Py_ssize_t count = 1;
    for (; number >= 0x80; number >>= 7) {
        count++;
    }
    return count;
}

static Py_ssize_t field_bytes(Py_ssize_t content)
{
    return 1 + varint_bytes((uint64_t)content) + content;
}

static unsigned char *put_varint(unsigned char *at, uint64_t number)
{
    for (; number >= 0x80; number >>= 7) {
        *at++ = (unsigned char)(number | 0x80);
    }
    *at++ = (unsigned char)number;
    return at;
}

static unsigned char *put_key(unsigned char *at, unsigned char key, uint64_t number)
{
    *at++ = key;
    return put_varint(at, number);
}

static void put_fixed(unsigned char *at, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(number >> 8 * i);
    }
}

static void put_checksum(unsigned char *at, uint32_t checksum)
{
    put_fixed(at, (uint32_t)((checksum >> 15 | checksum << 17) + 0xa282ead8u), FRAME_TAIL_BYTES);
}

/* The type in types.proto of elements that NumPy calls so, 0 of others. */
static unsigned char type_of(const Py_buffer *memory)
{
    const char *format = memory->format ? memory->format : "B";
    if (format[0] == '\0' || format[1] != '\0') {
        return 0; /* of several fields, or of another byte order */
    }
    switch (format[0]) {
    case 'f':
        return 1;
    case 'd':
        return 2;
    case 'i':
    case 'l':
        return memory->itemsize == 4 ? 3 : 0;
    case 'B':
        return 4;
    default:
        return 0;
    }
}

static void measure(Value *value)
{
    Py_ssize_t content = value->memory.len;
    value->shape_bytes = 0;
    for (int axis = 0; axis < value->memory.ndim; axis++) {
        Py_ssize_t size = value->memory.shape[axis];
        value->shape_bytes += field_bytes(size ? 1 + varint_bytes((uint64_t)size) : 0);
    }
    value->tensor_bytes =
        2 + field_bytes(value->shape_bytes) + (content ? field_bytes(content) : 0);
    value->body_bytes = field_bytes(value->tag_bytes) + field_bytes(value->tensor_bytes);
    value->bytes = field_bytes(value->body_bytes);
}

/* Puts all bytes of a value before its tensor's content, which comes last. */
static unsigned char *put_head(unsigned char *at, const Value *value)
{
    at = put_key(at, 0x0a, (uint64_t)value->body_bytes);
    at = put_key(at, 0x0a, (uint64_t)value->tag_bytes);
    memcpy(at, value->tag, (size_t)value->tag_bytes);
    at = put_key(at + value->tag_bytes, 0x42, (uint64_t)value->tensor_bytes);
    at = put_key(at, 0x08, value->type);
    at = put_key(at, 0x12, (uint64_t)value->shape_bytes);
    for (int axis = 0; axis < value->memory.ndim; axis++) {
        uint64_t size = (uint64_t)value->memory.shape[axis];
        at = put_key(at, 0x12, size ? (uint64_t)(1 + varint_bytes(size)) : 0);
        at = size ? put_key(at, 0x08, size) : at;
    }
    return value->memory.len ? put_key(at, 0x22, (uint64_t)value->memory.len) : at;
}

/* 1 where the value can be written here, 0 where Python must do it, -1 on an exception. */
static int take(Record *record, PyObject *item, PyObject *known)
{
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) < 2) {
        return 0;
    }
    PyObject *tag = PyTuple_GET_ITEM(item, 0);
    int is_known = PyDict_Contains(known, tag);
    if (is_known <= 0) {
        return is_known;
    }
    Value *value = &record->values[record->taken];
    value->tensor = PyTuple_GET_ITEM(item, 1);
    value->tag = PyUnicode_Check(tag) ? PyUnicode_AsUTF8AndSize(tag, &value->tag_bytes) : NULL;
    if (!value->tag || PyObject_GetBuffer(value->tensor, &value->memory,
                                          PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)) {
        PyErr_Clear(); /* a tag that UTF-8 cannot hold, or a tensor of another order */
        return 0;
    }
    record->taken++;
    value->type = type_of(&value->memory);
    measure(value);
    return value->type != 0;
}

static int add_checksum(Record *record, PyObject *piece)
{
    PyObject *before = PyLong_FromUnsignedLong(record->checksum);
    if (!before) {
        return -1;
    }
    PyObject *arguments[] = {before, piece};
    PyObject *after = PyObject_Vectorcall(record->extend, arguments, 2, NULL);
    Py_DECREF(before);
    if (!after) {
        return -1;
    }
    record->checksum = (uint32_t)PyLong_AsUnsignedLong(after);
    Py_DECREF(after);
    return PyErr_Occurred() ? -1 : 0;
}

static void add_piece(Record *record, void *memory, Py_ssize_t bytes)
{
    record->pieces[record->piece_count++] =
        (struct iovec){.iov_base = memory, .iov_len = (size_t)bytes};
}

/* Memory for so many bytes of the record, which are in no tensor. */
static unsigned char *join(Record *record, Py_ssize_t bytes)
{
    PyObject *joined = PyBytes_FromStringAndSize(NULL, bytes);
    if (!joined) {
        return NULL;
    }
    record->joined[record->joined_count++] = joined;
    add_piece(record, PyBytes_AS_STRING(joined), bytes);
    return (unsigned char *)PyBytes_AS_STRING(joined);
}

/* Adds the message in pieces, each large tensor one of them. */
static int add_message(Record *record, const unsigned char *head, Py_ssize_t head_bytes)
{
    Py_ssize_t next = 0;
    record->checksum = 0;
    do {
        Py_ssize_t end = next, bytes = head_bytes;
        const Value *large = NULL;
        for (; end < record->count && !large; end++) {
            const Value *value = &record->values[end];
            large = value->memory.len >= LARGE_BYTES ? value : NULL;
            bytes += value->bytes - (large ? value->memory.len : 0);
        }
        unsigned char *at = join(record, bytes);
        if (!at) {
            return -1;
        }
        memcpy(at, head, (size_t)head_bytes);
        at += head_bytes;
        head_bytes = 0;
        for (; next < end; next++) {
            const Value *value = &record->values[next];
            at = put_head(at, value);
            if (value != large) {
                memcpy(at, value->memory.buf, (size_t)value->memory.len);
                at += value->memory.len;
            }
        }
        if (add_checksum(record, record->joined[record->joined_count - 1])) {
            return -1;
        }
        if (large) {
            if (add_checksum(record, large->tensor)) {
                return -1;
            }
            add_piece(record, large->memory.buf, large->memory.len);
        }
    } while (next < record->count);
    return 0;
}

static int write_pieces(int fd, struct iovec *pieces, int count)
{
    while (count) {
        ssize_t written;
        Py_BEGIN_ALLOW_THREADS
        written = writev(fd, pieces, count);
        Py_END_ALLOW_THREADS
        if (written <= 0 && !(written < 0 && errno == EINTR)) {
            errno = written ? errno : ENOSPC;
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        for (; count && written >= 0 && (size_t)written >= pieces->iov_len; pieces++, count--) {
            written -= (ssize_t)pieces->iov_len;
        }
        /* Nearly always all of it; after a short write, or a signal, the next one says why. */
        if (count) {
            if (written > 0) {
                pieces->iov_base = (char *)pieces->iov_base + written;
                pieces->iov_len -= (size_t)written;
            }
            if (PyErr_CheckSignals()) {
                return -1;
            }
        }
    }
    return 0;
}

/* The bytes that are in the file now, -1 on an exception. */
static Py_ssize_t write_record(Record *record, int fd, double wall_time, uint64_t step)
{
    unsigned char event_head[MOST_EVENT_HEAD_BYTES], tail[FRAME_TAIL_BYTES], *at = event_head;
    Py_ssize_t bytes = 0;
    for (Py_ssize_t i = 0; i < record->count; i++) {
        bytes += record->values[i].bytes;
    }
    *at++ = 0x09;
    memcpy(at, &wall_time, sizeof wall_time);
    at = put_key(at + sizeof wall_time, 0x10, step);
    at = put_key(at, 0x2a, (uint64_t)bytes);
    bytes += at - event_head;

    /* The checksum is taken of bytes objects, and the length has one of its own. */
    unsigned char frame_head[FRAME_HEAD_BYTES];
    PyObject *length;
    put_fixed(frame_head, (uint64_t)bytes, 8);
    length = PyBytes_FromStringAndSize((char *)frame_head, 8);
    int status = length ? add_checksum(record, length) : -1;
    Py_XDECREF(length);
    if (status) {
        return -1;
    }
    put_checksum(frame_head + 8, record->checksum);
    add_piece(record, frame_head, FRAME_HEAD_BYTES);
    if (add_message(record, event_head, at - event_head)) {
        return -1;
    }
    put_checksum(tail, record->checksum);
    add_piece(record, tail, FRAME_TAIL_BYTES);
    return write_pieces(fd, record->pieces, record->piece_count)
               ? -1
               : bytes + FRAME_HEAD_BYTES + FRAME_TAIL_BYTES;
}

static void release(Record *record)
{
    for (Py_ssize_t i = 0; i < record->taken; i++) {
        PyBuffer_Release(&record->values[i].memory);
    }
    for (Py_ssize_t i = 0; i < record->joined_count; i++) {
        Py_DECREF(record->joined[i]);
    }
    PyMem_Free(record->values);
    PyMem_Free(record->pieces);
    PyMem_Free(record->joined);
}

/* 1 where a descriptor leads to the file of that device and inode, in a directory, 0 where not. */
static int leads_there(int fd, PyObject *identity)
{
    unsigned long long device, inode;
    struct stat status;
    if (!PyArg_ParseTuple(identity, "KK", &device, &inode)) {
        return -1;
    }
    int failed;
    Py_BEGIN_ALLOW_THREADS /* a mount may not answer */
    failed = fstat(fd, &status);
    Py_END_ALLOW_THREADS
    return !failed && (unsigned long long)status.st_dev == device &&
           (unsigned long long)status.st_ino == inode && status.st_nlink > 0;
}

PyDoc_STRVAR(append_doc,
"append(fd, identity, wall_time, step, values, known, extend) -> bytes written, or 0\n\n"
"Appends an event with values, a list or tuple of (tag, tensor, ...), to a file as one TFRecord.\n"
"Nothing is written and 0 returned where Python must do it: the descriptor does not lead to the\n"
"file of the device and inode `identity`, or that was removed; a tag is not in the dict `known`; a\n"
"tensor is not contiguous or of a byte order or type that is not stored as it is. `extend` is\n"
"google_crc32c's. On OSError a part of the record may have been written.");

static PyObject *append(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Record record = {0};
    (void)module;
    if (given != 7 || !PyTuple_Check(args[1]) || !PyDict_Check(args[5])) {
        return PyErr_Format(PyExc_TypeError, "append takes %s",
                            "fd, identity, wall_time, step, values, known and extend");
    }
    int fd = (int)PyLong_AsLong(args[0]);
    double wall_time = PyFloat_AsDouble(args[2]);
    uint64_t step = PyLong_AsUnsignedLongLong(args[3]);
    int status = PyErr_Occurred() ? -1 : leads_there(fd, args[1]);
    if (status <= 0) {
        return status < 0 ? NULL : PyLong_FromLong(0);
    }
    PyObject *values = PySequence_Fast(args[4], "values must be a list or a tuple");
    if (!values) {
        return NULL;
    }
    record.extend = args[6];
    record.count = PySequence_Fast_GET_SIZE(values);
    record.values = PyMem_Calloc((size_t)record.count + 1, sizeof *record.values);
    record.pieces = PyMem_Calloc((size_t)record.count * 2 + 3, sizeof *record.pieces);
    record.joined = PyMem_Calloc((size_t)record.count + 1, sizeof *record.joined);
    Py_ssize_t written = 0, large_count = 0;
    if (!record.values || !record.pieces || !record.joined) {
        PyErr_NoMemory();
        status = -1;
    }
    for (Py_ssize_t i = 0; status > 0 && i < record.count; i++) {
        status = take(&record, PySequence_Fast_GET_ITEM(values, i), args[5]);
        if (status > 0 && record.values[i].memory.len >= LARGE_BYTES) {
            status = ++large_count <= MOST_LARGE;
        }
    }
    if (status > 0) {
        written = write_record(&record, fd, wall_time, step);
        status = written < 0 ? -1 : 1;
    }
    release(&record);
    Py_DECREF(values);
    return status < 0 ? NULL : PyLong_FromSsize_t(written);
}

#define METHOD(name) \
    {#name, (PyCFunction)(void (*)(void))name, METH_FASTCALL, name##_doc}

static PyMethodDef methods[] = {METHOD(append), {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_records", "One event appended to a file.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__records(void)
{
    if (PY_BIG_ENDIAN) {
        PyErr_SetString(PyExc_ImportError, "what is written here is as it is in memory");
        return NULL;
    }
    return PyModule_Create(&definition);
}
