"""The protocol-buffer messages of the format, from `autodl.binpb` rather than generated code.

Generated code would ask for a version of protobuf; a descriptor set suits any.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def message_class(name: str) -> Any:
    """The class of the message `autodl.NAME`. Raises KeyError for an unknown one."""
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"autodl.{name}"))


@lru_cache(maxsize=1)
def _pool() -> descriptor_pool.DescriptorPool:
    """A pool apart from the default one: no clash with other users of protobuf."""
    files = descriptor_pb2.FileDescriptorSet.FromString(Path(__file__).with_name("autodl.binpb").read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool
