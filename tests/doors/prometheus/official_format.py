"""The published format of remote write, for Google's own protobuf library: an independent decoder."""

from __future__ import annotations

from typing import Any

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field

_MESSAGES: dict[str, list[tuple[str, int, Any]]] = {
    "WriteRequest": [("timeseries", 1, ".prometheus.TimeSeries")],
    "TimeSeries": [("labels", 1, ".prometheus.Label"), ("samples", 2, ".prometheus.Sample")],
    "Label": [("name", 1, Field.TYPE_STRING), ("value", 2, Field.TYPE_STRING)],
    "Sample": [("value", 1, Field.TYPE_DOUBLE), ("timestamp", 2, Field.TYPE_INT64)],
}


def _write_request() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="prometheus", syntax="proto3")
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            if isinstance(kind, str):
                described.field.add(
                    name=name, number=number, type=Field.TYPE_MESSAGE, label=Field.LABEL_REPEATED, type_name=kind
                )
            else:
                described.field.add(name=name, number=number, type=kind, label=Field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))


_WriteRequest = _write_request()

Decoded = list[tuple[list[tuple[str, str]], list[tuple[int, float]]]]


def decoded(request: bytes) -> Decoded:
    """Labels and (milliseconds, value) of each series, in the order they stand there."""
    return [
        (
            [(label.name, label.value) for label in series.labels],
            [(sample.timestamp, sample.value) for sample in series.samples],
        )
        for series in _WriteRequest.FromString(request).timeseries
    ]


def decoded_body(body: bytes) -> Decoded:
    """Of what is sent."""
    return decoded(bytes(cramjam.snappy.decompress_raw(body)))
