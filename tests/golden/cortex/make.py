#!/usr/bin/env python3
"""Makes the files of this folder: two small hemispheres (icospheres stretched to ellipsoids) with six parcels each, as
GIFTI with packed data in both byte orders and both index orders, and as CIFTI-2; a series on their places, and its
parcels' means by numpy. Run in this folder: ./make.py"""
import base64
import struct
import zlib

import numpy as np


def icosphere(level):
    t = (1 + 5**0.5) / 2
    p = [(-1, t, 0), (1, t, 0), (-1, -t, 0), (1, -t, 0), (0, -1, t), (0, 1, t), (0, -1, -t), (0, 1, -t), (t, 0, -1),
         (t, 0, 1), (-t, 0, -1), (-t, 0, 1)]
    f = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6),
         (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10),
         (8, 6, 7), (9, 8, 1)]
    p = [np.array(x, float) for x in p]
    for _ in range(level):
        middle, faces = {}, []

        def between(a, b):
            key = (min(a, b), max(a, b))
            if key not in middle:
                middle[key] = len(p)
                p.append((p[a] + p[b]) / 2)
            return middle[key]

        for a, b, c in f:
            x, y, z = between(a, b), between(b, c), between(c, a)
            faces += [(a, x, z), (b, y, x), (c, z, y), (x, y, z)]
        f = faces
    v = np.array(p)
    return v / np.linalg.norm(v, axis=1, keepdims=True), np.array(f, np.int32)


def data_array(x, intent, big=False, columns=False):
    order = '>' if big else '<'
    raw = np.ascontiguousarray(x.astype(x.dtype.newbyteorder(order))).tobytes(order='C')
    if columns:
        raw = x.T.astype(x.dtype.newbyteorder(order)).tobytes(order='C')
    kind = {'f': 'NIFTI_TYPE_FLOAT32', 'i': 'NIFTI_TYPE_INT32'}[x.dtype.kind]
    dims = ''.join(f' Dim{k}="{n}"' for k, n in enumerate(x.shape))
    return (f'<DataArray Intent="NIFTI_INTENT_{intent}" DataType="{kind}" ArrayIndexingOrder="'
            f'{"Column" if columns else "Row"}MajorOrder" Dimensionality="{x.ndim}"{dims} Encoding="GZipBase64Binary" '
            f'Endian="{"Big" if big else "Little"}Endian"><Data>{base64.b64encode(zlib.compress(raw)).decode()}</Data>'
            '</DataArray>\n')


def gifti(name, arrays, labels=()):
    table = ''.join(f'<Label Key="{k}">{n}</Label>' for k, n in labels)
    with open(name, 'w') as out:
        out.write('<?xml version="1.0" encoding="UTF-8"?>\n<GIFTI Version="1.0" NumberOfDataArrays="%d">\n' % len(arrays))
        if labels:
            out.write(f'<LabelTable>{table}</LabelTable>\n')
        out.write(''.join(arrays) + '</GIFTI>\n')


def cifti(name, matrix, first_axis, models):
    """matrix (row, place); axis 0 of the matrix is first_axis, axis 1 the brain models."""
    xml = ('<?xml version="1.0" encoding="UTF-8"?><CIFTI Version="2"><Matrix>' + first_axis +
           '<MatrixIndicesMap AppliesToMatrixDimension="1" IndicesMapToDataType="CIFTI_INDEX_TYPE_BRAIN_MODELS">' +
           models + '</MatrixIndicesMap></Matrix></CIFTI>').encode()
    xml += b'\0' * (-(len(xml) + 8) % 16)
    extension = struct.pack('<4B', 1, 0, 0, 0) + struct.pack('<ii', len(xml) + 8, 32) + xml
    offset = 540 + len(extension)
    head = bytearray(540)
    struct.pack_into('<i8sHH', head, 0, 540, b'n+2\0\r\n\032\n', 16, 32)
    struct.pack_into('<8q', head, 16, 6, 1, 1, 1, 1, matrix.shape[0], matrix.shape[1], 1)
    struct.pack_into('<8d', head, 104, *([1.0] * 8))
    struct.pack_into('<q', head, 168, offset)
    struct.pack_into('<dd', head, 176, 1, 0)
    struct.pack_into('<i', head, 504, 3002)
    with open(name, 'wb') as out:
        out.write(bytes(head) + extension + matrix.astype('<f4').tobytes(order='F'))


sphere, faces = icosphere(2)
parts = ['front-up', 'front-down', 'middle-up', 'middle-down', 'back-up', 'back-down']
keys, names, wall = [], {0: '???'}, []
for h, (letter, x) in enumerate((('L', -35), ('R', 35))):
    points = (sphere * [28, 75, 45] + [x, -18, 12]).astype(np.float32)
    third = np.where(sphere[:, 1] > 0.35, 0, np.where(sphere[:, 1] > -0.35, 1, 2))
    key = 2 * third + (sphere[:, 2] < 0) + 1
    medial = (sphere[:, 0] * (1 if h == 0 else -1) > 0.8)
    key = np.where(medial, 0, key).astype(np.int32)
    for k, part in enumerate(parts):
        names[6 * h + k + 1] = f'{letter}_{part}'
    side = 'left' if h == 0 else 'right'
    gifti(f'{side}.surf.gii', [data_array(points, 'POINTSET', big=h == 1),
                               data_array(faces, 'TRIANGLE', big=h == 1, columns=h == 1)])
    gifti(f'{side}.label.gii', [data_array(key, 'LABEL')], [(0, '???')] + [(k + 1, p) for k, p in enumerate(parts)])
    keys.append(key)
    wall.append(medial)

models, at, flat = '', 0, []
for h, side in enumerate(('LEFT', 'RIGHT')):
    vertex = np.flatnonzero(~wall[h])
    models += (f'<BrainModel IndexOffset="{at}" IndexCount="{len(vertex)}" ModelType="CIFTI_MODEL_TYPE_SURFACE" '
               f'BrainStructure="CIFTI_STRUCTURE_CORTEX_{side}" SurfaceNumberOfVertices="{len(sphere)}">'
               f'<VertexIndices>{" ".join(map(str, vertex))}</VertexIndices></BrainModel>')
    flat.append(keys[h][vertex] + 6 * h)
    at += len(vertex)
models += (f'<BrainModel IndexOffset="{at}" IndexCount="2" ModelType="CIFTI_MODEL_TYPE_VOXELS" '
           'BrainStructure="CIFTI_STRUCTURE_BRAIN_STEM"><VoxelIndicesIJK>1 2 3 4 5 6</VoxelIndicesIJK></BrainModel>')
flat = np.concatenate(flat + [[0, 0]])


def named_map(title):
    table = ''.join(f'<Label Key="{k}" Red="0" Green="0" Blue="0" Alpha="1">{n}</Label>' for k, n in names.items())
    return f'<NamedMap><MapName>{title}</MapName><LabelTable>{table}</LabelTable></NamedMap>'


def labels(titles):
    return ('<MatrixIndicesMap AppliesToMatrixDimension="0" IndicesMapToDataType="CIFTI_INDEX_TYPE_LABELS">' +
            ''.join(map(named_map, titles)) + '</MatrixIndicesMap>')


cifti('parcels.dlabel.nii', flat[None, :], labels(['six each']), models)
cifti('two.dlabel.nii', np.stack([flat, np.where(flat > 6, 0, flat)]), labels(['both', 'left only']), models)
rng = np.random.default_rng(1)
series = rng.standard_normal((10, len(flat))).astype(np.float32) + flat
cifti('series.dtseries.nii', series,
      '<MatrixIndicesMap AppliesToMatrixDimension="0" IndicesMapToDataType="CIFTI_INDEX_TYPE_SERIES" '
      'NumberOfSeriesPoints="10" SeriesExponent="-3" SeriesStart="0" SeriesStep="720" SeriesUnit="SECOND"/>', models)
means = np.stack([series[:, flat == k].astype(np.float64).mean(1) for k in range(1, 13)], 1)
np.save('means.npy', means)
np.save('keys.npy', np.stack(keys).astype(np.int64))
